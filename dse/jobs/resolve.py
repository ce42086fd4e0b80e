"""From a spec to a job: names looked up, values parsed, every fault collected before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dse import glossary, hardware, registry
from dse.errors import Fault, InputError, nearest, unknown
from dse.grid.evaluate import MODEL_AXIS
from dse.grid.inputs import compute_peak, device_figure
from dse.grid.plan import make_plan, variants_of
from dse.grid.space import Space, check_axis, make_grid
from dse.jobs.axes import axis_values, collect
from dse.jobs.spec import Spec
from dse.networks import FAMILIES, MODELS, Family
from dse.pareto.cut import Budget, Cut, Objective, check_objectives, make_budget
from dse.precision import PRECISIONS
from dse.units import format_quantity

# Beyond this, enumerating takes hours.
MOST_DESIGNS = 10**11


@dataclass(frozen=True)
class Job:
    """What a spec asks for, ready to run."""

    spec: Spec
    space: Space
    cut: Cut
    metrics: tuple[str, ...]
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def resolve(spec: Spec, origin: str = "") -> Job:
    """Look everything up; raise one InputError with every fault, each with its key."""
    faults: list[Fault] = []
    objectives = _objectives(spec, faults)
    budgets = _budgets(spec, faults)
    outputs = _known_metrics(spec.output.metrics, "output.metrics", faults)
    metrics = tuple(dict.fromkeys([*(o.metric for o in objectives), *(b.metric for b in budgets), *outputs]))
    found = collect(faults, "", resolve_space, spec, metrics)
    if found is None or faults:
        raise InputError(_located(faults, origin))
    space, left_out = found
    cut = _cut(spec, space, objectives, budgets, faults)
    if space.size > MOST_DESIGNS:
        size = format_quantity(float(space.size) * 8 * len(metrics), "B", 3)
        problem = f"{space.size:.4g} designs ({size} of results) are too many to enumerate; at most {MOST_DESIGNS:.0e}"
        faults.append(Fault("", f"{problem}: narrow the axes"))
    if faults:
        raise InputError(_located(faults, origin))
    return Job(spec, space, cut, metrics, left_out)


def resolve_space(spec: Spec, metrics: Sequence[str]) -> tuple[Space, dict[str, tuple[str, ...]]]:
    """The space of a spec, and the devices left out of it with the figures that they lack.

    Raises
    ------
    InputError
        Every fault of the axes; a device that was named and lacks a figure that one of `metrics` needs.
    """
    faults: list[Fault] = []
    family, fixed = _network(spec, faults)
    axes = _axes(spec, family, fixed, faults) if family else {}
    devices, named = _devices(spec, faults)
    if faults or family is None:
        raise InputError(faults)
    missing = _missing_figures(metrics, axes, devices)
    for name in named:
        for figure, needing in missing.get(name, {}).items():
            problem = f"device {name!r} lacks the figure {figure!r}, which {', '.join(needing)} needs"
            faults.append(Fault("hardware.device", problem))
    left = [d for d in devices if d not in missing]
    if devices and not left and not faults:
        lacking = sorted({figure for figures in missing.values() for figure in figures})
        faults.append(Fault("hardware.device", f"no device that was selected has all of: {', '.join(lacking)}"))
    if faults:
        raise InputError(faults)
    if left:
        axes["device"] = left[0] if spec.hardware.device == left[0] else left
    space = make_grid(family, axes, counting=spec.counting, model=spec.network.model)
    return space, {name: tuple(missing[name]) for name in devices if name in missing}


def _located(faults: Sequence[Fault], origin: str) -> list[Fault]:
    return [Fault(": ".join(filter(None, (origin, f.where))), f.problem) for f in faults]


def _network(spec: Spec, faults: list[Fault]) -> tuple[Family | None, dict[str, Any]]:
    network = spec.network
    if (network.family is None) == (network.model is None):
        faults.append(Fault("network", "give either family or model"))
        return None, {}
    if network.model is not None:
        if network.model not in MODELS:
            faults.append(unknown("model", network.model, MODELS, "network.model"))
            return None, {}
        model = MODELS[network.model]
        return FAMILIES[model.family], dict(model.axes)
    if network.family not in FAMILIES:
        faults.append(unknown("family", str(network.family), FAMILIES, "network.family"))
        return None, {}
    return FAMILIES[str(network.family)], {}


def _axes(spec: Spec, family: Family, fixed: dict[str, Any], faults: list[Fault]) -> dict[str, Any]:
    axes: dict[str, Any] = {}
    settings = [n for n, e in glossary.NAMES.items() if e.kind in ("deployment", "circumstance") and _settable(n)]
    own = [n for n in family.axes if glossary.lookup(n).kind == "architecture"]
    tables = [
        ("network", spec.network.axes, own, f"axis of the family {family.name!r}"),
        ("deployment", spec.deployment, settings, "deployment setting"),
    ]
    for table, given, allowed, kind in tables:
        for name, value in given.items():
            where = f"{table}.{name}"
            if name not in allowed:
                faults.append(unknown(kind, name, allowed, where))
            elif name in _RUN_AXES and name not in family.axes:
                faults.append(Fault(where, f"the family {family.name!r} has no {name}"))
            else:
                _add_axis(axes, name, value, where, faults)
    for name in family.required:
        if name not in axes and name not in fixed:
            meaning = glossary.lookup(name).meaning
            faults.append(Fault(f"network.{name}", f"is missing; the family {family.name!r} needs it: {meaning}"))
    _add_precision(axes, spec, faults)
    return {**fixed, **axes}


# Settings that the builder of a network takes: they mean nothing to families without them.
_RUN_AXES = tuple(
    n for n, e in glossary.NAMES.items() if e.kind == "circumstance" and e.default is None and n != MODEL_AXIS
)


def _settable(name: str) -> bool:
    return glossary.NAMES[name].default is not None or name in _RUN_AXES or name == MODEL_AXIS


def _add_axis(axes: dict[str, Any], name: str, value: Any, where: str, faults: list[Fault]) -> None:
    if name == MODEL_AXIS:
        chosen = list(value) if isinstance(value, (list, tuple)) else [value]
        wrong = [v for v in chosen if v not in variants_of("latency")]
        faults.extend(unknown("latency model", str(v), variants_of("latency"), where) for v in wrong)
        if not wrong and chosen:
            axes[name] = value
        return
    values = collect(faults, where, axis_values, name, value)
    if values is None:
        return
    found = check_axis(name, values if isinstance(values, list) else [values], where)
    faults.extend(found)
    if not found:
        axes[name] = values


def _add_precision(axes: dict[str, Any], spec: Spec, faults: list[Fault]) -> None:
    scheme = spec.precision.scheme
    names = list(PRECISIONS) if scheme == "*" else [scheme] if isinstance(scheme, str) else list(scheme)
    faults.extend(unknown("number format", n, PRECISIONS, "precision.scheme") for n in names if n not in PRECISIONS)
    if not names:
        faults.append(Fault("precision.scheme", "the axis has no values; give at least one"))
    if len(set(names)) != len(names):
        faults.append(Fault("precision.scheme", "a number format stands twice; give each once"))
    axes["precision"] = names[0] if isinstance(scheme, str) and scheme != "*" else names


def _objectives(spec: Spec, faults: list[Fault]) -> list[Objective]:
    objectives = []
    for key, direction in (("minimize", "min"), ("maximize", "max")):
        for name in _known_metrics(getattr(spec.objectives, key), f"objectives.{key}", faults):
            objectives.append(Objective(name, direction))
    if objectives or not faults:
        collect(faults, "objectives", check_objectives, objectives)
    return objectives


def _known_metrics(names: Sequence[str], where: str, faults: list[Fault]) -> list[str]:
    faults.extend(unknown("metric", n, registry.METRICS, where) for n in names if n not in registry.METRICS)
    return [n for n in names if n in registry.METRICS]


def _budgets(spec: Spec, faults: list[Fault]) -> list[Budget]:
    made = [collect(faults, "", make_budget, name, limit, f"budgets.{name}") for name, limit in spec.budgets.items()]
    return [b for b in made if b is not None]


def _devices(spec: Spec, faults: list[Fault]) -> tuple[list[str], list[str]]:
    """All devices selected, and those that were named one by one."""
    given = spec.hardware.device
    if given is None:
        return [], []
    patterns = [given] if isinstance(given, str) else list(given)
    if not patterns:
        faults.append(Fault("hardware.device", "the axis has no values; give at least one"))
    selected: dict[str, None] = {}
    named = []
    for pattern in patterns:
        found = collect(faults, "hardware.device", hardware.select, pattern) or []
        selected.update(dict.fromkeys(found))
        named += [d for d in found if d == pattern]
    if len(set(named)) != len(named):
        faults.append(Fault("hardware.device", "a device stands twice; give each once"))
    return list(selected), named


def _missing_figures(
    metrics: Sequence[str], axes: Mapping[str, Any], devices: Sequence[str]
) -> dict[str, dict[str, tuple[str, ...]]]:
    """For each device the figures that it lacks, and the metrics that need them."""
    if not devices:
        return {}
    models = axes.get(MODEL_AXIS) or variants_of("latency")[0]
    needed: dict[str, tuple[str, ...]] = {}
    for model in [models] if isinstance(models, str) else models:
        needed.update(make_plan(metrics, {"latency": model}).device_figures)
    schemes = axes.get("precision", "fp32")
    probe = make_grid(
        _NO_NETWORK, {"device": list(devices), "precision": schemes if isinstance(schemes, list) else [schemes]}
    )
    missing: dict[str, dict[str, tuple[str, ...]]] = {}
    for figure, needing in needed.items():
        values = compute_peak(probe)[0].data if figure == "peak_ops" else device_figure(probe, figure).data
        # A format that runs on no unit of the device is a matter of single designs, not of the device.
        absent = np.isnan(values).all(axis=0) if values.ndim == 2 else np.isnan(values)
        for place in np.flatnonzero(absent):
            missing.setdefault(devices[int(place)], {})[figure] = needing
    return missing


_NO_NETWORK = Family("", lambda net: None, (), {}, (), "vision", "")  # type: ignore[arg-type,return-value]


def _cut(spec: Spec, space: Space, objectives: list[Objective], budgets: list[Budget], faults: list[Fault]) -> Cut:
    """Circumstances get one frontier for each of their values, unless the spec chooses among them."""
    given = [n for n, a in space.axes.items() if a.given]
    roles = {}
    for key in ("per", "choose"):
        names = [_ALIASES.get(n, n) for n in getattr(spec.objectives, key)]
        for name in names:
            if name not in given:
                close = nearest(name, given)
                hint = f"did you mean {close!r}?" if close else f"the axes of this spec are {', '.join(given)}"
                faults.append(Fault(f"objectives.{key}", f"{name!r} is not an axis of this spec; {hint}"))
        roles[key] = names
    automatic = [
        n for n in given if space.axes[n].dim and space.axes[n].kind == "circumstance" and n not in roles["choose"]
    ]
    per = tuple(dict.fromkeys([*(n for n in roles["per"] if n in given), *automatic]))
    return Cut(tuple(objectives), tuple(budgets), spec.fit, per)


_ALIASES = {"scheme": "precision"}
