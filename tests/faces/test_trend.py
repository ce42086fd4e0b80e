"""The trend face is never wrong: against known directions, and against samples of every formula."""

from __future__ import annotations

import numpy as np
import pytest

from dse import formulas, glossary
from dse.errors import InputError
from dse.faces import Direction, trends
from tests.formulas.cases import SHEET

RISES, FALLS, UNKNOWN, NONE = Direction(1, True), Direction(-1, True), Direction(None, False), Direction(0, False)
LOOSELY_RISES, LOOSELY_FALLS = Direction(1, False), Direction(-1, False)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda a, b: a + b, (RISES, RISES)),
        (lambda a, b: a - b, (RISES, FALLS)),
        (lambda a, b: a * b, (RISES, RISES)),
        (lambda a, b: a / b, (RISES, FALLS)),
        (lambda a, b: 1 / (1 / a + 1 / b), (RISES, RISES)),
        (lambda a, b: np.maximum(a, b), (LOOSELY_RISES, LOOSELY_RISES)),
        (lambda a, b: np.maximum(a, 2 * a), (RISES, NONE)),
        (lambda a, b: np.minimum(a, -b), (NONE, FALLS)),
        (lambda a, b: np.maximum(a, -b), (RISES, NONE)),
        (lambda a, b: np.ceil(a) * b, (LOOSELY_RISES, RISES)),
        (lambda a, b: np.floor(a) * b, (LOOSELY_RISES, LOOSELY_RISES)),
        (lambda a, b: np.sqrt(a) * np.exp(-b), (RISES, FALLS)),
        (lambda a, b: np.log10(a / b), (RISES, FALLS)),
        (lambda a, b: np.greater_equal(a, b) * 1.0, (LOOSELY_RISES, LOOSELY_FALLS)),
        (lambda a, b: a**2 - b**3, (RISES, FALLS)),
        (lambda a, b: (-a) ** 2 + (-b) ** 3, (RISES, FALLS)),
        (lambda a, b: a**-1 * (-b) ** -1, (RISES, RISES)),
        (lambda a, b: 2.0**a * 0.5**b, (RISES, FALLS)),
        (lambda a, b: (1 + a) ** b, (RISES, LOOSELY_RISES)),
        (lambda a, b: (2 + a) ** b, (RISES, RISES)),
        (lambda a, b: a**b, (RISES, UNKNOWN)),
        (lambda a, b: (a - b) ** 2, (UNKNOWN, UNKNOWN)),
        (lambda a, b: (a - b) ** 3, (RISES, FALLS)),
        (lambda a, b: 1 / (a - b), (UNKNOWN, UNKNOWN)),
        (lambda a, b: (a - b) * b, (RISES, UNKNOWN)),
        (lambda a, b: abs(-a) + 0 * b, (RISES, LOOSELY_RISES)),
        (lambda a, b: a / (a + b), (UNKNOWN, FALLS)),
        (lambda a, b: 5.0, (NONE, NONE)),
    ],
)
def test_direction(function, expected):
    found = trends(function, positive=True)
    assert (found["a"], found["b"]) == expected


def test_zero_takes_the_strictness():
    def product(a, b):
        return a * b

    assert trends(product)["a"] == LOOSELY_RISES
    assert trends(product, b=(1, 5))["a"] == RISES
    assert trends(product, b=(-5, -1))["a"] == FALLS
    assert trends(product, b=(-5, 1))["a"] == UNKNOWN
    assert trends(product, b=3)["a"] == RISES


def test_ranges_come_from_the_glossary():
    assert trends(formulas.pruned_params)["params"] == LOOSELY_RISES  # sparsity is at most 1
    assert trends(formulas.kv_cache, tokens=(1, 1e6), bits=(2, 16))["batch"] == RISES  # counts are at least 1
    assert trends(formulas.all_reduce_time)["link_bandwidth"] == LOOSELY_FALLS  # one device or more
    assert trends(formulas.total_power, positive=True) == {"power_draw": RISES, "pue": RISES}


def test_nested_calls():
    def latency(ops, peak_ops, model_size, bandwidth):
        memory = formulas.weight_time(model_size, bandwidth)
        return formulas.roofline_latency(formulas.compute_time(ops, peak_ops), memory)

    assert trends(latency, positive=True) == {
        "ops": LOOSELY_RISES,
        "peak_ops": LOOSELY_FALLS,
        "model_size": LOOSELY_RISES,
        "bandwidth": LOOSELY_FALLS,
    }


def test_wrong_input():
    with pytest.raises(InputError, match="unknown argument 'opps'; did you mean 'ops'"):
        trends(formulas.compute_time, opps=(1, 2))
    with pytest.raises(InputError, match="low at most high"):
        trends(formulas.compute_time, ops=(2, 1))


@pytest.mark.parametrize("name", [n for n, r in SHEET.items() if r.faces])
def test_formulas_agree_with_sampled_differences(name):
    """One argument moves by a noticeable step, all others stay: the sign must be the one that is claimed."""
    random = np.random.default_rng(23)
    function, names = SHEET[name].function, SHEET[name].inputs
    directions = trends(function, positive=True)
    for argument in names:
        # Values near 1, so that no term of a sum drowns the others.
        drawn = {n: within(n, np.exp(random.normal(size=400))) for n in names}
        moved = {**drawn, argument: within(argument, drawn[argument] * 1.25)}
        change = (function(**moved) - function(**drawn))[moved[argument] > drawn[argument]]
        assert change.size > 100
        sign, strict = directions[argument]
        if sign is not None:
            assert np.all(change * sign > 0) if strict else np.all(change * sign >= 0)


def within(name, values):
    known = glossary.NAMES[name]
    return np.clip(values, max(known.minimum, 1e-30), known.maximum)


def test_sheet_is_decided_but_for_known_cases():
    """Where nothing is known, branch and bound cannot collapse an axis: these, and no others."""
    undecided = {
        (name, argument)
        for name, record in SHEET.items()
        if record.faces
        for argument, direction in trends(record.function, positive=True).items()
        if direction.sign is None
    }
    # The error grows on both sides of the middle of the experiments; bounds are tables before a search begins.
    of_loss = {(name, of) for name in ("refit_error", "lowest_loss", "highest_loss") for of in ("params", "tokens")}
    assert undecided - of_loss == {
        ("communication_overhead", "transfer_time"),
        ("expected_tokens", "acceptance"),
        ("paged_tokens", "page_tokens"),
        ("sram_bytes", "model_size"),
        ("winograd_macs", "tile"),
        ("winograd_reduction", "kernel"),
        ("winograd_reduction", "tile"),
    }
