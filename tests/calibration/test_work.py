"""Work by kind, against products by hand."""

from __future__ import annotations

import pytest

import dse

KINDS = ("layer_macs", "product_macs", "depthwise_macs", "window_traffic", "depthwise_traffic", "streamed_traffic",
         "rearranged_traffic", "kernel_launches")  # fmt: skip


@pytest.mark.parametrize(
    ("network", "axes", "expected"),
    [
        # 20 x 10 weights: 10 elements in, 20 out, and a pass over the 20 that reads and writes them.
        (
            "matrix_product",
            {"features_in": 10, "hidden": 20},
            {"layer_macs": 200, "window_traffic": 10, "streamed_traffic": 70, "kernel_launches": 2},
        ),
        # Attention of 12 layers over 197 tokens of 768 features, both products.
        ("vit_base_patch16_224", {}, {"product_macs": 12 * 2 * 197 * 197 * 768}),
        # Four 3 x 3 depthwise convolutions of 64 channels on 25 x 5, then a mean over these.
        (
            "mlperf-tiny-keyword-spotting",
            {},
            {
                "depthwise_macs": 4 * 9 * 64 * 125,
                "depthwise_traffic": 4 * 2 * 64 * 125,
                "rearranged_traffic": 64 * 125 + 64,
            },
        ),
    ],
)
def test_work_by_hand(network, axes, expected):
    found = dse.evaluate(network, metrics=list(KINDS), **axes)
    assert {name: float(found[name]) for name in expected} == expected


@pytest.mark.parametrize("network", ["resnet50", "mobilenet_v2", "swin_t", "llama-3.2-1b"])
def test_all_multiplications_are_of_one_kind(network):
    found = dse.evaluate(network, metrics=["macs", *KINDS])
    kinds = ("layer_macs", "product_macs", "depthwise_macs")
    assert sum(float(found[name]) for name in kinds) == float(found.macs)


def test_energy_and_flash_of_a_measured_engine():
    # STM32L4R5, X-CUBE-AI 9.0 (MLPerf Tiny v1.2): 1820.454 uJ in 43.18722 ms.
    found = dse.evaluate(
        "mlperf-tiny-keyword-spotting", device="stm32l4r5", precision="int8", software="x-cube-ai-9.0/st",
        latency_model="calibrated", metrics=["system_energy", "latency", "flash", "flash_total"],
    )  # fmt: skip
    assert float(found.system_energy) == pytest.approx(1820.454e-6, rel=0.1)
    # TinyEngine's table: 727 kB of flash for MCUNet in1.
    tiny = dse.evaluate(
        "mcunet-in1", device="stm32h743", precision="int8", software="tinyengine/mit-han-lab", metrics=["flash_total"]
    )
    assert float(tiny.flash_total) == pytest.approx(727e3, rel=0.05)
