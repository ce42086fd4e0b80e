"""From the axes of a family to its op table: every shape of a grid or list in one call of the builder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dse.errors import Fault, InputError, unknown
from dse.networks import levers, liveness
from dse.networks.axis_values import axis_values
from dse.networks.net import Net
from dse.networks.ops import DEPTHWISE, ONE_COPY, QUANTITIES, STORED, Op
from dse.networks.patching import patched
from dse.networks.registration import Family, find_family
from dse.networks.tensors import Region
from dse.networks.terms import Count, largest_of, nearest_sum, sum_of

# Counts are integers carried in float64, which holds all of them up to here.
LARGEST_COUNT = 2.0**53

# What the simple peak leaves out: sums, norms, and what only moves or repeats.
_NOT_SIMPLE = ("add", "multiply", "norm", "concat", "pointwise", "shift", "recompute")

COUNTINGS = {
    "trainable": ("weights", "biases", "affine"),
    "weights": ("weights",),
    "statistics": ("weights", "biases", "affine", "statistics"),
}
# What stands for a quantity when only the parameters that one token uses are counted.
ACTIVE = {name: f"active_{name}" for name in ("weights", "biases", "affine", "statistics")}


class Trace:
    """The op table of one network, or of every network of a grid or list of axes.

    Attributes
    ----------
    ops
        Rows in the order of execution; each count is a float, or an array that broadcasts to `shape`.
    shape
        Shape of the axes together; () for a single network.
    valid
        Where the axes make a network: True, or an array of truth values.

    Totals up to 2^53 are exact. Beyond it those of work and traffic (MACs, activations) are the float64 nearest to the
    exact one, with a relative error of at most 2^-53; of what is stored or held at once there is none: InputError for
    a single network, NaN among several.

    Where `patches` are more than 1, the first layers run part by part (see `patching`), and the last row of the table
    is what they do over again for it.
    """

    def __init__(
        self,
        ops: Sequence[Op],
        regions: Sequence[Region] = (),
        shape: tuple[int, ...] = (),
        valid: Any = True,
        patches: Count = 1,
    ) -> None:
        self.patched = patched(ops, regions, len(shape), patches) if np.any(np.greater(patches, 1)) else None
        self.ops = tuple(ops) if self.patched is None else (*ops, self.patched.op())
        self.regions = tuple(regions)
        self.shape = shape
        self.valid = valid
        self._peaks: dict[bool, Count] = {}

    def total(self, quantity: str) -> Count:
        """The sum over all ops and their executions of a key of `QUANTITIES`, for one sample."""
        if quantity not in QUANTITIES:
            raise InputError(unknown("quantity", quantity, QUANTITIES))
        return self._sum(quantity, (quantity,))

    def params(self, counting: str = "trainable") -> Count:
        """Stored parameters: "trainable" (weights, biases, norm affine), "weights", or "statistics" (all)."""
        return self._sum("params", _counted(counting))

    def active_params(self, counting: str = "trainable") -> Count:
        """Parameters that one token uses: all but those of the experts that it is not routed to.

        Embeddings count in full, as in `params`; some makers leave them out of what they call active.
        """
        return self._sum("active params", [ACTIVE.get(quantity, quantity) for quantity in _counted(counting)])

    def peak(self, in_place_depthwise: bool = True) -> Count:
        """The most elements that are live at once, by the liveness of the graph (see `liveness`)."""
        # Without a depthwise convolution both rules give the same.
        in_place = in_place_depthwise and any(op.in_place == DEPTHWISE for op in self.ops)
        if in_place not in self._peaks:
            found = (
                liveness.peak(self.ops, self.regions, in_place) if self.patched is None else self.patched.peak(in_place)
            )
            self._peaks[in_place] = self._exact("peak activations", found)
        return self._peaks[in_place]

    def peak_simple(self) -> Count:
        """The largest input + output of one op that computes or pools, on whole maps; all else held is ignored."""
        moving = [op for op in self.ops if op.kind not in _NOT_SIMPLE]
        traffic = ([(count * (op.executions > 0), at) for count, at in QUANTITIES["traffic"](op)] for op in moving)
        return self._exact("peak activations", largest_of(traffic))

    def cached_tokens(self) -> Count:
        """Tokens that the key-value cache of the layer holds that keeps the most of them."""
        most: Count = 0.0
        for op in self.ops:
            most = np.maximum(most, op.cached_tokens * np.greater(op.executions, 0))
        return self._exact("cached tokens", most)

    def parts(self, counting: str = "trainable") -> dict[str, dict[str, Count]]:
        """Params, macs, weights_read, activations and traffic of each part of the network, in order of execution.

        The parts add up to the network. Without parts, the whole stands under "".
        """
        names = dict.fromkeys(op.part for op in self.ops)
        of_part = {n: Trace([op for op in self.ops if op.part == n], (), self.shape, self.valid) for n in names}
        sums = ("macs", "weights_read", "activations", "traffic")
        return {n: {"params": t.params(counting)} | {q: t.total(q) for q in sums} for n, t in of_part.items()}

    def live(self, in_place_depthwise: bool = True) -> list[Count]:
        """Elements that are live while each op runs: the timeline of which `peak` is the maximum."""
        if self.patched is not None:
            return [*self.patched.live[in_place_depthwise], 0.0]
        return liveness.timeline(self.ops, self.regions, in_place_depthwise)

    def peak_op(self, in_place_depthwise: bool = True) -> Any:
        """Index of the op at which the peak is first reached: an integer, or an array of `shape`."""
        live = np.stack([np.broadcast_to(elements, self.shape) for elements in self.live(in_place_depthwise)])
        index = live.argmax(axis=0)
        return int(index) if index.ndim == 0 else index

    def per_op(self) -> dict[str, np.ndarray]:
        """Counts of one execution of each op, and how often it runs, for kernels.

        Returns
        -------
        dict
            op_macs (the quantity executed_macs), op_weights (weights_read), op_expert_weights (those of experts),
            op_index_bits (index_bits_read), op_inputs, op_outputs, op_traffic, op_cache_read, op_cache_written,
            op_cache_held and op_repeat. Each has the dimensions of `shape`, of size 1 where the count does not vary,
            and a last one over the ops.
        """
        kept = ("inputs", "outputs", "traffic", "cache_read", "cache_written", "cache_held")
        columns = {f"op_{name}": name for name in kept}
        columns |= {"op_macs": "executed_macs", "op_weights": "weights_read", "op_index_bits": "index_bits_read"}
        stacks = {column: self._stack([op.count(name) for op in self.ops]) for column, name in columns.items()}
        of_experts = [0.0 if op.copies is ONE_COPY else op.count("weights_read") for op in self.ops]
        stacks["op_expert_weights"] = self._stack(of_experts)
        return stacks | {"op_repeat": self._stack([op.executions for op in self.ops])}

    def rows(self) -> list[dict[str, Any]]:
        """The op table of a single network, for people: name, kind, repeat, counts, live elements."""
        if any(size != 1 for size in self.shape):
            raise ValueError("an op table is printed for a single network")
        rows = []
        for op, live in zip(self.ops, self.live(), strict=True):
            counts = {name: _number(op.count(name)) for name in QUANTITIES}
            row = {"name": op.name, "kind": op.kind, "repeat": _number(op.repeat), "calls": _number(op.calls)}
            rows.append(row | counts | {"live": _number(live)})
        return rows

    def _sum(self, what: str, quantities: Sequence[str]) -> Count:
        terms = (term for quantity in quantities for op in self.ops for term in op.total(quantity))
        with np.errstate(over="ignore", invalid="ignore"):
            total = sum_of(terms)
            if not STORED.isdisjoint(quantities) or not np.any(beyond := self._beyond(total, self.valid)):
                return self._exact(what, total)
            nearest = nearest_sum(product for q in quantities for op in self.ops for product in op.factors(q))
            return np.where(beyond, nearest, total) if np.ndim(total) else float(nearest)

    def _stack(self, counts: Sequence[Count]) -> np.ndarray:
        shapes = np.broadcast_shapes((1,) * len(self.shape), *map(np.shape, counts))
        stacked = np.empty((*shapes, len(counts)))
        for index, count in enumerate(counts):
            stacked[..., index] = count
        return stacked

    def _exact(self, what: str, total: Count) -> Count:
        """A total, where it is exact."""
        if np.any(beyond := self._beyond(total, self.valid)):
            if np.ndim(total) == 0:
                raise InputError(f"{what}: a total of {total:g} is beyond 2^53: it would no longer be exact")
            total = np.where(beyond, np.nan, total)
        return float(total) if np.ndim(total) == 0 else total

    @staticmethod
    def _beyond(counts: Count, valid: Any) -> Any:
        """Where float64 does not hold a count exactly, but for the counts of what makes no network."""
        # A sum of whole numbers that comes to less than 2^53 was exact at every step.
        if np.size(counts) == 0 or np.max(counts) < LARGEST_COUNT:
            return False
        return np.logical_and(valid, np.logical_not(np.less(counts, LARGEST_COUNT)))


def trace(family: Family | str, axes: Mapping[str, Any], *, invalid: str = "raise") -> Trace:
    """The op table of a family at the given axes.

    Parameters
    ----------
    family
        A family or its name.
    axes
        Numbers, or float64 arrays that broadcast against each other: one dimension an axis for a grid, one in all
        for a list of designs. Structural axes take one value. Axes that are not given have their defaults.
    invalid
        "raise": InputError where axes do not fit together (heads that kv_heads does not divide); "mask": the trace
        tells in `valid`, and its counts mean nothing there.

    Raises
    ------
    InputError
        For an unknown axis, a missing one, a value out of range, or axes that do not fit together.

    Examples
    --------
    >>> trace("mobilenet_v2", {"resolution": np.array([96.0, 224.0])}).total("macs").tolist()
    [56289152.0, 300774272.0]
    """
    family = find_family(family) if isinstance(family, str) else family
    if invalid not in ("raise", "mask"):
        raise ValueError(f"invalid={invalid!r}")
    values, shape = axis_values(family, axes)
    given = {axis: values.get(axis, default) for axis, default in levers.LEVERS.items()}
    net = Net(separable=bool(given.pop("separable")))
    try:
        # What runs over is refused where it is counted.
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            family.builder(net, **{axis: value for axis, value in values.items() if axis not in levers.LEVERS})
        net.require("separable", net.separated if net.separable else True, "no convolution over space to replace")
        net.require("sparsity", levers.fits(given["sparsity"], given["sparsity_pattern"]), levers.OF_EVERY_4)
        levers.apply(net.ops, **given)
    except InputError as error:
        raise error.at(f"family {family.name}") from None
    valid: Any = True
    if net.faults:
        if invalid == "raise":
            raise InputError(list(dict.fromkeys(_fault(family, values, *fault) for fault in net.faults)))
        for _, _, holds, _ in net.faults:
            valid = np.logical_and(valid, holds)
    return Trace(net.ops, net.regions, shape, valid, net.patches_along_side)


def _counted(counting: str) -> tuple[str, ...]:
    if counting not in COUNTINGS:
        raise InputError(unknown("counting convention", counting, COUNTINGS))
    return COUNTINGS[counting]


def _fault(family: Family, values: Mapping[str, Any], tower: str, axis: str, holds: Any, problem: str) -> Fault:
    # Axes that all towers share have no name of a tower before them.
    axis = own if (own := f"{tower}_{axis}") in values else axis
    value, holds = np.broadcast_arrays(values[axis] if values[axis] is not None else np.nan, holds)
    first = value[np.logical_not(holds)].flat[0]
    given = "its default" if values[axis] is None else f"{first}" if value.dtype.kind == "U" else f"{first:.12g}"
    return Fault(f"family {family.name}: {axis}", f"{given} is not allowed: {problem}")


def _number(count: Count) -> int:
    number: float = np.asarray(count).item()
    return round(number)
