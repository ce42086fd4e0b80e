"""The shipped calibrations: refitted, held against published figures, and used by the evaluator."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import dse
from dse.calibration import CALIBRATIONS, choose
from dse.calibration.calibrate import fit_groups
from dse.calibration.shipped import fit_all, measurements
from dse.calibration.terms import predicted
from dse.cli.validate_command import _row
from dse.hardware import DEVICES

pytestmark = pytest.mark.xdist_group("validation")


@pytest.fixture(scope="module")
def fitted():
    return fit_all()


@pytest.fixture(scope="module")
def errors(validated):
    return {c.name: c for c in validated[0]}


@pytest.mark.no_cover
def test_every_measured_figure_is_fitted_or_only_predicted_or_has_its_reason(validated):
    accounts = validated[1]
    assert accounts.rows == len(measurements()) == accounts.fitted + accounts.held_out + sum(accounts.unused.values())
    # Networks without a family here, and memory by the needs of an engine on another device.
    assert accounts.held_out == sum(m.use == "hold" for m in measurements()) + 16 == 176
    assert all(m.note for m in measurements() if m.use == "skip")
    assert f"{accounts.rows:,} measured figures: {accounts.fitted} fitted, 176 only predicted" in accounts.told()


def test_the_catalogue_is_what_its_measurements_fit(fitted):
    of_devices, of_classes = fitted
    made = {c.name: c for c in [*(f.calibration for f in of_devices), *of_classes]}
    assert set(made) == set(CALIBRATIONS)
    for name, entry in made.items():
        assert CALIBRATIONS[name].spread == pytest.approx(entry.spread, rel=1e-3), name
        assert dict(CALIBRATIONS[name].constants) == pytest.approx(dict(entry.constants), rel=5e-3), name


# The figures that calibrated predictions of families not fitted are to reach: median and 90th percentile.
@pytest.mark.parametrize(
    ("name", "median", "p90"),
    [
        ("image networks on GPUs", 0.08, 0.22),
        ("image networks on CPUs", 0.10, 0.35),
        ("image networks on GPUs: device not measured", 0.25, 0.55),
        ("image networks on GPUs: only resnet50 measured", 0.12, 0.30),
        ("microcontroller engines (TinyEngine's table)", 0.08, 0.20),
        ("microcontrollers (MLPerf Tiny)", 0.13, 0.40),
        ("energy of microcontrollers, from the measured time", 0.05, 0.17),
        ("energy of microcontrollers, from the predicted time", 0.15, 0.40),
        ("a100-sxm-80gb, torch-profile, fp16", 0.04, 0.13),
        ("LLM static batches (TensorRT-LLM)", 0.06, 0.16),
        ("LLM time to first token (TensorRT-LLM)", 0.11, 0.19),
        ("LLM generation (llama.cpp)", 0.05, 0.20),
    ],
)
def test_errors_on_what_was_left_out(errors, name, median, p90):
    assert errors[name].held_out.median <= median
    assert errors[name].held_out.p90 <= p90


def test_devices_with_one_tuned_engine_share_constants_and_what_is_left_out(fitted):
    engine = [f for f in fitted[0] if f.calibration.software == "tensorrt-llm"]
    assert {f.calibration.device for f in engine} == {"a100-sxm-80gb", "l40s"}
    assert engine[0].calibration.constants == engine[1].calibration.constants
    # A network is predicted from the other one alone, as measured on both.
    others = fit_groups([[m for m in f.rows if m.network == "llama-2-7b"] for f in engine])
    for one, other in zip(engine, others, strict=True):
        new = [m for m in one.rows if m.network == "gpt-j-6b"]
        out = np.log(predicted(new, other.calibration.constants) / [m.seconds for m in new])
        told = [r for m, r in zip(one.rows, one.held_out, strict=True) if m.network == "gpt-j-6b"]
        assert told == pytest.approx(out, abs=1e-6)
    # Of llama.cpp each device has its own.
    alone = [f.calibration.constants["weight_cost"] for f in fitted[0] if f.calibration.software == "llama.cpp"]
    assert len(set(alone)) == len(alone) == 8


def test_training_steps_of_sizes_not_fitted(fitted):
    """Mean error, as other tools tell it."""
    (steps,) = (f for f in fitted[0] if f.calibration.software == "megatron-lm")
    assert len(steps.rows) == 4
    assert np.abs(np.expm1(steps.held_out)).mean() <= 0.05


def test_eighty_per_cent_intervals(errors):
    pools = [
        "image networks on GPUs", "image networks on CPUs", "image networks on GPUs, totals only",
        "image networks on CPUs, totals only", "microcontroller engines (TinyEngine's table)",
        "microcontrollers (MLPerf Tiny)",
    ]  # fmt: skip
    assert all(0.7 <= errors[name].coverage <= 0.9 for name in pools)
    # Most are of two families, of which one tells how wrong the other is: wide, as Student's t is of one degree.
    assert 0.7 <= errors["matrix products"].coverage <= 37 / 40


def test_each_gpu(errors):
    gpus = [c for name, c in errors.items() if name.startswith("rtx") and "torch" in name and ": " not in name]
    assert len(gpus) == 6
    assert all(c.held_out.median <= 0.12 and c.held_out.p90 <= 0.30 for c in gpus)
    assert all(0.7 <= c.coverage <= 0.9 for c in gpus)


# Published times of the TinyEngine table and of timm's benchmark, by hand from the files named in their rows.
@pytest.mark.parametrize(
    ("network", "device", "precision", "software", "axes", "seconds"),
    [
        ("resnet50", "rtx-4090", "fp16", "torch-nchw", {"batch": 1024}, None),
        ("mcunet-in1", "stm32h743", "int8", "tinyengine/mit-han-lab", {}, 0.056),
        ("mcunet-in2", "stm32h743", "int8", "cmsis-nn/mit-han-lab", {}, 0.642),
    ],
)
def test_a_published_time_is_predicted(network, device, precision, software, axes, seconds):
    if seconds is None:
        (row,) = (
            m
            for m in measurements()
            if (m.network, m.device, m.software, dict(m.axes)) == (network, device, software, axes)
        )
        seconds = row.seconds
    found = dse.evaluate(
        network, device=device, precision=precision, software=software, latency_model="calibrated",
        metrics=["latency", "latency_low", "latency_high"], **axes,
    )  # fmt: skip
    assert float(found.latency) == pytest.approx(seconds, rel=0.20)
    assert float(found.latency_low) < float(found.latency) < float(found.latency_high)
    assert software in str(found.calibration.values)


# What fits the 512 KiB of the STM32H743 and what is out of memory there: TinyEngine's measured table.
@pytest.mark.parametrize("engine", ["tflm", "cmsis-nn", "x-cube-ai-7.3", "tinyengine"])
@pytest.mark.parametrize("network", ["mcunet-in0", "mcunet-in1", "mcunet-in2", "mcunet-in3", "mcunet-in4"])
def test_the_feasibility_gate_is_as_published(network, engine):
    found = dse.evaluate(
        network, device="stm32h743", precision="int8", software=f"{engine}/mit-han-lab", metrics=["sram_free"]
    )
    out_of_memory = network == "mcunet-in4" and engine in ("tflm", "cmsis-nn")
    assert (float(found.sram_free) < 0) is out_of_memory


def test_a_device_that_was_never_measured_says_so_with_a_wider_interval():
    known = list(CALIBRATIONS.values())
    measured = choose(known, DEVICES["rtx-4090"], "torch-compile", "fp16", "vision")
    unseen = choose(known, DEVICES["rtx-4070"], "torch-compile", "fp16", "vision")
    other_class = choose(known, DEVICES["h100-sxm"], "torch-compile", "fp16", "vision")
    assert "never measured" in unseen.what
    assert measured.calibration.spread < unseen.calibration.spread < other_class.calibration.spread


def test_a_lower_bound_has_no_interval():
    found = dse.evaluate("resnet18", device="rtx-3090", precision="fp16", metrics=["latency", "latency_high"])
    assert np.isnan(float(found.latency_high))


def test_fused_and_plain_latency_agree():
    given = {"device": ["rtx-3090", "rtx-4070", "core-i7-12700h"], "precision": ["fp16", "fp32"]}
    axes = {"width": [0.5, 1.0], "batch": [1, 64], "latency_model": "calibrated", "metrics": ["latency"]}
    plain, fused = (dse.evaluate("mobilenet_v2", engine=e, **given, **axes).latency for e in ("plain", "fused"))
    np.testing.assert_allclose(fused, plain, rtol=1e-15)


def test_the_readme_tells_what_is_printed(errors):
    """Every line of its table is one that `dse validate` prints; `python scripts/validation_table.py` renews it."""
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    table = readme[readme.index("```\nmeasurements ") :].split("```")[1].splitlines()[2:]
    cells = {name: [cell for cell in _row(c)[1:] if cell] for name, c in errors.items()}
    for line in table:
        name, *shown = re.split(r"\s{2,}", line.strip())
        assert shown == cells[name], line
    pools = [name for name in errors if name.count(", ") != 2]
    assert set(pools) <= {re.split(r"\s{2,}", line)[0] for line in table}


def test_a_device_left_out_whole_lies_in_the_interval_that_its_user_is_told(errors):
    """Of at least 16 rows the interval of what was never measured holds its 80 %, or is wider, never much narrower."""
    unseen = {name: c for name, c in errors.items() if "device not measured" in name}
    kinds = [c for name, c in unseen.items() if name.count(", ") != 2]
    assert len(kinds) == 12
    assert all(c.coverage >= 0.7 for c in kinds)
    # With the software named each device has a line of its own too.
    devices = {name.partition(": ")[0]: c.held_out.rows for name, c in unseen.items() if name.count(", ") == 2}
    assert all(rows == errors[name].held_out.rows for name, rows in devices.items())
    assert sum(devices.values()) == sum(c.held_out.rows for c in kinds) / 2


def test_each_gpu_as_if_it_was_never_measured(errors):
    """What was aimed at, and the cards that miss it, which docs/validation.md names."""
    missed = {}
    for what, median, p90 in (("device not measured", 0.25, 0.55), ("only resnet50 measured", 0.12, 0.30)):
        cards = {n: c.held_out for n, c in errors.items() if n.startswith("rtx") and "torch" in n and n.endswith(what)}
        assert len(cards) == 6
        missed |= {n: e for n, e in cards.items() if e.median > median or e.p90 > p90}
    assert set(missed) == {
        "rtx-pro-6000-max-q, torch-compile, bf16: device not measured",
        "rtx-5090, torch-compile, fp16: only resnet50 measured",
        "rtx-4090, torch-compile, fp16: only resnet50 measured",
    }
    page = (Path(__file__).resolve().parents[2] / "docs" / "validation.md").read_text(encoding="utf-8")
    assert all(f"{100 * e.median:.1f} / {100 * e.p90:.0f} %" in page for e in missed.values())


def test_the_interval_of_a_class_is_wider_than_that_of_any_device_of_it():
    for entry in (c for c in CALIBRATIONS.values() if c.pooled and not c.device.endswith("*")):
        device_class = entry.device.removeprefix("class:")
        own = [c for c in CALIBRATIONS.values() if c.domain == entry.domain and not c.pooled]
        assert entry.spread > 1.02 * max(c.spread for c in own if DEVICES[c.device].device_class == device_class), (
            entry.name
        )


def test_of_an_engine_on_one_device_no_other_one_tells_unless_two_do():
    """llama.cpp on one datacentre card is no nearer to another card for TensorRT-LLM on two; of microcontrollers nine
    engines tell how they go from one to another."""
    spreads = {(c.device, c.software, c.domain): c.spread for c in CALIBRATIONS.values() if c.pooled}
    assert spreads["class:datacentre-gpu", "llama.cpp", "language"] == 3
    assert spreads["class:datacentre-gpu", "tensorrt-llm", "language"] < 2
    assert spreads["class:phone", "tflite-gpu", "vision"] > 3
    assert spreads["class:mcu", "tinyengine/mit-han-lab", "vision"] < 2


def test_what_llama_cpp_was_measured_in_is_what_was_asked_for():
    """RTX 3090, Q4_K_M, 1024 tokens from an empty context: 111.74 tokens/s."""
    found = dse.evaluate(
        "llama-3-8b", device="rtx-3090", precision="q4_k_m", software="llama.cpp", phase="decode", context=512,
        latency_model="calibrated", metrics=["latency", "latency_low", "latency_high"],
    )  # fmt: skip
    assert str(found.calibration.values).startswith("rtx-3090, llama.cpp, q4_k_m, batch 1")
    assert float(found.latency) == pytest.approx(1 / 111.74, rel=0.06)
    assert float(found.latency_low) < 1 / 111.74 < float(found.latency_high) < 1.2 * float(found.latency)


def test_the_software_that_is_taken_is_measured_in_the_format_or_the_nearest():
    """Rows of the tables that are shipped: TensorRT in fp16 alone, TensorFlow Lite in int8, PyTorch in fp16."""
    taken = {
        ("jetson-nano-4gb", "fp16"): "tensorrt", ("jetson-nano-4gb", "fp32"): "tensorflow",
        ("raspberry-pi-4", "fp32"): "tensorflow", ("raspberry-pi-4", "fp16"): "tensorflow",
        ("raspberry-pi-4", "int8"): "tflite", ("raspberry-pi-4", "w4a8"): "tflite",
        # Of two with as many rows that which was measured on more devices, whatever the format.
        ("rtx-3090", "fp16"): "torch-nchw", ("rtx-3090", "int8"): "torch-nchw",
        ("stm32h743", "int8"): "tinyengine/mit-han-lab",
    }  # fmt: skip
    known = list(CALIBRATIONS.values())
    for (device, precision), software in taken.items():
        found = choose(known, DEVICES[device], "auto", precision, "vision")
        assert found.calibration.software == software, (device, precision)
        assert found.exact == (found.calibration.precision == precision)


def test_no_engine_stands_for_a_device_of_another_maker():
    """X-CUBE-AI runs on STM32 alone: for other microcontrollers all engines stand together."""
    unseen = choose(list(CALIBRATIONS.values()), DEVICES["esp32"], "auto", "int8", "vision")
    assert unseen.calibration.software == "*"
    assert "any software" in unseen.what


# Coral's published times with the USB Accelerator [s]: weights beyond its 8 MiB cross the link on each call.
@pytest.mark.parametrize(("network", "seconds"), [("mobilenet_v1", 2.4e-3), ("resnet50", 49e-3), ("vgg16", 296e-3)])
def test_the_edge_tpu_reads_the_weights_that_do_not_fit_on_chip(network, seconds):
    resolution = 299 if network == "resnet50" else 224
    found = dse.evaluate(
        network, device="coral-edge-tpu", precision="int8", software="tflite-usb3", latency_model="calibrated",
        resolution=resolution, metrics=["latency", "latency_low", "latency_high", "weight_bytes"],
    )  # fmt: skip
    assert float(found.latency) == pytest.approx(seconds, rel=0.2)
    assert float(found.latency_low) < seconds < float(found.latency_high)
    # At 500 MB/s the link alone takes this much of it.
    assert float(found.latency) > (float(found.weight_bytes) - 8 * 2**20) / 500e6
