"""One design op by op: the parts add up to the metrics of the whole, which are computed by other code."""

from __future__ import annotations

import numpy as np
import pytest

from dse.api import design_space
from dse.errors import InputError
from dse.grid.evaluate import evaluate_values
from dse.grid.profile import memory, one_pass, ops, pass_text

CASES = {
    "image": ("mobilenet_v2", "stm32h743", "int8", {"width": 0.35, "resolution": 96}),
    "batch": ("resnet50", "a100-sxm-80gb", "fp16", {"batch": 8, "bandwidth_efficiency": 0.8}),
    "token": ("llama-2-7b", "a100-sxm-80gb", "w4a16", {"phase": "decode", "context": 1024, "batch": 4}),
    "prompt": ("llama-2-7b", "a100-sxm-80gb", "fp16", {"phase": "prefill", "context": 512}),
    "on chip": ("mobilenet_v2", "stm32h743", "int8", {"width": 0.35, "resolution": 96, "on_chip_reuse": 1}),
    "on eight devices": (
        "llama-3.1-8b",
        "h100-sxm",
        "fp16",
        {"phase": "decode", "context": 1024, "tensor_parallel": 8},
    ),
    "in a pipeline": (
        "mixtral-8x7b",
        "h100-sxm",
        "fp16",
        {
            "phase": "prefill",
            "context": 512,
            "batch": 4,
            "pipeline_parallel": 2,
            "micro_batches": 2,
            "expert_parallel": 2,
        },
    ),
    "in patches": ("mobilenet_v2", "stm32h743", "int8", {"patches": 3, "resolution": 144}),
}


def space_of(network, device, precision, axes):
    return design_space(network, device, precision, None, "trainable", axes)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_ops_add_up_to_the_metrics(case):
    network, device, precision, axes = case
    found, space = ops(space_of(*case)), space_of(network, device, precision, {**axes, "latency_model": "per_op"})
    whole = evaluate_values(space, ["latency", "communication_time", "bytes_moved", "operation_energy", "macs"])
    time = float(found["time"].sum()) + float(found["communication_time"])
    np.testing.assert_allclose(time, float(whole["latency"].data), rtol=1e-12)
    batch = axes.get("batch", 1)
    for name, metric, factor in (
        ("bytes", "bytes_moved", 1),
        ("energy", "operation_energy", batch),
        ("macs", "macs", batch),
    ):
        np.testing.assert_allclose(float(found[name].sum()), factor * float(whole[metric].data), rtol=1e-12)


def test_rates_of_each_device_are_under_its_roof():
    found = ops(space_of(*CASES["on eight devices"]))
    assert float(found["devices"]) == 8 and float(found["communication_time"]) > 0
    found = found.isel(op=found["macs"].values > 0)
    roof = np.minimum(float(found["peak_ops"]), float(found["bandwidth"]) * found["intensity"].values)
    assert 0.99 < (found["rate"].values / roof).max() <= 1 + 1e-12


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"phase": "train", "context": 512, "tensor_parallel": 2}, "training on several devices"),
        ({"phase": "decode", "context": 512, "tensor_parallel": 7}, "cannot be divided"),
    ],
)
def test_what_cannot_be_told_by_op_is_refused(axes, message):
    with pytest.raises(InputError, match=message):
        ops(space_of("llama-3.1-8b", "h100-sxm", "fp16", axes))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_timeline_reaches_the_peak(case):
    space = space_of(*case)
    assert float(memory(space).live.max()) == float(evaluate_values(space, ["peak_sram"])["peak_sram"].data)


def test_the_published_peak_of_mobilenet_v2():
    # Lin et al., "MCUNetV2", NeurIPS 2021, figure 1: 1372 kB (KiB) at 224 pixels, by this in-place rule.
    live = memory(space_of("mobilenet_v2", "stm32h743", "int8", {}))
    assert float(live.live.max()) / 1024 == pytest.approx(1372, abs=0.5)
    assert str(live.name.values[int(live.live.values.argmax())]) == "stage2.first.expand"


def test_repeated_blocks_are_unrolled():
    # Embedding, 32 times the 13 ops of a layer, norm and head.
    assert memory(space_of(*CASES["token"])).sizes["step"] == 1 + 32 * 13 + 2


def test_of_a_request_one_token_at_the_mean_context_is_shown():
    axes = {"phase": "request", "prompt_tokens": 500, "output_tokens": 101}
    space = space_of("llama-2-7b", "a100-sxm-80gb", "fp16", axes)
    assert pass_text(space) == "one generated token at the mean context"
    assert one_pass(space).axes["context"].values == (550.0,)
    same = ops(space_of("llama-2-7b", "a100-sxm-80gb", "fp16", {"phase": "decode", "context": 550}))
    np.testing.assert_array_equal(ops(space).time, same.time)
