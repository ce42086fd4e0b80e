"""What is recorded of one input name, and short ways to write it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dse.errors import InputError


@dataclass(frozen=True)
class Name:
    """One input name. Numbers below `minimum` (or at it, where `positive`) or above `maximum` are refused."""

    kind: str
    unit: str
    symbol: str
    meaning: str
    minimum: float = 0.0
    maximum: float = float("inf")
    positive: bool = False
    integer: bool = False
    default: float | str | None = None
    choices: tuple[str, ...] = ()

    @property
    def is_name(self) -> bool:
        """Whether the values are texts."""
        return bool(self.choices) or self.kind == "format"

    def allowed(self) -> str:
        """The range in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.is_name:
            return "a text"
        noun = "an integer" if self.integer else "a number"
        low = f"above {self.minimum:g}" if self.positive else f"at least {self.minimum:g}"
        return f"{noun} {low}" + (f" and at most {self.maximum:g}" if self.maximum != float("inf") else "")

    @property
    def is_share(self) -> bool:
        """Whether the value is a part of a whole, which people may also write in percent."""
        return self.unit == "1" and self.maximum <= 1 and not self.integer and not self.choices

    def named(self, value: Any) -> Any:
        """The value as a user writes it: of several choices by its name, where it is given by its place."""
        if not self.choices or value is None or isinstance(value, str):
            return value
        return self.choices[int(value)]

    def number(self, value: Any) -> float:
        """The value as arrays hold it: of several choices the place, NaN where there is none."""
        if value is None:
            return float("nan")
        return float(self.choices.index(value) if value in self.choices else value)

    def check(self, value: float) -> None:
        """Raise InputError when `value` is outside the range."""
        if not (
            self.minimum <= value <= self.maximum
            and abs(value) != float("inf")
            and not (self.positive and value <= self.minimum)
            and not (self.integer and value != round(value))
        ):
            raise InputError(f"{value:g} is not allowed; allowed: {self.allowed()}{self._in_percent(value)}")

    def _in_percent(self, value: float) -> str:
        """How a share that was meant in percent is written; nothing for what is no share."""
        # Nobody means 2 % by a 2.
        meant = value if 5 <= value <= 100 else 70
        return f' (in percent: "{meant:g} %")' if self.is_share and value > self.maximum else ""


def sheet(unit: str, symbol: str, meaning: str, **rest: object) -> Name:
    """What only functions of the formula sheet take."""
    return Name("sheet", unit, symbol, meaning, **rest)  # type: ignore[arg-type]


def count(kind: str, symbol: str, meaning: str, **rest: object) -> Name:
    """A whole number of things, from 1 where nothing else is said."""
    return Name(kind, "1", symbol, meaning, **{"minimum": 1, "integer": True, **rest})  # type: ignore[arg-type]


def flag(symbol: str, meaning: str) -> Name:
    """An architecture that is so (1) or not (0)."""
    return Name("architecture", "1", symbol, meaning, maximum=1, integer=True)


def cost(symbol: str, meaning: str, unit: str = "1", **rest: object) -> Name:
    """A fitted constant. Beyond 1e18 of any unit nothing was ever measured, and times would run over."""
    return Name("calibration", unit, symbol, meaning, **{"maximum": 1e18, **rest})  # type: ignore[arg-type]


def device(unit: str, symbol: str, meaning: str, **rest: object) -> Name:
    """A figure of a device."""
    return Name("device", unit, symbol, meaning, **rest)  # type: ignore[arg-type]


def rate(unit: str, symbol: str, meaning: str) -> Name:
    """A figure of a device that times and energies are made of: none of it is no device."""
    return device(unit, symbol, meaning, positive=True)
