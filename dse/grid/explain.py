"""One design, in words: every metric with its unit, why a value is undefined, the chain of formulas behind it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import xarray as xr

from dse import faces, glossary, registry
from dse.calibration.cycles import cycles_text
from dse.grid.calibrations import batches_outside, calibrated, calibrations_chosen, engine_texts, has_engine, spreads
from dse.grid.counting import is_request
from dse.grid.dataset import equation
from dse.grid.evaluate import evaluate_values
from dse.grid.inputs import ENERGIES, PROFILE_AXIS, REGION_AXIS, REGIONAL, compute_peak, cost_basis, leaf
from dse.grid.memories import MEMORY_AXIS, memory_text
from dse.grid.plan import variants_of
from dse.grid.program import MODEL_AXIS, plan_of
from dse.grid.quality import SOURCES, source_of
from dse.grid.sharing import DERIVED
from dse.grid.space import Space
from dse.regions import Region
from dse.units import format_quantity, operations_unit


def describe(data: xr.Dataset, space: Space) -> dict[str, Any]:
    """Facts of one design: its axes, its metrics with units, and what was assumed where nothing was said."""
    metrics: dict[str, Any] = {}
    for name, variable in data.data_vars.items():
        record = registry.metric_record(str(name), _model(space) if name == "latency" else None)
        value = float(variable)
        entry: dict[str, Any] = {"value": value, "unit": record.unit, "measure": _measure(record.measure, space)}
        entry["what"] = variable.attrs["long_name"]
        if math.isnan(value):
            entry["reason"] = variable.attrs["reason"]
        elif name in SOURCES:
            entry["source"] = str(data.coords[SOURCES[str(name)]].item())
            entry["what"] += f": {entry['source']}"
        metrics[str(name)] = entry
    design: dict[str, Any] = {n: a.values[0] for n, a in space.axes.items() if a.given}
    design = {"network": space.model or space.family.name, **design}
    return {"design": design, "metrics": metrics, "assumptions": assumptions(space)}


def _measure(unit: str, space: Space) -> str:
    """The unit that people read a value in: of operations that a device computes with integers OP, not FLOP."""
    if "device" not in space.axes or not unit.startswith("FLOP/"):
        return unit
    return operations_unit(unit, [str(compute_peak(space)[1].data)])


def assumptions(space: Space) -> dict[str, Any]:
    """Defaults in force, the counting convention, and the format really computed in, for one design."""
    found: dict[str, Any] = {"counting": space.counting}
    for name, usual in defaults_in_force(space).items():
        value = leaf(space, name).data if name == "pue" else usual
        named = isinstance(value, str)
        found[name] = value if named else {"value": float(value), "unit": glossary.lookup(name).unit}
    if REGION_AXIS in space.axes:
        found |= region_facts(_region(space), [n for n in REGIONAL if _is_regional(space, n)])
    found[MODEL_AXIS] = _model(space)
    if "device" in space.axes and calibrated(space):
        chosen = calibrations_chosen(space).data.item()
        factor = f"within a factor {float(spreads(space).data):.2f}"
        # Beyond the batches measured nothing tells that the interval holds its share.
        outside = batches_outside(space, chosen)
        told = f"({factor}, untested: extrapolated to {outside})" if outside else f"(80 % {factor})"
        found["calibration"] = f"{chosen.what} {told}"
        device, peak = space.devices[space.axes["device"].values[0]], float(compute_peak(space)[0].data)
        if told := cycles_text(chosen.calibration, device, peak):
            found["cycles"] = told
    if "device" in space.axes:
        if has_engine(space) and (told := engine_texts(space).data.item()):
            found["engine"] = told
        found["compute_format"] = str(compute_peak(space)[1].data)
        if space.family.domain == "language" and (basis := str(cost_basis(space).data)):
            found["cost_basis"] = basis
        found["memory_energy"] = _memory(space)
        found["device_source"] = space.devices[space.axes["device"].values[0]].source
    return found


def defaults_in_force(space: Space) -> dict[str, Any]:
    """Values of the axes that were not given, but for what a region gives and the context, which a request makes."""
    return {
        name: axis.values[0]
        for name, axis in space.axes.items()
        if not (axis.given or axis.values[0] is None or _is_regional(space, name))
        and not (name == "context" and is_request(space))
    }


def _model(space: Space) -> str:
    return str(space.axes[MODEL_AXIS].values[0]) if MODEL_AXIS in space.axes else variants_of("latency")[0]


def _memory(space: Space) -> str:
    """What a byte of main memory is charged."""
    device, chosen, profile = (str(space.axes[n].values[0]) for n in ("device", MEMORY_AXIS, PROFILE_AXIS))
    return memory_text(space, device, chosen, profile)


def _is_regional(space: Space, name: str) -> bool:
    """Whether a region gives the value of a setting."""
    return name in REGIONAL and REGION_AXIS in space.axes and not space.axes[name].given


def unpublished_of(space: Space) -> list[str]:
    """Settings that the first region of a space is to give, and for which nothing is published of it."""
    names = [n for n in REGIONAL if _is_regional(space, n)]
    return [n for n in names if _region(space).figure(n) is None]


def _region(space: Space) -> Region:
    return space.regions[space.axes[REGION_AXIS].values[0]]


def region_facts(region: Region, settings: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The figures of a region: value, unit, the year or period, the basis or sector, the source."""
    found = {}
    for setting in settings:
        if (figure := region.figure(setting)) is not None:
            facts = {
                "value": figure.value,
                "unit": glossary.lookup(setting).unit,
                "period": figure.period or "not stated",
            }
            found[setting] = {**facts, "kind": figure.kind, "source": figure.source}
    return found


def chain(space: Space, target: str) -> list[str]:
    """The formulas behind a metric of one design, from the metric down to counts and figures, numbers put in."""
    plan = plan_of(space, [target])
    names = [r.name for r in (*plan.counts, *plan.tables, *plan.steps)]
    found = evaluate_values(space, names)
    values = {n: float(v.data) for n, v in found.items() if n in names}
    values |= {n: float(leaf(space, n).data) for n in plan.leaves if not n.startswith("op_")}
    lines = []
    for record in reversed(plan.steps):
        shown = format_quantity(values[record.name], _measure(record.measure, space))
        label = f" ({record.label})" if record.label else ""
        lines.append(f"{record.name}{label} = {shown}")
        lines.append(f"    = {equation(record)}")
        # Where one value is handed on, there is nothing to put in.
        if record.faces and equation(record) not in record.inputs:
            lines.append(
                f"    = {faces.equation(record.function, {i: values[i] for i in record.inputs}, record.inputs)}"
            )
    for record in (*plan.counts, *plan.tables):
        told = str(found[source_of(record.name)].data.item()) if "quality" in record.inputs else record.summary
        lines.append(f"{record.name} = {format_quantity(values[record.name], _measure(record.measure, space))}: {told}")
    for name in plan.leaves:
        if name in values:
            entry = glossary.lookup(name)
            value = format_quantity(values[name], _measure(entry.unit, space))
            lines.append(f"{name} = {value}: {entry.meaning}, {_origin(space, name)}")
    return lines


def _origin(space: Space, name: str) -> str:
    axis, kind = space.axes.get(name), glossary.lookup(name).kind
    if _is_regional(space, name):
        figure = _region(space).figure(name)
        told = f", {figure.kind}, {figure.period or 'no year stated'} ({figure.source})" if figure else ""
        return f"of {space.axes[REGION_AXIS].values[0]}{told}"
    if name == "dram_energy":
        return f"of {_memory(space)}"
    if name in ENERGIES:
        profile = space.profiles[space.axes[PROFILE_AXIS].values[0]]
        form = str(compute_peak(space)[1].data) if name == "mac_energy" else ""
        wider = profile.mac_format(form)
        stands = f", that of {wider}: it has none of {form}" if wider not in ("", form) else ""
        return f"of the energy profile {profile.name}{stands} ({profile.source})"
    if axis is not None:
        return "given" if axis.given else "by default"
    if kind == "precision":
        return f"of the number format {space.axes['precision'].values[0]}"
    if kind == "calibration" and calibrated(space):
        return f"fitted to {calibrations_chosen(space).data.item().what}"
    if kind in ("device", "derived") and "device" in space.axes and name not in DERIVED:
        device = space.axes["device"].values[0]
        computing = f", computing in {compute_peak(space)[1].data}" if name == "peak_ops" else ""
        return f"of {device}{computing} ({space.devices[device].source})"
    return "by default"
