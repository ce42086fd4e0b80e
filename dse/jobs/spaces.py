"""From a spec to its space: the network, the axes of every table, and the devices."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dse import glossary
from dse.errors import Fault, InputError, few, nearest, unknown
from dse.grid.inputs import REGION_AXIS, RENT_AXIS
from dse.grid.plan import variants_of
from dse.grid.program import MODEL_AXIS
from dse.grid.quality import with_recipe
from dse.grid.space import Space, make_grid, too_many
from dse.hardware import Device
from dse.jobs.adapters import adapter_faults
from dse.jobs.axes import collect
from dse.jobs.catalogues import CURRENT, Catalogues
from dse.jobs.devices import DECIDING, usable_devices
from dse.jobs.names import repeated
from dse.jobs.own_devices import OwnDevices, own_devices
from dse.jobs.own_formats import OwnFormats, own_formats
from dse.jobs.settings import (
    SETTINGS,
    add_axes,
    add_named,
    check_profiles,
    check_regions,
    meant_settings,
    network_axes,
    of_one_list,
)
from dse.jobs.sharing import sharing_faults
from dse.jobs.spec import TABLE_KEYS, Network, Spec
from dse.jobs.stages import spread_stages
from dse.networks import FAMILIES, Family
from dse.precision import Scheme
from dse.quality import unknown_recipe

_ARCHITECTURE = tuple(n for n, e in glossary.NAMES.items() if e.kind == "architecture")


@dataclass(frozen=True)
class Draft:
    """What a spec says of its space, as far as it is right: values of every axis, and devices left out.

    `selected` are all devices and regions that the spec selects, by axis, those that lack figures among them.
    """

    spec: Spec
    family: Family | None
    axes: Mapping[str, Any]
    left_out: Mapping[str, tuple[str, ...]]
    devices: Mapping[str, Device]
    schemes: Mapping[str, Scheme]
    catalogues: Catalogues
    defaults: Mapping[str, Any]
    selected: Mapping[str, Sequence[str]]

    @property
    def size(self) -> int:
        """Number of designs."""
        return math.prod(len(v) for v in self.axes.values() if isinstance(v, list))

    def told_left_out(self) -> str:
        """What was selected by class or "*" and left out for want of figures, in words; "" where nothing was."""
        told = []
        if self.left_out:
            lacking = ", ".join(f"{device} ({', '.join(figures)})" for device, figures in self.left_out.items())
            told.append(f"{len(self.left_out)} of {len(self.selected['device'])} devices lack figures: {lacking}")
        regions = self.selected[REGION_AXIS]
        if lost := [r for r in regions if r not in self.axes.get(REGION_AXIS, regions)]:
            told.append(f"of {len(lost)} of {len(regions)} regions a figure is not published: {few(lost)}")
        return "; ".join(told)

    @cached_property
    def space(self) -> Space:
        """The space; only for a spec without faults."""
        if self.family is None:
            raise ValueError("a space needs a family")
        held: dict[str, Any] = {
            "regions": self.catalogues.regions,
            "profiles": self.catalogues.profiles,
            "memories": self.catalogues.memories,
            "calibrations": self.catalogues.calibrations,
            "defaults": self.defaults,
        }
        options = {"counting": self.spec.counting, "model": self.spec.network.model, **held}
        wanted = self.spec.network.recipe or self.spec.quality.recipe
        made = make_grid(self.family, self.axes, devices=self.devices, schemes=self.schemes, recipe=wanted, **options)
        return with_recipe(made)


class Shared:
    """What the networks of a spec have in common, read once, with the first of them: its faults are noted then."""

    def __init__(self, spec: Spec, catalogues: Catalogues = CURRENT) -> None:
        self.spec, self.catalogues = spec, catalogues
        self._formats: OwnFormats | None = None
        self._devices: OwnDevices | None = None
        self._usable: dict[str, tuple[list[str], dict[str, tuple[str, ...]], list[str]]] = {}

    def formats(self, faults: list[Fault]) -> OwnFormats:
        """The number formats."""
        if self._formats is None:
            self._formats = own_formats(self.spec.precision, faults, self.catalogues)
        return self._formats

    def devices(self, faults: list[Fault]) -> OwnDevices:
        """The devices, whether they are selected or not."""
        if self._devices is None:
            self._devices = own_devices(self.spec.device, faults, self.catalogues)
        return self._devices

    def usable(
        self, metrics: Sequence[str], axes: Mapping[str, Any], faults: list[Fault]
    ) -> tuple[list[str], dict[str, tuple[str, ...]], list[str]]:
        """As `usable_devices`, once for all networks of which designs need the same figures."""
        key = repr((metrics, [(n, axes[n]) for n in DECIDING if n in axes]))
        if key not in self._usable:
            own, schemes = self.devices(faults), self.formats(faults).schemes
            self._usable[key] = usable_devices(self.spec, metrics, axes, own, schemes, faults)
        return self._usable[key]


def read_space(
    spec: Spec,
    metrics: Sequence[str],
    faults: list[Fault],
    catalogues: Catalogues = CURRENT,
    name: str = "",
    one_list: bool = False,
    shared: Shared | None = None,
) -> Draft:
    """Look up everything that makes the space; faults are noted, and what is right is kept.

    `metrics` decide which figures a device must have; `name` is that of one of several networks, and `shared` what
    these have in common. `one_list` says that axes and settings were given together, without the tables that a spec
    has them in.
    """
    shared = shared or Shared(spec, catalogues)
    family, fixed = find_network(spec.network, faults, catalogues)
    if family is not None and spec.network.recipe is not None:
        faults += unknown_recipe(spec.network.recipe, [family.name], "network.recipe")
    axes = dict(fixed)
    given = spread_stages(spec.network.axes, family, faults)
    if family is None:
        # Values can be checked all the same, names cannot.
        known = {n: v for n, v in given.items() if n in _ARCHITECTURE}
        add_axes(axes, known, "network", _ARCHITECTURE, "axis", faults, catalogues)
    else:
        kind, elsewhere = f"axis of the family {family.name!r}", TABLE_KEYS | {n: f"deployment.{n}" for n in SETTINGS}
        given = of_one_list(given, family, faults) if one_list else given
        add_axes(axes, given, "network", network_axes(family), kind, faults, catalogues, elsewhere)
        for axis in family.required:
            if axis not in axes and axis not in spec.network.axes:
                meaning = glossary.lookup(axis).meaning
                faults.append(Fault(f"network.{axis}", f"is missing; {family.name!r} needs it: {meaning}"))
    formats = shared.formats(faults)
    _add_precision(axes, spec, formats, faults)
    settings = meant_settings(spec.deployment, family, faults)
    elsewhere = TABLE_KEYS | {n: f"network.{n}" for n in (network_axes(family) if family else ())}
    add_axes(axes, settings, "deployment", SETTINGS, "deployment setting", faults, catalogues, elsewhere)
    usual = variants_of("latency")[0]
    if MODEL_AXIS not in axes and (model := catalogues.options.get(MODEL_AXIS, usual)) != usual:
        add_named(axes, MODEL_AXIS, model, MODEL_AXIS, faults, catalogues)
    if family is not None:
        for fault in list(sharing_faults(family, axes)):
            faults.append(fault)
            # What else it would ask for, such as a figure of the device, is not told.
            axes.pop(fault.where.removeprefix("deployment."), None)
    faults += too_many(axes, f"network.{name}" if name else "network")
    regions = check_regions(settings.get(REGION_AXIS), metrics, axes, faults, catalogues)
    check_profiles(metrics, axes, faults, catalogues)
    own_hardware = shared.devices(faults)
    usable, left_out, devices = shared.usable(metrics, axes, faults)
    if RENT_AXIS in settings and any(RENT_AXIS in own for own in own_hardware.axes.values()):
        faults.append(Fault(f"deployment.{RENT_AXIS}", "is an axis of the device already; give it once"))
    if usable:
        axes["device"] = usable[0] if spec.hardware.device == usable[0] else usable
        axes.update(own_hardware.axes.get(usable[0], {}))
    defaults = catalogues.defaults_of(name)
    selected = {"device": devices, REGION_AXIS: regions}
    return Draft(spec, family, axes, left_out, own_hardware.devices, formats.schemes, catalogues, defaults, selected)


def resolve_draft(
    spec: Spec, metrics: Sequence[str], catalogues: Catalogues = CURRENT, one_list: bool = False
) -> Draft:
    """What a spec says of its space, all of it right; `one_list` as in `read_space`.

    Raises
    ------
    InputError
        Every fault of the axes; a device that was named and lacks a figure that one of `metrics` needs.
    """
    faults: list[Fault] = []
    draft = read_space(spec, metrics, faults, catalogues, one_list=one_list)
    faults += recipe_faults(spec, [draft.family] if draft.family else [])
    faults += adapter_faults([draft.space]) if not faults else []
    if faults:
        raise InputError([_without_table(f, spec.network.axes) for f in faults] if one_list else faults)
    return draft


def _without_table(fault: Fault, given: Mapping[str, Any]) -> Fault:
    """The fault of an axis or a setting as it is told to one who gave no tables, unless by such a name."""
    table, _, name = fault.where.partition(".")
    plain = table in ("network", "deployment") and fault.where not in given and glossary.find(name) is not None
    return fault.at(name) if plain else fault


def recipe_faults(spec: Spec, families: Sequence[Family]) -> list[Fault]:
    """Faults of the recipe of all networks: none of them knows it, or it stands beside a table of own values."""
    if spec.quality.recipe is None or not families:
        return []
    if spec.quality.table is not None:
        return [Fault("quality", "table and recipe are both given; give one of them")]
    return unknown_recipe(spec.quality.recipe, [f.name for f in families], "quality.recipe")


def find_network(
    network: Network, faults: list[Fault], catalogues: Catalogues = CURRENT
) -> tuple[Family | None, dict[str, Any]]:
    """The family of a network and the axes that its model fixes; no family where either is wrong."""
    if network.family is not None and network.model is not None:
        faults.append(Fault("network", "family and model are both given; give one of them"))
    elif network.model is not None:
        model = collect(faults, "", catalogues.find_model, network.model, "network.model")
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


def _add_precision(axes: dict[str, Any], spec: Spec, formats: OwnFormats, faults: list[Fault]) -> None:
    given, where = spec.precision.scheme, "precision.scheme"
    names = [given] if isinstance(given, str) else given
    known = (*formats.catalogue, *spec.precision.tables)
    found = [unknown("number format", n, known, where) for n in names if n not in known and n != "*"]
    if not names:
        found.append(Fault(where, "the axis has no values; give at least one"))
    if len(set(names)) != len(names):
        twice = repeated(names)[0]
        found.append(Fault(where, f"{twice!r} stands twice; give each number format once"))
    faults.extend(found)
    chosen = list(dict.fromkeys(scheme for n in names for scheme in formats.select(n)))
    if not found and chosen and all(n in formats.schemes for n in chosen):
        axes["precision"] = chosen[0] if chosen == [given] else chosen
