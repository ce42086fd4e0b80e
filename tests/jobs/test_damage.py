"""A grid whose files were cut short, lost, changed or exchanged: found, and computed again or refused by name."""

from __future__ import annotations

import json
import os
import shutil

import netCDF4
import pytest
import xarray as xr
from specs import SMALL, changed

import dse
from dse.errors import InputError
from dse.jobs import run as runs
from dse.jobs import store, work
from dse.jobs.checksums import Damaged, Sums
from dse.jobs.recut import recut
from dse.pareto.partial import read_partial
from dse.pareto.scanner import Scanner

KEPT = changed(SMALL, output__grid=True)
SEVERAL = changed(KEPT, hardware__device="stm32u575", objectives={"minimize": ["latency"]}, budgets={})
SEVERAL["network"] = [{**KEPT["network"], "name": "one"}, {**KEPT["network"], "name": "two", "classes": 10}]
CHUNK = "latency/c/0/0/0/0"


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-7])


def emptied(path):
    path.write_bytes(b"")


def lost(path):
    path.unlink()


def changed_inside(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def exchanged(path):
    """A whole chunk of the same shape, of another variable."""
    shutil.copyfile(path.parents[5] / "energy" / "/".join(path.parts[-5:]), path)


DAMAGES = [cut_short, emptied, lost, changed_inside, exchanged]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(runs, "Scanner", lambda given: Scanner(given, tile=12))
    monkeypatch.setattr(store, "CHUNK", 12)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store, "CHUNK", 12)
        return dse.explore(KEPT, out=tmp_path_factory.mktemp("whole") / "x", plots=False)


@pytest.fixture
def damaged(expected, tmp_path, request):
    shutil.copytree(expected.path, tmp_path / "x")
    request.param(tmp_path / "x" / "grid.zarr" / CHUNK)
    return tmp_path / "x"


def assert_same(found, expected):
    xr.testing.assert_identical(dse.load(found.path).grid.load(), dse.load(expected.path).grid.load())
    xr.testing.assert_identical(found.frontier, expected.frontier)
    assert found.counts == expected.counts


@pytest.mark.parametrize("damaged", DAMAGES, indirect=True)
def test_values_are_not_read_from_it(damaged):
    told = rf"grid\.zarr/{CHUNK}: is (missing|damaged, or of another grid); compute the result again with --fresh"
    grid = dse.load(damaged).grid
    with pytest.raises(Damaged, match=told):
        grid.latency.load()
    with pytest.raises(InputError, match=told):
        recut(dse.load(damaged), minimize=["peak_sram", "energy"], budgets={"latency": "200 ms"})
    assert Damaged.exit_code == 2


@pytest.mark.parametrize("name", ["grid.zarr/zarr.json", "grid.zarr/latency/zarr.json", "grid.zarr/width/c/0"])
@pytest.mark.parametrize("damage", [cut_short, lost, changed_inside])
def test_neither_are_names_and_axes(expected, tmp_path, name, damage):
    shutil.copytree(expected.path, tmp_path / "x")
    damage(tmp_path / "x" / name)
    with pytest.raises(InputError):
        dse.load(tmp_path / "x").grid.load()


@pytest.mark.parametrize("damaged", DAMAGES, indirect=True)
def test_a_finished_result_is_computed_again(damaged, expected):
    again = dse.explore(KEPT, out=damaged, plots=False)
    assert again.state == "computed"
    assert again.messages == (f"1 damaged file ({CHUNK}) of the standing result: it is computed again",)
    assert_same(again, expected)
    assert dse.explore(KEPT, out=damaged, plots=False).state == "reused"


@pytest.fixture(scope="module")
def with_table(tmp_path_factory):
    """A spec with a table of the user's, and its result: of it no formula tells, only the copy in the result does."""
    folder = tmp_path_factory.mktemp("table")
    rows = "".join(f"{width},{60 + 10 * width}\n" for width in SMALL["network"]["width"])
    (folder / "mine.csv").write_text("width,accuracy\n" + rows)
    spec = changed(SMALL, quality__table=str(folder / "mine.csv"), objectives__maximize=["accuracy"])
    return spec, dse.explore(spec, out=folder / "x", plots=False)


@pytest.mark.parametrize("damage", [changed_inside, lost, emptied])
@pytest.mark.parametrize("name", ["frontier.nc", "cloud.nc", "assumptions.toml", "quality.csv"])
def test_a_table_that_is_not_what_was_written_is_found(name, damage, with_table, tmp_path):
    spec, expected = with_table
    shutil.copytree(expected.path, tmp_path / "x")
    damage(tmp_path / "x" / name)
    with pytest.raises(InputError, match=f"{name}: is (missing|damaged, or of another result); the command that made"):
        dse.load(tmp_path / "x")
    again = dse.explore(spec, out=tmp_path / "x", plots=False)
    assert again.messages == (f"1 damaged file ({name}) of the standing result: it is computed again",)
    xr.testing.assert_identical(again.frontier, expected.frontier)
    assert dse.explore(spec, out=tmp_path / "x", plots=False).state == "reused"


def test_a_manifest_that_was_changed_is_found(with_table, tmp_path):
    spec, expected = with_table
    shutil.copytree(expected.path, tmp_path / "x")
    path = tmp_path / "x" / "manifest.json"
    path.write_text(path.read_text().replace('"kept": ', '"kept": 1'))
    with pytest.raises(InputError, match=r"manifest\.json: is damaged, or of another result"):
        dse.load(tmp_path / "x")
    assert dse.explore(spec, out=tmp_path / "x", plots=False).counts == expected.counts


def test_a_damaged_result_is_replaced_when_that_is_asked_for(expected, tmp_path):
    """Before, what of its grid could be taken over was looked for in what could not be read."""
    shutil.copytree(expected.path, tmp_path / "x")
    changed_inside(tmp_path / "x" / "frontier.nc")
    grown = changed(KEPT, network__resolution=[96, 128, 160, 192])
    assert dse.explore(grown, out=tmp_path / "x", plots=False, fresh=True).state == "computed"


@pytest.mark.parametrize("damaged", [changed_inside], indirect=True)
def test_of_a_large_grid_lengths_are_compared_and_that_is_told(damaged, monkeypatch):
    monkeypatch.setattr(runs, "READ_THROUGH", 1)
    again = dse.explore(KEPT, out=damaged, plots=False)
    assert again.state == "reused"
    assert "lengths were compared; their content is checked whenever it is read" in again.messages[0]
    with pytest.raises(InputError, match="is damaged, or of another grid"):
        again.grid.load()


@pytest.mark.parametrize("damaged", DAMAGES, indirect=True)
def test_a_grid_that_grows_takes_nothing_over_from_it(damaged, tmp_path):
    grown = changed(KEPT, network__resolution=[96, 128, 160, 192])
    fresh = dse.explore(grown, out=tmp_path / "fresh", plots=False)
    found = dse.explore(grown, out=damaged, plots=False, fresh=True)
    assert any("damage" in told and ("evaluated instead" in told or "again" in told) for told in found.messages)
    assert_same(found, fresh)


def interrupted(folder, monkeypatch, units):
    """What a run leaves that was interrupted after some units."""
    checkpoint, left = work.Work.checkpoint, [units]

    def interrupt(self, found, last=False):
        checkpoint(self, found, last)
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(work, "EVERY", -1.0)
        patched.setattr(work.Work, "checkpoint", interrupt)
        with pytest.raises(KeyboardInterrupt):
            dse.explore(KEPT, out=folder, plots=False)
    return folder.parent / f".{folder.name}.work"


def test_an_interrupted_run_goes_on_with_a_whole_grid(tmp_path, monkeypatch, expected):
    interrupted(tmp_path / "x", monkeypatch, 3)
    found = dse.explore(KEPT, out=tmp_path / "x", plots=False)
    assert found.state == "continued"
    assert_same(found, expected)


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_interrupted_run_starts_over_with_a_damaged_one(tmp_path, monkeypatch, expected, damage):
    left = interrupted(tmp_path / "x", monkeypatch, 3)
    damage(left / "grid.zarr" / CHUNK)
    found = dse.explore(KEPT, out=tmp_path / "x", plots=False)
    assert found.state == "computed"
    assert found.messages == (f"1 damaged file ({CHUNK}) of the interrupted run's grid: all is computed again",)
    assert_same(found, expected)
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_chunks_of_nothing_but_undefined_values_are_written(tmp_path, monkeypatch):
    """A chunk that is not there is known to be lost, and is none that holds no number."""
    monkeypatch.setattr(store, "CHUNK", 1)
    monkeypatch.setattr(runs, "Scanner", lambda given: Scanner(given, tile=1))
    spec = changed(KEPT, network={"model": "llama-2-7b"}, precision__scheme=["fp16", "w4a16"], budgets={}, fit=False)
    spec |= {"hardware": {"device": ["a100-sxm-80gb", "l4"]}, "objectives": {"minimize": ["latency"]}}
    spec |= {"deployment": {"phase": ["prefill", "decode"]}, "output": {"grid": True, "metrics": ["time_per_token"]}}
    found = dse.explore(spec, out=tmp_path / "x", plots=False)
    assert found.grid.time_per_token.sel(phase="prefill").isnull().all()
    # Two formats, two devices, two phases, each in a chunk of its own.
    chunks = [p for p in (tmp_path / "x" / "grid.zarr" / "time_per_token" / "c").rglob("*") if p.is_file()]
    assert len(chunks) == 8
    assert not Sums(tmp_path / "x" / "grid.sums", tmp_path / "x" / "grid.zarr").wrong()


def test_grids_of_several_networks(tmp_path):
    first = dse.explore(SEVERAL, out=tmp_path / "x", plots=False)
    assert set(first.grid.children) == {"one", "two"}
    lost(tmp_path / "x" / "grid.zarr" / "two" / "params" / "c" / "0")
    again = dse.explore(SEVERAL, out=tmp_path / "x", plots=False)
    assert again.messages == ("1 damaged file (two/params/c/0) of the standing result: it is computed again",)
    xr.testing.assert_identical(again.frontier, first.frontier)


@pytest.mark.parametrize("sums", ["no sums\n", "", None, "00000000 0 /dev/zero\n", "00000000 0 ../pipe\n"])
def test_sums_that_are_damaged_themselves(sums, expected, tmp_path):
    """Whoever reads a grid has them: without, any file would be believed. Names in them stay inside the grid."""
    os.mkfifo(tmp_path / "pipe")
    shutil.copytree(expected.path, tmp_path / "x")
    path = tmp_path / "x" / "grid.sums"
    path.unlink() if sums is None else path.write_text(sums)
    with pytest.raises(InputError, match=r"grid\.sums: is (damaged|missing)"):
        dse.load(tmp_path / "x")
    with pytest.raises(InputError, match="is damaged"):
        store.open_grid(tmp_path / "x")
    assert store.sums_of(tmp_path / "x").wrong() == ["grid.sums"]
    assert dse.explore(KEPT, out=tmp_path / "x", plots=False).counts == expected.counts


@pytest.mark.parametrize("damage", [lost, emptied])
def test_an_interrupted_run_without_sums_starts_over(tmp_path, monkeypatch, expected, damage):
    left = interrupted(tmp_path / "x", monkeypatch, 3)
    damage(left / "grid.sums")
    found = dse.explore(KEPT, out=tmp_path / "x", plots=False)
    assert found.messages == ("1 damaged file (grid.sums) of the interrupted run's grid: all is computed again",)
    assert_same(found, expected)


@pytest.mark.parametrize("seconds", [None, "abc", -1.0, float("nan")])
def test_kept_work_without_its_time_is_none(tmp_path, monkeypatch, expected, seconds):
    left = interrupted(tmp_path / "x", monkeypatch, 3)
    partial, header = read_partial(left / "found.npz")
    del header["seconds"]
    partial.save(left / "found.npz", header if seconds is None else {**header, "seconds": seconds})
    assert_same(dse.explore(KEPT, out=tmp_path / "x", plots=False), expected)


def test_a_grid_is_read_with_no_other_codecs_than_it_is_written_with(expected, tmp_path):
    """Codecs are found by their names among all that is installed, and there are some that run what they read."""
    shutil.copytree(expected.path, tmp_path / "x")
    path = tmp_path / "x" / "grid.zarr" / "latency" / "zarr.json"
    content = path.read_text().replace('"zstd"', '"numcodecs.pickle"')
    path.write_text(content)
    sums = Sums(tmp_path / "x" / "grid.sums", tmp_path / "x" / "grid.zarr")
    sums.note(path, content.encode())
    sums.close()
    with pytest.raises(InputError, match=r"zarr\.json: the codec 'numcodecs\.pickle' is none of dse's"):
        store.open_grid(tmp_path / "x")


def test_a_grid_of_an_older_format_is_not_looked_at(expected, tmp_path):
    """Its metadata name filters freely, and one of them is pickle."""
    shutil.copytree(expected.path, tmp_path / "x")
    shutil.rmtree(tmp_path / "x" / "grid.zarr")
    made = tmp_path / "x" / "grid.zarr" / "one"
    made.mkdir(parents=True)
    (made / ".zgroup").write_text('{"zarr_format": 2}')
    with pytest.raises(InputError, match="cannot be read"):
        store.open_grid(tmp_path / "x")


def test_a_pipe_in_the_place_of_a_chunk_is_not_waited_for(expected, tmp_path):
    shutil.copytree(expected.path, tmp_path / "x")
    (tmp_path / "x" / "grid.zarr" / CHUNK).unlink()
    os.mkfifo(tmp_path / "x" / "grid.zarr" / CHUNK)
    with pytest.raises(Damaged, match="named pipe"):
        store.open_grid(tmp_path / "x").latency.load()


def test_a_line_that_was_cut_short_is_of_a_file_that_is_written_again(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    sums = Sums(tmp_path / "sums", tmp_path)
    sums.note(tmp_path / "a", b"abc")
    sums.close()
    # CRC-32 of "abc", as published.
    assert (tmp_path / "sums").read_text() == "352441c2 3 a\n"
    with (tmp_path / "sums").open("a") as file:
        file.write("352441c2 3")
    again = Sums(tmp_path / "sums", tmp_path)
    assert again.known == {"a": (0x352441C2, 3)}
    again.note(tmp_path / "b", b"")
    again.close()
    assert Sums(tmp_path / "sums", tmp_path).known == {"a": (0x352441C2, 3), "b": (0, 0)}


def test_a_table_of_more_than_its_bytes_is_not_read(expected, tmp_path):
    """A few kB of netCDF may say to be hundreds of millions of numbers, none of which was written."""
    shutil.copytree(expected.path, tmp_path / "x")
    with netCDF4.Dataset(tmp_path / "x" / "frontier.nc", "w") as file:
        file.createDimension("design", 400_000_000)
        file.createVariable("latency", "f8", ("design",), chunksizes=(1_000_000,))
    (tmp_path / "x" / "manifest.json").write_text(json.dumps({**expected.manifest, "checksums": {}}))
    assert (tmp_path / "x" / "frontier.nc").stat().st_size < 100_000
    with pytest.raises(InputError, match=r"frontier\.nc says to hold 3,200,000,000 bytes"):
        dse.load(tmp_path / "x")
