"""The whole grid of a job, kept on disk: a Zarr store a grid, written while the designs stream past."""

from __future__ import annotations

import itertools
import math
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from dse.errors import InputError
from dse.grid.blend import Blend
from dse.grid.blocks import Grid
from dse.grid.dataset import coordinates_of, label
from dse.grid.engines import PLAIN_LIMIT
from dse.grid.evaluate import WITNESS
from dse.grid.labelled import Labelled
from dse.grid.program import MODEL_AXIS, PHASE_AXIS, Values
from dse.grid.quality import SOURCES
from dse.grid.reasons import has_undefined, reasons
from dse.grid.space import Space
from dse.jobs.checksums import Sums
from dse.jobs.files import GRID, SUMS
from dse.jobs.same_chunks import Index, Standing
from dse.pareto.regions import Region, thinned
from dse.pareto.scanner import TILE
from dse.units import format_quantity

# Values of a chunk, and the level of its compression: what reads and writes quickest.
CHUNK = 1_000_000
LEVEL = 1
# Bytes of a text in the store, before compression: texts are few and alike.
TEXT = 8


class Store:
    """A grid that is written tile by tile, each variable over the dimensions that it varies along."""

    def __init__(self, grid: Grid, columns: Sequence[str]) -> None:
        self._grid, self._space, self._columns = grid, grid.space, tuple(columns)
        corner = _corner(grid)
        values = grid.evaluate(corner, columns)
        self._template = label(corner, values, grid)
        # Everything that the axes alone tell is written with them.
        self._axes = coordinates_of(self._space, values)
        self._wanted = {str(n): v for n, v in self._template.variables.items() if n not in self._axes}
        self._arrays: dict[str, Any] = {}
        # Chunks of variables that were taken over from another grid.
        self._taken: dict[str, set[Index]] = {}

    @property
    def name(self) -> str:
        """The name of the grid; "" of one alone."""
        return self._grid.name

    @property
    def bytes(self) -> int:
        """Bytes that the store takes before compression."""
        return sum(math.prod(self._shape(v.dims)) * (8 if v.dtype.kind == "f" else TEXT) for v in self._wanted.values())

    def _shape(self, dims: Iterable[Any]) -> tuple[int, ...]:
        return tuple(self._space.sizes[str(d)] for d in dims)

    def create(self, folder: Path) -> None:
        """Write axes and attributes into a folder, and make room for the variables."""
        import zarr
        from zarr.codecs import ZstdCodec

        whole = xr.Dataset(coords=self._axes)
        # Of texts the format knows only those without a fixed length.
        texts = {n: v.astype(object) for n, v in whole.coords.items() if v.dtype.kind == "U"}
        store = self._store(folder)
        store.root.mkdir(parents=True)
        xr.Dataset(coords={**whole.coords, **texts}, attrs=self._template.attrs).to_zarr(
            store, zarr_format=3, consolidated=False
        )
        group = zarr.open_group(store, mode="r+")
        for name, variable in self._wanted.items():
            shape = self._shape(variable.dims)
            number = variable.dtype.kind == "f"
            self._arrays[name] = group.create_array(
                name,
                shape=shape,
                chunks=_chunks(shape),
                dtype="float64" if number else str,
                fill_value=math.nan if number else "",
                dimension_names=tuple(map(str, variable.dims)),
                compressors=ZstdCodec(level=LEVEL),
                attributes={n: value for n, value in variable.attrs.items() if n != "reason"},
                # Every chunk is written, so that one that is not there is known to be missing.
                config={"write_empty_chunks": True},
            )

        self._write_small()

    def take_over(self, standing: Standing, data: xr.Dataset) -> int:
        """Take over the files of chunks that a standing grid, opened as `data`, has too, and give their number.

        They are not written again.
        """
        for name in self._of(self._space.dims):
            old = data[name]
            if self._wanted[name].dtype.kind == "f" and old.dims == self._space.dims and "chunks" in old.encoding:
                array, root = self._arrays[name], self.sums.root / self._grid.name
                self._taken[name] = standing.hand_over(array, old.encoding["chunks"], old.shape, root, self.sums)
        return sum(map(len, self._taken.values()))

    def explain(self) -> None:
        """Write why values are undefined, when all are there: of a large space what a coarse grid and a tile tell."""
        whole = self._space.size <= PLAIN_LIMIT
        region = thinned(self._space, self._space.size if whole else TILE)
        values = {n: self._at(region, n) for n, v in self._wanted.items() if v.dtype.kind == "f"}
        for name, why in reasons(self._grid, region.space, values).items():
            found = "" if whole else self._arrays[name].attrs.get("reason", "")
            told = [found] if found and found not in why else []
            self._arrays[name].attrs["reason"] = "; ".join([why, *told])

    def _at(self, region: Region, name: str) -> Labelled:
        """Values of a variable that were written, in a part of the space."""
        dims = tuple(map(str, self._wanted[name].dims))
        place = tuple(region.rows[d] for d in dims)
        return Labelled(dims, np.asarray(self._arrays[name].oindex[place] if place else self._arrays[name][...]))

    def open(self, folder: Path) -> None:
        """Go on with a store that was created before."""
        import zarr

        store = self._store(folder)
        for unfinished in store.root.rglob("*.partial"):
            # What Zarr was writing when the run was killed.
            unfinished.unlink()
        group: Any = zarr.open_group(store, mode="r+")
        arrays = {name: group[name] for name in self._wanted}
        self._arrays = {name: array.with_config({"write_empty_chunks": True}) for name, array in arrays.items()}

    def _store(self, folder: Path) -> Any:
        from dse.jobs.checked_store import CheckedStore

        self.sums = sums_of(folder)
        return CheckedStore(folder / GRID / self._grid.name, sums=self.sums)

    def sync(self) -> None:
        """Bring the checksums of what was written to the disk."""
        self.sums.sync()

    def close(self) -> None:
        """Nothing more is written."""
        self.sums.close()

    def keep(self, place: Mapping[str, slice], values: Values) -> None:
        """Write the values of one tile: whole chunks of what varies along all dimensions."""
        self._write(self._of(self._space.dims), place, values)

    def _of(self, dims: Sequence[str]) -> list[str]:
        """Names of the variables that vary along just these dimensions."""
        return [n for n, v in self._wanted.items() if tuple(map(str, v.dims)) == tuple(dims)]

    def _write_small(self) -> None:
        """Write what varies along some dimensions only, whole chunks of it at a time: tiles of all would cut them."""
        found = dict.fromkeys(tuple(map(str, v.dims)) for v in self._wanted.values())
        for dims in (d for d in found if d != self._space.dims):
            reduced, names = self._space, self._of(dims)
            for other in (d for d in reduced.dims if d not in dims):
                reduced = reduced.isel(other, slice(0, 1))
            # The source of an accuracy comes with the accuracy, which may vary along more.
            columns = [c for c in self._columns if c in names] or self._columns
            for place, part in reduced.tiles(CHUNK):
                own = {d: s for d, s in place.items() if d in dims}
                self._write(names, own, self._grid.evaluate(part, columns, designs=self._space.size))

    def _write(self, names: Iterable[str], place: Mapping[str, slice], values: Values) -> None:
        for name in names:
            dims = tuple(map(str, self._wanted[name].dims))
            region = tuple(place.get(d, slice(0, self._space.sizes[d])) for d in dims)
            data = np.broadcast_to(values[name].over(dims), [part.stop - part.start for part in region])
            if "reason" not in self._arrays[name].attrs and has_undefined(values[name]):
                self._arrays[name].attrs["reason"] = self._reason(name, place, values[name])
            if not self._is_taken(name, region):
                self._arrays[name][region if region else ...] = data

    def _is_taken(self, name: str, region: Sequence[slice]) -> bool:
        """Whether all chunks of a region are there already."""
        taken = self._taken.get(name)
        if not taken:
            return False
        numbers = [range(s.start // n, -(-s.stop // n)) for s, n in zip(region, self._arrays[name].chunks, strict=True)]
        return all(index in taken for index in itertools.product(*numbers))

    def _reason(self, name: str, place: Mapping[str, slice], value: Labelled) -> str:
        """Why a column is undefined in a tile."""
        part = self._space
        for dim, index in place.items():
            part = part.isel(dim, index)
        for dim in (d for d in part.dims if d not in value.dims):
            part = part.isel(dim, slice(0, 1))
        return reasons(self._grid, part, {name: value})[name]


def _corner(grid: Grid) -> Space:
    """A part that shows what varies along what: two values of every axis, and designs whose axes make no network.

    Phases, models of latency and axes that change which ops there are differ in that: all their values are in it.
    """
    space, wrong = grid.space, _without_network(grid)
    whole = {MODEL_AXIS, PHASE_AXIS, *_structural(grid)}
    kept = {axis.dim for name, axis in space.axes.items() if name in whole}
    for dim in (d for d in space.dims if d not in kept):
        others = [place.get(dim, 0) for place in wrong]
        space = space.isel(dim, np.unique([0, min(1, space.sizes[dim] - 1), *others]))
    return space


def _structural(grid: Grid) -> set[str]:
    if not isinstance(grid, Blend):
        return set(grid.space.family.structural)
    own = {(m.name, n) for m in grid.members for n in m.space.family.structural}
    return {n for _, n in own} | {f"{name}.{n}" for name, n in own}


def _without_network(grid: Grid) -> list[dict[str, int]]:
    """Places of designs whose axes make no network: for each dimension that decides it one such design."""
    reduced, found = grid.space, dict[str, dict[str, int]]()
    own = {a.dim for a in reduced.axes.values() if a.kind in ("architecture", "deployment", "circumstance")}
    for dim in (d for d in reduced.dims if d not in own):
        reduced = reduced.isel(dim, slice(0, 1))
    for place, part in reduced.tiles(TILE):
        witness = grid.evaluate(part, [WITNESS])[WITNESS]
        wrong = np.isnan(witness.data)
        for number, dim in enumerate(witness.dims):
            # Of a dimension that tiles divide one tile does not tell whether it decides.
            telling = wrong if dim in place else wrong & ~wrong.all(axis=number, keepdims=True)
            if dim not in found and telling.any():
                first = zip(witness.dims, np.argwhere(telling)[0].tolist(), strict=True)
                found[dim] = {d: i + (place[d].start if d in place else 0) for d, i in first}
    return list(found.values())


def _chunks(shape: Sequence[int]) -> tuple[int, ...]:
    """Whole trailing dimensions while they fit: the parts that tiles are cut into."""
    sizes, left = [], CHUNK
    for length in reversed(shape):
        sizes.append(max(1, min(length, left)))
        left //= sizes[-1]
    return tuple(reversed(sizes))


def check_disk(stores: Iterable[Store], folder: Path) -> None:
    """Raise InputError when the disk has not room for the grids beside `folder`."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    needed, free = sum(store.bytes for store in stores), shutil.disk_usage(place).free
    if needed > free:
        raise InputError(
            f"output.grid: the whole grid takes {format_quantity(float(needed), 'B')} before compression, and "
            f"{format_quantity(float(free), 'B')} are free at {place}; narrow the axes, ask for fewer metrics, or "
            "leave it out"
        )


def open_grid(folder: Path) -> xr.Dataset | xr.DataTree:
    """The grid that a result keeps, opened and not loaded; of several networks a tree with one Dataset each.

    Raises
    ------
    InputError
        Where it cannot be read, now or when values are asked for; Damaged for a file that is not what was written.
    """
    path, sums = folder / GRID, sums_of(folder)
    if (path / "zarr.json").is_file():
        return _open(path, sums)
    return xr.DataTree.from_dict({part.name: _open(part, sums) for part in sorted(path.iterdir()) if part.is_dir()})


def sums_of(folder: Path) -> Sums:
    """The checksums of the grid in the folder of a result."""
    return Sums(folder / SUMS, folder / GRID)


def _open(path: Path, sums: Sums) -> xr.Dataset:
    from dse.jobs.checked_store import CheckedStore

    try:
        store: Any = CheckedStore(path, read_only=True, sums=sums)
        data = xr.open_dataset(store, engine="zarr", zarr_format=3, chunks=None, consolidated=False)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    # The store has a type for texts of its own; axes are few, and plain text like those of any other Dataset.
    data = data.set_coords([n for n in SOURCES.values() if n in data])
    texts = {n: v.astype(object) for n, v in data.coords.items() if v.dtype.kind == "T" and v.ndim < 2}
    return data.assign_coords(texts)


def stored_values(data: xr.Dataset, place: Mapping[str, slice], part: Space, columns: Sequence[str]) -> Values:
    """Columns for a part of a kept grid, read from it."""
    values = {}
    for name in columns:
        variable = data[name].variable
        region = {d: place[str(d)] for d in variable.dims if d in place}
        values[name] = Labelled(tuple(map(str, variable.dims)), np.asarray(variable.isel(region).values))
    return values
