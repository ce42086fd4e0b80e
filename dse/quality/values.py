"""Values of points of a network family in one recipe: published table, then a fit inside its range, or a law."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dse.errors import Fault, InputError
from dse.glossary import lookup
from dse.networks import FAMILIES
from dse.precision import Scheme
from dse.quality import law
from dse.quality.formats import change_of, measured_as
from dse.quality.recipes import SAME_RESULT, Fit, Points, Recipe

Array = npt.NDArray[np.float64]
Axes = Mapping[str, npt.ArrayLike]
_REFUSED = tuple(name for name, _ in law.REFUSALS)
_NAMES = ("none", "table", "fit", "incomparable", "measured", "law", "extrapolated", *_REFUSED)
SOURCES = {name: code for code, name in enumerate(_NAMES)}


@dataclass(frozen=True)
class Quality:
    """Accuracy [%] or loss [nat] of every point, with its interval and where it comes from.

    `value`, `low` and `high` are float64 arrays and `source` an int8 array of codes (`SOURCES`), all of one shape;
    undefined points are NaN. `legend` says what each code that occurs means, reasons included, and `key` names data
    set and recipe: values of different keys are not comparable.
    """

    value: Array
    low: Array
    high: Array
    source: npt.NDArray[np.int8]
    legend: Mapping[int, str]
    key: str


def quality(
    recipe: Recipe,
    axes: Axes,
    scheme: Scheme,
    params: npt.ArrayLike | None = None,
    tokens_per_parameter: npt.ArrayLike | None = None,
) -> Quality:
    """Accuracy or loss of a family at the values of its axes, in one recipe and precision scheme.

    Parameters
    ----------
    axes
        Numbers or arrays that broadcast: one array dimension an axis for a grid, one dimension in all for a list.
    params, tokens_per_parameter
        Parameters, and tokens of training for each of them: what a law follows from.

    Raises
    ------
    InputError
        For an axis that the published table needs and `axes` lacks.

    Notes
    -----
    A published point has no interval: it is rounded to 0.05 points. A fit has two leave-one-out errors on either side;
    a law two standard errors and the spread of the published fits of the same experiments. Float formats of 32 bits
    change nothing; 16 bits are assumed to change nothing; other formats shift value and interval by published changes
    where the quantised network itself is not published; of some nothing comparable is published. Axes of which a table
    says nothing are compared at their family's defaults.
    """
    arrays = {name: np.asarray(values, np.float64) for name, values in axes.items()}
    others = [np.asarray(v, np.float64) for v in (params, tokens_per_parameter) if v is not None]
    shape = np.broadcast_shapes(*(array.shape for array in (*arrays.values(), *others)))
    arrays = {name: array for name, array in arrays.items() if name not in SAME_RESULT}
    change, remark = change_of(recipe, scheme)
    if change is None:
        return undefined(shape, remark, recipe.key)
    if recipe.law:
        value, low, high, source = _by_law(arrays, shape, *others, added=change.high)
    else:
        value, low, high, source = _by_table(recipe, arrays, shape)
    value, low, high = value + change.value, low + change.low, high + change.high
    source = np.where(np.isnan(value) & _defined(source), SOURCES["none"], source)
    if (measured := measured_as(recipe, scheme)) is not None:
        exact = np.where(_comparable(recipe, arrays), _table(recipe, arrays, shape, recipe.measured[measured]), np.nan)
        is_exact = ~np.isnan(exact)
        value, low, high = (np.where(is_exact, exact, bound) for bound in (value, low, high))
        source = np.where(is_exact, SOURCES["measured"], source)
    source = np.asarray(source, np.int8)
    legend = _legend(recipe, scheme, source, remark, arrays)
    if np.isnan(change.value) and SOURCES["none"] in legend:
        legend[SOURCES["none"]] = remark
    return Quality(np.asarray(value), np.asarray(low), np.asarray(high), source, legend, recipe.key)


def is_published(recipe: Recipe, axes: Axes) -> npt.NDArray[np.bool_]:
    """Where the axes, which broadcast, are a published point of a recipe, in whatever number format."""
    arrays = {n: np.asarray(values, np.float64) for n, values in axes.items() if n not in SAME_RESULT}
    shape = np.broadcast_shapes(*(array.shape for array in arrays.values()))
    known = ~np.isnan(_table(recipe, arrays, shape, recipe.points))
    return np.asarray(known & np.broadcast_to(_comparable(recipe, arrays), shape))


def undefined(shape: tuple[int, ...], reason: str, key: str = "") -> Quality:
    """No value anywhere, for one reason."""
    nan = np.full(shape, np.nan)
    return Quality(nan, nan.copy(), nan.copy(), np.zeros(shape, np.int8), {SOURCES["none"]: reason}, key)


def _defined(source: npt.NDArray[np.int8]) -> npt.NDArray[np.bool_]:
    return np.isin(source, [SOURCES[name] for name in ("table", "fit", "law", "extrapolated")])


_Parts = tuple[Array, Array, Array, npt.NDArray[np.int8]]


def _by_law(
    arrays: Mapping[str, Array], shape: tuple[int, ...], params: Array, tokens: Array, *, added: float
) -> _Parts:
    """By the law, where its upper bound with what a number format may add is below that of guessing."""
    source = np.where(law.is_extrapolated(params, tokens), SOURCES["extrapolated"], SOURCES["law"])
    bounds = law.by_law(params, tokens)
    for name, mask in zip(_REFUSED, law.refused(arrays, bounds[-1] + np.nan_to_num(added)), strict=True):
        source = np.where(_defined(source) & mask, SOURCES[name], source)
    source = np.broadcast_to(source, shape)
    value, low, high = (np.where(_defined(source), bound, np.nan) for bound in bounds)
    return value, low, high, source


def _by_table(recipe: Recipe, arrays: Mapping[str, Array], shape: tuple[int, ...]) -> _Parts:
    if missing := [name for name in (*recipe.axes, *recipe.fixed) if name not in arrays]:
        raise InputError(
            [Fault(recipe.family, f"the published values ({recipe.key}) need the axis {n!r}") for n in missing]
        )
    comparable = np.broadcast_to(_comparable(recipe, arrays), shape)
    fitted, spread = _fitted(recipe.fit, arrays, shape)
    table = np.where(comparable, _table(recipe, arrays, shape, recipe.points), np.nan)
    fitted = np.where(comparable, fitted, np.nan)
    is_table = ~np.isnan(table)
    source = np.where(is_table, SOURCES["table"], np.where(np.isnan(fitted), SOURCES["none"], SOURCES["fit"]))
    source = np.where(comparable, source, SOURCES["incomparable"])
    bounds = (np.where(is_table, table, 100 - fitted * factor) for factor in (1.0, spread, 1 / spread))
    value, low, high = bounds
    return value, low, high, source.astype(np.int8)


def _comparable(recipe: Recipe, arrays: Mapping[str, Array]) -> npt.NDArray[np.bool_]:
    """Where every axis but the table's own has the value that the table was measured at."""
    comparable: npt.NDArray[np.bool_] = np.array(True)
    for name, array in arrays.items():
        if name not in recipe.axes:
            wanted = usual(recipe, name)
            comparable = comparable & ((array == wanted) | (np.isnan(array) & np.isnan(wanted)))
    return comparable


def usual(recipe: Recipe, axis: str) -> float:
    """The value of an axis at which a table without it was measured: its family's default where it does not say."""
    default = FAMILIES[recipe.family].defaults.get(axis) if recipe.family in FAMILIES else None
    return float(recipe.fixed.get(axis, lookup(axis).number(default)))


def _table(recipe: Recipe, arrays: Mapping[str, Array], shape: tuple[int, ...], points: Points) -> Array:
    """Published values at exactly the published points, NaN elsewhere."""
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


def _legend(
    recipe: Recipe, scheme: Scheme, source: npt.NDArray[np.int8], remark: str, arrays: Mapping[str, Array]
) -> dict[int, str]:
    before = f"by rule, not measured: {remark}; from a " if remark else ""
    of = f"({recipe.key}: {recipe.source})"
    texts = {"table": f"{before}published point {of}"}
    at = f"over contexts of {law.CONTEXT} tokens"
    texts["measured"] = f"published point of the network in {scheme.name} {of}"
    texts["law"] = f"{before}scaling law {at} {of}"
    texts["extrapolated"] = f"{before}scaling law {at}, extrapolated beyond {law.RANGE} {of}"
    if recipe.fit:
        error = f"{2 * recipe.fit.error:g} in ln(error)"
        texts["fit"] = f"{before}fit to published points {of}, ±{error}"
        ranges = (f"{name} {axis.minimum:g} to {axis.maximum:g}" for name, axis in recipe.fit.axis.items())
        texts["none"] = f"outside the fitted range ({', '.join(ranges)})"
    else:
        texts["none"] = f"not a published point ({recipe.key})"
    fixed = ", ".join(f"{name} = {value:g}" for name, value in recipe.fixed.items())
    others = [name for name in arrays if name not in recipe.axes and name not in recipe.fixed]
    only = f"published only for {fixed}" if fixed else "published only as it is"
    texts["incomparable"] = only + (f", and not over {', '.join(others)}" if others else "")
    texts |= dict(law.REFUSALS)
    return {code: texts[name] for name, code in SOURCES.items() if np.any(source == code)}
