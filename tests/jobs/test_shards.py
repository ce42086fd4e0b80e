"""Shards put together are the result of one process; what does not belong together is refused by name."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from long_run import LONG
from specs import INFEASIBLE, SMALL, changed, to_toml

import dse
from dse.cli import run as cli
from dse.errors import InputError
from dse.jobs import shards as module
from dse.jobs.shards import parse_shard, read_shard
from dse.pareto.partial import Partial, read_partial
from dse.pareto.scanner import Scanner

SPEC = changed(LONG, deployment={"batch": list(range(1, 9))}, objectives__choose=[])


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    monkeypatch.setattr(module, "Scanner", lambda blocks: Scanner(blocks, tile=20))


@pytest.mark.parametrize("of", [1, 3, 40])
@pytest.mark.parametrize("spec", [SPEC, INFEASIBLE], ids=lambda s: s["name"])
def test_shards_add_up_to_the_result_of_one_process(tmp_path, spec, of):
    whole = dse.explore(spec, out=tmp_path / "whole", plots=False)
    for number in range(of, 0, -1):
        made = dse.explore(spec, shard=(number, of), out=tmp_path / "x")
        assert made.path == tmp_path / "x" / "shards" / f"{number}-of-{of}.npz"
    assert sorted(p.name for p in (tmp_path / "x").iterdir()) == ["shards"]
    found = dse.merge([tmp_path / "x"], out=tmp_path / "x", plots=False)
    assert (tmp_path / "x" / "frontier.csv").read_bytes() == (tmp_path / "whole" / "frontier.csv").read_bytes()
    xr.testing.assert_identical(found.frontier, whole.frontier)
    xr.testing.assert_identical(found.cloud, whole.cloud)
    differing = {k for k in whole.manifest if whole.manifest[k] != found.manifest[k]}
    assert differing <= {"created", "seconds", "checksums"}
    sums = [{n: crc for n, crc in r.manifest["checksums"].items() if n != "manifest.json"} for r in (whole, found)]
    assert sums[0] == sums[1]
    assert list(found.counts["excluded"]) == list(whole.counts["excluded"])
    # The shards stay: merged once more into another place, and in memory.
    again = dse.merge(sorted((tmp_path / "x" / "shards").iterdir()))
    xr.testing.assert_identical(again.frontier, whole.frontier)


@pytest.mark.parametrize("of", [1, 5])
def test_shards_by_bounds_have_the_same_frontier_and_account_for_every_design(tmp_path, of):
    spec = changed(SPEC, bounds=True)
    whole, size = dse.explore(SPEC), 4 * 3 * 2 * 2 * 8
    for number in range(1, of + 1):
        dse.explore(spec, shard=(number, of), out=tmp_path)
    found = dse.merge([tmp_path], out=tmp_path, plots=False)
    xr.testing.assert_identical(found.frontier, whole.frontier)
    counts, work = found.counts, found.manifest["bounds"]
    parts = [counts[k] for k in ("undefined", "skipped_by_bounds", "dominated", "kept")]
    assert sum(parts) + sum(counts["excluded"].values()) == counts["enumerated"] == size
    assert work["modelled"] + sum(work["skipped"].values()) == size and counts["skipped_by_bounds"] > 0
    # The coarse grid, which the cloud is of, counts once.
    assert work["coarse"] == size
    xr.testing.assert_identical(found.cloud, whole.cloud)


def test_in_memory_and_every_design_once():
    made = [dse.explore(SPEC, shard=(n, 4)) for n in (1, 2, 3, 4)]
    assert sum(m.found.tally.enumerated for m in made) == 4 * 3 * 2 * 2 * 8
    xr.testing.assert_identical(dse.merge(made).frontier, dse.explore(SPEC).frontier)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("0/8", "0/8: shards are numbered from 1 to 8; array indices from 0 need 1 added, or an array from 1"),
        ("9/8", "9/8: shards are numbered from 1 to 8"),
        ("1/0", "the number of shards must lie in 1 to 100,000"),
        ("3", "'3' is not I/N, such as 3/8"),
        ("-1/8", "'-1/8' is not I/N"),
        ("1.5/8", "is not I/N"),
        ((1.0, 8), "is not a pair of whole numbers"),
        ((1, 2, 3), "is not a pair of whole numbers"),
    ],
)
def test_numbers_that_are_no_shard(given, message):
    with pytest.raises(InputError) as caught:
        parse_shard(given)
    assert message in str(caught.value)
    assert parse_shard(" 3/8 ") == parse_shard((3, 8)) == (3, 8)


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    folder = tmp_path_factory.mktemp("three")
    for number in (1, 2, 3):
        dse.explore(SMALL, shard=(number, 3), out=folder)
    return [folder / "shards" / f"{n}-of-3.npz" for n in (1, 2, 3)]


def test_missing_double_and_foreign_shards_are_refused_by_name(three, tmp_path, monkeypatch):
    first, second, third = three
    for given, message in (
        ([first, third], "of 3 shards 1 are missing: 2"),
        ([second], "of 3 shards 2 are missing: 1, 3"),
        ([first, second, third, second], f"{second}: shard 2/3 stands twice: also {second}"),
        ([], "no shards are given"),
        ([first, tmp_path / "none.npz"], f"{tmp_path / 'none.npz'}: cannot be read"),
        ([tmp_path], f"{tmp_path}: holds no shards"),
    ):
        with pytest.raises(InputError) as caught:
            dse.merge(given)
        assert str(caught.value).startswith(message)
    other = dse.explore(changed(SMALL, budgets__latency="200 ms"), shard=(2, 3), out=tmp_path / "other").path
    with pytest.raises(InputError, match=rf"{other}: is of another spec than {first}"):
        dse.merge([first, other, third])
    other = dse.explore(SMALL, shard=(2, 4), out=tmp_path / "other", fresh=True).path
    with pytest.raises(InputError, match=rf"{other}: is one of 4 shards: another number than {first}"):
        dse.merge([first, other, third])
    with monkeypatch.context() as patched:
        patched.setattr(module, "code_key", lambda: "other")
        with pytest.raises(InputError, match="computed with other formulas or catalogues than those that are here"):
            dse.merge(three)
        patched.setattr(module, "stamp", lambda job: {**stamp(job), "code": "older"})
        older = dse.explore(SMALL, shard=(2, 3), out=tmp_path / "older").path
        with pytest.raises(InputError, match=rf"{older}: is computed with other formulas or catalogues than {first}"):
            dse.merge([first, older, third])
    assert dse.merge(three).counts == dse.explore(SMALL).counts


stamp = module.stamp


def test_shards_that_do_not_add_up_are_refused(tmp_path):
    """A unit that nobody has scanned, or two have: designs would be left out, or counted twice."""
    paths = [dse.explore(SPEC, shard=(number, 2), out=tmp_path).path for number in (1, 2)]
    (first, header), (second, _) = map(read_partial, paths)
    assert len(first.units) > 2
    for units in (first.units[:-1], np.sort([*first.units[:-1], second.units[0]]), np.append(first.units, 10**6)):
        replace(first, units=units).save(paths[0], header)
        with pytest.raises(InputError, match="do not add up to the job"):
            dse.merge(paths)
    replace(first, tally=replace(first.tally, enumerated=first.tally.enumerated - 1)).save(paths[0], header)
    with pytest.raises(InputError, match=r"do not add up|is not a partial result"):
        dse.merge(paths)


def test_a_shard_that_is_there_is_not_scanned_again(tmp_path, monkeypatch):
    first = dse.explore(SMALL, shard=(1, 2), out=tmp_path)
    monkeypatch.setattr(Scanner, "scan", lambda *_, **__: pytest.fail("scanned"))
    again = dse.explore(SMALL, shard=(1, 2), out=tmp_path)
    assert again.header() == first.header()
    with pytest.raises(InputError, match="is the shard of another spec; replace it with --fresh"):
        dse.explore(changed(SMALL, fit=False), shard=(1, 2), out=tmp_path)


def test_a_killed_shard_goes_on(tmp_path, monkeypatch):
    from dse.jobs import work

    checkpoint = work.Work.checkpoint

    def interrupt(self, found, last=False):
        checkpoint(self, found, last)
        if not last:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(work.Work, "checkpoint", interrupt)
        with pytest.raises(KeyboardInterrupt, match="is kept"):
            dse.explore(SMALL, shard=(1, 2), out=tmp_path)
    seen = []
    made = dse.explore(SMALL, shard=(1, 2), out=tmp_path, progress=lambda done, size: seen.append(done))
    assert seen[0] > 0 and len(seen) == 2
    assert read_shard(made.path).found.tally == dse.explore(SMALL, shard=(1, 2)).found.tally
    assert [p.name for p in (tmp_path / "shards").iterdir()] == ["1-of-2.npz"]


def test_what_shards_cannot_do(three, tmp_path):
    with pytest.raises(InputError, match=r"output\.grid: one process keeps a grid; leave it out to scan in shards"):
        dse.explore(changed(SMALL, output__grid=True), shard=(1, 2), out=tmp_path)
    with pytest.raises(InputError, match="shard and scheduler are both given"):
        dse.explore(SMALL, shard=(1, 2), scheduler="local")
    (tmp_path / "x.txt").write_text("mine")
    with pytest.raises(InputError, match="exists and is not a result"):
        dse.merge(three, out=tmp_path)


def test_the_commands(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(to_toml(SMALL))
    for number in (1, 2):
        assert cli(["explore", "small.toml", "--shard", f"{number}/2", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["path"] == f"results/small/shards/{number}-of-2.npz" and found["shard"] == [number, 2]
    assert cli(["explore", "small.toml", "--shard", "0/2"]) == 2
    assert "--shard: 0/2: shards are numbered from 1 to 2; array indices from 0" in capsys.readouterr().err
    assert cli(["merge", "results/small", "--no-plots", "--json"]) == 0
    merged = json.loads(capsys.readouterr().out)
    assert merged["path"] == "results/small"
    assert merged["counts"] == dse.explore(SMALL).counts
    assert cli(["merge", "results/small/shards/1-of-2.npz"]) == 2
    assert "of 2 shards 1 are missing: 2" in capsys.readouterr().err
    (tmp_path / "no.toml").write_text(to_toml(INFEASIBLE))
    assert cli(["explore", "no.toml", "--shard", "1/1"]) == 0
    assert cli(["merge", "results/infeasible", "--no-plots"]) == 3


def test_a_shard_comes_about_in_the_work_folder(tmp_path, monkeypatch):
    """A temporary file beside the shards would stay there when the run is killed."""
    save, places = Partial.save, []

    def noted(self, path, header):
        places.append(path.parent.name)
        save(self, path, header)

    monkeypatch.setattr(Partial, "save", noted)
    dse.explore(SMALL, shard=(1, 2), out=tmp_path)
    assert places and set(places) <= {".1-of-2.npz.work", "result.part"}
