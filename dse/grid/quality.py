"""Accuracy and loss of the designs of a space, each with its interval and where it comes from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from dse import glossary
from dse.grid.counting import count
from dse.grid.labelled import Labelled, along
from dse.grid.plan import make_plan
from dse.grid.space import Axis, Space
from dse.quality import QUANTITIES, Recipe, choose, is_published, published_of, recipes
from dse.quality import quality as quality_of
from dse.quality.own import VALUES, OwnQuality

TOKENS_AXIS = "tokens_per_parameter"
# By quantity: what tells of each value where it comes from.
SOURCES = {quantity: f"{quantity}_source" for quantity in QUANTITIES}
ENDS = ("", "_low", "_high")


def source_of(metric: str) -> str:
    """What tells where a value comes from: "accuracy_source" for "accuracy_low"."""
    return SOURCES[metric.partition("_")[0]]


def with_sources(names: Iterable[str]) -> list[str]:
    """Metrics that are asked for; a value's source, which is a text, stands beside the value."""
    told = [n.removesuffix("_source") if n.rpartition(".")[2] in SOURCES.values() else n for n in names]
    return list(dict.fromkeys(told))


def quality(space: Space) -> dict[str, Labelled]:
    """Accuracy and loss with their intervals, and where each value comes from, over what the values are known by."""
    return _own_quality(space, space.quality) if space.quality else _published(space)


def recipe_of(space: Space) -> Recipe | None:
    """The published recipe that stands for the networks of a space; None where nothing is published of them."""
    axes = {n: np.unique(a.numbers) if not space.is_list else a.numbers for n, a in _architecture(space).items()}
    tokens = space.axes.get(TOKENS_AXIS)
    trained = tokens is not None and tokens.given
    return choose(space.family.name, axes, space.model, space.recipe, listed=space.is_list, trained=trained)


def with_recipe(space: Space) -> Space:
    """The space with the name of the recipe that is chosen for all of it, so that its parts have the same."""
    found = None if space.recipe else recipe_of(space)
    return replace(space, recipe=found.recipe) if found else space


def recipe_key(space: Space) -> str:
    """What the values of a space compare within: data set and training recipe, or the user's own table."""
    if space.quality:
        return space.quality.name
    found = recipe_of(space)
    return found.key if found else "none published"


def _architecture(space: Space) -> dict[str, Axis]:
    return {n: a for n, a in space.network_axes().items() if glossary.lookup(n).kind == "architecture"}


def _own_quality(space: Space, table: OwnQuality) -> dict[str, Labelled]:
    axes = {key: space.keys[key] for key in table.keys}
    dims = tuple(d for d in space.dims if d in {a.dim for a in axes.values()})
    rows = table.rows({k: (a.values, tuple(-1 if d == a.dim else 1 for d in dims)) for k, a in axes.items()})
    found = {name: Labelled(dims, table.column(name, rows)) for name in VALUES}
    return found | {source: Labelled(dims, table.sources(rows)) for source in SOURCES.values()}


def _published(space: Space) -> dict[str, Labelled]:
    """Published values, over network and number format, and over the tokens of training where a law asks for them."""
    chosen = recipe_of(space)
    found: dict[str, Labelled] = {}
    for quantity in QUANTITIES:
        of_it = chosen if chosen and chosen.quantity == quantity else None
        found |= _in_recipe(space, quantity, of_it) if of_it else _nowhere(space, quantity)
    return found


def _nowhere(space: Space, quantity: str) -> dict[str, Labelled]:
    nothing = {quantity + end: Labelled((), np.array(np.nan)) for end in ENDS}
    return {**nothing, SOURCES[quantity]: Labelled((), np.array(_reason(space, quantity), dtype=object))}


def _reason(space: Space, quantity: str) -> str:
    """Why nothing is published of the networks of a space."""
    family = space.family.name
    known = [r for r in recipes(family) if r.quantity == quantity]
    names = ", ".join(dict.fromkeys(r.recipe for r in known))
    if space.recipe and space.recipe not in [r.recipe for r in known] and known:
        return f"no {quantity} of the family {family!r} is of the recipe {space.recipe!r}; published: {names}"
    if known and space.model:
        return f"no published {quantity} of {space.model!r}; recipes of its family: {names}"
    return f"no published {quantity} of the family {family!r}"


def _in_recipe(space: Space, quantity: str, recipe: Recipe) -> dict[str, Labelled]:
    axes, precision = _architecture(space), space.axes["precision"]
    tokens = space.axes[TOKENS_AXIS] if recipe.law else None
    params = _params(space) if tokens else None
    varied = {a.dim for a in (*axes.values(), *([tokens] if tokens else []))} | set(params.dims if params else ())
    dims = tuple(d for d in space.dims if d in varied)
    all_dims = tuple(d for d in space.dims if d in dims or d == precision.dim)
    arguments = {n: _argument(a, dims) for n, a in axes.items()}
    sized = {}
    if params and tokens:
        sized = {"params": params.over(dims), TOKENS_AXIS: _argument(tokens, dims)}
    shape = tuple(space.sizes[d] for d in all_dims)
    values, sources = [np.empty(shape) for _ in ENDS], np.empty(shape, dtype=object)
    for scheme in dict.fromkeys(precision.values):
        found = quality_of(recipe, arguments, space.schemes[scheme], **sized)
        legend = np.array([found.legend.get(code) for code in range(max(found.legend) + 1)], dtype=object)
        chosen = np.array([p == scheme for p in precision.values])
        arrays = (found.value, found.low, found.high, legend[found.source])
        for target, array in zip((*values, sources), arrays, strict=True):
            _put(target, np.asarray(array), dims, all_dims, precision.dim, chosen)
    if recipe.law:
        for other in published_of(space.family.name, space.model):
            _tell_of(other, arguments, sources, dims, all_dims)
    named = {quantity + end: Labelled(all_dims, data) for end, data in zip(ENDS, values, strict=True)}
    return {**named, SOURCES[quantity]: Labelled(all_dims, sources)}


def _tell_of(
    other: Recipe,
    arguments: dict[str, np.ndarray],
    sources: np.ndarray,
    dims: tuple[str, ...],
    all_dims: tuple[str, ...],
) -> None:
    """Say of the designs that a recipe has a value of that it gives way to the law."""
    if set(other.axes) <= set(arguments):
        told = f'; also published ({other.key}), which is not compared with values of a law: recipe = "{other.recipe}"'
        known = is_published(other, arguments)
        known = np.broadcast_to(known, tuple(n for n, d in zip(sources.shape, all_dims, strict=True) if d in dims))
        known = np.expand_dims(known, tuple(i for i, d in enumerate(all_dims) if d not in dims))
        sources[...] = np.where(known, sources + told, sources)


def _params(space: Space) -> Labelled:
    """Trainable parameters, whatever the counting; how the network is run does not matter."""
    axes = {n: a for n, a in space.axes.items() if n in space.family.axes}
    if not space.is_list:
        architecture = _architecture(space)
        axes = {n: a if n in architecture else replace(a, values=a.values[:1], dim=None) for n, a in axes.items()}
    # What a request does in its phases has the same weights as decoding.
    axes |= {"phase": Axis("phase", ("decode",), None)} if "phase" in axes else {}
    return count(replace(space, axes=axes, counting="trainable"), make_plan(["params"]))["params"]


def _argument(axis: Axis, dims: tuple[str, ...]) -> np.ndarray:
    if axis.values[0] is None:
        return np.array(np.nan)
    return along(axis.dim, axis.numbers).over(dims if axis.dim else ())


def _put(
    full: np.ndarray,
    array: np.ndarray,
    dims: tuple[str, ...],
    all_dims: tuple[str, ...],
    dim: str | None,
    chosen: np.ndarray,
) -> None:
    """Write an array over `dims`, or one that broadcasts, where the axis along `dim` has one of its values."""
    if dim is None:
        full[...] = array
    elif dim in dims:
        # A list of designs: network and number format share the one dimension.
        full[chosen] = np.broadcast_to(array, chosen.shape)[chosen]
    else:
        spread = np.broadcast_to(array, tuple(n for n, d in zip(full.shape, all_dims, strict=True) if d != dim))
        full[tuple(chosen if d == dim else slice(None) for d in all_dims)] = np.expand_dims(spread, all_dims.index(dim))
