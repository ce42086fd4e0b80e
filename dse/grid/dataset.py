"""Labelled results: metrics with units, coordinates for every axis."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import xarray as xr

from dse import faces, glossary, registry
from dse.grid.blend import LOAD
from dse.grid.blocks import Alone, Grid
from dse.grid.calibrations import OF_ENGINE, calibrated_anywhere, calibrations_chosen, engine_texts, has_engine
from dse.grid.evaluate import compute_formats, evaluate_values
from dse.grid.inputs import cost_basis
from dse.grid.labelled import Labelled, along
from dse.grid.plan import make_plan, settings_of, variants_of
from dse.grid.program import MODEL_AXIS, PHASE_AXIS, Values
from dse.grid.quality import SOURCES, recipe_key
from dse.grid.reasons import reasons
from dse.grid.space import DESIGN, RECIPE, Space
from dse.registry import Record


def evaluate(space: Space, targets: Iterable[str], **options: Any) -> xr.Dataset:
    """Evaluate metrics on a space; see `evaluate_values` for the options.

    Returns
    -------
    xr.Dataset
        One variable a metric over the dimensions that it varies along, with `units`, `long_name`, `direction`
        and `formula`, and with `reason` where values are undefined; axes are coordinates.
    """
    return label(space, evaluate_values(space, targets, **options))


def with_ends(metrics: Iterable[str], space: Space) -> list[str]:
    """Metrics, each followed by both ends of its interval where latency is calibrated for any design."""
    made = calibrated_anywhere(space)
    known = {m: made and f"{m.rpartition('.')[2]}_low" in registry.METRICS for m in metrics}
    return list(dict.fromkeys(n for m, own in known.items() for n in ((m, f"{m}_low", f"{m}_high") if own else (m,))))


def label(space: Space, values: Values, grid: Grid | None = None) -> xr.Dataset:
    """Values as a Dataset: metrics with what they say of themselves, axes as coordinates.

    A metric that is undefined anywhere says why in the attribute `reason`. `grid` is that of which the space is a part.
    """
    model = space.axes[MODEL_AXIS].values[0] if MODEL_AXIS in space.axes else None
    phases = set(space.axes[PHASE_AXIS].values) if PHASE_AXIS in space.axes else set()
    phase = phases.pop() if len(phases) == 1 else None
    coordinates = coordinates_of(space, values)
    variables = {}
    settings = settings_of(space)
    for name, value in values.items():
        if name in SOURCES.values():
            what = name.removesuffix("_source")
            coordinates[name] = _variable(value, {"long_name": f"where the {what} comes from"})
            continue
        if name == LOAD:
            variables[name] = _variable(value, {"units": "1", "long_name": "share of its time that the device is busy"})
            continue
        metric = name.rpartition(".")[2]
        record = registry.metric_record(metric, model if metric == "latency" else None, phase, settings)
        variables[name] = _variable(value, attributes(record, space))
    for name, why in reasons(grid or Alone(space), space, {n: values[n] for n in variables}).items():
        variables[name].attrs["reason"] = why
    dataset = xr.Dataset(variables, coordinates)
    dataset.attrs = {"family": space.family.name, "counting": space.counting, "Conventions": "CF-1.10"}
    if space.model:
        dataset.attrs["model"] = space.model
    return dataset


def coordinates_of(space: Space, names: Iterable[str]) -> dict[str, xr.Variable]:
    """The coordinates that the axes of a space alone tell, where there are values of metrics `names`."""
    names = list(names)
    coordinates = axis_coordinates(space) | format_coordinates(space)
    if "precision" in space.axes and "device" in space.axes:
        coordinates["compute_format"] = _variable(compute_formats(space), {"long_name": "format computed in"})
    if calibrated_anywhere(space):
        coordinates["calibration"] = _variable(_calibrations(space), {"long_name": "what latency is fitted to"})
    if has_engine(space) and any(_takes_engine(name) for name in names) and (told := engine_texts(space)).data.any():
        coordinates["engine"] = _variable(told, {"long_name": "what is told of the engine"})
    if "device" in space.axes and any(_is_cost(name) for name in names):
        coordinates["cost_basis"] = _variable(cost_basis(space), {"long_name": "what the cost of tokens is made of"})
    if any(name in SOURCES.values() for name in names):
        text = np.array(recipe_key(space), dtype=object)
        coordinates[RECIPE] = _variable(Labelled((), text), {"long_name": "what accuracies and losses compare within"})
    return coordinates


def _calibrations(space: Space) -> Labelled:
    """What latency is fitted to, in words; "" where it is a lower bound."""
    chosen, model = calibrations_chosen(space), space.axes[MODEL_AXIS]
    told = np.array([c.what for c in chosen.data.reshape(-1)], dtype=object).reshape(chosen.data.shape)
    if set(model.values) == {"calibrated"}:
        return Labelled(chosen.dims, told)
    dims = tuple(d for d in space.dims if d in (*chosen.dims, model.dim))
    fitted = along(model.dim, np.array([value == "calibrated" for value in model.values])).over(dims)
    return Labelled(dims, np.where(fitted, Labelled(chosen.dims, told).over(dims), "").astype(object))


def _takes_engine(name: str) -> bool:
    """Whether a metric is made of what an engine needs for itself."""
    metric = name.rpartition(".")[2]
    return metric in registry.METRICS and bool(OF_ENGINE & set(make_plan([metric]).leaves))


def _is_cost(name: str) -> bool:
    variants = registry.METRICS.get(name.rpartition(".")[2], {})
    return any("hourly_cost" in record.inputs for record in variants.values())


def _variable(value: Labelled, attrs: dict[str, str]) -> xr.Variable:
    return xr.Variable(value.dims, np.asarray(value.data), attrs)


def axis_coordinates(space: Space) -> dict[str, xr.Variable]:
    """A coordinate for every axis that was given; for a list of designs for every axis that varies or was given."""
    coordinates = {}
    for name, axis in space.axes.items():
        if not axis.given:
            continue
        entry = glossary.find(name)
        attrs = {"units": entry.unit, "long_name": entry.meaning} if entry else {}
        data = axis.coordinate if axis.dim else axis.coordinate[0]
        if axis.dim is None and space.is_list:
            data = np.full(space.size, data, dtype=axis.coordinate.dtype)
            coordinates[name] = xr.Variable((DESIGN,), data, attrs)
        else:
            coordinates[name] = xr.Variable((axis.dim,) if axis.dim else (), data, attrs)
    return coordinates


def format_coordinates(space: Space) -> dict[str, xr.Variable]:
    """A coordinate for every field by which own number formats vary, as it is written in the spec."""
    coordinates = {}
    for name in (n for n in space.keys if n not in space.axes):
        entry, axis = glossary.NAMES[name], space.keys[name]
        value = along(axis.dim, axis.coordinate)
        coordinates[name] = _variable(value, {"units": entry.unit, "long_name": entry.meaning})
    return coordinates


def attributes(record: Record, space: Space) -> dict[str, str]:
    """What a variable says of itself."""
    models = _models(record, space)
    label = " or ".join(model.label or str(model.variant) for model in models) if len(models) > 1 else record.label
    told = "; ".join(filter(None, (label, _of_latency(record, space))))
    summary = record.summary if len(models) == 1 else "Time of a batch by each model of latency."
    attrs = {"units": record.unit, "long_name": summary + (f" ({told})" if told else "")}
    if record.direction:
        attrs["direction"] = record.direction
    if record.counted:
        attrs["counted"] = record.counted
    several = [f"{model.variant}: {equation(model)}" for model in models]
    attrs["formula"] = "; ".join(several) if len(models) > 1 else equation(record)
    return attrs


def _models(record: Record, space: Space) -> list[Record]:
    """The records by which a space has a metric: of the latency one for each of its models."""
    if record.name != "latency" or MODEL_AXIS not in space.axes:
        return [record]
    models = dict.fromkeys(space.axes[MODEL_AXIS].values)
    return [registry.metric_record("latency", m, record.phase, settings_of(space)) for m in models]


def _of_latency(record: Record, space: Space) -> str:
    """What follows from the latency says by which model: a time has its bound, a rate the opposite one."""
    if record.variant is not None or not _follows_latency(record):
        return ""
    models = space.axes[MODEL_AXIS].values if MODEL_AXIS in space.axes else variants_of("latency")[:1]
    labels = [registry.metric_record("latency", str(model)).label or str(model) for model in models]
    bound = {"s": LOWER, "1/s": ", upper bound"}.get(record.unit)
    if bound is None:
        return "by latency: " + " or ".join(label.removesuffix(LOWER) for label in labels)
    return " or ".join(label.replace(LOWER, bound) for label in labels)


LOWER = ", lower bound"


@cache
def _follows_latency(record: Record) -> bool:
    needs = make_plan([record.name], None, record.phase).needs.get(record.name, frozenset())
    return any(registry.scoped(n)[1] == "latency" for n in needs)


@cache
def equation(record: Record) -> str:
    """The equation of a metric or formula from its symbolic face; what it counts or looks up where it has none."""
    if record.faces and record.kind in ("metric", "formula"):
        return faces.equation(record.function, names=record.inputs)
    return {"count": "counted over the ops of the traced network", "table": "looked up for each design"}.get(
        record.kind, record.summary
    )
