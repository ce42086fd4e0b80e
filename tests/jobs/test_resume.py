"""A killed run goes on with what is missing, and the result is the one of an undisturbed run, bit for bit."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from long_run import LONG, WAYS, explore, main_told
from specs import SMALL, changed
from xarray.backends.locks import CombinedLock

import dse
from dse.errors import DseError, InputError
from dse.jobs import manifest as manifests
from dse.jobs import netcdf
from dse.jobs import run as runs
from dse.jobs import work as works
from dse.jobs.resolve import read_job
from dse.jobs.work import Interrupted
from dse.pareto.partial import read_partial
from dse.pareto.scanner import Scanner

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def start(folder, way="frontier"):
    command = [sys.executable, str(HERE / "long_run.py"), str(folder), way]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def facts(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    sums = {name: crc for name, crc in manifest["checksums"].items() if name != "manifest.json"}
    return {k: v for k, v in manifest.items() if k not in ("created", "seconds")} | {"checksums": sums}


def assert_same(folder, expected):
    assert (folder / "frontier.csv").read_bytes() == (expected / "frontier.csv").read_bytes()
    assert facts(folder) == facts(expected)
    xr.testing.assert_identical(dse.load(folder).cloud, dse.load(expected).cloud)


@pytest.fixture(scope="module", params=WAYS)
def undisturbed(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "x"
    # Units have their size, which no result depends on.
    explore(folder, request.param)
    return folder, request.param


@pytest.fixture(scope="module")
def split():
    """Starts runs in processes split off from one that has imported everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["long_run", "dse.jobs.run", "dse.jobs.netcdf", "dse.grid.codegen", "netCDF4", "zarr"]
    )

    def start(folder, way, told):
        process = context.Process(target=main_told, args=(str(folder), way, str(told)))
        process.start()
        return process

    return start


@pytest.mark.no_cover
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes that split need a POSIX system")
def test_killed_again_and_again(undisturbed, split, tmp_path, tmp_path_factory):
    expected, way = undisturbed
    folder, kept, random_ = tmp_path / "x", tmp_path / ".x.work" / "found.npz", random.Random(0)
    told = tmp_path_factory.mktemp("told") / "errors.txt"
    done, rounds = [0], 0
    while not folder.exists() and rounds < 12:
        process, rounds = split(folder, way, told), rounds + 1
        try:
            # Killed at a random moment after it has got further than the run before it.
            aim, seen = done[-1] + random_.choice([1, 700, 4000]), None
            while process.exitcode is None:
                # It is read where there is something new: reading takes longer than the wait.
                with suppress(OSError):
                    if seen != (seen := kept.stat().st_mtime_ns) and found(kept) > aim:
                        break
                time.sleep(0.005)
            time.sleep(random_.random() * 0.05)
        finally:
            process.kill()
            process.join()
        assert process.exitcode in (0, -signal.SIGKILL) and "Traceback" not in told.read_text()
        if kept.exists():
            done.append(found(kept))
    # Every round began where the one before it had stopped.
    assert len(done) > 3 and done == sorted(done)
    assert_same(folder, expected)
    if way == "grid":
        new, old = dse.load(folder).grid.load(), dse.load(expected).grid.load()
        assert not np.isnan(new["latency"].values).all()
        xr.testing.assert_identical(new, old)
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def found(path):
    try:
        return read_partial(path)[0].tally.enumerated
    except InputError:  # gone in between
        return 0


def test_an_interrupted_run_says_that_it_can_go_on(tmp_path, monkeypatch):
    process = start(tmp_path / "x")
    try:
        while not (tmp_path / ".x.work" / "found.npz").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    finally:
        process.kill()
    assert "interrupted; what was found is kept in" in told and "the same command goes on with it" in told
    assert [p.name for p in tmp_path.iterdir()] == [".x.work"]
    monkeypatch.setattr(runs, "Scanner", lambda blocks: Scanner(blocks, tile=700))
    again = dse.explore(changed(LONG, output__grid=False), out=tmp_path / "x", plots=False)
    assert again.state == "continued"
    assert "designs had been done by an earlier run" in again.messages[0]
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    """What a run of the small spec leaves that was interrupted after its first unit."""
    with monkeypatch.context() as patched:
        patched.setattr(runs, "Scanner", lambda blocks: Scanner(blocks, tile=12))
        patched.setattr(works, "EVERY", -1.0)
        checkpoint = works.Work.checkpoint

        def interrupt(self, found, last=False):
            checkpoint(self, found, last)
            if not last:
                raise KeyboardInterrupt

        patched.setattr(works.Work, "checkpoint", interrupt)
        with pytest.raises(Interrupted, match="what was found is kept"):
            dse.explore(SMALL, out=tmp_path / "x", plots=False)
    assert [p.name for p in tmp_path.iterdir()] == [".x.work"]
    return tmp_path / "x"


def test_other_formulas_or_another_spec_do_not_go_on(interrupted, monkeypatch):
    folder = interrupted
    expected = dse.explore(SMALL)
    with monkeypatch.context() as patched:
        patched.setattr(manifests, "_package_key", lambda: "other formulas")
        found = dse.explore(SMALL, out=folder, plots=False)
    assert found.state == "computed"
    assert found.messages == ("what an interrupted run of another spec, or other formulas, had left was removed",)
    assert found.counts == expected.counts
    assert [p.name for p in folder.parent.iterdir()] == ["x"]


def refuse(*_):
    raise InputError("cloud: is in the way")


def test_what_a_run_of_another_job_found_is_not_removed_without_being_told(interrupted, monkeypatch):
    folder = interrupted
    work, other = folder.with_name(".x.work"), changed(SMALL, fit=False)
    before = (work / "found.npz").read_bytes()
    how = r"x: an exploration{} was interrupted, and what it found is kept in .*\.x\.work; go on with its own command"
    for asks, of in ((partial(dse.explore, other), " of another spec"), (partial(dse.search, SMALL, trials=20), "")):
        with pytest.raises(InputError, match=how.format(of)):
            asks(out=folder, plots=False)
        # Nor by a run that is refused for another reason.
        folder.mkdir()
        with monkeypatch.context() as patched, pytest.raises(InputError, match="cloud: is in the way"):
            patched.setattr(works, "check_names", refuse)
            asks(out=folder, plots=False, fresh=True)
        folder.rmdir()
        assert [p.name for p in folder.parent.iterdir()] == [".x.work"]
        assert (work / "found.npz").read_bytes() == before
    found = dse.explore(other, out=folder, plots=False, fresh=True)
    assert found.messages == ("what an exploration of another spec that was interrupted had left was removed",)
    assert [p.name for p in folder.parent.iterdir()] == ["x"]


def test_a_result_that_stands_leaves_alone_what_a_run_that_replaces_it_has_found(interrupted):
    """`explore --fresh` of another spec was interrupted, and the result is asked for again: what was found stays."""
    folder, place = interrupted, interrupted.with_name("y")
    standing = changed(SMALL, fit=False)
    dse.explore(standing, out=place, plots=False)
    os.rename(place, folder)
    assert dse.explore(standing, out=folder, plots=False).state == "reused"
    assert sorted(p.name for p in folder.parent.iterdir()) == [".x.work", "x"]
    # Of the same job nothing more is to be found.
    assert dse.explore(SMALL, out=folder, plots=False, fresh=True).state == "computed"
    assert [p.name for p in folder.parent.iterdir()] == ["x"]


def test_a_broken_file_is_not_taken_up(interrupted):
    path = interrupted.parent / ".x.work" / "found.npz"
    path.write_bytes(path.read_bytes()[:100])
    found = dse.explore(SMALL, out=interrupted, plots=False)
    assert found.counts == dse.explore(SMALL).counts
    assert found.state == "computed"


def test_work_on_other_units_is_computed_again(interrupted):
    """Kept work names units by number: of another size, the frontier would miss most designs in silence."""
    expected = dse.explore(SMALL)
    found = dse.explore(SMALL, out=interrupted, plots=False)
    assert found.state == "computed" and found.counts == expected.counts
    assert found.messages == (
        "what an interrupted run had left is not of this job, or of other parts of it: all is computed again",
    )
    xr.testing.assert_identical(found.frontier, expected.frontier)


@pytest.mark.parametrize("bounds", [False, True])
def test_what_does_not_cover_the_job_is_not_written(interrupted, monkeypatch, bounds):
    spec, folder = changed(SMALL, bounds=bounds), interrupted.with_name("y" if bounds else "x")
    scan = runs.scan_here

    def short(scanner, progress, keeping):
        found = scan(scanner, progress, keeping)
        return replace(found, tally=replace(found.tally, enumerated=found.tally.enumerated - 1))

    with pytest.raises(DseError, match=r"of \d+ designs \d+ were counted.*Nothing is written.*computes all anew"):
        runs.run(read_job(spec), folder, fresh=True, plots=False, scan=short)
    assert not folder.exists() and not folder.with_name(f".{folder.name}.work").exists()
    assert dse.explore(spec, out=folder, plots=False).state == "computed"


def test_two_runs_on_one_folder(tmp_path):
    process = start(tmp_path / "x")
    try:
        while not (tmp_path / ".x.work" / "found.npz").exists():
            assert process.poll() is None
            time.sleep(0.01)
        with pytest.raises(InputError, match=rf"x: another run is at work on it \(process {process.pid} on .*--out"):
            dse.explore(SMALL, out=tmp_path / "x", plots=False)
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


def test_a_failed_run_leaves_what_it_had_found_and_nothing_else(interrupted, monkeypatch):
    monkeypatch.setattr(runs, "Scanner", lambda blocks: Scanner(blocks, tile=12))

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(xr.Dataset, "to_netcdf", full)
        with pytest.raises(DseError, match="No space left"):
            dse.explore(SMALL, out=interrupted, plots=False)
    assert dse.explore(SMALL, out=interrupted, plots=False).state == "continued"


def test_an_interrupt_that_python_tells_as_another_error(interrupted, monkeypatch):
    """Python 3.11 wraps what is raised while a class is made, in a module that is imported at that moment."""
    monkeypatch.setattr(runs, "Scanner", lambda blocks: Scanner(blocks, tile=12))

    def wrapped(*_, **__):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise RuntimeError("Error calling __set_name__ on a 'Field'") from error

    with monkeypatch.context() as patched:
        patched.setattr(xr.Dataset, "to_netcdf", wrapped)
        with pytest.raises(Interrupted, match="what was found is kept"):
            dse.explore(SMALL, out=interrupted, plots=False)
    assert dse.explore(SMALL, out=interrupted, plots=False).state == "continued"


@pytest.mark.parametrize("what", ["write", "read"])
def test_an_interrupt_waits_until_a_table_is_whole(tmp_path, monkeypatch, what):
    """In the midst of it the library would hold its locks for good, and wait for them itself to close the file."""
    table, went_on = xr.Dataset({"a": ("x", [1.0, 2.0])}), []
    netcdf.write(table, tmp_path / "x.nc")
    acquire = CombinedLock.acquire

    def interrupted(lock, blocking=True):
        done = acquire(lock, blocking)
        if not went_on:
            signal.raise_signal(signal.SIGINT)
            went_on.append(what)
        return done

    monkeypatch.setattr(CombinedLock, "acquire", interrupted)
    with pytest.raises(KeyboardInterrupt):
        netcdf.write(table, tmp_path / "y.nc") if what == "write" else netcdf.read(tmp_path / "x.nc")
    assert went_on
    assert netcdf.read(tmp_path / ("y.nc" if what == "write" else "x.nc")).identical(table)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
