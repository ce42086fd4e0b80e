"""What every formula of the sheet must have: a case, a source, an example, glossary names, and the unit it declares."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
import textwrap

import numpy as np
import pint
import pytest

from dse import formulas, glossary, units
from tests.formulas.cases import CASES, SCALAR_CASES, SHEET

ALLOWED = {"maximum", "minimum", "ceil", "floor", "sqrt", "log10", "exp", "greater_equal"}
CHAPTERS = [f"dse.formulas.{found.name}" for found in pkgutil.iter_modules(formulas.__path__)]
FACE_NAMES = [name for name, record in SHEET.items() if record.faces]


def quantities() -> pint.UnitRegistry:
    """Information, time, energy, mass, currency and area are dimensions; operations, tokens and counts are not."""
    registry = pint.UnitRegistry(None)
    for definition in (
        "kilo- = 1e3 = k-",
        "byte = [information] = B",
        "bit = byte / 8",
        "second = [time] = s",
        "hour = 3600 * second = h",
        "joule = [energy] = J",
        "watt = joule / second = W",
        "watt_hour = watt * hour = Wh",
        "gram = [mass] = g",
        "USD = [currency]",
        "mm2 = [area]",
        "FLOP = []",
        "MAC = 2 * FLOP",
        "OP = []",
        "token = []",
        "dB = []",
    ):
        registry.define(definition)
    return registry


UREG = quantities()


def test_every_formula_has_a_case_with_a_source():
    assert {case["formula"] for case in CASES} == set(SHEET)
    assert all(case["source"].strip() for case in CASES)


@pytest.mark.parametrize("name", SHEET)
def test_docstring(name):
    text = inspect.getdoc(SHEET[name].function)
    summary, _, rest = text.partition("\n")
    assert summary.endswith(".") and len(summary) <= 120
    assert "References\n----------\n.. [1] " in rest, "no source"
    assert ">>> " in rest, "no example"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_examples_run(chapter):
    result = doctest.testmod(importlib.import_module(chapter))
    assert result.failed == 0 and result.attempted > 0


@pytest.mark.parametrize("name", FACE_NAMES)
def test_plain_function(name):
    """Operators, allowed ufuncs and other formulas only: no defaults, branches or loops."""
    function = SHEET[name].function
    assert function.__defaults__ is None and function.__kwdefaults__ is None
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    banned = (ast.If, ast.IfExp, ast.For, ast.While, ast.Compare, ast.BoolOp, ast.Try, ast.Lambda)
    assert not [node for node in ast.walk(tree) if isinstance(node, banned)]
    for call in [node for node in ast.walk(tree.body[0]) if isinstance(node, ast.Call)]:
        called = ast.unparse(call.func)
        assert called in SHEET or called.removeprefix("np.") in ALLOWED or called == "formula", called


@pytest.mark.parametrize("name", FACE_NAMES)
def test_arguments_are_glossary_names(name):
    assert all(argument in glossary.NAMES for argument in SHEET[name].inputs)


@pytest.mark.parametrize("case", SCALAR_CASES, ids=lambda case: case["formula"])
def test_declared_unit(case):
    record = SHEET[case["formula"]]
    given = {
        name: float(value) if name in record.plain else UREG.Quantity(float(value), unit_of(glossary.NAMES[name].unit))
        for name, value in case["inputs"].items()
    }
    result = UREG.Quantity(record.function(**given))
    assert result.dimensionality == UREG.parse_units(unit_of(record.unit)).dimensionality


def unit_of(text: str) -> str:
    units.parse_unit(text)
    return text.replace("1/", "dimensionless/") if text != "1" else "dimensionless"


def test_a_wrong_unit_is_noticed():
    time, size = UREG.Quantity(1.0, "s"), UREG.Quantity(1.0, "B")
    with pytest.raises(pint.DimensionalityError):
        formulas.memory_time(time, size)
    assert (size / time).dimensionality != UREG.parse_units("FLOP/s").dimensionality


def test_package_is_a_mapping_with_attributes():
    assert formulas["kv_cache"] is formulas.kv_cache is formulas.memory.kv_cache
    assert set(SHEET) <= set(formulas) == set(formulas.names())
    assert "kv_cache" in dir(formulas) and "kv_cache" in formulas
    with pytest.raises(AttributeError, match="did you mean 'kv_cache'"):
        formulas.kv_cach  # noqa: B018


def test_import_is_light():
    code = "import sys, dse.formulas, dse.faces; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numba", "xarray", "scipy", "pandas"} & set(loaded)


@pytest.mark.parametrize("name", FACE_NAMES)
def test_integers_give_the_same_as_floats(name):
    """Counts given as whole numbers, Python's or arrays of them, are not divided or raised as integers."""
    for case in (c for c in SCALAR_CASES if c["formula"] == name):
        function, inputs = SHEET[name].function, case["inputs"]
        whole = {n: np.array([int(v)]) if float(v).is_integer() and abs(v) < 2**31 else v for n, v in inputs.items()}
        expected = function(**{n: float(v) for n, v in inputs.items()})
        np.testing.assert_allclose(function(**whole), expected, rtol=1e-15)
