"""A Dask cluster gives the result of one process, whatever becomes of its workers."""

from __future__ import annotations

import copy
import gc
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import xarray as xr
from long_run import LONG, small_units
from specs import SMALL, changed, to_toml

import dse
from dse.errors import DseError, InputError
from dse.jobs import distribute, work
from dse.jobs.resolve import read_job
from dse.jobs.run import Keeping, blocks_of
from dse.pareto import branch
from dse.pareto.scan import finish, scan_blocks
from dse.pareto.scanner import Scanner
from dse.pareto.shares import Shares

distributed = pytest.importorskip("distributed", reason="Dask is an extra")

# One worker sets up what all of them share.
pytestmark = pytest.mark.xdist_group("cluster")


@pytest.fixture(scope="module")
def cluster():
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options, silence_logs=50) as made, distributed.Client(made) as client:
        yield client


@pytest.fixture
def tiles(monkeypatch):
    monkeypatch.setitem(Scanner.__init__.__kwdefaults__, "tile", 100)


def test_the_result_of_one_process(cluster, tiles, tmp_path):
    address, seen = cluster.scheduler.address, []
    found = dse.explore(LONG, scheduler=address, progress=lambda *p: seen.append(p))
    here = dse.explore(LONG)
    xr.testing.assert_identical(found.frontier, here.frontier)
    xr.testing.assert_identical(found.cloud, here.cloud)
    assert found.counts == here.counts
    size = here.counts["enumerated"]
    assert len(seen) > 8 and seen[-1] == (size, size) and seen == sorted(seen)


def test_a_search_by_bounds(cluster, monkeypatch):
    monkeypatch.setattr(Shares.__init__, "__defaults__", (5,))
    address, seen = cluster.scheduler.address, []
    found = dse.explore(changed(LONG, bounds=True), scheduler=address, progress=lambda *p: seen.append(p))
    here = dse.explore(LONG)
    xr.testing.assert_identical(found.frontier, here.frontier)
    size, work = here.counts["enumerated"], found.manifest["bounds"]
    assert work["modelled"] + sum(work["skipped"].values()) == size == found.counts["enumerated"]
    assert seen[-1] == (size, size) and seen == sorted(seen)


def test_a_worker_that_dies_loses_nothing(cluster, monkeypatch, tmp_path):
    cluster.run(small_units, 0.02)
    monkeypatch.setitem(Scanner.__init__.__kwdefaults__, "tile", 700)
    blocks, killed = blocks_of(read_job(LONG)), []
    worker = next(iter(cluster.run(os.getpid).values()))

    def kill(done, size):
        # A worker that has found something, and is at work on more.
        if not killed and done > size // 4:
            killed.append(done)
            os.kill(worker, signal.SIGKILL)

    found = distribute._scan(cluster, (), Scanner(blocks), kill, Keeping())
    assert killed and killed[0] < sum(b.space.size for b in blocks)
    here, there = scan_blocks(blocks, tile=700), finish(blocks, found)
    assert there.places.tolist() == here.places.tolist()
    assert there.tally == here.tally
    cluster.restart()
    assert worker not in cluster.run(os.getpid).values()


def test_a_cluster_goes_on_from_what_is_known(cluster, tiles):
    blocks = blocks_of(read_job(LONG))
    half = Scanner(blocks).scan(only=range(0, 90, 2))
    told = []
    found = distribute._scan(cluster, (), Scanner(blocks), lambda *p: told.append(p[0]), Keeping(half))
    assert 0 < half.tally.enumerated < told[0] and told[-1] == blocks[0].space.size
    assert finish(blocks, found).tally == scan_blocks(blocks).tally


FEW = {
    "name": "x",
    "network": {"family": "mobilenet_v2", "width": [0.35, 0.5, 0.75, 1.0], "resolution": list(range(96, 257, 8))},
    "precision": {"scheme": ["int8", "fp32"]},
    "hardware": {"device": ["esp32", "stm32u575"]},
    "objectives": {"minimize": ["latency", "flash"]},
    "bounds": True,
}


@pytest.fixture
def small_batches(monkeypatch):
    for name in ("CHUNK", "COARSE"):
        monkeypatch.setattr(branch, name, 16)


def test_a_search_by_bounds_that_one_process_began_is_ended_in_one(small_batches, monkeypatch, tmp_path):
    whole = dse.explore(FEW)
    monkeypatch.setattr(work, "EVERY", 0.0)
    monkeypatch.setattr(work, "SHARE", 1e9)
    monkeypatch.setattr(work, "RATE", 1e18)

    def stop(done, size):
        if done > 0.4 * size:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dse.explore(FEW, out=tmp_path / "x", plots=False, progress=stop)
    monkeypatch.setattr(distribute, "_client", lambda address: pytest.fail("the search is thrown away"))
    told = []
    found = dse.explore(
        FEW, out=tmp_path / "x", plots=False, scheduler="local", progress=lambda done, size: told.append(done / size)
    )
    # The last batch of boxes before the interruption may not have been put down.
    assert found.state == "continued" and told[0] > 0.2 and told == sorted(told)
    assert "; the search that it was in the midst of is ended in one process" in found.messages[0]
    xr.testing.assert_identical(found.frontier, whole.frontier)
    assert found.counts == whole.counts


def test_a_share_that_one_process_began_is_ended_before_others_are_dealt_out(small_batches):
    shares, kept = Shares(blocks_of(read_job(FEW)), 3), []

    def stop(done, size):
        if kept and kept[-1].suspended.tally.enumerated:
            raise KeyboardInterrupt

    known = shares.scan(only=[1])
    with pytest.raises(KeyboardInterrupt):
        shares.scan(stop, known=known, checkpoint=lambda found, last=False: kept.append(copy.deepcopy(found())))
    assert kept[-1].suspended.share == (0, 3)
    found = distribute._ended(shares, None, Keeping(kept[-1])).known
    assert found.suspended is None and found.units.tolist() == [0, 1]
    assert found.tally.enumerated == shares.scan(only=[0, 1]).tally.enumerated


def test_faults_of_the_spec_meet_the_user_before_any_task(cluster, monkeypatch):
    monkeypatch.setattr(distribute, "_client", lambda address: pytest.fail("connected"))
    with pytest.raises(InputError, match="unknown metric"):
        dse.explore(changed(SMALL, objectives__minimize=["latncy"]), scheduler="local")


def test_what_a_cluster_cannot_do(cluster, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"one process keeps a grid; leave out output\.grid, or --scheduler"):
        dse.explore(changed(SMALL, output__grid=True), scheduler=cluster.scheduler.address, out=tmp_path / "x")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(distribute, "PATIENCE", 0.5)
    for address in ("tcp://127.0.0.1:9", "nonsense://", "here"):
        with pytest.raises(InputError, match=f"no Dask scheduler answers at '{address}'.*allowed: an address such as"):
            dse.explore(SMALL, scheduler=address)
    monkeypatch.setattr(distribute, "find_spec", lambda name: None)
    with pytest.raises(DseError, match=r"Dask is not installed: pip install 'dse\[cluster\]'"):
        dse.explore(SMALL, scheduler="local")


def test_workers_with_other_formulas_are_refused(cluster, monkeypatch):
    monkeypatch.setattr(distribute, "code_key", lambda: "other")
    with pytest.raises(InputError, match="workers have other formulas or catalogues than this process"):
        dse.explore(SMALL, scheduler=cluster.scheduler.address)


def test_a_metric_of_the_main_program_is_refused(monkeypatch):
    def own(latency):
        """Not importable elsewhere."""

    own.__module__ = "__main__"
    with pytest.raises(InputError, match="a metric is defined in __main__; put it into a module"):
        distribute.scan_on("local", [own])


def test_a_cluster_of_this_machine(tiles, monkeypatch):
    """Nobody else of the machine can run anything in it, or read what it does."""
    scan, seen = distribute._scan, []

    def looked_at(client, *rest):
        address = client.scheduler.address
        with pytest.raises(OSError):
            distributed.Client(address.replace("tls", "tcp"), timeout=2)
        port = client.cluster.scheduler.http_server.port
        for page in ("", "health", "info/main/workers.html", "json/counts.json", "status"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=10)
        this = psutil.Process()
        open_ports = [c for p in (this, *this.children(recursive=True)) for c in p.net_connections("inet")]
        assert {c.laddr.ip for c in open_ports if c.status == psutil.CONN_LISTEN} == {"127.0.0.1"}
        seen.append(address)
        return scan(client, *rest)

    monkeypatch.setattr(distribute, "_scan", looked_at)
    assert dse.explore(SMALL, scheduler="local").counts == dse.explore(SMALL).counts
    assert [address[:16] for address in seen] == ["tls://127.0.0.1:"]


def test_nothing_of_a_cluster_swallows_an_interrupt():
    """What Python calls while it collects garbage loses a KeyboardInterrupt, and the scan would go on."""
    with distribute._client("local"):
        assert not [c for c in gc.callbacks if "distributed" in getattr(c, "__module__", "")]


@pytest.mark.parametrize("moment", ["while workers start", "when something was found"])
def test_an_interruption_ends_a_cluster_in_order(moment, tmp_path):
    """Ctrl-C of a terminal goes to all processes: only ours tells of it."""
    path, work = tmp_path / "large.toml", tmp_path / "results" / ".x.work"
    span = {"start": 0.1, "stop": 1.0, "num": 100_000}
    large = changed(SMALL, deployment={"utilization": span, "pue": {"start": 1.0, "stop": 2.0, "num": 10_000}})
    large["objectives"]["choose"] = ["utilization", "pue"]
    path.write_text(to_toml(changed(large, bounds=False)))
    command = [
        sys.executable,
        "-m",
        "dse",
        "explore",
        path,
        "--scheduler",
        "local",
        "--out",
        tmp_path / "results" / "x",
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(dse.__file__).parents[1])}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True)
    try:
        deadline, awaited = time.monotonic() + 120, work if moment.startswith("while") else work / "found.npz"
        while not awaited.exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        # In the midst of it.
        time.sleep(1.0)
        os.killpg(process.pid, signal.SIGINT)
        err = process.communicate(timeout=60)[1]
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    if moment.startswith("while"):
        assert err == "interrupted\n" and not (tmp_path / "results").exists()
    else:
        assert err.startswith("interrupted; what was found is kept in") and err.count("\n") == 1
        assert (work / "found.npz").exists()
