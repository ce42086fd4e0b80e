"""Jobs by bounds: the same frontier as by enumeration, and an account of every design."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

import dse
from dse.cli import cli
from dse.errors import InputError
from dse.jobs import resolve
from dse.jobs.resolve import read_job
from dse.jobs.run import blocks_of
from dse.pareto.branch import branch
from dse.pareto.field import Field
from dse.pareto.scan import scan_blocks
from dse.report.summary import bounds_text, count_rows, misses
from tests.jobs.specs import INFEASIBLE, LANGUAGE, SMALL, changed, to_toml

SWEEPS = Path(__file__).resolve().parents[2] / "sweeps"


def both(spec):
    by_all, by_bounds = (dse.explore(changed(spec, bounds=b)) for b in (False, True))
    xr.testing.assert_identical(by_bounds.frontier, by_all.frontier)
    return by_all, by_bounds


def check_counts(result):
    counts, work = result.counts, result.manifest["bounds"]
    parts = [counts[k] for k in ("undefined", "skipped_by_bounds", "dominated", "kept")]
    assert sum(parts) + sum(counts["excluded"].values()) == counts["enumerated"]
    assert sum(work["skipped"].values()) == counts["skipped_by_bounds"]
    assert work["modelled"] + counts["skipped_by_bounds"] == counts["enumerated"]
    table = [int(row[1].replace(",", "")) for row in count_rows(result.manifest)]
    assert sum(table) == counts["enumerated"]


@pytest.mark.parametrize("spec", [SMALL, LANGUAGE], ids=lambda s: s["name"])
def test_the_same_frontier(spec):
    by_all, by_bounds = both(spec)
    check_counts(by_bounds)
    assert "bounds" not in by_all.manifest and by_all.counts["skipped_by_bounds"] == 0


@pytest.mark.no_cover
@pytest.mark.parametrize("name", ["accelerator-what-if", "two-networks-one-mcu", "llm-serving", "vision-edge"])
def test_the_same_frontier_of_every_kind_of_workload(name):
    """One network, a choice, a mix and several at once; figures as axes, requests, budgets of their own."""
    job = read_job(SWEEPS / f"{name}.toml")
    _, by_bounds = both(job.spec.document())
    check_counts(by_bounds)


def test_no_design_meets_the_budgets():
    result = dse.explore(changed(INFEASIBLE, bounds=True))
    check_counts(result)
    told = misses(result.manifest)
    assert result.counts["kept"] == 0
    assert any("latency ≤ 1 ms: excludes at least " in line and "on a coarse grid is" in line for line in told)


def test_bounds_are_used_from_a_billion_designs_on(monkeypatch):
    assert not read_job(SMALL).by_bounds
    monkeypatch.setattr(resolve, "LEAST_BOUNDED", 48)
    assert read_job(SMALL).by_bounds
    assert not read_job(changed(SMALL, output__grid=True)).by_bounds
    assert not read_job(changed(SMALL, bounds=False)).by_bounds
    assert read_job(SWEEPS / "trillion.toml").size > 10**12


def test_wrong_settings():
    with pytest.raises(InputError, match="bounds: 'maybe' is not allowed: give \"auto\", true or false"):
        read_job(changed(SMALL, bounds="maybe"))
    with pytest.raises(InputError, match=r"bounds: nothing of the grid is evaluated as a whole; leave out output.grid"):
        read_job(changed(SMALL, bounds=True, output__grid=True))


def test_spaces_that_are_too_large():
    widths = {"start": 0.1, "stop": 1, "num": 100_000}
    numbers = {"start": 1, "stop": 1e6, "num": 100_000}
    large = changed(SMALL, network__width=widths, deployment__carbon_intensity=numbers)
    with pytest.raises(
        InputError, match=r"1.2e\+11 designs .* too many to enumerate; at most 1e\+11: .* bounds = false"
    ):
        read_job(changed(large, bounds=False))
    with pytest.raises(InputError, match=r"too many to enumerate; .* leave out output.grid = true"):
        read_job(changed(large, output__grid=True))
    assert read_job(large).by_bounds
    with pytest.raises(InputError, match=r"1.2e\+21 designs cannot be numbered; at most 2\^62"):
        read_job(changed(large, deployment__electricity_price=numbers, deployment__price_per_hour=numbers))


def test_the_command(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(to_toml(SMALL), encoding="utf-8")
    arguments = ["explore", str(path), "--set", "bounds=true", "--out", str(tmp_path / "out"), "--no-plots"]
    plan = CliRunner().invoke(cli, [*arguments, "--dry-run"])
    assert "by bounds: boxes of designs are skipped unseen" in plan.output and "designs/s" not in plan.output
    as_json = json.loads(CliRunner().invoke(cli, [*arguments, "--dry-run", "--json"]).output)
    assert (as_json["mode"], as_json["seconds"]) == ("bounds", None)
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    assert "by bounds:" in done.output and "skipped by bounds: " in done.output
    loaded = dse.load(tmp_path / "out")
    check_counts(loaded)
    assert "48 designs of a closed-form model" in bounds_text(loaded.manifest)
    assert loaded.manifest["spec"]["bounds"] is True
    np.testing.assert_array_equal(loaded.frontier.latency, dse.explore(SMALL).frontier.latency)


def test_names_of_one_value_are_bounded_alike():
    """In decoding the latency of a token and that of the pass are one value under two names."""
    spec = {
        "name": "decoding",
        "network": {"model": "llama-3.1-8b"},
        "precision": {"scheme": ["fp16", "w4a16"]},
        "hardware": {"device": "class:datacentre-gpu"},
        "deployment": {"phase": "decode", "context": [1024, 8192], "batch": {"start": 1, "stop": 32, "step": 1}},
        "objectives": {"minimize": ["time_per_token", "energy_per_token"], "maximize": ["token_throughput"]},
        "budgets": {"latency": "50 ms", "energy": "5 J"},
    }
    held, bounded = dse.explore(spec), dse.explore({**spec, "bounds": True})
    assert bounded.counts["kept"] == held.counts["kept"] > 1
    np.testing.assert_array_equal(bounded.frontier.time_per_token, held.frontier.time_per_token)


def a_mix(rng):
    """Two or three networks on a chip of which several figures are axes, weighted, with budgets of their own."""
    widths = rng.permutation([0.35, 0.5, 1.0])[: rng.integers(2, 4)].tolist()
    family = {"family": "mobilenet_v2", "resolution": 96}
    networks = [{**family, "name": f"w{w}", "width": w, "weight": float(rng.integers(1, 5))} for w in widths]
    networks[0]["budgets"] = {"latency": float(rng.choice([2e-4, 5e-4, 1e-3]))}
    values = {n: sorted(rng.uniform(1, 40, rng.integers(4, 12)).round(1).tolist()) for n in ("peak_int8", "bandwidth")}
    return {
        "name": "mix",
        "network": networks,
        "workload": {"combine": "mix"},
        "precision": {"scheme": ["int8", "w4a8"][: rng.integers(1, 3)]},
        "hardware": {"device": "chip"},
        "device": {
            "chip": {
                "class": "edge",
                "peak_int8": [f"{v} TOPS" for v in values["peak_int8"]],
                "bandwidth": [f"{v} GB/s" for v in values["bandwidth"]],
                "memory_capacity": ["64 MiB", "4 GiB"],
                "tdp": {"base": "0.3 W", "peak_int8": "0.15 W/TOPS", "bandwidth": "0.02 W*s/GB"},
                "area": {"base": "4 mm2", "peak_int8": "0.4 mm2/TOPS", "bandwidth": "0.05 mm2*s/GB"},
            }
        },
        "deployment": {"batch": [1, 2, 4]},
        "objectives": {"minimize": ["latency", "energy", "area"][: rng.integers(2, 4)]},
        "budgets": {"power": f"{rng.integers(2, 6)} W"},
    }


def test_mixes_of_several_networks():
    rng, kept, broken = np.random.default_rng(11), 0, set()
    for _ in range(6):
        job = read_job(a_mix(rng))
        by_all = scan_blocks(blocks_of(job), engine="plain")
        by_bounds = branch([Field(grid, job.cut_of(grid)) for grid in job.grids], coarse=8)
        np.testing.assert_array_equal(by_bounds.places, by_all.places)
        tally = by_bounds.tally
        assert tally.enumerated == job.size == by_bounds.bounded.modelled + sum(tally.skipped.values())
        kept += by_all.tally.kept
        broken |= {name for name, number in by_all.tally.broken.items() if number}
    # Of the mix, of one network in it, and of the device.
    assert kept > 20 and {name[0] for name in broken} == {"p", "w"}, broken
