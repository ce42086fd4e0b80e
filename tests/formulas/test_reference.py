"""Every formula against published values and products by hand, and every face against the plain number."""

from __future__ import annotations

import numpy as np
import pytest

from dse import formulas
from tests.formulas.cases import CASES, FACES, INEXACT, SCALAR_CASES, SHEET, compiled_formulas, floats, number


def name_of(case):
    return case["formula"]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_reference_value(case):
    np.testing.assert_allclose(number(case), case["value"], rtol=case["rtol"], atol=0)


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.__name__)
@pytest.mark.parametrize("case", SCALAR_CASES, ids=name_of)
def test_faces_agree(case, face):
    expected = float(SHEET[case["formula"]].function(**floats(case)))
    if case["formula"] in INEXACT:
        np.testing.assert_array_almost_equal_nulp(face(case), expected, nulp=4)
    else:
        assert face(case) == expected


def test_vit_b_16_adds_up_to_its_published_macs():
    """conv2d_macs, linear_macs and softmax_attention_macs together: 17,563,828,224 (recount of torchvision)."""
    linear = 197 * (4 * formulas.linear_macs(768, 768) + 2 * formulas.linear_macs(768, 3072))
    block = linear + formulas.softmax_attention_macs(197, 197, 12, 64)
    patches = formulas.conv2d_macs(3, 768, 16, 16, 14, 14, 1)
    assert patches + 12 * block + formulas.linear_macs(768, 1000) == 17_563_828_224


def test_ops_per_wh_is_3600_times_ops_per_watt():
    ops, seconds, power = 8e9, 0.002, 250.0
    per_wh = formulas.ops_per_wh(ops, formulas.energy_per_inference_wh(power, seconds))
    per_watt = formulas.ops_per_watt(formulas.achieved_ops_per_second(ops, seconds), power)
    np.testing.assert_allclose(per_wh, 3600 * per_watt, rtol=1e-15)


def memory_bound_latency(batch, layers, kv_heads, d_head, context, kv_bits, model_size, bandwidth):
    """A metric as the project writes them: sheet functions by attribute of the package."""
    cache = formulas.kv_cache(batch, layers, kv_heads, d_head, context, kv_bits)
    return formulas.memory_time(formulas.weight_time(model_size, bandwidth), formulas.activation_time(cache, bandwidth))


def test_calls_through_the_package_compile():
    import numba
    from numba.extending import register_jitable

    compiled_formulas()
    kernel = numba.njit(error_model="numpy")(register_jitable(memory_bound_latency))
    arguments = (1.0, 32.0, 8.0, 128.0, 8192.0, 16.0, 16e9, 900e9)
    assert kernel(*arguments) == memory_bound_latency(*arguments)
