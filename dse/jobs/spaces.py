"""From a spec to its space: the network, the axes of every table, and the devices."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dse import glossary
from dse.calibration import software_names
from dse.errors import Fault, InputError, nearest, unknown
from dse.grid.counting import OF_REQUESTS, REQUEST
from dse.grid.inputs import PROFILE_AXIS, REGION_AXIS, REGIONAL, RENT_AXIS, SOFTWARE_AXIS
from dse.grid.plan import variants_of
from dse.grid.program import MODEL_AXIS
from dse.grid.quality import with_recipe
from dse.grid.space import Space, check_axis, make_grid
from dse.hardware import Device
from dse.jobs.axes import axis_values, collect
from dse.jobs.catalogues import CURRENT, Catalogues
from dse.jobs.devices import plans, usable_devices
from dse.jobs.own_devices import own_devices
from dse.jobs.own_formats import OwnFormats, own_formats
from dse.jobs.sharing import sharing_faults
from dse.jobs.spec import Network, Spec
from dse.jobs.stages import spread_stages
from dse.networks import FAMILIES, Family, find_model, trace
from dse.networks.training import adapter_features
from dse.precision import Scheme
from dse.quality import unknown_recipe

# Settings whose values are names: what one is called, and which there are.
_NAMED: dict[str, tuple[str, Callable[[Catalogues], Collection[str]]]] = {
    MODEL_AXIS: ("latency model", lambda catalogues: variants_of("latency")),
    REGION_AXIS: ("region", lambda catalogues: catalogues.regions),
    SOFTWARE_AXIS: ("software", lambda catalogues: software_names(catalogues.calibrations.values())),
    PROFILE_AXIS: ("energy profile", lambda catalogues: catalogues.profiles),
}
# Settings that the builder of a network takes: they mean nothing to families without them.
RUN_AXES = tuple(
    n
    for n, e in glossary.NAMES.items()
    if e.kind in ("deployment", "circumstance") and e.default is None and n not in _NAMED
)
_ARCHITECTURE = tuple(n for n, e in glossary.NAMES.items() if e.kind == "architecture")
_SETTINGS = tuple(
    n
    for n, e in glossary.NAMES.items()
    if n == RENT_AXIS
    or (e.kind in ("deployment", "circumstance") and (e.default is not None or n in RUN_AXES or n in _NAMED))
)


@dataclass(frozen=True)
class Draft:
    """What a spec says of its space, as far as it is right: values of every axis, and devices left out."""

    spec: Spec
    family: Family | None
    axes: Mapping[str, Any]
    left_out: Mapping[str, tuple[str, ...]]
    devices: Mapping[str, Device]
    schemes: Mapping[str, Scheme]
    catalogues: Catalogues
    defaults: Mapping[str, Any]

    @property
    def size(self) -> int:
        """Number of designs."""
        return math.prod(len(v) for v in self.axes.values() if isinstance(v, list))

    def space(self) -> Space:
        """The space; only for a spec without faults."""
        if self.family is None:
            raise ValueError("a space needs a family")
        held: dict[str, Any] = {
            "regions": self.catalogues.regions,
            "profiles": self.catalogues.profiles,
            "calibrations": self.catalogues.calibrations,
            "defaults": self.defaults,
        }
        options = {"counting": self.spec.counting, "model": self.spec.network.model, **held}
        wanted = self.spec.network.recipe or self.spec.quality.recipe
        made = make_grid(self.family, self.axes, devices=self.devices, schemes=self.schemes, recipe=wanted, **options)
        return with_recipe(made)


def read_space(
    spec: Spec, metrics: Sequence[str], faults: list[Fault], catalogues: Catalogues = CURRENT, name: str = ""
) -> Draft:
    """Look up everything that makes the space; faults are noted, and what is right is kept.

    `metrics` decide which figures a device must have; `name` is that of one of several networks.
    """
    family, fixed = find_network(spec.network, faults)
    if family is not None and spec.network.recipe is not None:
        faults += unknown_recipe(spec.network.recipe, [family.name], "network.recipe")
    axes = dict(fixed)
    given = spread_stages(spec.network.axes, family, faults)
    if family is None:
        # Values can be checked all the same, names cannot.
        known = {n: v for n, v in given.items() if n in _ARCHITECTURE}
        _add_axes(axes, known, "network", _ARCHITECTURE, "axis", faults, catalogues)
    else:
        own = [n for n in family.axes if glossary.lookup(n).kind == "architecture"]
        _add_axes(axes, given, "network", own, f"axis of the family {family.name!r}", faults, catalogues)
        for name in family.required:
            if name not in axes and name not in spec.network.axes:
                meaning = glossary.lookup(name).meaning
                faults.append(Fault(f"network.{name}", f"is missing; {family.name!r} needs it: {meaning}"))
    formats = own_formats(spec.precision, faults, catalogues)
    _add_precision(axes, spec, formats, faults)
    settings = _settings(spec.deployment, family, faults)
    _add_axes(axes, settings, "deployment", _SETTINGS, "deployment setting", faults, catalogues)
    usual = variants_of("latency")[0]
    if MODEL_AXIS not in axes and (model := catalogues.options.get(MODEL_AXIS, usual)) != usual:
        _add_named(axes, MODEL_AXIS, model, MODEL_AXIS, faults, catalogues)
    if family is not None:
        for fault in list(sharing_faults(family, axes)):
            faults.append(fault)
            # What else it would ask for, such as a figure of the device, is not told.
            axes.pop(fault.where.removeprefix("deployment."), None)
    _check_regions(metrics, axes, faults, catalogues)
    own_hardware = own_devices(spec.device, faults, catalogues)
    usable, left_out = usable_devices(spec, metrics, axes, own_hardware, formats.schemes, faults)
    if RENT_AXIS in settings and any(RENT_AXIS in own for own in own_hardware.axes.values()):
        faults.append(Fault(f"deployment.{RENT_AXIS}", "is an axis of the device already; give it once"))
    if usable:
        axes["device"] = usable[0] if spec.hardware.device == usable[0] else usable
        axes.update(own_hardware.axes.get(usable[0], {}))
    defaults = catalogues.defaults_of(name)
    if family is not None and not faults:
        _check_adapters(family, axes, faults)
    return Draft(spec, family, axes, left_out, own_hardware.devices, formats.schemes, catalogues, defaults)


def _check_adapters(family: Family, axes: Mapping[str, Any], faults: list[Fault]) -> None:
    """A fault where low-rank adapters are asked for, and the network has no matrices that they stand beside."""
    ranks, targets = (
        given if isinstance(given, list) else [given]
        for given in (axes.get("lora_rank", 0), axes.get("lora_targets", glossary.lookup("lora_targets").default))
    )
    if not any(ranks):
        return
    of_network = {n: v[0] if isinstance(v, list) else v for n, v in axes.items() if n in family.axes}
    numbers = {n: glossary.lookup(n).number(v) if isinstance(v, str) else v for n, v in of_network.items()}
    traced = trace(
        family,
        {n: of_network[n] if n in family.structural else numbers[n] for n in of_network}
        | ({"phase": 0.0} if "phase" in numbers else {}),
        invalid="mask",
    )
    for target in targets:
        if not np.any(adapter_features(traced, target)):
            other = ' (try lora_targets = "all")' if target == "qv" and np.any(adapter_features(traced, "all")) else ""
            matrices = "of queries and values" if target == "qv" else "but classifiers"
            faults.append(
                Fault("deployment.lora_rank", f"the family {family.name!r} has no matrices {matrices}{other}")
            )


def _settings(given: Mapping[str, Any], family: Family | None, faults: list[Fault]) -> dict[str, Any]:
    """The deployment without what has no meaning for the family, or for the phase of the work."""
    settings = dict(given)
    if family is None:
        return settings
    for name in RUN_AXES:
        taken = name in family.axes or (name in REQUEST and "phase" in family.axes)
        taken = taken or (name == "phase" and settings.get(name) == "train")
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


def resolve_space(spec: Spec, metrics: Sequence[str], catalogues: Catalogues = CURRENT) -> Space:
    """The space of a spec.

    Raises
    ------
    InputError
        Every fault of the axes; a device that was named and lacks a figure that one of `metrics` needs.
    """
    faults: list[Fault] = []
    draft = read_space(spec, metrics, faults, catalogues)
    faults += recipe_faults(spec, [draft.family] if draft.family else [])
    if faults:
        raise InputError(faults)
    return draft.space()


def recipe_faults(spec: Spec, families: Sequence[Family]) -> list[Fault]:
    """Faults of the recipe of all networks: none of them knows it, or it stands beside a table of own values."""
    if spec.quality.recipe is None or not families:
        return []
    if spec.quality.table is not None:
        return [Fault("quality", "table and recipe are both given; give one of them")]
    return unknown_recipe(spec.quality.recipe, [f.name for f in families], "quality.recipe")


def find_network(network: Network, faults: list[Fault]) -> tuple[Family | None, dict[str, Any]]:
    """The family of a network and the axes that its model fixes; no family where either is wrong."""
    if network.family is not None and network.model is not None:
        faults.append(Fault("network", "family and model are both given; give one of them"))
    elif network.model is not None:
        model = collect(faults, "", find_model, network.model, "network.model")
        if model is not None:
            return model.builds_from, dict(model.axes)
    elif network.family is not None:
        if network.family in FAMILIES:
            return FAMILIES[network.family], {}
        faults.append(unknown("family", network.family, FAMILIES, "network.family"))
    else:
        close = {k: c for k in network.axes if (c := nearest(k, ("family", "model")))}
        faults += [Fault(f"network.{k}", f"unknown key; did you mean {c!r}?") for k, c in close.items()]
        if not close:
            faults.append(Fault("network", "is missing: give a family (`dse list families`) or a model"))
    return None, {}


def _add_axes(
    axes: dict[str, Any],
    given: Mapping[str, Any],
    table: str,
    allowed: Sequence[str],
    kind: str,
    faults: list[Fault],
    catalogues: Catalogues,
) -> None:
    for name, value in given.items():
        where = f"{table}.{name}"
        if name not in allowed:
            faults.append(unknown(kind, name, allowed, where))
        elif name in _NAMED:
            _add_named(axes, name, value, where, faults, catalogues)
        else:
            _add_axis(axes, name, value, where, faults)


def _add_axis(axes: dict[str, Any], name: str, value: Any, where: str, faults: list[Fault]) -> None:
    values = collect(faults, where, axis_values, name, value)
    if values is None:
        return
    found = check_axis(name, values if isinstance(values, list) else [values], where)
    faults.extend(found)
    if not found:
        axes[name] = values


def _add_named(
    axes: dict[str, Any], name: str, value: Any, where: str, faults: list[Fault], catalogues: Catalogues
) -> None:
    kind, known = _NAMED[name][0], _NAMED[name][1](catalogues)
    chosen = value if isinstance(value, list) else [value]
    found = [unknown(kind, str(v), known, where) for v in chosen if not isinstance(v, str) or v not in known]
    if len(set(map(str, chosen))) != len(chosen):
        found.append(Fault(where, f"one {kind} stands twice; give each once"))
    if not chosen:
        found.append(Fault(where, "the axis has no values; give at least one"))
    faults.extend(found)
    if not found:
        axes[name] = value


def _check_regions(
    metrics: Sequence[str], axes: Mapping[str, Any], faults: list[Fault], catalogues: Catalogues
) -> None:
    """Faults of regions of which a figure that metrics need is not published, and is not given either."""
    regions = axes.get(REGION_AXIS, [])
    for name in (n for n in REGIONAL if n not in axes):
        needing = dict.fromkeys(t for p in plans(metrics, axes) for t in p.targets if name in p.needs[t])
        for region in [regions] if isinstance(regions, str) else regions:
            if needing and catalogues.regions[region].figure(name) is None:
                told = (
                    f"is held of {region!r} in {catalogues.source}"
                    if catalogues.replayed
                    else f"is published of {region!r}"
                )
                problem = f"no {name} {told}; needed by {', '.join(needing)}; give deployment.{name}"
                faults.append(Fault(f"deployment.{REGION_AXIS}", problem))


def _add_precision(axes: dict[str, Any], spec: Spec, formats: OwnFormats, faults: list[Fault]) -> None:
    given, where = spec.precision.scheme, "precision.scheme"
    names = [given] if isinstance(given, str) else given
    known = (*formats.catalogue, *spec.precision.tables)
    found = [unknown("number format", n, known, where) for n in names if n not in known and n != "*"]
    if not names:
        found.append(Fault(where, "the axis has no values; give at least one"))
    if len(set(names)) != len(names):
        twice = next(n for i, n in enumerate(names) if n in names[:i])
        found.append(Fault(where, f"{twice!r} stands twice; give each number format once"))
    faults.extend(found)
    chosen = list(dict.fromkeys(scheme for n in names for scheme in formats.select(n)))
    if not found and chosen and all(n in formats.schemes for n in chosen):
        axes["precision"] = chosen[0] if chosen == [given] else chosen
