"""What holds for every metric of the registry: a new one is held against it without being named here."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
import xarray as xr

import dse
from dse import glossary, registry
from dse.errors import InputError
from dse.faces import Interval, bounds, trends
from dse.grid.blocks import Alone
from dse.grid.bounds import Bounds
from dse.grid.evaluate import evaluate_values
from dse.networks import trace
from dse.pareto.regions import regions
from tests.grid.spaces import make, random_space, whole

RECORDS = [r for variants in registry.METRICS.values() for r in variants.values()] + list(registry.IN_PHASE.values())
FACES = [r for r in RECORDS if r.kind == "metric" and r.faces and r.inputs]
# Without what is made by itself of other metrics: tests/metrics/test_interval_ends.py.
NAMES = tuple(n for n in registry.METRICS if registry.metric_record(n).end is None)
# Below zero: what is left of a capacity, and a ratio on a logarithmic scale.
SIGNED = {"memory_free", "sram_free", "flash_free", "sqnr"}


def ids(record):
    return "-".join(filter(None, (record.name, record.variant, record.phase)))


def test_a_name_stands_in_one_table_of_the_glossary():
    tables = [glossary.SHEET, glossary.ARCHITECTURE, glossary.DEPLOYMENT, glossary.SERVING, glossary.HARDWARE]
    assert sum(map(len, tables)) == len(glossary.NAMES)


def arguments(record):
    """What each argument of a metric's function stands for."""
    return dict(zip(inspect.signature(record.function).parameters, record.inputs, strict=True))


def drawn(name, random, size):
    """Values of an argument within its range; those of metrics are positive."""
    base = registry.scoped(name)[1]
    known = glossary.NAMES.get(base)
    values = np.exp(random.normal(size=size))
    if known is None:
        return values
    low, high = max(known.minimum, 1e-30), known.maximum
    values = np.clip(np.ceil(values) if known.integer else values, low, high)
    return np.clip(values, 0, len(known.choices) - 1) if known.choices else values


@pytest.mark.parametrize("record", FACES, ids=ids)
def test_trends_agree_with_sampled_differences(record):
    random = np.random.default_rng(5)
    directions = trends(record.function, positive=True)
    names = arguments(record)
    for argument, stands_for in names.items():
        values = {n: drawn(base, random, 300) for n, base in names.items()}
        moved = {**values, argument: np.maximum(values[argument] * 1.25, drawn(stands_for, random, 300))}
        with np.errstate(all="ignore"):
            before, after = (np.broadcast_to(record.function(**v), 300) for v in (values, moved))
        change = (after - before)[(moved[argument] > values[argument]) & np.isfinite(before) & np.isfinite(after)]
        sign, strict = directions[argument]
        if sign is not None:
            assert np.all(change * sign > 0) if strict else np.all(change * sign >= 0), argument


@pytest.mark.parametrize("record", FACES, ids=ids)
def test_intervals_contain_every_sample(record):
    random = np.random.default_rng(7)
    box, samples = {}, {}
    for argument, stands_for in arguments(record).items():
        low = drawn(stands_for, random, (60, 1))
        high = np.maximum(low, drawn(stands_for, random, (60, 1)))
        box[argument] = Interval(low, high)
        samples[argument] = np.clip(low + random.random((60, 40)) * (high - low), low, high)
    with np.errstate(all="ignore"):
        found, values = bounds(record.function, **box), record.function(**samples)
    assert np.all(found.contains(values) | np.isnan(values))


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", range(9))
def test_bounds_of_boxes_contain_every_design(seed):
    """Of all metrics together, as branch and bound takes them, over boxes of real grids."""
    rng = np.random.default_rng(seed)
    for region in regions(random_space(seed), 10**9):
        space = region.space
        values = evaluate_values(space, NAMES, engine="plain")
        names = [n for n in NAMES if values[n].data.dtype != object and has_bounds(space, n)]
        assert len(names) > 50
        found = Bounds(Alone(space).program(space, names), names)
        level = tuple(int(rng.integers(0, k + 1)) for k in found.root)
        shape = [-(-n // 2**k) for k, n in zip(level, found.sizes, strict=True)]
        boxes = np.indices(shape, dtype=np.int32).reshape(len(shape), -1)
        view = found.over(level, boxes)
        for name in names:
            low, high = (np.broadcast_to(f(name), boxes.shape[1]) for f in (view.low, view.high))
            full = whole(space, values[name])
            for i, box in enumerate(boxes.T.tolist()):
                own = full[tuple(slice(b << k, (b + 1) << k) for b, k in zip(box, level, strict=True))]
                own = own[~np.isnan(own)]
                assert not own.size or low[i] <= own.min() <= own.max() <= high[i], name


def has_bounds(space, name):
    """Whether the metric depends on no function that declares that it has none."""
    try:
        Bounds(Alone(space).program(space, [name]), [name])
    except InputError:
        return False
    return True


DOMAIN = {
    "vision": ("mobilenet_v2", {"width": [0.35, 1.0], "resolution": [96, 224], "batch": [1, 8]}),
    "prefill": ("llama-2-7b", {"phase": "prefill", "context": [1, 2048], "batch": [1, 8]}),
    "decode": ("llama-2-7b", {"phase": "decode", "context": [1, 2048], "batch": [1, 8]}),
    "request": (
        "llama-2-7b",
        {"phase": "request", "prompt_tokens": [1, 100], "output_tokens": [1, 50], "batch": [1, 8]},
    ),
    "train": ("llama-2-7b", {"phase": "train", "context": [128, 512], "batch": [1, 8]}),
    "mixture": ("mixtral-8x7b", {"phase": "decode", "context": [128], "batch": [1, 64]}),
}
CASES = [(name, model) for name in DOMAIN for model in ("roofline", "per_op")]


@pytest.fixture(scope="module", params=CASES, ids=lambda c: "-".join(c))
def everything(request):
    """Every metric, on devices of every class."""
    case, model = request.param
    network, axes = DOMAIN[case]
    devices = ["a100-sxm-80gb", "rtx-4090", "cheatsheet-example"] + (["stm32u575"] if case == "vision" else [])
    return case, dse.evaluate(
        network,
        device=devices,
        precision=["fp16", "int8", "w4a16"],
        latency_model=model,
        utilization=[0.2, 1.0],
        **axes,
    )


def test_values_are_finite_and_not_negative(everything):
    _, found = everything
    assert set(found.data_vars) >= set(NAMES)
    for name in NAMES:
        values = found[name].values
        assert not np.isinf(values).any(), name
        assert name in SIGNED or not (values < 0).any(), name


def test_what_has_a_meaning_in_a_phase_has_a_value_and_all_else_a_reason(everything):
    case, found = everything
    full = found.sel(device="a100-sxm-80gb", precision="fp16")
    phase = {"vision": None, "mixture": "decode"}.get(case, case)
    for name in NAMES:
        record, missing = registry.metric_record(name), full[name].isnull()
        domain = (record.domain or "").split()
        if missing.all():
            assert "reason" in full[name].attrs or record.kind == "table" or not domain or phase not in domain, name
        if domain and domain != ["language"] and phase not in domain:
            assert missing.all() and full[name].attrs["reason"], name
        if not domain and record.kind == "count":
            assert not missing.any() or "reason" in full[name].attrs, name


def same(a, b):
    np.testing.assert_allclose(*(v.values for v in xr.broadcast(a, b)), rtol=1e-12, equal_nan=True)


def test_relations(everything):
    """Energy is power times time, parts sum to totals, and the latency is above both of its bounds."""
    case, found = everything
    same(found.energy, found.total_power * found.latency / found.batch)
    same(found.energy_wh * 3600, found.energy)
    same(found.memory_time, found.weight_time + found.activation_time)
    kept = found.weight_bytes * found.weights_moved + found.activation_bytes * found.activations_moved
    same(found.bytes_moved, kept)
    same(found.flops, 2 * found.macs)
    lowest = np.maximum(found.compute_time, found.memory_time)
    if case != "request":
        assert bool((found.latency >= lowest * (1 - 1e-12)).where(found.latency.notnull(), True).all())
    else:
        same(found.request_latency, found.time_to_first_token + (found.output_tokens - 1) * found.time_per_token)
        assert bool((found.latency >= found.time_to_first_token).where(found.latency.notnull(), True).all())
    if case == "train":
        # Without adapters all that a step holds is weights, or lives.
        same(found.memory, found.model_size + found.live_bytes)
    else:
        same(found.memory, found.model_size + found.kv_cache + found.peak_activation_memory)
        same(found.live_bytes, found.peak_sram + found.kv_cache)
    same(found.throughput * found.latency, found.batch.where(found.latency.notnull()))
    if case != "vision":
        return
    # Figures of the sheet's own defaults: 400 g/kWh.
    same(found.carbon, found.energy / 3.6e6 * 0.4)


@pytest.mark.parametrize("network", ["llama-2-7b", "mobilenet_v2"])
def test_a_step_of_training_has_no_latency_of_each_op(network):
    """The ops are those of the forward pass: their sum was a third of the time, and told as all of it."""
    axes = {"device": "a100-sxm-80gb", "precision": "fp16", "phase": "train", "latency_model": ["roofline", "per_op"]}
    found = dse.evaluate(network, metrics=["latency", "energy", "macs"], **axes)
    for name in ("latency", "energy"):
        assert found[name].sel(latency_model="roofline") > 0
        assert np.isnan(found[name].sel(latency_model="per_op"))
    alone = dse.evaluate(network, metrics=["latency"], **{**axes, "latency_model": "per_op"}).latency
    assert np.isnan(alone) and alone.attrs["reason"] == "undefined in the phase train with the model 'per_op'"


# How metrics follow the batch on one device. Counts and what is looked up are of one sample; of all others each is told
# here. In neither: sums of a part that grows with the batch and one that does not, ratios and thresholds of these.
_INDEPENDENT = """
cache_of_sequence sequence_activations common_activations sequence_memory fixed_memory max_batch pipeline_fill
tensor_time expert_time pipeline_time gradient_time communication_time power total_power crossings flops
executed_flops weight_bytes weights_moved activations_moved weight_time peak_performance ridge_point
model_size flash flash_total sharing_devices cache_copies passes_on_device total_devices device_params
device_weights stored_bits score_traffic repeated_cache_traffic tokens_per_pass draft_size adapter_params
trained_params
"""
_PROPORTIONAL = """
compute_time activation_bytes activation_time activation_memory peak_activation_memory peak_sram kv_cache
live_bytes
"""
_NEITHER = """
energy system_energy energy_wh operation_energy carbon amortised_carbon total_carbon electricity_cost
ops_per_watt ops_per_wh inferences_per_second_per_watt device_cost area dram_bytes sram_bytes memory_time
latency throughput throughput_per_device bytes_moved achieved_ops_per_second arithmetic_intensity compute_bound
latency_low latency_high memory memory_free sram_free flash_free prompt_passes passes_per_request generating_sequences
scalability_ratio parallel_efficiency communication_overhead time_to_first_token time_per_token
request_latency tokens_per_second token_throughput token_throughput_per_device tokens_per_second_per_watt
energy_per_token energy_per_million_tokens carbon_per_million_tokens total_carbon_per_million_tokens
cost_per_million_tokens
"""
INDEPENDENT, PROPORTIONAL, NEITHER = (names.split() for names in (_INDEPENDENT, _PROPORTIONAL, _NEITHER))


def test_every_metric_is_told_how_it_follows_the_batch():
    told = [*INDEPENDENT, *PROPORTIONAL, *NEITHER]
    assert sorted(told) == sorted(n for n in NAMES if registry.metric_record(n).kind == "metric")


def test_linear_in_the_batch():
    """Bit for bit where the batch is a power of two."""
    seen = set()
    alone = [n for n in NAMES if registry.metric_record(n).kind != "metric"] + INDEPENDENT
    for network, axes in (DOMAIN["vision"], DOMAIN["prefill"], DOMAIN["decode"]):
        found = dse.evaluate(network, device="a100-sxm-80gb", precision="int8", **{**axes, "batch": [1, 2, 64]})
        for name in alone:
            assert "batch" not in found[name].dims or found[name].isnull().all(), name
        for name in PROPORTIONAL:
            values = found[name]
            for factor in (2, 64):
                assert (values.sel(batch=factor) == factor * values.sel(batch=1)).all(), name
        seen |= {name for name in (*INDEPENDENT, *PROPORTIONAL) if found[name].notnull().all()}
    assert seen == {*INDEPENDENT, *PROPORTIONAL}


def test_counts_beyond_2_to_the_53_are_told_and_not_rounded():
    shape = {"layers": 1, "d_model": 2.0**20, "d_head": 64, "heads": 2, "ffn": 1, "vocab": 2.0**30}
    exact = trace("decoder", {**shape, "vocab": 2.0**32, "tied": 1}).params("weights")
    assert exact < 2**53 and exact == int(exact)
    for more in ({"vocab": 2.0**34}, {"layers": 2.0**40}, {"ffn": 2.0**40}):
        with pytest.raises(InputError, match=r"beyond 2\^53: it would no longer be exact"):
            trace("decoder", {**shape, **more}).params()
        with pytest.raises(InputError, match=r"beyond 2\^53"):
            dse.evaluate("decoder", device="a100-sxm-80gb", precision="int8", **{**shape, **more})
    # Among others they are undefined, in compiled code too.
    several = make("decoder", device="a100-sxm-80gb", **{**shape, "layers": [1, 2.0**40]})
    found = evaluate_values(several, ["params", "memory"], engine="fused")
    assert [np.isnan(values.data).tolist() for values in found.values()] == [[False, True]] * 2
    with pytest.raises(InputError, match=r"beyond 2\^53"):
        trace("decoder", {**shape, "layers": 2.0**54})


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_threads_make_no_difference(threads):
    space = random_space(1, batch=[1, 2, 13, 100], device=["rtx-4090", "a100-sxm-80gb"])
    one, several = (evaluate_values(space, ["latency", "energy"], engine="fused", threads=n) for n in (1, threads))
    for name in one:
        np.testing.assert_array_equal(one[name].data, several[name].data)
    assert math.prod(space.sizes.values()) > 8


@pytest.mark.parametrize(("intensity", "bound"), [(200.0, 1.0), (156.0, 1.0), (1.0, 0.0), (math.inf, 1.0)])
def test_the_regime_is_undefined_where_the_intensity_or_the_ridge_is(intensity, bound):
    (record,) = (r for r in RECORDS if r.name == "compute_bound")
    assert record.function(intensity, 156.0) == bound
    assert math.isnan(record.function(math.nan, 156.0)) and math.isnan(record.function(intensity, math.nan))
