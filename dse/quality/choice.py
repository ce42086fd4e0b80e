"""Which recipe stands for a network: the one asked for, else the first that knows what is swept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from dse.errors import Fault, unknown
from dse.networks import MODELS
from dse.quality.recipes import SAME_RESULT, Points, Recipe, recipes
from dse.quality.values import usual

Values = Mapping[str, npt.NDArray[np.float64]]


def choose(
    family: str,
    axes: Values,
    model: str | None = None,
    wanted: str | None = None,
    *,
    listed: bool = False,
    trained: bool = False,
) -> Recipe | None:
    """The recipe of all networks that axes make, so that no two of them are of different ones.

    Of those that a model of the zoo is published in (of a family: all, but for losses of single models) it is the first
    that knows every network, else the first that knows any, else the first.

    Parameters
    ----------
    axes
        Values of each axis, shape (n,): of all designs where they are `listed`, else those that span a grid.
    model
        The model of the zoo that the axes are about: others of its shape were trained otherwise.
    wanted
        Name of the recipe to take; None where the family has no such one.
    trained
        Whether it is asked how many tokens a network is trained on, which a published one has behind it.
    """
    known = recipes(family)
    if wanted is not None:
        return next((r for r in known if r.recipe == wanted), None)
    named = model in MODELS
    # An image network that is trained again comes out as published; a language model's corpus is its own.
    known = tuple(r for r in known if not r.models or (model in r.models if named else r.quantity == "accuracy"))
    if trained:
        known = tuple(r for r in known if r.law) or known
    shares = [_known_share(r, axes, listed) for r in known]
    for least in (1.0, math.ulp(0.0), 0.0):
        for recipe, share in zip(known, shares, strict=True):
            if share >= least:
                return recipe
    return None


def published_of(family: str, model: str | None) -> list[Recipe]:
    """The recipes that have published losses of a model of the zoo: what a law may stand in place of."""
    return [r for r in recipes(family) if r.quantity == "loss" and model in r.models]


def unknown_recipe(wanted: str, families: Sequence[str], where: str) -> list[Fault]:
    """A fault where no family has a recipe."""
    known = dict.fromkeys(r.recipe for family in families for r in recipes(family))
    if wanted in known:
        return []
    if not known:
        return [Fault(where, f"nothing is published of {', '.join(dict.fromkeys(families))}; leave it out")]
    return [unknown("recipe", wanted, known, where)]


def _known_share(recipe: Recipe, axes: Values, listed: bool) -> float:
    """The share of the networks of which a recipe has a value."""
    if recipe.law:
        return 1.0
    own = {n: v for n, v in axes.items() if n not in SAME_RESULT}
    if any(name not in own for name in (*recipe.axes, *recipe.fixed)):
        return 0.0
    others = [_same(own[n], usual(recipe, n)) for n in own if n not in recipe.axes]
    if listed:
        in_table = np.any([np.all(np.broadcast_arrays(*masks), axis=0) for masks in _fitting(recipe, own)], axis=0)
        return float(np.mean(np.all(np.broadcast_arrays(in_table, *others), axis=0)))
    # In a grid the points are known one by one, and a fit is about a box.
    points = sum(math.prod(float(m.any()) for m in masks) for masks in _at_points(recipe.points, recipe, own))
    size = math.prod(len(own[n]) for n in recipe.axes)
    fitted = math.prod(float(m.mean()) for m in _in_range(recipe, own)) if recipe.fit else 0.0
    return max(min(points / size, 1.0), fitted) * math.prod(float(m.mean()) for m in others)


Masks = list[npt.NDArray[np.bool_]]


def _fitting(recipe: Recipe, own: Values) -> list[Masks]:
    fitted = [_in_range(recipe, own)] if recipe.fit else []
    return [*_at_points(recipe.points, recipe, own), *fitted]


def _at_points(points: Points, recipe: Recipe, own: Values) -> list[Masks]:
    """For each point where each axis has its value."""
    return [[_same(own[n], at) for n, at in zip(recipe.axes, point)] for point in points]


def _in_range(recipe: Recipe, own: Values) -> Masks:
    fit = recipe.fit
    return [(own[n] >= a.minimum) & (own[n] <= a.maximum) for n, a in fit.axis.items()] if fit else []


def _same(values: npt.NDArray[np.float64], wanted: float) -> npt.NDArray[np.bool_]:
    # As `np.isclose` does, which takes 30 times as long: a spec asks it of every published point.
    if math.isnan(wanted):
        return np.isnan(values)
    return values == wanted if math.isinf(wanted) else np.abs(values - wanted) <= 1e-9 * abs(wanted)
