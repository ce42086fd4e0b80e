"""Five users ask in a spec, and the answers are those of an enumeration written out here, in NumPy and by hand.

Counts come from layers written down with plain integers (`tests.metrics.layers`), figures from the specs and from
data sheets (`tests/reference/metrics-devices.toml`); nothing from the package. The accuracies of `accuracy.csv` are
those of the MobileNetV2 table of TF-Slim, https://github.com/tensorflow/models (research/slim/nets/mobilenet).
"""

from __future__ import annotations

import csv
import itertools
import json
import math
import tomllib
from pathlib import Path

import numpy as np
import pytest

import dse
from dse.cli import run
from tests.metrics import layers

HERE = Path(__file__).parent
DEVICES = tomllib.loads((HERE.parent / "reference" / "metrics-devices.toml").read_text(encoding="utf-8"))
KIB = 1024


def rounded(values):
    return np.array([float(f"{v:.12g}") for v in np.ravel(values)])


def best(*columns):
    """Rows that no other row beats, all columns to be small, as a set."""
    points = np.column_stack([rounded(c) for c in columns])
    lost = [((points <= p).all(axis=1) & (points < p).any(axis=1)).any() for p in points]
    return {tuple(p) for p in points[~np.array(lost)].tolist()}


def found(result, *columns):
    """The frontier; columns to be maximised have a minus before their name."""
    values = [result.frontier[c.lstrip("-")].values * (-1 if c[0] == "-" else 1) for c in columns]
    return set(zip(*(rounded(v).tolist() for v in values), strict=True))


def of_group(result, **axes):
    frontier = result.frontier
    for name, value in axes.items():
        frontier = frontier.isel(design=np.flatnonzero(frontier[name].values.astype(str) == str(value)))
    return type("Part", (), {"frontier": frontier})


def to_eight(channels):
    """Channels to a multiple of 8, not below nine tenths."""
    new = max(8, int(channels + 4) // 8 * 8)
    return new + 8 if new < 0.9 * channels else new


def mobilenet(width, side, classes, kernels=(3,) * 6, expansions=(6,) * 6):
    """Layers of a MobileNetV2, and the most elements live at once where a depthwise layer overwrites its input."""
    c, s = to_eight(32 * width), math.ceil(side / 2)
    first = to_eight(16 * width)
    table = [layers.conv(3, c, 3, side, s), layers.conv(c, c, 3, s, s, c), layers.conv(c, first, 1, s, s)]
    live = [3 * side**2 + c * s**2, (c + first) * s**2]
    c = first
    stages = ((24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
    for (base, blocks, stride), kernel, expansion in zip(stages, kernels, expansions, strict=True):
        for block in range(blocks):
            wide, out, n = expansion * c, to_eight(base * width), math.ceil(s / stride) if block == 0 else s
            held = c * s**2 if block else 0  # what is added at the end
            table += [layers.conv(c, wide, 1, s, s), layers.conv(wide, wide, kernel, s, n, wide)]
            table.append(layers.conv(wide, out, 1, n, n))
            live += [(c + wide) * s**2, held + wide * s**2, held + (wide + out) * n**2]
            if block:
                table.append(layers.elementwise(out * n**2))
            c, s = out, n
    last = to_eight(1280 * max(1.0, width))
    table += [layers.conv(c, last, 1, s, s), layers.pool(last * s**2, last), layers.linear(last, classes)]
    return table, max([*live, (c + last) * s**2])


def test_the_hand_count_is_that_of_the_publication():
    table, peak = mobilenet(1.0, 224, 1000)
    assert (layers.total(table, "macs"), layers.total(table, "weights")) == (300_774_272, 3_504_872)
    # MCUNetV2, NeurIPS 2021, figure 1: 1372 KiB in int8.
    assert peak == 1372 * KIB


def test_tinyml_engineer():
    result = dse.explore(HERE / "tinyml.toml")
    with (HERE / "accuracy.csv").open() as file:
        accuracy = {(float(r["width"]), int(r["resolution"])): float(r["accuracy"]) for r in csv.DictReader(file)}
    chips = {"stm32u575": DEVICES["stm32u575"], "fast": DEVICES["stm32u575"] | {"peak_ops": 2e9, "tdp": 60e-3}}
    everything = 0
    for name, chip in chips.items():
        points, broken = [], 0
        for (width, side), bits in itertools.product(accuracy, (8, 2, 4)):
            table, peak = mobilenet(width, side, 1000)
            counts = {"params": layers.total(table, "weights"), "peak_activations": peak, "peak_activations_simple": 0}
            d = layers.metrics(table, counts, chip, w=bits, a=8)
            fits = d["peak_sram"] <= min(320 * KIB, chip["sram_bank"]) and d["flash"] <= 1024 * KIB
            if fits and d["latency"] <= 0.4:
                points.append((d["energy"], -accuracy[width, side]))
            broken += not (fits and d["latency"] <= 0.4)
        everything += len(points) + broken
        assert points
        assert broken
        assert found(of_group(result, device=name), "energy", "-accuracy") == best(*zip(*points, strict=True))
    assert result.counts["enumerated"] == everything == 20 * 3 * 2


def test_llm_platform_lead():
    result = dse.explore(HERE / "serving.toml")
    gpus = {
        "rented": {"peak_ops": 312e12, "bandwidth": 2039e9, "capacity": 80 * KIB**3, "tdp": 400, "rent": 1.3},
        "owned": {"peak_ops": 150e12, "bandwidth": 900e9, "capacity": 16e9, "tdp": 250, "rent": None},
    }
    params, bases, unfit, narrow = 6_738_415_616, set(), 0, 0
    for context in (512, 2048):
        table = layers.llama_2_7b(context)
        flop, read = 2 * layers.total(table, "macs"), layers.total(table, "weights")
        moved = layers.total(table, "moved") + layers.total(table, "cache")
        batch, bits = (a.ravel() for a in np.meshgrid([1, 2, 4, 8, 16, 32], [16, 8]))
        costs, carbons = [], []
        for gpu in gpus.values():
            seconds = np.maximum(
                flop * batch / gpu["peak_ops"], (read * bits / 8 + moved * 2 * batch) / gpu["bandwidth"]
            )
            memory = params * bits / 8 + batch * 2 * (32 * 2 * 4096 * context + 4096 + 32000)
            kilowatt = gpu["tdp"] * 0.7 * 1.3 / 1000
            owned = 6000 / (3 * 365.25 * 24 * 0.5) + kilowatt * 0.25
            an_hour = owned if gpu["rent"] is None else gpu["rent"]
            kept = (seconds <= 20e-3) & (memory <= 0.9 * gpu["capacity"])
            unfit += (memory > 0.9 * gpu["capacity"]).sum()
            narrow += ((memory > 0.9 * gpu["capacity"]) & (memory <= gpu["capacity"])).sum()
            tokens = batch / seconds
            costs.append((an_hour / 3600 / tokens * 1e6)[kept])
            carbons.append((kilowatt * seconds / 3600 * 300 / 1000 / batch * 1e6)[kept])
        part = of_group(result, context=context)
        names = ("cost_per_million_tokens", "carbon_per_million_tokens")
        assert found(part, *names) == best(np.concatenate(costs), np.concatenate(carbons))
        bases |= set(zip(part.frontier.device.values, part.frontier.cost_basis.values, strict=True))
    # A tenth of the memory is kept free: designs that the memory would hold, and that the reserve excludes.
    assert narrow > 0
    assert result.counts["excluded"]["fit: memory_free"] == unfit
    assert result.manifest["per"] == ["context"]
    assert bases <= {("rented", "rent"), ("owned", "amortised price and electricity")}
    assert bases
    assert result.counts["excluded"]["time_per_token ≤ 20 ms"] > 0


def test_chip_architect():
    result = dse.explore(HERE / "architect.toml")
    tops = np.geomspace(1, 16, 9)[:, None, None]
    bandwidth = np.arange(4, 33, 4.0)[None, :, None]  # GB/s
    sram = np.array([1.0, 2, 8])  # MiB
    latency = 0.0
    mobile, peak = mobilenet(1.0, 224, 1000)
    # ResNet-50 in 56 x 56: 256 channels of the skip, 256 of the branch, 64 into its last convolution.
    both = ((0.75, mobile, peak, 3_504_872), (0.25, layers.resnet50(), 1_806_336, 25_557_032))
    for share, table, live, params in both:
        weights = layers.total(table, "weights") * (params + live > sram * KIB**2)
        activations = layers.total(table, "moved") * (live > sram * KIB**2)
        busy = np.maximum(2 * layers.total(table, "macs") / (tops * 1e12), (weights + activations) / (bandwidth * 1e9))
        latency = latency + share * busy
    power = 0.2 + 0.3 * tops + 0.03 * bandwidth + 0.01 * sram
    area = 3 + 0.5 * tops + 0.1 * bandwidth + 1.5 * sram
    kept = (latency <= 2e-3).ravel()
    columns = [np.broadcast_to(c, latency.shape).ravel()[kept] for c in (latency, power * 0.7 * latency, area)]
    assert found(result, "latency", "energy", "area") == best(*columns)
    assert 0 < kept.sum() < latency.size == result.counts["enumerated"]
    # Not one corner: more than one chip is worth building.
    assert all(len(set(result.frontier[axis].values)) > 1 for axis in ("peak_int8", "bandwidth", "sram"))


def test_researcher(tmp_path):
    result = dse.explore(HERE / "researcher.toml", out=tmp_path / "r", plots=False)
    kernel = [np.array([3, 5, 7]).reshape([-1 if j == i else 1 for j in range(12)]) for i in range(6)]
    expansion = [np.array([3, 6]).reshape([-1 if j == i + 6 else 1 for j in range(12)]) for i in range(6)]
    lines = list(csv.DictReader((tmp_path / "r" / "frontier.csv").open()))
    excluded = 0
    for width, side in itertools.product((0.5, 0.75), (96, 128)):
        macs, params, peak = (np.asarray(v) for v in sub_networks(width, side, 100, kernel, expansion))
        fits = np.broadcast_to(peak <= 320 * KIB, macs.shape).ravel()
        excluded += int((~fits).sum())
        pairs = np.unique(np.column_stack([macs.ravel()[fits], -params.ravel()[fits]]), axis=0)
        # Sorted by operations: a point stays where it has more parameters than all before it.
        least = np.minimum.accumulate(pairs[:, 1])
        wanted = {tuple(p) for p, low in zip(pairs[1:], least[:-1], strict=True) if p[1] < low} | {tuple(pairs[0])}
        own = [n for n in lines if (float(n["width"]), float(n["resolution"])) == (width, side)]
        assert {(float(n["macs"]), -float(n["params"])) for n in own} == wanted
        assert len(wanted) > 10
    assert result.counts["enumerated"] == 4 * 3**6 * 2**6 == 186_624
    assert result.counts["excluded"]["peak_sram ≤ 320 KiB"] == excluded > 0
    assert {f"kernel_{i}" for i in range(1, 7)} <= set(lines[0])


def sub_networks(width, side, classes, kernels, expansions):
    """MACs, parameters and peak of every combination, over arrays that broadcast."""
    c, s, first = to_eight(32 * width), side // 2, to_eight(16 * width)
    macs = (27 + 9 + first) * c * s**2
    params = (27 + 2 + 9 + 2 + first) * c + 2 * first
    peak = max(3 * side**2 + c * s**2, (c + first) * s**2)
    c = first
    for base, blocks, stride, k, t in zip(
        (24, 32, 64, 96, 160, 320), (2, 3, 4, 3, 3, 1), (2, 2, 2, 1, 2, 1), kernels, expansions, strict=True
    ):
        for block in range(blocks):
            wide, out, n = t * c, to_eight(base * width), s // stride if block == 0 else s
            macs = macs + wide * (c * s**2 + k**2 * n**2 + out * n**2)
            params = params + wide * (c + 2 + k**2 + 2 + out) + 2 * out
            held = c * s**2 if block else 0
            for live in ((c + wide) * s**2, held + wide * s**2, held + (wide + out) * n**2):
                peak = np.maximum(peak, live)
            c, s = out, n
    macs, params = macs + 1280 * c * s**2 + 1280 * classes, params + 1280 * (c + 2) + (1280 + 1) * classes
    return macs, params, np.maximum(peak, (c + 1280) * s**2)


def test_the_vectorised_count_is_the_one_by_layers():
    table, peak = mobilenet(0.75, 128, 100, (7, 3, 5, 3, 7, 5), (3, 6, 6, 3, 6, 3))
    macs, params, live = sub_networks(0.75, 128, 100, (7, 3, 5, 3, 7, 5), (3, 6, 6, 3, 6, 3))
    assert (macs, params, live) == (layers.total(table, "macs"), layers.total(table, "weights"), peak)


def test_student(capsys):
    """8.18 GFLOP at 312 TFLOPS take 26.2 µs; weights and activations at 2,039 GB/s take longer."""
    table, chip = layers.resnet50(), DEVICES["a100-sxm-80gb"]
    moved = 2 * (layers.total(table, "weights") + layers.total(table, "moved"))
    compute, memory = 2 * 4_089_184_256 / chip["peak_ops"], moved / chip["bandwidth"]
    assert memory > compute
    result = dse.explore(HERE / "student.toml")
    assert result.counts["kept"] == 1
    row = {n: float(v.values[0]) for n, v in result.frontier.data_vars.items()}
    assert row["latency"] == pytest.approx(memory, rel=1e-12)
    assert row["compute_time"] == pytest.approx(compute, rel=1e-12)
    assert (row["compute_bound"], row["model_size"]) == (0, 2 * 25_557_032)
    asked = ["resnet50", "--device", "a100-sxm-80gb", "--precision", "fp16"]
    assert run(["evaluate", *asked, "--metric", "latency", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["latency"]["value"] == row["latency"]
    assert run(["evaluate", *asked, "--explain", "latency"]) == 0
    explained = capsys.readouterr().out
    assert "max(compute_time, memory_time)" in explained.replace("maximum", "max")
    assert f"{memory * 1e6:.4g}" in explained
    assert run(["calc", "roofline_latency", f"compute_time={compute}", f"memory_time={memory}"]) == 0
    assert f"{memory * 1e6:.6g}" in capsys.readouterr().out
