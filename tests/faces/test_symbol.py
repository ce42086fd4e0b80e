"""The symbolic face: readable, true to the order of operations, strict about what a formula may do."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from dse import formulas
from dse.errors import InputError
from dse.faces import Symbol, equation, expression, latex
from tests.formulas.cases import SCALAR_CASES, SHEET, floats

FACE_NAMES = [name for name, record in SHEET.items() if record.faces]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("kv_cache", "batch · layers · kv_heads · d_head · tokens · 2 · bits / 8"),
        ("flops", "2 · macs"),
        ("roofline_latency", "max(compute_time, memory_time)"),
        ("vit_tokens", "⌊height / patch⌋ · ⌊width / patch⌋"),
        ("depthwise_separable_reduction", "1 / (1 / c_out + 1 / k²)"),
        ("winograd_reduction", "tile² · kernel² / (tile + kernel − 1)²"),
        ("pruned_params", "params · (1 − sparsity)"),
        ("compute_bound", "[intensity ≥ ridge_point]"),
        ("uniform_quantization_mse", "4^(−bits) / levels · clip² · inside + excess"),
        ("sqnr_db", "10 · log10(variance / mse)"),
        ("tera_to_unit", "value · 1e12"),
    ],
)
def test_text(name, text):
    assert equation(SHEET[name].function) == text


def test_nested_calls_are_one_equation():
    def request_energy(tdp, utilization, pue, ops, peak_ops):
        power = formulas.total_power(formulas.power_draw(tdp, utilization), pue)
        return formulas.energy_per_inference(power, formulas.compute_time(ops, peak_ops))

    assert equation(request_energy) == "tdp · utilization · pue · ops / peak_ops"
    assert latex(request_energy) == r"\mathrm{TDP} \, U \, \mathrm{PUE} \, \frac{\mathrm{OP}}{P}"


def test_values_are_put_in():
    given = {"batch": 1, "layers": 32, "kv_heads": 8, "d_head": 128, "tokens": 8192, "bits": 16}
    assert equation(formulas.kv_cache, given) == "1 · 32 · 8 · 128 · 8192 · 2 · 16 / 8 = 1073741824"
    assert equation(formulas.kv_cache, {"bits": 16}).endswith("d_head · tokens · 2 · 16 / 8")
    assert equation(lambda a, b: (a - b) ** 2, {"a": -3, "b": -2.5}) == "(−3 − (−2.5))² = 0.25"
    with pytest.raises(InputError, match="unknown argument 'token'; did you mean 'tokens'"):
        equation(formulas.kv_cache, {"token": 1})


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda a, b, c: a - (b - c), "a − (b − c)"),
        (lambda a, b, c: a - b - c, "a − b − c"),
        (lambda a, b, c: a / (b * c), "a / (b · c)"),
        (lambda a, b, c: a / b / c, "a / b / c"),
        (lambda a, b, c: a * (b / c), "a · b / c"),
        (lambda a, b, c: a + (b + c), "a + b + c"),
        (lambda a, b, c: -((a + b) ** c), "−(a + b)^c"),
        (lambda a, b, c: (-a) ** 2 * b**c, "(−a)² · b^c"),
        (lambda a, b, c: (a**b) ** c, "(a^b)^c"),
        (lambda a, b, c: a * -b + c, "a · (−b) + c"),
        (lambda a, b, c: np.sqrt(a) + abs(b - c), "√(a) + |b − c|"),
        (lambda a, b, c: np.exp(a) * np.minimum(b, 3e-6) * 1.5, "exp(a) · min(b, 3e-06) · 1.5"),
        (lambda a, b, c: 7, "7"),
    ],
)
def test_parentheses(function, text):
    assert equation(function) == text


@given(st.data())
def test_text_means_what_is_computed(data):
    """Random expressions: the text, read back by an independent parser, has the value of the expression."""
    leaves = st.sampled_from("abc").map(Symbol.named) | st.integers(2, 9)
    trees = st.recursive(leaves, lambda t: st.tuples(st.sampled_from("+-*/"), t, t).map(combined), max_leaves=8)
    tree = data.draw(trees)
    values = {"a": 3.25, "b": 0.75, "c": 11.5}
    text = str(tree).replace("·", "*").replace("−", "-")
    if isinstance(tree, Symbol):
        assert float(sympy.sympify(text).evalf(subs=values)) == pytest.approx(tree.evaluate(values), rel=1e-9, abs=1e-9)


def combined(parts):
    sign, one, other = parts
    if sign == "-":
        return one - other
    if sign == "/":
        return one / (other * other + 1)
    return one + other if sign == "+" else one * other


@pytest.mark.parametrize("name", FACE_NAMES)
def test_every_formula_prints(name):
    text, tex = equation(SHEET[name].function), latex(SHEET[name].function)
    assert all(argument in text for argument in SHEET[name].inputs)
    assert tex.count("{") == tex.count("}") and "dse" not in text


@pytest.mark.parametrize("case", SCALAR_CASES, ids=lambda case: case["formula"])
def test_values_give_the_reference(case):
    _, _, result = equation(SHEET[case["formula"]].function, floats(case)).rpartition(" = ")
    assert float(result.replace("−", "-")) == pytest.approx(case["value"], rel=max(float(case["rtol"]), 1e-9))


def test_symbols_are_distinct_within_a_formula():
    for name in FACE_NAMES:
        tex = [Symbol.named(argument).latex() for argument in SHEET[name].inputs]
        assert len(set(tex)) == len(tex), name


def test_what_a_formula_may_not_do():
    with pytest.raises(TypeError, match="branch"):
        expression(lambda a, b: a if a else b)
    with pytest.raises(TypeError):
        expression(lambda a, b: a > b)
    with pytest.raises(TypeError, match="=="):
        expression(lambda a, b: a == b)
    with pytest.raises(TypeError):
        expression(lambda a: np.sin(a))
