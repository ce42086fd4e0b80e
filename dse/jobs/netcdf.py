"""Tables in netCDF files.

An interrupt waits until a file is read or written: in the midst of it the locks of the library would be held for good,
and it would wait for them itself when it closes the file.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import xarray as xr

from dse.catalogue import check_no_pipe


def read(path: Path) -> xr.Dataset:
    """The whole of a file.

    Raises
    ------
    OSError
        Where it cannot be read.
    ValueError
        Where it says to hold more than its bytes, as one that was not written here may.
    """
    check_no_pipe(path)
    with _uninterrupted(), xr.open_dataset(path, engine="netcdf4", cache=False) as dataset:
        # Numbers are neither packed nor left out, and a text has a place of eight bytes at least.
        held = sum(v.size * (v.dtype.itemsize if v.dtype.kind in "biuf" else 8) for v in dataset.variables.values())
        if held > path.stat().st_size:
            raise ValueError(f"{path.name} says to hold {held:,} bytes, in {path.stat().st_size:,}")
        return dataset.load()


def write(dataset: xr.Dataset, path: Path) -> None:
    """Write a file."""
    with _uninterrupted():
        dataset.to_netcdf(path, engine="netcdf4")


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """An interrupt is told after the block, where it is this thread that is told of interrupts."""
    known = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(known):
        yield
        return
    told = []
    signal.signal(signal.SIGINT, lambda *what: told.append(what))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, known)
        if told:
            known(*told[0])
