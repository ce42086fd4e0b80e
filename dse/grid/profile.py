"""One design, op by op: the work, bytes, time and energy of each, and what is live while each of them runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from dse import formulas
from dse.errors import InputError
from dse.grid.counting import REQUEST, context_of, is_request, scoped_network, traces
from dse.grid.evaluate import evaluate_values
from dse.grid.inputs import leaf
from dse.grid.plan import settings_of
from dse.grid.space import Axis, Space
from dse.networks import Trace
from dse.networks.execution import Execution
from dse.networks.liveness import each_step
from dse.networks.ops import DEPTHWISE

OP, STEP = "op", "step"
SEVERAL = "several"
# More executions than this are shown as the rows of the op table: a picture cannot tell them apart.
MOST_STEPS = 4_000
_UNITS = {"macs": "1", "bytes": "B", "weight_bytes": "B", "time": "s", "energy": "J"}
_UNITS |= {"intensity": "FLOP/B", "rate": "FLOP/s", "compute_time": "s", "memory_time": "s"}


def one_pass(space: Space) -> Space:
    """A single design, running one pass of its network: of a request one token at the mean context."""
    if space.dims:
        raise ValueError("one design has one value of each axis")
    if not is_request(space):
        return space
    prompt, output = (float(space.axes[n].numbers[0]) for n in REQUEST)
    context, phase = context_of("decode", prompt, output)
    own = {"context": float(context), "phase": phase}
    axes = {n: a for n, a in space.axes.items() if n not in REQUEST}
    return replace(space, axes=axes | {n: Axis(n, (v,), None) for n, v in own.items()})


def pass_text(space: Space) -> str:
    """Which pass that is, in words; "" where there is but one."""
    if is_request(space):
        return "one generated token at the mean context"
    phase = str(space.axes["phase"].values[0]) if "phase" in space.axes else ""
    return {"decode": "one generated token", "prefill": "one prompt", "train": "the forward pass"}.get(phase, "")


def traced(space: Space) -> Trace:
    """The op table of a single design."""
    ((_, found),) = traces(scoped_network(space, ""))
    return found


def ops(space: Space) -> xr.Dataset:
    """What each op of a single design takes, over all its executions and the whole batch.

    Returns
    -------
    xr.Dataset
        Along "op", with coordinates `name`, `kind`, `part` and `executions`: macs, weight_bytes, bytes (all that
        crosses the memory interface), compute_time, memory_time, time (the larger of them), energy (of counted MACs
        and bytes; NaN where the profile has no energy of a MAC), intensity and rate. Scalars: peak_ops and bandwidth,
        and the shares of them that are reached; devices and communication_time. Where several devices share the
        network, times and rate are of one of them, which has an even share of each op (longer by the time in which a
        pipeline fills), and work, bytes and energy of all; the devices' communication is not of any op.

    Raises
    ------
    InputError
        For a device without the peak rate or the bandwidth; where devices cannot share the network so; for training
        on several devices, whose communication is not that of the forward pass.
    """
    space = one_pass(space)
    if SEVERAL in settings_of(space) and "phase" in space.axes and space.axes["phase"].values[0] == "train":
        raise InputError("training on several devices: what they exchange is not of the forward pass, the one shown")
    trace = traced(space)
    number = {n: float(leaf(space, n).data) for n in _LEAVES}
    for name, what in (("peak_ops", "peak rate in this format"), ("bandwidth", "bandwidth")):
        if np.isnan(number[name]):
            raise InputError(f"{space.axes['device'].values[0]}: the catalogue has no {what}")
    stays = _stays(space)
    if np.isnan(stays["sharing_devices"]):
        raise InputError("the network cannot be divided among so many devices")
    vectors = {n.removeprefix("op_"): np.broadcast_to(v, v.shape).reshape(-1) for n, v in trace.per_op().items()}
    columns = _columns(vectors, number, stays)
    coordinates = {
        n: (OP, np.array([getattr(op, n) for op in trace.ops], dtype=object)) for n in ("name", "kind", "part")
    }
    variables = {n: (OP, v, {"units": _UNITS[n]}) for n, v in columns.items()}
    scalars = {n: ((), number[n], {"units": u}) for n, u in _RATES.items()}
    scalars["devices"] = (), stays["sharing_devices"], {"units": "1"}
    scalars["communication_time"] = (), stays["communication_time"], {"units": "s"}
    return xr.Dataset({**variables, **scalars}, {**coordinates, "executions": (OP, vectors["repeat"])})


_RATES = {"peak_ops": "FLOP/s", "bandwidth": "B/s", "compute_efficiency": "1", "bandwidth_efficiency": "1"}
_SHARED = ("expert_parallel", "micro_batches")
_LEAVES = (
    *_RATES,
    *_SHARED,
    "batch",
    "weight_bits",
    "activation_bits",
    "kv_bits",
    "mac_energy",
    "sram_energy",
    "dram_energy",
)


def _stays(space: Space) -> Mapping[str, float]:
    """What of a pass stays on chip, in time and in energy: weights and activations each as a whole.

    And how many devices share it, with what they have to exchange and to hold more than once.
    """
    wanted = (
        *("weights_moved", "activations_moved"),
        *("sharing_devices", "cache_copies", "pipeline_fill", "communication_time"),
    )
    values = evaluate_values(space, wanted, engine="plain")
    return {n: float(values[n].data) for n in wanted}


def _columns(
    vectors: Mapping[str, np.ndarray], number: Mapping[str, float], stays: Mapping[str, float]
) -> dict[str, Any]:
    batch, often = number["batch"], vectors["repeat"]
    macs = vectors["macs"] * often * batch
    # Each group of experts reads what is of no expert, and each part of the batch reads all again.
    groups = np.where(vectors["expert_weights"] > 0, 1.0, number["expert_parallel"]) * number["micro_batches"]
    weights = formulas.params_to_bytes(vectors["weights"], number["weight_bits"]) * often * groups
    cache = formulas.activations_to_bytes(vectors["cache_read"] + vectors["cache_written"], number["kv_bits"])
    cache = cache * stays["cache_copies"]
    data = formulas.activations_to_bytes(vectors["traffic"], number["activation_bits"]) + cache
    data = data * often * batch
    moved = weights * stays["weights_moved"] + data * stays["activations_moved"]
    # Of one device, from the first of a pipeline to the last.
    share = stays["sharing_devices"] / stays["pipeline_fill"]
    compute = formulas.compute_time(formulas.flops(macs), number["peak_ops"] * number["compute_efficiency"] * share)
    memory = moved / (number["bandwidth"] * number["bandwidth_efficiency"] * share)
    time = formulas.roofline_latency(compute, memory)
    energies = (number[n] for n in ("mac_energy", "sram_energy", "dram_energy"))
    energy = formulas.operation_energy(macs, weights + data - moved, moved, *energies)
    with np.errstate(divide="ignore", invalid="ignore"):
        intensity = formulas.arithmetic_intensity(formulas.flops(macs), moved)
        rate = formulas.flops(macs) / time / stays["sharing_devices"]
    return {
        "macs": macs,
        "weight_bytes": weights,
        "bytes": moved,
        "compute_time": compute,
        "memory_time": memory,
        "time": time,
        "energy": energy,
        "intensity": intensity,
        "rate": rate,
    }


def memory(space: Space) -> xr.Dataset:
    """What is live at each step of a single design, for the whole batch.

    Returns
    -------
    xr.Dataset
        Along "step", in order of execution, with coordinates `name`, `kind`, `part`: `live` [B], by the in-place rule
        of the engine. Its maximum is peak_sram. Repeated blocks are unrolled unless they make too many steps, or the
        network runs in patches.
    """
    space = one_pass(space)
    trace = traced(space)
    in_place = bool(leaf(space, "in_place_depthwise").data) and any(op.in_place == DEPTHWISE for op in trace.ops)
    times = [round(float(np.asarray(region.count).item())) for region in trace.regions]
    steps = () if trace.patched is not None else Execution(trace.ops, trace.regions, times, every=True).steps
    if steps and len(steps) <= MOST_STEPS:
        live, rows = each_step(trace.ops, steps, in_place), [step.index for step in steps]
    else:
        live, rows = trace.live(in_place), list(range(len(trace.ops)))
    elements = np.array([float(np.asarray(v).item()) for v in live])
    batch, bits = (float(leaf(space, n).data) for n in ("batch", "activation_bits"))
    held = formulas.activation_memory(elements * batch, bits)
    told = {
        n: (STEP, np.array([getattr(trace.ops[row], n) for row in rows], dtype=object))
        for n in ("name", "kind", "part")
    }
    return xr.Dataset({"live": (STEP, held, {"units": "B"})}, told)
