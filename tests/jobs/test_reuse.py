"""A kept grid that has grown along an axis: old values are read, new ones computed, bit for bit as afresh."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from specs import LANGUAGE, SMALL, changed

import dse
from dse.grid import blocks
from dse.jobs import manifest as manifests
from dse.jobs import reuse, store
from dse.jobs import run as runs
from dse.jobs.same_chunks import same_chunks
from dse.pareto.scanner import Scanner

KEPT = changed(SMALL, output__grid=True)
GROWN = {
    "at its end": {"network__width": [0.35, 0.5, 0.75, 1.0, 1.3, 1.4]},
    "inside": {"network__resolution": [96, 112, 128, 144, 160]},
    "in another order": {"network__width": [1.0, 0.6, 0.35, 0.75, 0.5]},
    "of devices": {"hardware__device": ["gap9", "stm32u575", "esp32"]},
    "of formats": {"precision__scheme": ["fp32", "w4a8", "int8"]},
    "less of another": {"network__width": [0.35, 0.5, 0.75, 1.0, 1.3], "network__resolution": [96, 160]},
    "less": {"network__width": [0.35, 0.75]},
    "budgets only": {"budgets__latency": "200 ms"},
}


@pytest.fixture
def evaluated(monkeypatch):
    """Designs that are evaluated after the standing result, but for the frontier and what varies along few axes."""
    seen, evaluate = [], blocks.Alone.evaluate

    def counted(self, part, columns, **options):
        if not part.is_list and "latency" in columns and min(part.sizes.values()) > 0:
            seen.append(part)
        return evaluate(self, part, columns, **options)

    monkeypatch.setattr(blocks.Alone, "evaluate", counted)
    return seen


@pytest.mark.parametrize("tile", [pytest.param(7, marks=pytest.mark.no_cover), 10**6])
@pytest.mark.parametrize("growth", GROWN)
def test_old_values_are_read_and_the_result_is_the_fresh_one(tmp_path, monkeypatch, evaluated, growth, tile):
    monkeypatch.setattr(runs, "Scanner", lambda given: Scanner(given, tile=tile))
    dse.explore(KEPT, out=tmp_path / "x", plots=False)
    spec = changed(KEPT, **GROWN[growth])
    fresh = dse.explore(spec, out=tmp_path / "fresh", plots=False)
    evaluated.clear()
    found = dse.explore(spec, out=tmp_path / "x", plots=False, fresh=True)
    computed = sum(part.size for part in evaluated)
    assert "designs are taken from the standing grid" in found.messages[0]
    xr.testing.assert_identical(found.frontier, fresh.frontier)
    xr.testing.assert_identical(dse.load(tmp_path / "x").grid.load(), dse.load(tmp_path / "fresh").grid.load())
    assert found.counts == fresh.counts
    before, old, taken = dse.explore(KEPT).grid, {}, int(found.messages[0].split()[1].replace(",", ""))
    for axis in ("width", "resolution", "precision", "device"):
        own = found.grid[axis].values.tolist(), fresh.grid[axis].values.tolist()
        assert own[0] == own[1]
        old[axis] = len(set(own[0]) & set(before[axis].values.tolist()))
    assert taken == np.prod(list(old.values()))
    # Beside the corner that shows what varies along what, only what is new.
    assert computed <= found.counts["enumerated"] - taken + 16


@pytest.mark.parametrize(
    "change",
    [
        {"network__width": [0.35, 1.3], "network__resolution": [96, 100]},
        {"output__metrics": ["params", "carbon"]},
        {"counting": "weights"},
        {"deployment": {"utilization": 0.5}},
        {"network__classes": 10},
    ],
    ids=["two axes", "another metric", "another convention", "another setting", "another network"],
)
def test_what_may_differ_is_computed_afresh(tmp_path, change):
    dse.explore(KEPT, out=tmp_path / "x", plots=False)
    spec = changed(KEPT, **change)
    found = dse.explore(spec, out=tmp_path / "x", plots=False, fresh=True)
    assert found.messages == ()
    xr.testing.assert_identical(found.grid.load(), dse.explore(spec, out=tmp_path / "y", plots=False).grid.load())


def test_other_formulas_and_the_same_spec_are_computed_afresh(tmp_path, monkeypatch):
    dse.explore(KEPT, out=tmp_path / "x", plots=False)
    assert dse.explore(KEPT, out=tmp_path / "x", plots=False, fresh=True).messages == ()
    with monkeypatch.context() as patched:
        patched.setattr(manifests, "_package_key", lambda: "other formulas")
        spec = changed(KEPT, network__width=[0.35, 0.5, 0.75, 1.0, 1.3])
        assert dse.explore(spec, out=tmp_path / "x", plots=False, fresh=True).messages == ()


def test_an_own_device_of_the_same_name_with_other_figures_is_not_reused(tmp_path):
    own = {"base": "esp32", "peak_int8": "1 TFLOP/s"}
    spec = changed(KEPT, hardware__device=["mine"], device={"mine": own})
    dse.explore(spec, out=tmp_path / "x", plots=False)
    other = changed(spec, device={"mine": {**own, "peak_int8": "2 TFLOP/s"}})
    assert dse.explore(other, out=tmp_path / "x", plots=False, fresh=True).messages == ()


def test_several_settings_that_choose_formulas(tmp_path):
    spec = changed(LANGUAGE, output__grid=True)
    dse.explore(spec, out=tmp_path / "x", plots=False)
    grown = changed(spec, deployment__context=[512, 1024, 2048])
    found = dse.explore(grown, out=tmp_path / "x", plots=False, fresh=True)
    assert "16 designs" not in found.messages[0] and "32 designs are taken" in found.messages[0]
    fresh = dse.explore(grown, out=tmp_path / "y", plots=False)
    xr.testing.assert_identical(found.grid.load(), fresh.grid.load())


def test_tiles_are_whole_chunks(tmp_path, monkeypatch):
    """Nothing that is written ends inside a chunk, unless the array ends there."""
    import zarr

    from dse.jobs import store

    monkeypatch.setattr(store, "CHUNK", 13)
    monkeypatch.setattr(runs, "Scanner", lambda given: Scanner(given, tile=13))
    written, put = [], zarr.Array.__setitem__

    def noted(self, region, data):
        written.append((self.shape, self.chunks, region))
        put(self, region, data)

    monkeypatch.setattr(zarr.Array, "__setitem__", noted)
    dse.explore(KEPT, out=tmp_path / "x", plots=False)
    assert len({shape for shape, _, _ in written}) > 2
    for shape, chunks, region in written:
        for length, chunk, part in zip(shape, chunks, () if region is ... else region, strict=region is not ...):
            first, last, _ = part.indices(length)
            assert first % chunk == 0 and (last % chunk == 0 or last == length)


COMPILED = changed(KEPT, objectives={"minimize": ["latency", "energy"]}, output__metrics=["throughput"])


@pytest.fixture
def as_compiled(monkeypatch):
    """Small chunks of grids that are taken for large ones, whose old values are evaluated and not read."""
    monkeypatch.setattr(reuse, "PLAIN_LIMIT", 0)
    monkeypatch.setattr(store, "CHUNK", 4)
    monkeypatch.setattr(runs, "Scanner", lambda given: Scanner(given, tile=4))


def files_of(grid):
    return {p.relative_to(grid).as_posix(): p for p in grid.rglob("*") if "/c/" in p.as_posix() and p.is_file()}


def test_files_of_large_grids_are_taken_over(tmp_path, as_compiled):
    dse.explore(COMPILED, out=tmp_path / "x", plots=False)
    before = {name: path.stat().st_ino for name, path in files_of(tmp_path / "x" / "grid.zarr").items()}
    grown = changed(COMPILED, network__width=[0.35, 0.5, 0.75, 1.0, 1.3])
    found = dse.explore(grown, out=tmp_path / "x", plots=False, fresh=True)
    same = [n for n, p in files_of(tmp_path / "x" / "grid.zarr").items() if before.get(n) == p.stat().st_ino]
    whole = [n for n in before if n.startswith(("latency/", "energy/", "throughput/"))]
    assert set(whole) <= set(same) and len(whole) == 3 * 12
    assert found.messages[0] == f"grid: files of {len(same)} chunks are taken over from the standing grid"
    fresh = dse.explore(grown, out=tmp_path / "fresh", plots=False)
    xr.testing.assert_identical(found.frontier, fresh.frontier)
    xr.testing.assert_identical(dse.load(tmp_path / "x").grid.load(), dse.load(tmp_path / "fresh").grid.load())
    assert (tmp_path / "x" / "grid.sums").read_bytes() == (tmp_path / "fresh" / "grid.sums").read_bytes()


def test_a_damaged_file_is_not_taken_over(tmp_path, as_compiled):
    dse.explore(COMPILED, out=tmp_path / "x", plots=False)
    files = files_of(tmp_path / "x" / "grid.zarr")
    name = next(n for n in files if n.startswith("latency/"))
    content = bytearray(files[name].read_bytes())
    content[-1] ^= 1
    files[name].write_bytes(content)
    grown = changed(COMPILED, network__width=[0.35, 0.5, 0.75, 1.0, 1.3])
    found = dse.explore(grown, out=tmp_path / "x", plots=False, fresh=True)
    assert "chunks are taken over" in " ".join(found.messages)
    dse.explore(grown, out=tmp_path / "fresh", plots=False)
    xr.testing.assert_identical(dse.load(tmp_path / "x").grid.load(), dse.load(tmp_path / "fresh").grid.load())


def test_chunks_that_are_the_same_hold_the_same_values():
    rng, found = np.random.default_rng(4), 0
    for _ in range(200):
        sizes, chunks = rng.integers(1, 9, 2), rng.integers(1, 5, 2)
        rows = [np.arange(n + rng.integers(0, 4)) for n in sizes]
        rows = [np.where(r < n, r, -1) for r, n in zip(rows, sizes, strict=True)]
        if rng.random() < 0.5:
            rows[0] = np.roll(rows[0], rng.integers(0, 3))
        old = np.arange(1, 1 + sizes.prod()).reshape(sizes)
        new = np.where((rows[0] >= 0)[:, None] & (rows[1] >= 0), old[np.ix_(*rows)], 0)

        def chunk(array, index, chunks=chunks):
            return array[tuple(slice(i * n, (i + 1) * n) for i, n in zip(index, chunks, strict=True))].tolist()

        same = list(same_chunks(rows, sizes.tolist(), chunks.tolist()))
        found += len(same)
        assert all(chunk(new, mine) == chunk(old, theirs) for mine, theirs in same)
        # None is missed.
        every = [[tuple(i) for i in np.ndindex(*-(-np.array(a.shape) // chunks))] for a in (new, old)]
        pairs = {(a, b) for a in every[0] for b in every[1] if chunk(new, a) == chunk(old, b)}
        assert pairs == set(same)
    assert found > 100


def test_a_grid_with_a_table_of_quality_values_grows(tmp_path):
    """The table of the standing result is its own copy; what both say is the same."""
    (tmp_path / "mine.csv").write_text("width,accuracy\n0.35,50\n0.5,60\n0.75,70\n1.0,80\n")
    spec = changed(
        SMALL, quality__table=str(tmp_path / "mine.csv"), objectives__maximize=["accuracy"], output__grid=True
    )
    dse.explore(spec, out=tmp_path / "x", plots=False)
    grown = changed(spec, network__resolution=[96, 128, 160, 192])
    found = dse.explore(grown, out=tmp_path / "x", plots=False, fresh=True)
    assert any("taken from the standing grid" in told for told in found.messages)
    xr.testing.assert_identical(found.frontier, dse.explore(grown, out=tmp_path / "y", plots=False).frontier)
