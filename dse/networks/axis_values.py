"""The axes that are given to a family, as its builder takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dse.errors import Fault, InputError, shown, unknown
from dse.glossary import Name, lookup
from dse.networks.registration import Family

# The largest count that a float holds with all that are smaller.
LARGEST = 2.0**53


def axis_values(family: Family, axes: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[int, ...]]:
    """Every axis with its value, and the shape of all together; InputError names each that is not right."""
    where = f"family {family.name}"
    faults = [unknown("axis", axis, family.axes, where) for axis in axes if axis not in family.axes]
    missing = [axis for axis in family.required if axes.get(axis) is None]
    faults += [Fault(where, f"needs {axis}: {lookup(axis).meaning}") for axis in missing]
    values: dict[str, Any] = dict(family.defaults)
    for axis in axes:
        try:
            if axis in family.axes and axes[axis] is not None:
                values[axis] = _axis_value(axis, axes[axis], axis in family.structural)
        except InputError as error:
            faults += error.at(f"{where}: {axis}").faults
    if faults:
        raise InputError(faults)
    try:
        shape = np.broadcast_shapes(*map(np.shape, values.values()))
    except ValueError:
        shapes = ", ".join(f"{axis} {np.shape(v)}" for axis, v in values.items() if np.ndim(v))
        raise InputError(Fault(where, f"the shapes of the axes do not broadcast: {shapes}")) from None
    return values, shape


def _axis_value(axis: str, given: Any, structural: bool) -> Any:
    """The value as the builder takes it: a float, a float64 array, or a Python scalar where it is structural.

    A structural axis that has names takes one of them.
    """
    name = lookup(axis)
    if structural and name.choices and isinstance(given, str) and given in name.choices:
        return given
    if isinstance(given, str) or (structural and np.ndim(given)):
        raise InputError(
            f"{shown(given)} is not allowed; allowed: {name.allowed()}" + (", one value" if structural else "")
        )
    try:
        value = np.asarray(given, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{shown(given)} is not allowed; allowed: {name.allowed()}") from None
    if not value.size:
        raise InputError("no value is given")
    _check(name, value)
    if structural and name.choices:
        return name.named(float(value))
    if structural:
        return int(value) if name.integer else float(value)
    return float(value) if value.ndim == 0 else value


def _check(name: Name, value: np.ndarray) -> None:
    if name.choices and not (np.all(value == np.floor(value)) and np.all((value >= 0) & (value < len(name.choices)))):
        raise InputError(f"allowed: {name.allowed()} (as their index from 0)")
    if name.integer and value.max() > LARGEST:
        raise InputError(f"{value.max():g} is beyond 2^53: a count would no longer be exact")
    # NaN is handed on by min, and refused there.
    name.check(float(value.min()))
    name.check(float(value.max()))
    if name.integer and value.ndim and (broken := value[value != np.floor(value)]).size:
        name.check(float(broken[0]))
