"""Top-1 accuracy of points of a network family: published table, then a fit inside its range, else undefined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dse.errors import Fault, InputError, unknown
from dse.glossary import lookup
from dse.networks import FAMILIES
from dse.precision import Scheme
from dse.quality.recipes import SAME_RESULT, Change, Fit, Recipe, recipes

Array = npt.NDArray[np.float64]
Axes = Mapping[str, npt.ArrayLike]
SOURCES = {"none": 0, "table": 1, "fit": 2, "incomparable": 3, "int8": 4}
_UNCHANGED = Change(0.0, 0.0, 0.0, "")
# Of networks of which only some are measured in 8 bits.
_UNKNOWN = Change(np.nan, np.nan, np.nan, "")


@dataclass(frozen=True)
class Quality:
    """Accuracy of every point, in percent, with its interval and where it comes from.

    `value`, `low` and `high` are float64 arrays and `source` an int8 array of codes (`SOURCES`), all of one shape;
    undefined points are NaN with code 0 or 3. `legend` says what each code that occurs means, reasons included, and
    `key` names data set and recipe: values of different keys are not comparable.
    """

    value: Array
    low: Array
    high: Array
    source: npt.NDArray[np.int8]
    legend: Mapping[int, str]
    key: str


def accuracy(family: str, axes: Axes, scheme: Scheme, recipe: str | None = None) -> Quality:
    """Top-1 accuracy of a family at the values of its axes, in one precision scheme.

    Parameters
    ----------
    family
        Name of a network family; one of which nothing is published gives NaN everywhere, with that reason.
    axes
        Numbers or arrays that broadcast: one array dimension an axis for a grid, one dimension in all for a list.
    recipe
        Training recipe; when not named, the first published one of the family, so that a grid is never of different
        ones; of a single network (all axes are numbers) the first that knows it.

    Raises
    ------
    InputError
        For a recipe that is not known, or an axis that the published table needs and `axes` lacks.

    Notes
    -----
    A published point has no interval: it is rounded to 0.05 points. A fit has two leave-one-out errors on either side.
    Float formats of 32 bits change nothing; 16 bits are assumed to change nothing; 8-bit integers shift value and
    interval by published changes where the quantised network itself is not published; of other schemes nothing
    comparable is published. Axes of which a table says nothing are compared at their family's defaults.
    """
    arrays = {name: np.asarray(values, np.float64) for name, values in axes.items()}
    shape = np.broadcast_shapes(*(array.shape for array in arrays.values()))
    arrays = {name: array for name, array in arrays.items() if name not in SAME_RESULT}
    first = _recipe(family, recipe)
    if first is None:
        return _undefined(shape, f"no published accuracy of the family {family!r}")
    found = _of_recipe(first, arrays, shape, scheme)
    single = recipe is None and all(array.ndim == 0 for array in arrays.values())
    for other in recipes(family) if single and np.isnan(found.value).all() else ():
        if other is not first and arrays.keys() >= {*other.axes, *other.fixed}:
            next_found = _of_recipe(other, arrays, shape, scheme)
            if not np.isnan(next_found.value).all():
                return next_found
    return found


def recipe_key(family: str, axes: Axes, scheme: Scheme) -> str:
    """Data set and recipe of the values that `accuracy` gives at these axes; "" where nothing is published."""
    if all(np.ndim(values) == 0 for values in axes.values()):
        return accuracy(family, axes, scheme).key
    first = _recipe(family, None)
    return first.key if first else ""


def _of_recipe(known: Recipe, arrays: Mapping[str, Array], shape: tuple[int, ...], scheme: Scheme) -> Quality:
    """Accuracy of every point in one recipe."""
    change, remark = _change(known, scheme)
    if change is None:
        return _undefined(shape, remark, known.key)
    if missing := [name for name in (*known.axes, *known.fixed) if name not in arrays]:
        raise InputError(
            [Fault(known.family, f"the published accuracies ({known.key}) need the axis {n!r}") for n in missing]
        )
    comparable = np.broadcast_to(_comparable(known, arrays), shape)
    fitted, spread = _fitted(known.fit, arrays, shape)
    table = np.where(comparable, _table(known, arrays, shape, known.points), np.nan)
    fitted = np.where(comparable, fitted, np.nan)
    is_table = ~np.isnan(table)
    source = np.where(is_table, SOURCES["table"], np.where(np.isnan(fitted), 0, SOURCES["fit"])).astype(np.int8)
    source = np.where(comparable, source, SOURCES["incomparable"]).astype(np.int8)
    value = np.where(is_table, table, 100 - fitted) + change.value
    low = np.where(is_table, table, 100 - fitted * spread) + change.low
    high = np.where(is_table, table, 100 - fitted / spread) + change.high
    source = np.where(np.isnan(value) & (source != SOURCES["incomparable"]), SOURCES["none"], source).astype(np.int8)
    if _is_int8(scheme):
        measured = np.where(comparable, _table(known, arrays, shape, known.int8_points), np.nan)
        exact = ~np.isnan(measured)
        value, low, high = (np.where(exact, measured, bound) for bound in (value, low, high))
        source = np.where(exact, SOURCES["int8"], source).astype(np.int8)
    return Quality(
        np.asarray(value),
        np.asarray(low),
        np.asarray(high),
        source,
        _legend(known, source, remark, arrays),
        known.key,
    )


def _undefined(shape: tuple[int, ...], reason: str, key: str = "") -> Quality:
    nan = np.full(shape, np.nan)
    return Quality(nan, nan.copy(), nan.copy(), np.zeros(shape, np.int8), {SOURCES["none"]: reason}, key)


def _recipe(family: str, wanted: str | None) -> Recipe | None:
    known = {recipe.recipe: recipe for recipe in recipes(family)}
    if wanted is None or not known:
        return next(iter(known.values()), None)
    if wanted not in known:
        raise InputError(unknown(f"training recipe of {family}", wanted, known))
    return known[wanted]


def _change(recipe: Recipe, scheme: Scheme) -> tuple[Change | None, str]:
    """What the number format does to the accuracy, and the remark for the legend; None where nothing is known."""
    widths = (scheme.element_bits, scheme.activation_bits)
    if scheme.weight_format == "float" and min(widths) >= 32:
        return _UNCHANGED, ""
    if scheme.weight_format == "float" and min(widths) >= 16:
        return _UNCHANGED, f"assumed: {scheme.name} is as accurate as 32-bit floats"
    if _is_int8(scheme) and recipe.int8:
        return recipe.int8, f"8-bit integers: {recipe.int8.value:+g} points ({recipe.int8.source})"
    if _is_int8(scheme) and recipe.int8_points:
        return _UNKNOWN, "8-bit integers: only some are published"
    return None, f"no published evidence of {recipe.family} ({recipe.key}) in {scheme.name}"


def _is_int8(scheme: Scheme) -> bool:
    return scheme.weight_format == "integer" and (scheme.element_bits, scheme.activation_bits) == (8.0, 8.0)


def _comparable(recipe: Recipe, arrays: Mapping[str, Array]) -> npt.NDArray[np.bool_]:
    """Where every axis but the table's own has the value that the table was measured at."""
    comparable: npt.NDArray[np.bool_] = np.array(True)
    for name, array in arrays.items():
        if name not in recipe.axes:
            # An axis of which the table says nothing has its family's default.
            default = FAMILIES[recipe.family].defaults.get(name) if recipe.family in FAMILIES else None
            wanted = recipe.fixed.get(name, lookup(name).number(default))
            comparable = comparable & ((array == wanted) | (np.isnan(array) & np.isnan(wanted)))
    return comparable


def _table(
    recipe: Recipe, arrays: Mapping[str, Array], shape: tuple[int, ...], points: tuple[tuple[float, ...], ...]
) -> Array:
    """Published accuracy [%] at exactly the published points, NaN elsewhere."""
    value = np.full(shape, np.nan)
    for *at, published in points:
        here: npt.NDArray[np.bool_] = np.array(True)
        for name, coordinate in zip(recipe.axes, at, strict=True):
            here = here & np.isclose(arrays[name], coordinate, rtol=1e-9, atol=0, equal_nan=True)
        value = np.where(here, published, value)
    return value


def _fitted(fit: Fit | None, arrays: Mapping[str, Array], shape: tuple[int, ...]) -> tuple[Array, float]:
    """Error [%] by the fit, NaN outside its range, and the factor of its interval."""
    if fit is None:
        return np.full(shape, np.nan), 1.0
    logarithm: Array = np.full(shape, fit.constant)
    for name, axis in fit.axis.items():
        inside = (arrays[name] >= axis.minimum) & (arrays[name] <= axis.maximum)
        ratio = np.where(inside, arrays[name] / axis.reference, np.nan)
        logarithm = logarithm + axis.exponent * np.log(ratio)
    return np.exp(logarithm), float(np.exp(2 * fit.error))


def _legend(recipe: Recipe, source: npt.NDArray[np.int8], remark: str, arrays: Mapping[str, Array]) -> dict[int, str]:
    before = f"by rule, not measured: {remark}; from a " if remark else ""
    texts = {SOURCES["table"]: f"{before}published point ({recipe.key}: {recipe.source})"}
    texts[SOURCES["int8"]] = f"published point of the network in 8-bit integers ({recipe.key}: {recipe.source})"
    if recipe.fit:
        error = f"{2 * recipe.fit.error:g} in ln(error)"
        texts[SOURCES["fit"]] = f"{before}fit to published points ({recipe.key}: {recipe.source}), ±{error}"
        ranges = (f"{name} {axis.minimum:g} to {axis.maximum:g}" for name, axis in recipe.fit.axis.items())
        texts[SOURCES["none"]] = f"outside the fitted range ({', '.join(ranges)})"
    else:
        texts[SOURCES["none"]] = f"not a published point ({recipe.key})"
    fixed = ", ".join(f"{name} = {value:g}" for name, value in recipe.fixed.items())
    others = [name for name in arrays if name not in recipe.axes and name not in recipe.fixed]
    only = f"published only for {fixed}, and " if fixed else "published, but "
    texts[SOURCES["incomparable"]] = only + f"not over {', '.join(others)}" if others else only.removesuffix(", and ")
    return {code: text for code, text in texts.items() if np.any(source == code)}
