"""Figures of a device that are linear in other figures: power that grows with the peak rate and the on-chip memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from dse import glossary
from dse.errors import Fault, InputError, unknown
from dse.units import quantity

BASE = "base"


@dataclass(frozen=True)
class Linear:
    """`base` in the unit of the figure, and for each other figure the rate, in the figure's unit over the other's."""

    base: float
    rates: Mapping[str, float]

    def value(self, figures: Mapping[str, Any]) -> Any:
        """The figure at values of the others, which may be arrays that broadcast."""
        total: Any = self.base
        for name, rate in self.rates.items():
            total = total + rate * figures[name]
        return total

    @classmethod
    def from_fields(cls, name: str, fields: Mapping[str, Any], known: Mapping[str, str]) -> Linear:
        """The relation of the figure `name` from quantities: {"base": "0.05 W", "sram": "1 mW/KiB"}.

        `known` maps every spelling of a figure to its glossary name. InputError names every key that is no figure,
        a rate of another unit, and a figure that would be linear in itself.
        """
        unit = glossary.NAMES[name].unit
        base, rates, faults = 0.0, dict[str, float](), list[Fault]()
        for key, given in fields.items():
            if key != BASE and key not in known:
                faults.append(unknown("figure of a device", key, (BASE, *known)))
            elif known.get(key) == name:
                faults.append(Fault(key, "a figure cannot be linear in itself"))
            else:
                try:
                    if key == BASE:
                        base = quantity(given, unit)
                    else:
                        rates[known[key]] = quantity(given, rate_unit(unit, glossary.NAMES[known[key]].unit))
                except InputError as error:
                    faults += error.at(key).faults
        if faults:
            raise InputError(faults)
        return cls(base, MappingProxyType(rates))


def rate_unit(unit: str, other: str) -> str:
    """The unit of one figure over that of another: W over FLOP/s is "W·s/FLOP".

    >>> rate_unit("W", "FLOP/s"), rate_unit("W", "B")
    ('W·s/FLOP', 'W/B')
    """
    above, *below = other.split("/")
    return "·".join((unit, *below)) + f"/{above}"
