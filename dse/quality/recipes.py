"""Published accuracies by family, data set and training recipe, read from the TOML files beside this module.

`imagenet.toml` has families with tables over some of their axes, `models.toml` single models of the zoo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dse.catalogue import read_toml
from dse.glossary import lookup
from dse.networks import FAMILIES, MODELS

# Axes that change how a network is run, and nothing of what it computes.
SAME_RESULT = ("patches",)


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
    axes without which the points say nothing. `int8_points` are as `points`, but measured with 8-bit weights and
    activations; `int8` is the change that stands for the others.
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
    int8_points: tuple[tuple[float, ...], ...] = ()

    @property
    def key(self) -> str:
        """What an accuracy may be compared within: "ImageNet-1k, tf-slim"."""
        return f"{self.dataset}, {self.recipe}"


@cache
def recipes(family: str) -> tuple[Recipe, ...]:
    """Every recipe of a family of which something is published; tables over its axes come first."""
    found = tuple(r for r in _tables() if r.family == family)
    known = {r.recipe for r in found}
    return found + tuple(r for r in _of_models(family) if r.recipe not in known)


def recipe_key(family: str) -> str:
    """Data set and recipe that the accuracies of a family are of where none is asked for."""
    found = recipes(family)
    return found[0].key if found else "none published"


def _of_models(family: str) -> tuple[Recipe, ...]:
    """Recipes whose points are models of the zoo: values of all axes, the defaults included."""
    defaults = FAMILIES[family].defaults if family in FAMILIES else {}
    axes = tuple(a for a in FAMILIES[family].axes if a not in SAME_RESULT) if family in FAMILIES else ()
    at = {
        name: tuple(lookup(axis).number({**defaults, **model.axes}.get(axis)) for axis in axes)
        for name, model in MODELS.items()
        if model.family == family
    }
    found = []
    for table in read_toml(Path(__file__).with_name("models.toml"))["models"]:
        points, int8 = (
            tuple((*at[name], value) for name, value in table.get(key, {}).items() if name in at)
            for key in ("accuracy", "int8_accuracy")
        )
        if points:
            change = Change(**table["int8"]) if "int8" in table else None
            data, recipe, source = table["dataset"], table["recipe"], table["source"]
            found.append(Recipe(family, data, recipe, axes, {}, points, source, None, change, int8))
    return tuple(found)


@cache
def _tables() -> tuple[Recipe, ...]:
    tables = read_toml(Path(__file__).with_name("imagenet.toml"))["recipe"]
    return tuple(
        Recipe(
            **{
                **table,
                "axes": tuple(table["axes"]),
                "points": tuple(map(tuple, table["points"])),
                "int8_points": tuple(map(tuple, table.get("int8_points", ()))),
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
