"""Jobs against enumeration by hand: frontiers, counts, groups, nearest misses."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from specs import INFEASIBLE, LANGUAGE, SMALL, changed

import dse
from dse.grid import engines
from dse.jobs.estimate import estimate
from dse.jobs.resolve import read_job
from dse.jobs.run import run
from dse.report.summary import misses


def rows_of(spec, metrics):
    """Every design of a spec as a plain dictionary, from `dse.evaluate` one design at a time."""
    network = {k: v for k, v in spec["network"].items() if k not in ("family", "model")}
    axes = {**network, **spec.get("deployment", {})}
    axes |= {"precision": spec["precision"]["scheme"], "device": spec["hardware"]["device"]}
    listed = {n: v if isinstance(v, list) else [v] for n, v in axes.items()}
    name = spec["network"].get("model") or spec["network"]["family"]
    for values in itertools.product(*listed.values()):
        design = dict(zip(listed, values, strict=True))
        found = dse.evaluate(name, metrics=metrics, **design)
        yield {**design, **{m: float(found[m]) for m in metrics}}


def dominates(a, b, signs):
    pairs = [(s * a[m], s * b[m]) for m, s in signs.items()]
    return all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)


def test_frontier_and_counts_agree_with_enumeration():
    # SRAM (largest bank) and flash by the data sheets that the catalogue cites.
    capacity = {"stm32u575": (786 * 1024, 2048 * 1024), "esp32": (320 * 1024, 4096 * 1024)}
    signs = {"latency": 1, "energy": 1, "accuracy": -1}
    designs = list(rows_of(SMALL, ["latency", "energy", "accuracy", "peak_sram", "flash"]))
    expected = {"undefined": 0, "sram": 0, "flash": 0, "peak_sram": 0, "latency": 0}
    feasible = []
    for d in designs:
        sram, flash = capacity[d["device"]]
        checks = {
            "undefined": any(math.isnan(d[m]) for m in ("latency", "energy", "accuracy")),
            "sram": d["peak_sram"] > sram,
            "flash": d["flash"] > flash,
            "peak_sram": d["peak_sram"] > 320 * 1024,
            "latency": d["latency"] > 0.3,
        }
        broken = next((name for name, wrong in checks.items() if wrong), None)
        if broken is None:
            feasible.append(d)
        else:
            expected[broken] += 1
    kept = [d for d in feasible if not any(o["device"] == d["device"] and dominates(o, d, signs) for o in feasible)]
    result = dse.explore(SMALL)
    counts, excluded = result.counts, list(result.counts["excluded"].values())
    assert counts["enumerated"] == len(designs) == 48
    assert counts["undefined"] == expected["undefined"]
    assert excluded == [expected["sram"], expected["flash"], 0, expected["peak_sram"], expected["latency"]]
    assert counts["enumerated"] == counts["undefined"] + sum(excluded) + counts["dominated"] + counts["kept"]
    axes = ("width", "resolution", "precision", "device")
    table = result.frontier.to_dataframe()
    assert {tuple(r) for r in table[list(axes)].itertuples(index=False)} == {tuple(d[a] for a in axes) for d in kept}
    assert counts["kept"] == len(kept) > 3


def test_rows_are_sorted_by_group_then_objective():
    frontier = dse.explore(SMALL).frontier
    keys = [(["stm32u575", "esp32"].index(d), t) for d, t in zip(frontier.device.values, frontier.latency.values)]
    assert keys == sorted(keys)


def test_circumstances_get_one_frontier_for_each_value_by_themselves():
    job = read_job(LANGUAGE)
    assert job.cut.per == ("phase", "context")
    result = run(job)
    signs = {"latency": 1, "memory": 1}
    designs = list(rows_of(LANGUAGE, ["latency", "memory", "memory_free"]))
    feasible = [d for d in designs if d["memory_free"] >= 0]
    kept = [
        d
        for d in feasible
        if not any(
            (o["phase"], o["context"]) == (d["phase"], d["context"]) and dominates(o, d, signs) for o in feasible
        )
    ]
    axes = ("precision", "batch", "phase", "context", "device")
    table = result.frontier.to_dataframe()
    assert {tuple(r) for r in table[list(axes)].itertuples(index=False)} == {tuple(d[a] for a in axes) for d in kept}
    assert result.counts["enumerated"] == 32


def test_choose_and_per_override_the_roles():
    spec = changed(LANGUAGE, objectives__choose=["context"], objectives__per=["scheme"])
    assert read_job(spec).cut.per == ("precision", "phase")
    everything = run(read_job(changed(LANGUAGE, objectives__choose=["phase", "context"])))
    assert everything.counts["kept"] == 1
    assert everything.frontier["context"].values.tolist() == [512]


def test_latency_models_are_circumstances():
    spec = changed(LANGUAGE, deployment__latency_model=["roofline", "per_op"], deployment__phase="decode")
    result = run(read_job(spec))
    assert result.manifest["per"] == ["context", "latency_model"]
    per_op = result.frontier.latency.values[result.frontier.latency_model.values == "per_op"]
    assert (per_op >= result.frontier.latency.values[result.frontier.latency_model.values == "roofline"].min()).all()


def test_nearest_misses_by_hand():
    result = dse.explore(INFEASIBLE)
    assert result.counts["kept"] == 0
    assert result.counts["excluded"] == {"latency ≤ 1 ms": 8, "peak_sram ≤ 100 KiB": 0}
    assert result.manifest["broken_totals"] == {"latency ≤ 1 ms": 8, "peak_sram ≤ 100 KiB": 8}
    # Width 0.35 at 96 pixels. 11,934,128 MACs (reference counts-vision) at 960 MOPS on the ESP32; the first expansion
    # reads 8 channels and writes 48 of 48 x 48 elements.
    misses = result.manifest["nearest_misses"]
    assert misses["latency ≤ 1 ms"] == pytest.approx(2 * 11_934_128 / 960e6, rel=1e-15)
    assert misses["peak_sram ≤ 100 KiB"] == (8 + 48) * 48 * 48
    assert result.frontier.sizes["design"] == 0
    assert {"latency", "peak_sram"} <= set(result.frontier.data_vars)


def test_what_is_undefined_everywhere_says_why():
    result = dse.explore(changed(LANGUAGE, objectives={"maximize": ["accuracy"]}))
    assert (result.counts["undefined"], result.counts["kept"]) == (32, 0)
    assert result.manifest["undefined_because"] == {"accuracy": {"no published accuracy of the family 'decoder'": 32}}


def test_devices_by_class_that_lack_figures_are_left_out_and_told():
    job = read_job(changed(SMALL, hardware__device=["esp32", "class:mcu"]))
    assert job.space.axes["device"].values[0] == "esp32"
    assert "stm32f746" not in job.space.axes["device"].values
    assert job.left_out["stm32f746"] == ("tdp",)
    assert len(set(job.space.axes["device"].values)) + len(job.left_out) == sum(
        d.device_class == "mcu" for d in dse.devices.values()
    )


def test_every_device_and_every_format():
    job = read_job(changed(SMALL, hardware__device="*", precision__scheme="*", objectives={"minimize": ["latency"]}))
    assert set(job.space.axes["precision"].values) == set(dse.precisions)
    assert set(job.space.axes["device"].values) | set(job.left_out) == set(dse.devices)


def test_the_cloud_counts_every_design_with_positive_objectives_and_names_groups():
    result = dse.explore(changed(SMALL, objectives={"minimize": ["latency", "energy"], "per": ["device"]}))
    assert int(result.cloud["designs"].sum()) == 48
    assert result.cloud["device"].values.tolist() == ["esp32", "stm32u575"]
    groups = result.cloud["group"].values
    assert [int(result.cloud["designs"].values[groups == g].sum()) for g in (0, 1)] == [24, 24]


def test_the_grid_holds_every_design():
    result = dse.explore(SMALL)
    assert dict(result.grid.sizes) == {"width": 4, "resolution": 3, "precision": 2, "device": 2}
    row = result.frontier.isel(design=0)
    point = {n: row[n].item() for n in ("width", "resolution", "precision", "device")}
    assert float(result.grid.latency.sel(point)) == float(row.latency)


def test_estimate():
    plan = estimate(read_job(LANGUAGE))
    roles = {a["name"]: (a["role"], a["values"]) for a in plan["axes"]}
    assert roles["context"] == ("per", 2)
    assert roles["batch"] == ("choose", 2)
    assert roles["layers"] == ("fixed", 1)
    assert (plan["designs"], plan["bytes"]) == (32, 32 * 8 * 2)
    assert plan["seconds"] == pytest.approx(32 / plan["rate"])


def test_tiny_space_without_axes():
    spec = changed(INFEASIBLE, network__width=0.35, network__resolution=96, hardware__device="esp32", budgets={})
    result = dse.explore(spec)
    assert result.counts["kept"] == 1
    np.testing.assert_allclose(result.frontier.latency.values, [2 * 11_934_128 / 960e6], rtol=1e-15)


def test_what_fits_nowhere_says_what_it_needs_and_what_there_is():
    spec = changed(INFEASIBLE, fit=True, network__width=[1.0, 1.4], network__resolution=[224, 256], budgets={})
    spec["hardware"] = {"device": ["stm32f746", "stm32u575"]}
    result, found = dse.explore(spec), dse.search(spec, trials=8)
    # Width 1 at 224 pixels: an expansion reads 16 channels and writes 96 of 112 x 112. The data sheet of the STM32U575
    # has 786 KiB; an STM32F746 has 1 MiB of flash for 3,504,872 bytes of weights, and the STM32U575 2 MiB.
    needs = {"sram_free": ((16 + 96) * 112 * 112, 786 * 1024), "flash_free": (3_504_872, 2048 * 1024)}
    for manifest in (result.manifest, found.manifest):
        unfit = manifest["nearest_unfit"]
        assert {n: (facts["needs"], facts["has"]) for n, facts in unfit.items()} == needs
        assert any("needs 1.34 MiB and has 786 KiB: 586 KiB too little" in line for line in misses(manifest))


def test_the_nearest_misses_are_the_same_however_designs_are_scanned(monkeypatch):
    budgets = {"latency": "1 ms", "memory": "1 KiB"}
    spec = changed(INFEASIBLE, fit=True, network__width=[1.0, 1.4], network__resolution=[224, 256], budgets=budgets)
    held, bounded = dse.explore(spec), dse.explore({**spec, "bounds": True})
    monkeypatch.setattr(engines, "PLAIN_LIMIT", 0)
    streamed = dse.explore(spec)
    for key in ("nearest_misses", "nearest_unfit"):
        assert held.manifest[key] == streamed.manifest[key] == bounded.manifest[key]
    # The ESP32 has 320 KiB for what takes 1.34 MiB, the STM32U575 786 KiB: the nearest of all.
    assert held.manifest["nearest_misses"]["fit: sram_free"] == 786 * 1024 - (16 + 96) * 112 * 112
    assert {"fit: flash_free", "latency ≤ 1 ms"} <= set(held.manifest["nearest_misses"])
