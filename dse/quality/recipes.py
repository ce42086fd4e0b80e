"""Published accuracies by family, data set and training recipe, read from the TOML file beside this module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dse.catalogue import read_toml


@dataclass(frozen=True)
class FitAxis:
    """One axis of a fit: its exponent, the value at which it drops out, and the range of the fitted points."""

    exponent: float
    reference: float
    minimum: float
    maximum: float


@dataclass(frozen=True)
class Fit:
    """ln(error in percent) = constant + sum of exponent * ln(axis / reference).

    `error` is the leave-one-out RMSE of that logarithm.
    """

    constant: float
    error: float
    axis: Mapping[str, FitAxis]


@dataclass(frozen=True)
class Change:
    """Change of the accuracy, in points, that a number format brings: middle and range."""

    value: float
    low: float
    high: float
    source: str


@dataclass(frozen=True)
class Recipe:
    """One family trained in one way on one data set.

    `points` are the values of `axes` and then the published top-1 accuracy in percent; `fixed` are values of other
    axes without which the points say nothing.
    """

    family: str
    dataset: str
    recipe: str
    axes: tuple[str, ...]
    fixed: Mapping[str, float]
    points: tuple[tuple[float, ...], ...]
    source: str
    fit: Fit | None = None
    int8: Change | None = None

    @property
    def key(self) -> str:
        """What an accuracy may be compared within: "ImageNet-1k, tf-slim"."""
        return f"{self.dataset}, {self.recipe}"


@cache
def recipes() -> tuple[Recipe, ...]:
    """Every recipe of which something is published."""
    tables = read_toml(Path(__file__).with_name("imagenet.toml"))["recipe"]
    return tuple(
        Recipe(
            **{
                **table,
                "axes": tuple(table["axes"]),
                "points": tuple(map(tuple, table["points"])),
                "fit": _fit(table["fit"]) if "fit" in table else None,
                "int8": Change(**table["int8"]) if "int8" in table else None,
            }
        )
        for table in tables
    )


def _fit(table: Mapping[str, object]) -> Fit:
    axis = table["axis"]
    assert isinstance(axis, dict)
    return Fit(**{**table, "axis": {name: FitAxis(**fields) for name, fields in axis.items()}})  # type: ignore[arg-type]
