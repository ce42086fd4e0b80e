"""What a trace is made of: tensors, ops and repeated regions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

# A count: a float, or a float64 array that broadcasts against those of the other axes.
Count = Any

# What an op may do with the buffer of an input that nothing reads afterwards.
FRESH = "fresh"  # the output always gets a buffer of its own
IN_PLACE = "in place"  # the output overwrites the input
DEPTHWISE = "depthwise"  # the output overwrites the input where the engine supports it

KINDS = {
    "conv": "convolution, dense or grouped, with the norm and activation that follow it",
    "depthwise": "depthwise convolution, with the norm and activation that follow it",
    "linear": "matrix multiplication by weights, with the activation that follows it",
    "attention": "both attention products and the softmax between them, fused",
    "embedding": "lookup of rows of a table",
    "pool": "pooling",
    "norm": "normalisation that is not folded into a convolution",
    "add": "sum of two tensors",
    "multiply": "element-wise product of two tensors",
}


@dataclass(eq=False, slots=True)
class Tensor:
    """Elements of one sample: `features` (channels) at each of `positions` (pixels or tokens).

    `side` is the side of a square feature map, None for a sequence. A view (flattened, or a selection of
    positions) shares the `buffer` of the tensor it was taken from.
    """

    features: Count
    positions: Count
    side: Count | None = None
    elements: Count = None
    buffer: Tensor = field(default=None)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.elements is None:
            self.elements = self.features * self.positions
        if self.buffer is None:
            self.buffer = self


@dataclass(eq=False, slots=True)
class Op:
    """One row of the op table; every count is for one execution on one sample.

    Attributes
    ----------
    kind
        A key of `KINDS`.
    macs
        Multiply-accumulate operations: convolutions, linear layers, both attention products.
    weights, biases, affine, statistics
        Stored elements: matrices and tables; biases; scale and shift of norms; running mean and variance.
    weights_read
        Stored elements that one pass reads: `weights` + `biases` + `affine`, but an embedding reads only the
        rows of its tokens, and a tied head the matrix that the embedding stores.
    inputs, outputs
        Elements of activations read and written.
    activations
        Elements that the Σ of activations counts: outputs of convolutions and linear layers; attention scores
        and outputs (scores are no outputs, since a fused attention never writes them).
    cache_read, cache_written, cache_held
        Elements of the key-value cache.
    repeat
        Times executed.
    """

    name: str
    kind: str
    reads: tuple[Tensor, ...]
    writes: Tensor
    in_place: str = FRESH
    repeat: Count = 1
    macs: Count = 0.0
    weights: Count = 0.0
    biases: Count = 0.0
    affine: Count = 0.0
    statistics: Count = 0.0
    rows_read: Count | None = None
    inputs: Count = 0.0
    outputs: Count = 0.0
    activations: Count = 0.0
    cache_read: Count = 0.0
    cache_written: Count = 0.0
    cache_held: Count = 0.0

    @property
    def weights_read(self) -> Count:
        """Stored elements that one pass reads."""
        return (self.weights if self.rows_read is None else self.rows_read) + self.biases + self.affine

    @property
    def traffic(self) -> Count:
        """Elements of activations moved: inputs and outputs, not the cache."""
        return self.inputs + self.outputs


# What Trace.total sums and Trace.per_op stacks.
QUANTITIES: dict[str, Callable[[Op], Count]] = {
    name: (lambda op, name=name: getattr(op, name))  # type: ignore[misc]
    for name in (
        "macs", "weights", "biases", "affine", "statistics", "weights_read", "inputs", "outputs", "activations",
        "traffic", "cache_read", "cache_written", "cache_held",
    )
}  # fmt: skip


@dataclass(eq=False, slots=True)
class Region:
    """The ops `start` to `stop` (exclusive), executed `count` times, each time on the result of the time before.

    `outer` goes in, `inner` stands for the input of one execution, `result` comes out.
    """

    start: int
    stop: int
    count: Count
    outer: Tensor
    inner: Tensor
    result: Tensor
