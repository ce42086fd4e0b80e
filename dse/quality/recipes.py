"""Published accuracies and losses by family, data set and training recipe, read from the TOML files beside this module.

`families.toml` has families with tables over some of their axes, `models.toml` single models of the zoo.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from dse.catalogue import read_toml
from dse.glossary import lookup
from dse.networks import FAMILIES, MODELS, levers

# Quantities that are published, with the units of their values.
QUANTITIES = {"accuracy": "%", "loss": "nat"}
# Axes that change how a network is run, and nothing of what it computes.
SAME_RESULT = ("patches", *levers.SAME_RESULT)
# The family that the scaling law is about, and what its values compare within.
LAW_FAMILY, LAW, LAW_DATA = "decoder", "scaling-law", "MassiveText"
LAW_SOURCE = (
    "Besiroglu et al., arXiv:2404.10102; bounds with two standard errors and both fits of Hoffmann et al., "
    "arXiv:2203.15556"
)
LANGUAGE = "language models"

Points = tuple[tuple[float, ...], ...]


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
class Recipe:
    """Published accuracies or losses of one family, trained in one way on one data set.

    `points` are the values of `axes` and then the published value (top-1 accuracy in percent, loss in nats); `fixed`
    are values of other axes without which the points say nothing. `measured` has points of the same networks in other
    number formats; `classes` are the networks whose changes by number format stand for the others, the closest first.
    `models` are the models of the zoo that have the points, where they are of models; a recipe without is of whatever
    has the axes. By a `law` the loss follows from the size alone.
    """

    quantity: str
    family: str
    dataset: str
    recipe: str
    axes: tuple[str, ...]
    points: Points
    source: str
    fixed: Mapping[str, float] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    fit: Fit | None = None
    measured: Mapping[str, Points] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    law: bool = False

    @property
    def key(self) -> str:
        """What values may be compared within: "ImageNet-1k, tf-slim"."""
        return f"{self.dataset}, {self.recipe}"


@cache
def recipes(family: str) -> tuple[Recipe, ...]:
    """Every recipe of a family of which something is published; tables over its axes come first, a law last."""
    found = tuple(r for r in _tables() if r.family == family)
    known = {r.recipe for r in found}
    found += tuple(r for r in _of_models(family) if r.recipe not in known)
    if family == LAW_FAMILY:
        found += (Recipe("loss", family, LAW_DATA, LAW, (), (), LAW_SOURCE, classes=(LANGUAGE,), law=True),)
    return found


def _of_models(family: str) -> Iterator[Recipe]:
    """Recipes whose points are models of the zoo: values of all axes, the defaults included."""
    if family not in FAMILIES:
        return
    axes = tuple(a for a in FAMILIES[family].own_axes if a not in SAME_RESULT and lookup(a).kind == "architecture")
    for table in read_toml(Path(__file__).with_name("models.toml"))["models"]:
        quantity = table.get("quantity", "accuracy")
        points, models = _points(family, axes, table["values"], quantity)
        if points:
            measured = {f: _points(family, axes, v, quantity)[0] for f, v in table.get("measured", {}).items()}
            yield Recipe(
                quantity, family, table["dataset"], table["recipe"], axes, points, table["source"],
                classes=_classes(table), measured={f: p for f, p in measured.items() if p}, models=models,
            )  # fmt: skip


def _points(
    family: str, axes: tuple[str, ...], values: Mapping[str, Any], quantity: str
) -> tuple[Points, tuple[str, ...]]:
    """The points of the models of one family, and the models."""
    points, models = [], []
    for name, entry in values.items():
        given = dict(entry) if isinstance(entry, Mapping) else {"value": entry}
        model = MODELS.get(given.pop("model", name))
        if model is None or model.family != family or levers.LEVERS.keys() & model.axes:
            continue
        value = given.pop("value")
        at = {**FAMILIES[family].defaults, **model.axes, **given}
        # A loss is published as perplexity.
        value = math.log(value) if quantity == "loss" else value
        points.append((*(lookup(axis).number(at.get(axis)) for axis in axes), value))
        models.append(model.name)
    return tuple(points), tuple(dict.fromkeys(models))


@cache
def _tables() -> tuple[Recipe, ...]:
    return tuple(map(_table, read_toml(Path(__file__).with_name("families.toml"))["recipe"]))


def _table(table: Mapping[str, Any]) -> Recipe:
    axes = tuple(table["axes"])
    return Recipe(
        "accuracy", table["family"], table["dataset"], table["recipe"], axes, _numbers(axes, table["points"]),
        table["source"], table["fixed"], _classes(table), _fit(table["fit"]) if "fit" in table else None,
        {f: _numbers(axes, points) for f, points in table.get("measured", {}).items()},
    )  # fmt: skip


def _classes(table: Mapping[str, Any]) -> tuple[str, ...]:
    given = table.get("class", ())
    return (given,) if isinstance(given, str) else tuple(given)


def _numbers(axes: tuple[str, ...], points: Any) -> Points:
    return tuple((*(lookup(a).number(v) for a, v in zip(axes, at)), value) for *at, value in points)


def _fit(table: Mapping[str, Any]) -> Fit:
    return Fit(**{**table, "axis": {name: FitAxis(**fields) for name, fields in table["axis"].items()}})
