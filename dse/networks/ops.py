"""Rows of an op table: what an op reads, writes, stores and computes, and what is counted of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dse.networks.adapted import Adapted
from dse.networks.tensors import Tensor
from dse.networks.terms import Count, Term, sum_of, times
from dse.networks.window import EACH_ROW, Window

# What an op may do with the buffer of an input that nothing reads afterwards.
FRESH = "fresh"  # the output always gets a buffer of its own
IN_PLACE = "in place"  # the output overwrites an input
FIRST = "first"  # the output overwrites the first input
DEPTHWISE = "depthwise"  # the output overwrites the input where the engine supports it

KINDS = {
    "conv": "convolution, dense or grouped, with the norm and activation that follow it",
    "depthwise": "depthwise convolution, with the norm and activation that follow it",
    "linear": "matrix multiplication by weights, with the activation that follows it",
    "attention": "both attention products and the softmax between them, fused",
    "embedding": "lookup of rows of a table",
    "pool": "pooling: the largest or the mean of a window, of a whole feature map, or of several frames",
    "norm": "normalisation that is not folded into a convolution",
    "add": "sum of tensors",
    "multiply": "element-wise product of two tensors",
    "concat": "tensors side by side",
    "resize": "interpolation to another resolution",
    "gather": "rows read or written at random addresses: points from voxels, voxels from points",
    "recompute": "what patch-based inference computes, moves and reads over again",
    "shift": "some channels of each frame moved to its neighbours in time",
    "matmul": "product of two tensors of activations, in no softmax attention",
    "pointwise": "activation function or scaling of a tensor that is read afterwards too",
    "other": "any other operator of an imported network: its data is moved, no work is counted",
}


@dataclass(frozen=True, slots=True)
class Copies:
    """Sets of the weights and biases of an op, such as one for each expert.

    `stored` are kept, `active` are used for one position, `read` are read by one pass (an expectation).
    """

    stored: Count = 1
    active: Count = 1
    read: Count = 1


ONE_COPY = Copies()


@dataclass(frozen=True, slots=True)
class Pruning:
    """What is left of an op whose weights are pruned.

    `kept` is the share of its weights that is stored and read, `computed` that of its MACs that the device executes.
    To say which are left, `place_bits` are stored for each weight that there was, and `kept_bits` for each one left.
    """

    kept: Count = 1
    computed: Count = 1
    place_bits: Count = 0
    kept_bits: Count = 0

    def left(self, weights: Count) -> Count:
        """Weights that are kept, to the nearest whole one."""
        return weights if isinstance(self.kept, int) and self.kept == 1 else np.rint(self.kept * weights)

    def index_bits(self, weights: Count) -> Count:
        """Bits that say which weights are left."""
        return times(self.place_bits, weights) + times(self.kept_bits, self.left(weights))


DENSE = Pruning()


@dataclass(eq=False, slots=True)
class Op:
    """One row of the op table; every count is for one execution on one sample.

    Attributes
    ----------
    kind
        A key of `KINDS`.
    reads, writes
        Tensors; `inputs` are those of `reads` that count as activations read (attention reads keys and values
        through the cache).
    in_place
        What may happen to the buffer of an input that nothing reads afterwards.
    repeat
        Times executed, each time with weights of its own.
    calls
        Times that each of those is executed with the same weights: steps of a diffusion; 0 where the weights are kept
        but not used, as those of an encoder while a decoder runs.
    part
        The part of the network that it belongs to, "" where there are none.
    window
        What each row of a feature map is made of.
    tiled_macs
        Multiply-accumulates of one execution as Winograd F(2, 3), of an imported convolution that can run so.
    pruning, executed
        What levers do to it (see `levers`): its weights, and its MACs in the end where these are not `macs`.
    weights, biases, affine, statistics
        Stored elements: matrices and tables; biases; scale and shift of norms; running mean and variance. Of
        weights and biases these are one set; there are as many as `copies` says.
    matrix_read
        Elements of one set of the matrix or table that one pass reads, where these are not `weights`.
    macs_per_position, scores_per_position
        Multiply-accumulate operations and attention scores at each position that is written.
    cache_read, cache_written, cache_held
        Elements of the key-value cache; of those held, whole pages.
    cached_tokens
        Tokens of which it holds keys and values; 0 where it holds none, or a state that does not grow.
    groups
        Groups of a convolution.
    adapted
        Matrices that adapters stand beside, where they are not one from what is read to what is written.

    Every key of `QUANTITIES` is a count too: `op.count("macs")`.
    """

    name: str
    kind: str
    reads: tuple[Tensor, ...]
    writes: Tensor
    inputs: tuple[Tensor, ...]
    in_place: str = FRESH
    repeat: Count = 1
    calls: Count = 1
    part: str = ""
    window: Window = EACH_ROW
    tiled_macs: Count = None
    pruning: Pruning = DENSE
    executed: Count = None
    copies: Copies = ONE_COPY
    weights: Count = 0.0
    biases: Count = 0.0
    affine: Count = 0.0
    statistics: Count = 0.0
    matrix_read: Count = None
    macs_per_position: Count = 0.0
    scores_per_position: Count = 0.0
    cache_read: Count = 0.0
    cache_written: Count = 0.0
    cache_held: Count = 0.0
    cached_tokens: Count = 0.0
    groups: Count = 1
    adapted: Adapted | None = None

    @property
    def executions(self) -> Count:
        """Times executed in all."""
        return times(self.calls, self.repeat)

    @property
    def matrix(self) -> Count:
        """Elements of one set of the matrix or table that one pass reads."""
        return self.weights if self.matrix_read is None else self.matrix_read

    def count(self, quantity: str) -> Count:
        """A key of `QUANTITIES`, for one execution: a float or an array."""
        return sum_of(QUANTITIES[quantity](self))

    def total(self, quantity: str) -> list[Term]:
        """The terms of a key of `QUANTITIES` for all executions; what is stored does not grow with the calls."""
        return [(times(often, count), positions) for often, count, positions in self.factors(quantity)]

    def factors(self, quantity: str) -> list[tuple[Count, Count, Count]]:
        """The same terms, not multiplied out: how often, count, positions."""
        often = self.repeat if quantity in STORED else self.executions
        return [(often, count, positions) for count, positions in QUANTITIES[quantity](self)]


def _stored(attribute: str) -> Callable[[Op], list[Term]]:
    return lambda op: [(getattr(op, attribute), 1.0)]


def _copied(attribute: str, copies: str) -> Callable[[Op], list[Term]]:
    return lambda op: [(times(getattr(op.copies, copies), getattr(op, attribute)), 1.0)]


def _inputs(op: Op) -> list[Term]:
    return [tensor.term for tensor in op.inputs]


def _activations(op: Op) -> list[Term]:
    if op.kind not in ("conv", "depthwise", "linear", "attention", "matmul"):
        return []
    return [op.writes.term, (op.scores_per_position, op.writes.positions)]


def _weights_read(op: Op) -> list[Term]:
    read = op.copies.read
    return [
        (times(read, op.pruning.left(op.matrix)), 1.0),
        (times(read, op.biases), 1.0),
        (times(read, op.affine), 1.0),
    ]


def _kept(copies: str) -> Callable[[Op], list[Term]]:
    return lambda op: [(times(getattr(op.copies, copies), op.pruning.left(op.weights)), 1.0)]


def _macs(op: Op) -> list[Term]:
    return [(times(op.pruning.computed, op.macs_per_position), op.writes.positions)]


def _index_bits(copies: str, matrix: Callable[[Op], Count]) -> Callable[[Op], list[Term]]:
    return lambda op: [(times(getattr(op.copies, copies), op.pruning.index_bits(matrix(op))), 1.0)]


# What Trace.total sums and Trace.per_op stacks: terms of one execution of an op.
#   macs            of convolutions, linear layers and both attention products, but for those of pruned weights that
#                   the device skips
#   executed_macs   what is multiplied in the end: fewer where convolutions run as Winograd
#   active_weights  weights that are used for one token: of the experts only those that it is routed to; so
#                   active_biases, active_affine, active_statistics
#   weights_read    stored elements that one pass reads: weights, biases and norms; of an embedding only the rows of
#                   its tokens; of a tied head the matrix that the embedding stores; of the experts those that the
#                   tokens of the batch are expected to be routed to
#   index_bits      bits that say which of pruned weights are left; index_bits_read for those of a pass
#   activations     outputs of convolutions, linear layers and attention products; attention scores too
#   traffic         activations read and written; no scores, since a fused attention never writes them, and no cache
QUANTITIES: dict[str, Callable[[Op], list[Term]]] = {
    "macs": _macs,
    "executed_macs": lambda op: _macs(op) if op.executed is None else [(op.executed, 1.0)],
    "weights": _kept("stored"),
    "biases": _copied("biases", "stored"),
    "active_weights": _kept("active"),
    "active_biases": _copied("biases", "active"),
    "active_affine": _copied("affine", "active"),
    "active_statistics": _copied("statistics", "active"),
    "affine": _stored("affine"),
    "statistics": _stored("statistics"),
    "weights_read": _weights_read,
    "index_bits": _index_bits("stored", lambda op: op.weights),
    "index_bits_read": _index_bits("read", lambda op: op.matrix),
    "inputs": _inputs,
    "outputs": lambda op: [op.writes.term],
    "activations": _activations,
    "traffic": lambda op: [*_inputs(op), op.writes.term],
    "cache_read": _stored("cache_read"),
    "cache_written": _stored("cache_written"),
    "cache_held": _stored("cache_held"),
}
# Quantities that are kept, however often an op is called: their totals are exact. Those of all others, which are work
# and traffic of a pass, are rounded to the nearest float64 beyond 2^53.
_PARAMETERS = ("weights", "biases", "affine", "statistics")
STORED = frozenset([*_PARAMETERS, *(f"active_{name}" for name in _PARAMETERS), "index_bits", "cache_held"])
