"""A disk that fills up, and a folder that becomes read-only, while a result is written; a clock that jumps."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from specs import SMALL, changed

import dse
import dse.search.entry  # before files may not grow: their bytecode would be written by half
from dse.errors import DseError
from dse.jobs import folder as folders
from dse.jobs import run as runs
from dse.jobs import store, work
from dse.jobs.resolve import read_job
from dse.pareto.scanner import Scanner

KEPT = changed(SMALL, output__grid=True)
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
resource = pytest.importorskip("resource", reason="limits of a process need a POSIX system")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Several units and chunks; and a disk that is said to have room: somebody else takes it in between."""
    monkeypatch.setattr(runs, "Scanner", lambda given: Scanner(given, tile=12))
    monkeypatch.setattr(store, "CHUNK", 12)
    monkeypatch.setattr(work, "EVERY", -1.0)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10**15))


@pytest.fixture(scope="module")
def expected():
    return dse.explore(SMALL)


def assert_told_and_nothing_half_written(folder, spec):
    with pytest.raises(DseError, match=r"cannot be written: |cannot be removed: ") as caught:
        dse.explore(spec, out=folder, plots=False)
    assert caught.value.exit_code == 1 and "\n" not in str(caught.value)
    assert not folder.exists()


def assert_goes_on(folder, spec, expected):
    found = dse.explore(spec, out=folder, plots=False)
    xr.testing.assert_identical(found.frontier, expected.frontier)
    assert found.counts == expected.counts
    if spec is KEPT:
        xr.testing.assert_identical(dse.load(folder).grid["latency"].load(), expected.grid["latency"])
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


@pytest.mark.parametrize("spec", [SMALL, KEPT], ids=["frontier", "grid"])
@pytest.mark.parametrize("most", [0, 300, 1_000, 8_000, 20_000])
def test_files_that_may_not_grow(tmp_path, spec, most, expected):
    """EFBIG at some byte: of the lock, of the grid, of what was found, of the tables."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        assert_told_and_nothing_half_written(tmp_path / "x", spec)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert_goes_on(tmp_path / "x", spec, expected)


def test_large_tables_that_may_not_grow(tmp_path, expected):
    """Beyond its buffers the netCDF library does not survive it: it is not begun."""
    table = xr.Dataset({f"v{i}": ("design", np.arange(50_000.0)) for i in range(20)})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, before[1]))
    try:
        with pytest.raises(DseError, match="cannot be written: File too large"):
            folders.write(replace(expected, frontier=table), read_job(SMALL), tmp_path, tmp_path / "x", False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def small_disk(tmp_path):
    """A file system in memory, whose size can be changed."""
    if not ROOT:
        pytest.skip("only root mounts a file system")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system could be mounted: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("spec", [SMALL, KEPT], ids=["frontier", "grid"])
def test_a_disk_that_is_full(small_disk, spec, expected):
    """ENOSPC at some page, with ever more room, until there is enough."""
    failed, pages = 0, 1
    while True:
        subprocess.run(["mount", "-o", f"remount,size={4 * pages}k", str(small_disk)], check=True)
        try:
            dse.explore(spec, out=small_disk / "x", plots=False)
            break
        except DseError as error:
            assert "cannot be written" in str(error) and "\n" not in str(error)
            assert not (small_disk / "x").exists()
        failed, pages = failed + 1, pages + max(1, pages // 3)
    assert failed > 6
    assert_goes_on(small_disk / "x", spec, expected)


@pytest.fixture(params=["tmpfs", "bind"])
def mounted(request, tmp_path):
    """A folder that is a file system of its own, or another folder of this one under a second name."""
    if not ROOT:
        pytest.skip("only root mounts a file system")
    place, real = tmp_path / "x", tmp_path / "real"
    place.mkdir()
    real.mkdir()
    kind = ["-t", "tmpfs", "none"] if request.param == "tmpfs" else ["--bind", str(real)]
    done = subprocess.run(["mount", *kind, str(place)], capture_output=True)
    if done.returncode:
        pytest.skip(f"nothing could be mounted: {done.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_folder_that_is_mounted_is_written_replaced_and_gone_on_with(mounted, expected, monkeypatch):
    """Nothing can be moved into it from beside, and it cannot itself be moved."""
    checkpoint = work.Work.checkpoint

    def interrupt(self, found, last=False):
        checkpoint(self, found, last)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(work.Work, "checkpoint", interrupt)
        with pytest.raises(KeyboardInterrupt, match="what was found is kept in"):
            dse.explore(KEPT, out=mounted, plots=False)
    assert [p.name for p in mounted.iterdir()] == [".x.work"]
    assert dse.explore(KEPT, out=mounted, plots=False).state == "continued"
    (mounted / "notes.txt").write_text("mine")
    xr.testing.assert_identical(dse.load(mounted).grid["latency"].load(), expected.grid["latency"])
    found = dse.explore(SMALL, out=mounted, plots=False, fresh=True)
    xr.testing.assert_identical(found.frontier, expected.frontier)
    names = {*found.manifest["files"], "notes.txt"}
    assert {p.name for p in mounted.iterdir()} == names and (mounted / "notes.txt").read_text() == "mine"
    assert {p.name for p in mounted.parent.iterdir()} == {"x", "real"}
    assert dse.explore(SMALL, out=mounted, plots=False).state == "reused"


def test_a_folder_that_cannot_be_written_is_told_before_the_work(nobody, monkeypatch):
    dse.explore(SMALL, out=nobody / "x", plots=False)
    (nobody / "x").chmod(0o555)
    monkeypatch.setattr(runs, "Scanner", None)
    with pytest.raises(DseError, match="x: cannot be written: Permission denied"):
        dse.explore(changed(SMALL, fit=False), out=nobody / "x", fresh=True, plots=False)
    (nobody / "x").chmod(0o755)
    assert [p.name for p in nobody.iterdir()] == ["x"]


@pytest.fixture
def nobody():
    """A place that belongs to a user who may not write where permissions forbid it, and this process is that user."""
    place = Path(tempfile.mkdtemp(prefix="dse-nobody-"))
    place.chmod(0o755)
    if ROOT:
        os.chown(place, 65534, 65534)
        os.seteuid(65534)
    yield place
    if ROOT:
        os.seteuid(0)
    shutil.rmtree(place)


@pytest.mark.parametrize("spec", [SMALL, KEPT], ids=["frontier", "grid"])
@pytest.mark.parametrize("which", ["work", "parent"])
def test_a_folder_that_becomes_read_only(expected, nobody, spec, which, monkeypatch):
    # All that is read and imported lies where only root can go.
    checkpoint, made = work.Work.checkpoint, []

    def locked(self, found, last=False):
        checkpoint(self, found, last)
        if not made:
            made.append(self.path if which == "work" else self.path.parent)
            made[0].chmod(0o555)

    with monkeypatch.context() as patched:
        patched.setattr(work.Work, "checkpoint", locked)
        with pytest.raises(DseError, match="cannot be written: ") as caught:
            dse.explore(spec, out=nobody / "x", plots=False)
    assert caught.value.exit_code == 1
    assert not (nobody / "x").exists()
    made[0].chmod(0o755)
    assert_goes_on(nobody / "x", spec, expected)


def test_a_standing_result_stays_whole_when_its_folder_cannot_be_replaced(expected, nobody):
    dse.explore(SMALL, out=nobody / "x", plots=False)
    nobody.chmod(0o555)
    with pytest.raises(DseError, match="cannot be written"):
        dse.explore(changed(SMALL, fit=False), out=nobody / "x", fresh=True, plots=False)
    assert dse.load(nobody / "x").counts == expected.counts
    # A finished one is read where nothing can be written.
    assert dse.explore(SMALL, out=nobody / "x", plots=False).state == "reused"
    nobody.chmod(0o755)


def test_a_clock_that_jumps(tmp_path, expected, monkeypatch):
    """What was found is taken up though every file says that it is of 1970, or of the next century."""
    checkpoint, jumps = work.Work.checkpoint, iter([0.0, 4e9, -1e9, 1.0] * 100)
    monkeypatch.setattr(time, "time", lambda: next(jumps))

    def interrupt(self, found, last=False):
        checkpoint(self, found, last)
        if not last:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(work.Work, "checkpoint", interrupt)
        with pytest.raises(KeyboardInterrupt):
            dse.explore(KEPT, out=tmp_path / "x", plots=False)
    for path, moment in zip(sorted(tmp_path.rglob("*")), [0, 4_000_000_000] * 1000, strict=False):
        os.utime(path, (moment, moment))
    found = dse.explore(KEPT, out=tmp_path / "x", plots=False)
    assert found.state == "continued" and found.counts == expected.counts
    assert found.manifest["seconds"] >= 0
    for path, moment in zip(sorted((tmp_path / "x").rglob("*")), [4_000_000_000, 0] * 1000, strict=False):
        os.utime(path, (moment, moment))
    assert dse.explore(KEPT, out=tmp_path / "x", plots=False).state == "reused"


@pytest.mark.parametrize("most", [0, 1_000, 20_000])
def test_a_search_whose_files_may_not_grow(tmp_path, most):
    """Of the journal, while it is written; of the tables at the end. It goes on afterwards."""
    spec, options = changed(SMALL, budgets={}), {"trials": 40, "population": 10, "seed": 2, "plots": False}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        with pytest.raises(DseError, match=r"x.*: cannot be (written|used): .*File too large") as caught:
            dse.search(spec, out=tmp_path / "x", **options)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.exit_code == 1 and not (tmp_path / "x").exists()
    found = dse.search(spec, out=tmp_path / "x", **options)
    xr.testing.assert_identical(found.frontier, dse.search(spec, **options).frontier)


@pytest.mark.parametrize("problem", [errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_that_gives_no_room_beforehand(tmp_path, monkeypatch, expected, problem):
    def fallocate(*_):
        raise OSError(problem, os.strerror(problem))

    monkeypatch.setattr(os, "posix_fallocate", fallocate, raising=False)
    assert_goes_on(tmp_path / "x", SMALL, expected)


def test_no_more_room_is_had_beforehand_than_is_written(tmp_path, monkeypatch):
    """On a file system in memory it is memory."""
    had, fallocate = [], os.posix_fallocate
    monkeypatch.setattr(os, "posix_fallocate", lambda n, at, size: had.append(size) or fallocate(n, at, size))
    result = dse.search(SMALL, out=tmp_path / "x", trials=20, population=10, plots=False)
    files = [tmp_path / "x" / name for name in ("frontier.nc", "cloud.nc", "search.nc")]
    assert len(had) == 3 and result.search is not None
    assert all(0 < size <= path.stat().st_size for size, path in zip(had, files, strict=True))


def test_a_grid_whose_result_could_not_be_written_is_gone_on_with(tmp_path, monkeypatch, expected):
    """It had been moved into the new folder, and is moved back: nothing of it is computed again."""

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(folders.netcdf, "write", full)
        with pytest.raises(DseError, match="No space left on device"):
            dse.explore(KEPT, out=tmp_path / "x", plots=False)
    found = dse.explore(KEPT, out=tmp_path / "x", plots=False)
    assert found.state == "continued" and len(found.messages) == 1
    xr.testing.assert_identical(found.frontier, expected.frontier)
