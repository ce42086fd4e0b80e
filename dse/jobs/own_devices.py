"""Own devices of a spec: `[device.NAME]`, new ones or fields over one of the catalogue, whose figures may be axes."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import chain
from types import MappingProxyType
from typing import Any

from dse import glossary, units
from dse.errors import Fault, InputError, few, nearest, unknown
from dse.grid.space import check_axis
from dse.hardware import FIGURES, Device, Linear
from dse.jobs.axes import axis_values, collect, is_range
from dse.jobs.catalogues import CURRENT, Catalogues
from dse.jobs.names import check_name

# Figures that may be linear in others, and short spellings of figures.
LINEAR = ("tdp", "die_area", "device_price")
RENT = "price_per_hour"
SPELLINGS = {"area": "die_area", "price": "device_price"}
_KNOWN = {**{name: name for name in FIGURES}, **SPELLINGS}


# Devices over one another: what the last one has is looked up through all of them.
MOST_LAYERS = 100


@dataclass(frozen=True)
class OwnDevices:
    """All devices that a spec knows, the names of its own, and the axes that their figures make, by device.

    `under` are the own devices that others are over; those in `wrong` have faults that were told.
    """

    devices: Mapping[str, Device]
    names: tuple[str, ...] = ()
    axes: Mapping[str, Mapping[str, list[float]]] = field(default_factory=dict)
    under: tuple[str, ...] = ()
    catalogues: Catalogues = CURRENT
    wrong: tuple[str, ...] = ()

    @cached_property
    def known(self) -> tuple[str, ...]:
        """Names of all devices, the wrong ones among them."""
        return (*self.devices, *self.names)


@dataclass
class _Fields:
    """The fields of one table, by what they are."""

    plain: dict[str, Any] = field(default_factory=dict)
    axes: dict[str, list[float]] = field(default_factory=dict)
    linear: dict[str, Linear] = field(default_factory=dict)


def own_devices(
    tables: Mapping[str, Mapping[str, Any]], faults: list[Fault], catalogues: Catalogues = CURRENT
) -> OwnDevices:
    """The devices that the spec defines or changes; one that is wrong is left out, its faults are noted.

    One over another own device has all that this one's table says, but for what its own table says.
    """
    made: dict[str, Device] = {}
    axes: dict[str, Mapping[str, list[float]]] = {}
    known = catalogues.devices
    for name in _bases_first(tables, faults):
        before = len(faults)
        check_name(name, "device", faults)
        if name == "*" or name.startswith("class:"):
            faults.append(Fault(f"device.{name}", "the name stands for devices of the catalogue; choose another"))
        if _is_over_own(name, tables) and tables[name]["base"] not in made:
            # What is wrong with the one below has been told.
            continue
        table = _whole(name, tables)
        base, device_class = _origin(name, table, tables, faults, catalogues)
        fields = _sort(name, table, faults)
        if (base is None and "base" in table) or not all(fields.axes.values()):
            # What is wrong has been told: nothing can be made of an axis without values.
            continue
        device = collect(faults, "", _make, name, fields, base, device_class, catalogues)
        if len(faults) == before and device is not None:
            made[name], axes[name] = device, fields.axes
    under = tuple(tables[name]["base"] for name in tables if _is_over_own(name, tables))
    wrong = tuple(name for name in tables if name not in made)
    return OwnDevices({**known, **made} if made else known, tuple(tables), axes, under, catalogues, wrong)


def _is_over_own(name: str, tables: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the base of a device is another one of the spec; one that is called as its base changes that one."""
    base = tables[name].get("base")
    return isinstance(base, str) and base in tables and base != name


def _bases_first(tables: Mapping[str, Mapping[str, Any]], faults: list[Fault]) -> list[str]:
    """Names of the devices, each after the one that it is over; those in a circle are left out."""
    order: dict[str, None] = {}
    left = list(tables)
    for _ in range(MOST_LAYERS):
        ready = [n for n in left if not _is_over_own(n, tables) or tables[n]["base"] in order]
        order |= dict.fromkeys(ready)
        left = [n for n in left if n not in order]
    if left:
        deep = any(tables[n]["base"] in order for n in left)
        what = (
            f"more than {MOST_LAYERS} devices over one another"
            if deep
            else ("devices that are the base of each other in a circle")
        )
        faults.append(Fault("device", f"{what}: {few(left)}"))
    return list(order)


def _whole(name: str, tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The table of a device with what the own devices below it say."""
    table = dict(tables[name])
    if not _is_over_own(name, tables):
        return table
    base = table.pop("base")
    said, below = {_KNOWN.get(key, key) for key in table}, _whole(base, tables)
    if not {"base", "class"} & set(below):
        # One of the catalogue with changes.
        below["base"] = base
    return {**{k: v for k, v in below.items() if _KNOWN.get(k, k) not in said and k != "note"}, **table}


def _origin(
    name: str, table: Mapping[str, Any], tables: Collection[str], faults: list[Fault], catalogues: Catalogues
) -> tuple[Device | None, str]:
    """The device under an own one, and its class."""
    known = catalogues.devices
    base_name = table.get("base", name if name in known else None)
    if catalogues.replayed and name in known:
        # Assumptions hold the device whole, and not the one that it is over.
        base_name = name
    base = known.get(base_name) if isinstance(base_name, str) else None
    if base_name is not None and base is None:
        faults.append(_unknown_base(name, base_name, known, tables))
    classes = dict.fromkeys(device.device_class for device in known.values())
    device_class = table.get("class", base.device_class if base else None)
    if device_class is None and base_name is None:
        faults.append(Fault(f"device.{name}.class", partial(_without_class, name, known, classes)))
    elif device_class is not None and not (isinstance(device_class, str) and device_class in classes):
        faults.append(unknown("class of devices", str(device_class), classes, f"device.{name}.class"))
    return base, str(device_class)


def _without_class(name: str, known: Collection[str], classes: Collection[str]) -> str:
    close = nearest(name, known)
    meant = f"did you mean [device.{close}]? Else give one; " if close else ""
    return f"is missing, and so is base; {meant}classes: {', '.join(classes)}"


def _unknown_base(name: str, base: Any, known: Collection[str], tables: Collection[str]) -> Fault:
    """What is told of a base that is no device."""
    if base != name:
        return Fault(
            f"device.{name}.base",
            lambda: unknown("device", str(base), [n for n in chain(known, tables) if n != name]).problem,
        )
    problem = f"{name!r} is this device itself, and none of the catalogue; name another one, or give a class instead"
    return Fault(f"device.{name}.base", problem)


def _sort(name: str, table: Mapping[str, Any], faults: list[Fault]) -> _Fields:
    found, seen = _Fields(), dict[str, str]()
    for key, given in table.items():
        where, figure = f"device.{name}.{key}", _KNOWN.get(key)
        if key in ("base", "class"):
            continue
        if figure is None:
            found.plain[key] = given
        elif figure in seen:
            faults.append(Fault(where, f"the figure is given as {seen[figure]!r} too; give it once"))
        elif isinstance(given, Mapping) and not is_range(given):
            if figure in LINEAR:
                relation = collect(faults, where, Linear.from_fields, figure, given, _KNOWN)
                if relation is not None:
                    found.linear[figure] = relation
            else:
                faults.append(Fault(where, f"cannot be linear in other figures; {', '.join(LINEAR)} can"))
        elif isinstance(given, (list, Mapping)):
            values = collect(faults, where, axis_values, figure, given)
            if values is not None:
                wrong = check_axis(figure, values, where)
                faults.extend(wrong)
                # The figure is there, whatever is wrong with its values.
                found.axes[figure] = [math.nan] if wrong else values
        else:
            found.plain[figure] = given
        if figure is not None:
            seen[figure] = key
    return found


def _make(name: str, fields: _Fields, base: Device | None, device_class: str, catalogues: Catalogues) -> Device:
    """The device without the figures that are axes or follow from axes."""
    where = f"device.{name}"
    device = Device.from_fields(where, fields.plain, base)
    pue = next((d.pue for d in catalogues.devices.values() if d.device_class == device_class), device.pue)
    relations, axes = dict(fields.linear), fields.axes
    if "sram" in axes and "sram_bank" not in (*fields.plain, *axes):
        # Memory that is given is one bank unless the largest bank is given too.
        relations["sram_bank"] = Linear(0.0, {"sram": 1.0})
    given = {*fields.plain, *axes, *relations}
    gone = {*axes, *relations}
    if "device_price" in given and RENT not in given:
        # Who states a price and no rent owns the device, also where the one below is rented.
        gone.add(RENT)
    figures = {n: v for n, v in device.figures.items() if n not in gone}
    if all(n in axes or n in figures for n in ("sram_bank", "sram")):
        _check_bank(where, figures, axes)
    follow: dict[str, Linear] = {}
    for figure in _in_order(where, relations):
        relation = relations[figure]
        for other in relation.rates:
            if other not in (*figures, *axes, *follow):
                raise InputError(Fault(f"{where}.{figure}", f"is linear in {other}, which the device lacks"))
        _check_sign(f"{where}.{figure}", figure, relation, figures, axes, follow)
        if all(other in figures for other in relation.rates):
            figures[figure] = relation.value(figures)
        else:
            follow[figure] = relation
    return replace(
        device,
        name=name,
        device_class=device_class,
        pue=pue,
        figures=MappingProxyType(figures),
        linear=MappingProxyType(follow),
        note=base.note if base and catalogues.replayed else _note(fields, base),
    )


def _note(fields: _Fields, base: Device | None) -> str:
    own = ", ".join((*fields.plain, *fields.axes, *fields.linear))
    return fields.plain.get("note") or f"own figures{f' over {base.name}' if base else ''}: {own}"


def _check_bank(where: str, figures: Mapping[str, float], axes: Mapping[str, list[float]]) -> None:
    """Refuse a bank that is larger than the on-chip memory that it is a part of."""
    bank, whole = (axes.get(n) or [figures[n]] for n in ("sram_bank", "sram"))
    if max(bank) > min(whole):
        shown = [units.format_quantity(v, "B") for v in (max(bank), min(whole))]
        raise InputError(Fault(f"{where}.sram_bank", f"{shown[0]} is more than the whole of sram, {shown[1]}"))


def _in_order(where: str, relations: Mapping[str, Linear]) -> list[str]:
    """Figures, each after those that it is linear in."""
    order: list[str] = []
    while len(order) < len(relations):
        ready = [
            n
            for n, r in relations.items()
            if n not in order and all(other in order or other not in relations for other in r.rates)
        ]
        if not ready:
            circle = ", ".join(n for n in relations if n not in order)
            raise InputError(Fault(where, f"figures that are linear in each other in a circle: {circle}"))
        order += ready
    return order


def _check_sign(
    where: str,
    figure: str,
    relation: Linear,
    figures: Mapping[str, float],
    axes: Mapping[str, list[float]],
    follow: Mapping[str, Linear],
) -> None:
    """Refuse a figure that is outside its range or infinite somewhere: its ends are at corners of the axes."""
    lowest, highest = (_extreme(relation, figures, axes, follow, least) for least in (True, False))
    entry = glossary.NAMES[figure]
    if lowest < entry.minimum or (entry.positive and lowest <= entry.minimum):
        raise InputError(Fault(where, f"would be {lowest:g} {entry.unit}; allowed: {entry.allowed()}"))
    if math.isinf(highest):
        raise InputError(Fault(where, f"would be {highest:g} {entry.unit}; allowed: a finite number"))


def _extreme(
    relation: Linear,
    figures: Mapping[str, float],
    axes: Mapping[str, list[float]],
    follow: Mapping[str, Linear],
    least: bool,
) -> float:
    total = relation.base
    for other, rate in relation.rates.items():
        low = least == (rate >= 0)
        if other in axes:
            value = (min if low else max)(axes[other])
        elif other in follow:
            value = _extreme(follow[other], figures, axes, follow, low)
        else:
            value = figures[other]
        total += rate * value
    return total
