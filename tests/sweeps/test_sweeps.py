"""Every sweep of the repository runs, finds something, and accounts for every design."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import dse
from dse.jobs.document import read_document

FOLDER = Path(__file__).resolve().parents[2] / "sweeps"
# Takes half a minute as a whole: a part of it is tested below.
LARGE = FOLDER / "trillion.toml"
# Not to be enumerated.
SEARCHED = sorted(FOLDER.glob("search-*.toml"))
SWEEPS = sorted(path for path in FOLDER.glob("*.toml") if path != LARGE and path not in SEARCHED)


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_every_sweep_finds_a_frontier(path):
    result = dse.explore(path)
    counts = result.counts
    accounted = counts["undefined"] + sum(counts["excluded"].values()) + counts["dominated"] + counts["kept"]
    assert accounted == counts["enumerated"]
    assert result.frontier.sizes["design"] == counts["kept"] >= 5
    for budget in result.manifest["budgets"]:
        values = result.frontier[budget["metric"]].values
        assert (values <= budget.get("max", np.inf)).all() and (values >= budget.get("min", -np.inf)).all()


@pytest.mark.parametrize("path", SEARCHED, ids=lambda path: path.stem)
def test_searched_sweeps_find_designs_within_the_budgets(path):
    result = dse.search(path, trials=120, polish=False)
    assert result.counts["kept"] >= 5
    for budget in result.manifest["budgets"]:
        assert (result.frontier[budget["metric"]].values <= budget.get("max", np.inf)).all()


def test_a_part_of_the_large_one_by_bounds_and_by_enumeration():
    document = read_document(LARGE)[0]
    chip = document["device"]["serving-chip"]
    chip["peak_fp16"]["num"], chip["bandwidth"]["num"] = 12, 12
    chip["memory_capacity"]["step"], chip["sram"]["step"] = "40 GiB", "128 MiB"
    document["deployment"]["batch"]["num"] = 12
    by_all, by_bounds = (dse.explore({**document, "bounds": b}) for b in (False, True))
    xr.testing.assert_identical(by_bounds.frontier, by_all.frontier)
    assert by_bounds.counts["kept"] > 300
    assert by_bounds.manifest["bounds"]["modelled"] < by_bounds.counts["enumerated"] / 50


def test_what_a_chip_should_be_is_not_one_corner():
    frontier = dse.explore(next(p for p in SWEEPS if p.stem == "accelerator-what-if")).frontier
    for figure in ("peak_int8", "bandwidth", "sram"):
        assert len(set(frontier[figure].values)) > 2


def test_two_networks_on_one_chip_by_hand():
    """Flash adds and the larger peak counts: the same designs by plain loops over what each network is alone."""
    on = {"device": "stm32h743", "precision": "int8", "compute_efficiency": 0.25}
    word = dse.evaluate(
        "mobilenet_v2",
        width=[0.1, 0.2, 0.35],
        resolution=[32, 48, 64],
        classes=12,
        in_channels=1,
        metrics=METRICS,
        **on,
    )
    person = dse.evaluate(
        "mobilenet_v2", width=[0.35, 0.5, 0.75], resolution=list(range(96, 193, 16)), classes=2, metrics=METRICS, **on
    )
    pairs = [(a, b) for a in _points(word) for b in _points(person)]

    def kept(peak=max, flash=sum, most=1):
        designs = {
            (flash([a["flash"], b["flash"]]), -a["macs"], -b["macs"])
            for a, b in pairs
            if peak([a["peak_sram"], b["peak_sram"]]) <= 512 * 1024
            and flash([a["flash"], b["flash"]]) <= 1.5 * 2**20
            and 10 * a["latency"] + 3 * b["latency"] <= most
        }
        return {d for d in designs if not any(e != d and all(x <= y for x, y in zip(e, d)) for e in designs)}

    found = dse.explore(next(p for p in SWEEPS if p.stem == "two-networks-one-mcu")).frontier
    columns = (found.flash, -found["wake-word.macs"], -found["person.macs"])
    assert set(zip(*(c.values.tolist() for c in columns))) == kept()
    # The example tells every rule: with another one it has another answer.
    assert kept() not in [kept(peak=sum), kept(flash=max), kept(most=100)]


def _points(data):
    return data[METRICS].to_dataframe()[METRICS].to_dict("records")


METRICS = ["latency", "flash", "peak_sram", "macs"]


def test_boards_a_phone_and_laptops_run_the_zoo():
    """The largest EfficientNet of the sweep within 10 ms, by the roofline in a line of its own."""
    frontier = dse.explore(FOLDER / "vision-edge.toml").frontier
    assert {"jetson-nano-4gb", "apple-a17-pro", "apple-m4", "intel-npu-lunar-lake"} <= set(frontier.device.values)
    assert {"vit_b_16", "swin_s", "convnext_base", "mobilenet_v2"} <= set(frontier.network.values)
    # 2 FLOP a MAC at 40 % of 472 GFLOP/s: B1 (0.69 GMAC) takes 7.3 ms, B2 (1.09 GMAC) 11.5 ms.
    own = frontier.isel(design=(frontier.device == "jetson-nano-4gb") & (frontier.recipe == EFFICIENTNET))
    assert own.network.values[own.accuracy.argmax().item()] == "efficientnet_b1"
    assert float(own.latency.max()) == pytest.approx(2 * 686802832 / (0.4 * 472e9), rel=1e-9)


EFFICIENTNET = "ImageNet-1k, torchvision-efficientnet"
