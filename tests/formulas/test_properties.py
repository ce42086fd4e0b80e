"""What must hold for all arguments, not only for those of the reference cases."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dse import formulas

counts = st.integers(1, 10**4).map(float)
positive = st.floats(1e-6, 1e12)
widths = st.floats(0.5, 64)


@given(counts, counts, counts, counts, counts, widths, st.integers(2, 100))
def test_cache_is_linear_in_the_context(batch, layers, kv_heads, d_head, tokens, bits, factor):
    one = formulas.kv_cache(batch, layers, kv_heads, d_head, tokens, bits)
    many = formulas.kv_cache(batch, layers, kv_heads, d_head, tokens * factor, bits)
    np.testing.assert_allclose(many, factor * one, rtol=1e-15)


@given(positive, positive)
def test_roofline_is_not_below_either_bound(compute_time, memory_time):
    latency = formulas.roofline_latency(compute_time, memory_time)
    assert latency >= compute_time and latency >= memory_time
    assert latency in (compute_time, memory_time)


@given(positive, positive, positive, positive)
def test_roofline_and_compute_bound_agree(ops, bytes_moved, peak_ops, bandwidth):
    compute = formulas.compute_time(ops, peak_ops)
    memory = formulas.weight_time(bytes_moved, bandwidth)
    intensity = formulas.arithmetic_intensity(ops, bytes_moved)
    if abs(compute - memory) > 1e-12 * memory:
        assert formulas.compute_bound(intensity, formulas.ridge_point(peak_ops, bandwidth)) == (compute > memory)
    attained = formulas.attainable_ops(intensity, peak_ops, bandwidth)
    np.testing.assert_allclose(ops / attained, formulas.roofline_latency(compute, memory), rtol=1e-13)


@given(counts, widths, widths)
def test_more_bits_are_never_smaller(params, one, other):
    low, high = sorted((one, other))
    assert formulas.model_size(params, low) <= formulas.model_size(params, high)
    assert formulas.size_reduction(low) >= formulas.size_reduction(high)


@given(counts, counts, st.integers(1, 300), st.integers(1, 300), st.integers(1, 8), st.integers(1, 11))
def test_winograd_never_computes_less_than_its_reduction_says(c_in, c_out, h_out, w_out, tile, kernel):
    direct = formulas.conv2d_macs(c_in, c_out, kernel, kernel, h_out, w_out, 1)
    least = direct / formulas.winograd_reduction(tile, kernel)
    found = formulas.winograd_macs(c_in, c_out, h_out, w_out, tile, kernel)
    assert found >= least * (1 - 1e-12)
    if h_out % tile == 0 and w_out % tile == 0:
        np.testing.assert_allclose(found, least, rtol=1e-12)


@given(positive, positive, positive, positive)
def test_every_byte_is_served_once(model_size, activation_bytes, live_bytes, sram):
    arguments = (model_size, activation_bytes, live_bytes, sram)
    total = formulas.dram_bytes(*arguments) + formulas.sram_bytes(*arguments)
    np.testing.assert_allclose(total, model_size + activation_bytes, rtol=1e-15)


@given(st.floats(1, 1e12), st.integers(1, 64), positive, positive)
def test_attention_forms_meet_at_the_head_dimension(tokens, heads, flops, seconds):
    """Softmax attention over as many tokens as the head has dimensions costs what linear attention does."""
    assert formulas.softmax_attention_macs(tokens, 64, heads, 64) == formulas.linear_attention_macs(tokens, heads, 64)
    np.testing.assert_allclose(formulas.achieved_ops_per_second(flops, seconds) * seconds, flops, rtol=1e-15)


@given(positive, positive)
def test_conversions_agree_with_the_formulas(energy_wh, carbon_intensity):
    grams = formulas.kwh_to_co2e(formulas.wh_to_kwh(energy_wh), carbon_intensity)
    np.testing.assert_allclose(grams / 1000, formulas.carbon(energy_wh, carbon_intensity), rtol=1e-15)
    cost = formulas.kwh_to_cost(formulas.wh_to_kwh(energy_wh), 0.2)
    assert cost == formulas.electricity_cost(energy_wh, 0.2)
