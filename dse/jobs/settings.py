"""Settings of the deployment, and axes of any table: which there are, what they mean, and whether values are right."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from dse import glossary
from dse.calibration import software_names
from dse.errors import Fault, nearest, shown, unknown
from dse.grid.calibrations import SOFTWARE_AXIS
from dse.grid.counting import OF_REQUESTS, REQUEST
from dse.grid.inputs import ENERGIES, PROFILE_AXIS, REGION_AXIS, REGIONAL, RENT_AXIS
from dse.grid.memories import AUTO, MEMORY_AXIS, OF_PROFILE
from dse.grid.plan import variants_of
from dse.grid.program import MODEL_AXIS, PHASE_AXIS
from dse.grid.space import check_axis
from dse.jobs.axes import axis_values, collect
from dse.jobs.catalogues import Catalogues
from dse.jobs.devices import plans
from dse.jobs.names import too_long
from dse.networks import Family
from dse.profiles import PROFILES
from dse.regions import is_plain

# Settings whose values are names: what one is called, and which there are.
NAMED: dict[str, tuple[str, Callable[[Catalogues], Collection[str]]]] = {
    MODEL_AXIS: ("latency model", lambda catalogues: variants_of("latency")),
    REGION_AXIS: ("region", lambda catalogues: catalogues.regions),
    SOFTWARE_AXIS: ("software", lambda catalogues: software_names(catalogues.calibrations.values())),
    # Assumptions that hold none are of a result that needed none.
    PROFILE_AXIS: ("energy profile", lambda catalogues: catalogues.profiles or PROFILES),
    MEMORY_AXIS: ("memory profile", lambda catalogues: (AUTO, OF_PROFILE, *catalogues.memories)),
}
# Of these there is an end: "*" stands for every one.
EVERY, _COUNTED = "*", (REGION_AXIS, PROFILE_AXIS)
# Settings that the builder of a network takes: they mean nothing to families without them.
RUN_AXES = tuple(
    n
    for n, e in glossary.NAMES.items()
    if e.kind in ("deployment", "circumstance") and e.default is None and n not in NAMED
)
SETTINGS = tuple(
    n
    for n, e in glossary.NAMES.items()
    if n == RENT_AXIS
    or (e.kind in ("deployment", "circumstance") and (e.default is not None or n in RUN_AXES or n in NAMED))
)


def takes(family: Family, name: str) -> bool:
    """Whether a setting that the builder of a network takes means something to a family."""
    return name in family.axes or (name in REQUEST and PHASE_AXIS in family.axes)


def network_axes(family: Family) -> list[str]:
    """The axes of a family that a spec gives in the table of the network."""
    return [n for n in family.axes if glossary.lookup(n).kind == "architecture"]


def of_one_list(given: Mapping[str, Any], family: Family, faults: list[Fault]) -> dict[str, Any]:
    """The axes of a network that were given in one list with settings, without a table; what is neither is a fault."""
    axes = network_axes(family)
    known = [*axes, *family.stages, *SETTINGS]
    for name in (n for n in given if n not in axes):
        table, _, bare = name.rpartition(".")
        if table in ("network", "deployment") and bare in known:
            problem = f"axes and settings stand in one list here, without a table; did you mean {bare!r}?"
            faults.append(Fault(name, problem))
        else:
            faults.append(_unknown_axis("axis or deployment setting", name, known, name))
    return {n: v for n, v in given.items() if n in axes}


def meant_settings(given: Mapping[str, Any], family: Family | None, faults: list[Fault]) -> dict[str, Any]:
    """The deployment without what has no meaning for the family, or for the phase of the work."""
    settings = dict(given)
    if family is None:
        return settings
    for name in RUN_AXES:
        taken = takes(family, name) or (name == PHASE_AXIS and settings.get(name) in ("train", ["train"]))
        if name in settings and not taken:
            only = ' but training: phase = "train"' if name == "phase" else ""
            faults.append(Fault(f"deployment.{name}", f"the family {family.name!r} has no {name}{only}"))
            del settings[name]
    phases = settings.get("phase", ())
    listed = phases if isinstance(phases, list) else [phases]
    of_requests = [p for p in listed if p in OF_REQUESTS]
    if of_requests and len(listed) > 1:
        made = "a request is" if "request" in listed else '"mixed" is'
        faults.append(Fault("deployment.phase", f"{made} prefill and decode together; give it alone"))
        # What else such a list asks for depends on which phase was meant.
        return {n: v for n, v in settings.items() if n not in ("phase", "context", *REQUEST)}
    _check_request(of_requests, settings, faults)
    return settings


def _check_request(of_requests: Sequence[str], settings: Mapping[str, Any], faults: list[Fault]) -> None:
    """Faults of the tokens of requests, and of their context."""
    request = bool(of_requests)
    for name in REQUEST:
        if request and name not in settings:
            problem = f"is missing; a request needs it: {glossary.lookup(name).meaning}"
            faults.append(Fault(f"deployment.{name}", problem))
        elif name in settings and not request:
            faults.append(
                Fault(f"deployment.{name}", 'has a meaning with phase = "request" or "mixed" only; see context')
            )
    if request and "context" in settings:
        faults.append(
            Fault("deployment.context", f"of a request it follows from {' and '.join(REQUEST)}; leave it out")
        )


def add_axes(
    axes: dict[str, Any],
    given: Mapping[str, Any],
    table: str,
    allowed: Sequence[str],
    kind: str,
    faults: list[Fault],
    catalogues: Catalogues,
    elsewhere: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Add the axes of a table of the spec that are right to `axes`, and what is wrong with the others to `faults`.

    `allowed` are the names that the table may have, `kind` is what one of them is called in a fault; `elsewhere` are
    names that another table may have, each with its dotted key.
    """
    for name, value in given.items():
        where = f"{table}.{name}"
        if name not in allowed:
            faults.append(_unknown_axis(kind, name, allowed, where, elsewhere))
        elif name in NAMED:
            add_named(axes, name, value, where, faults, catalogues)
        else:
            _add_axis(axes, name, value, where, faults)


# What the axes of transformers are called as well.
_CALLED = {"depth": "layers", "width": "d_model", "num_layers": "layers", "hidden_size": "d_model"}


def _unknown_axis(
    kind: str, name: str, allowed: Sequence[str], where: str, elsewhere: Mapping[str, str] = MappingProxyType({})
) -> Fault:
    """The fault of an axis that is not known; of one that has another name here, or another table, with that."""
    return Fault(where, partial(_told_of_axis, kind, name, allowed, elsewhere))


def _told_of_axis(kind: str, name: str, allowed: Sequence[str], elsewhere: Mapping[str, str]) -> str:
    meant = _CALLED.get(name)
    if meant not in allowed:
        meant = elsewhere.get(name)
    if meant is None and len(name) <= 200 and nearest(name, allowed) is None:
        meant = elsewhere.get(nearest(name, elsewhere) or "")
    if meant is not None:
        return f"unknown {kind} {shown(name, 80)}; did you mean {meant!r}?"
    return unknown(kind, name, allowed).problem


def _add_axis(axes: dict[str, Any], name: str, value: Any, where: str, faults: list[Fault]) -> None:
    values = collect(faults, where, axis_values, name, value)
    if values is None:
        return
    found = check_axis(name, values if isinstance(values, list) else [values], where)
    faults.extend(found)
    if not found:
        axes[name] = values


def add_named(
    axes: dict[str, Any], name: str, value: Any, where: str, faults: list[Fault], catalogues: Catalogues
) -> None:
    """Add an axis of names; "*" stands for all, of regions for each at its newest figures."""
    kind, known = NAMED[name][0], NAMED[name][1](catalogues)
    given = value if isinstance(value, list) else [value]
    if problem := too_long(given):
        faults.append(Fault(where, problem))
        return
    if catalogues.replayed and name == REGION_AXIS:
        # Those that are named beside "*" are held too.
        every = [n for n in known if is_plain(n) and n not in given] or list(known)
    else:
        every = [n for n in known if name != REGION_AXIS or is_plain(n)]
    chosen = [n for v in given for n in (every if v == EVERY and name in _COUNTED else [v])]
    found = [
        Fault(where, partial(_told_of_name, name, kind, v, known, catalogues))
        for v in chosen
        if not (isinstance(v, str) and v in known)
    ]
    if len(set(map(str, chosen))) != len(chosen):
        found.append(Fault(where, f"one {kind} stands twice; give each once"))
    if not chosen:
        found.append(Fault(where, "the axis has no values; give at least one"))
    faults.extend(found)
    if not found:
        axes[name] = value if chosen == given else chosen


def _told_of_name(name: str, kind: str, value: Any, known: Collection[str], catalogues: Catalogues) -> str:
    """What is told of a name that is not known; of a region also by what people call the country."""
    if name == REGION_AXIS and isinstance(value, str) and 3 < len(value) <= 200 and ":" not in value:
        titles = {r.title: n for n, r in catalogues.regions.items() if is_plain(n) and ":" not in n}
        if (title := nearest(value, titles)) is not None:
            return f"unknown {kind} {shown(value, 80)}; did you mean {titles[title]!r} ({title})?"
    return unknown(kind, str(value), known).problem


def check_regions(
    given: Any, metrics: Sequence[str], axes: dict[str, Any], faults: list[Fault], catalogues: Catalogues
) -> list[str]:
    """Faults of regions of which a figure that metrics need is not published, and is not given either.

    Those that are not `given` by name, but came in by "*", are left out of `axes`. Returns all that were selected.
    """
    chosen = axes.get(REGION_AXIS, [])
    regions = [chosen] if isinstance(chosen, str) else chosen
    named = given if isinstance(given, list) else [given]
    lacking = set()
    for name in (n for n in REGIONAL if n not in axes):
        needing = dict.fromkeys(t for p in plans(metrics, axes) for t in p.targets if name in p.needs[t])
        for region in (r for r in regions if needing and catalogues.regions[r].figure(name) is None):
            lacking.add(region)
            if region not in named:
                continue
            told = (
                f"is held of {region!r} in {catalogues.source}"
                if catalogues.replayed
                else f"is published of {region!r}"
            )
            problem = f"no {name} {told}; needed by {', '.join(needing)}; give deployment.{name}"
            faults.append(Fault(f"deployment.{REGION_AXIS}", problem))
    if lacking and EVERY in named:
        axes[REGION_AXIS] = [r for r in regions if r not in lacking]
    return regions


def check_profiles(
    metrics: Sequence[str], axes: Mapping[str, Any], faults: list[Fault], catalogues: Catalogues
) -> None:
    """Faults of energy profiles that metrics need, and the assumptions of an earlier result do not hold."""
    usual = catalogues.defaults.get(PROFILE_AXIS, glossary.lookup(PROFILE_AXIS).default)
    chosen = axes.get(PROFILE_AXIS, usual)
    lacking = [p for p in (chosen if isinstance(chosen, list) else [chosen]) if p not in catalogues.profiles]
    if not lacking:
        return
    needing = dict.fromkeys(t for p in plans(metrics, axes) for t in p.targets if not p.needs[t].isdisjoint(ENERGIES))
    if needing:
        problem = f"{', '.join(lacking)} is not held in {catalogues.source}; needed by {', '.join(needing)}"
        faults.append(Fault(f"deployment.{PROFILE_AXIS}", f"{problem}: run the spec anew"))
