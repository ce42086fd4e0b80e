"""Reference cases of the sheet, and every face that a formula is held to."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from dse import faces, formulas
from dse.registry import FORMULAS

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
CASES = [
    case
    for path in sorted(REFERENCE.glob("formulas-*.toml"))
    for case in tomllib.loads(path.read_text(encoding="utf-8"))["case"]
]
# What a user or another test records is no part of the sheet.
SHEET = {n: r for n, r in FORMULAS.items() if r.function.__module__.startswith(f"{formulas.__name__}.")}
SCALAR_CASES = [case for case in CASES if SHEET[case["formula"]].faces]
# Their libraries differ in the last bits; all else is exact.
INEXACT = {"sqnr_db", "refit_error", "lowest_loss", "highest_loss"}


def floats(case: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in case["inputs"].items()}


def number(case: dict[str, Any]) -> Any:
    return SHEET[case["formula"]].function(**case["inputs"])


def array(case: dict[str, Any]) -> Any:
    result = SHEET[case["formula"]].function(**{n: np.full((2, 3), v) for n, v in floats(case).items()})
    assert result.shape == (2, 3) and np.all(result == result[0, 0])
    return result[0, 0]


def data_array(case: dict[str, Any]) -> Any:
    """Each argument along a dimension of its own."""
    result = SHEET[case["formula"]].function(**{n: xr.DataArray([v], dims=n) for n, v in floats(case).items()})
    assert set(result.dims) == set(case["inputs"])
    return result.item()


def zero_width_interval(case: dict[str, Any]) -> Any:
    found = faces.bounds(SHEET[case["formula"]].function, **floats(case))
    assert found.low == found.high or case["formula"] in INEXACT
    return found.low


def symbol(case: dict[str, Any]) -> Any:
    return faces.expression(SHEET[case["formula"]].function).evaluate(floats(case))


def compiled(case: dict[str, Any]) -> Any:
    return _compiled_results()[SCALAR_CASES.index(case)]


@cache
def compiled_formulas() -> dict[str, Any]:
    """The formulas, known to the compiler and otherwise unchanged, so that calls among them compile too."""
    from numba.extending import register_jitable

    register = register_jitable(error_model="numpy")
    return {name: register(record.function) for name, record in SHEET.items() if record.faces}


@cache
def _compiled_results() -> np.ndarray:
    """All cases in one compiled function, so that the compiler starts once."""
    import numba

    names = dict(compiled_formulas())
    widest = max(len(case["inputs"]) for case in SCALAR_CASES)
    rows = np.zeros((len(SCALAR_CASES), widest))
    lines = ["def kernel(rows, out):"]
    for i, case in enumerate(SCALAR_CASES):
        record = SHEET[case["formula"]]
        rows[i, : len(record.inputs)] = [floats(case)[n] for n in record.inputs]
        arguments = ", ".join(f"rows[{i}, {j}]" for j in range(len(record.inputs)))
        lines.append(f"    out[{i}] = {case['formula']}({arguments})")
    exec("\n".join(lines), names)
    out = np.empty(len(SCALAR_CASES))
    numba.njit(error_model="numpy")(names["kernel"])(rows, out)
    return out


FACES = [array, data_array, zero_width_interval, symbol, compiled]
