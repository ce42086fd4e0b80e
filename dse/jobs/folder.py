"""The files of a result: written into a new folder, which then takes the place of the old one."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import xarray as xr

from dse.errors import DseError
from dse.jobs import assumptions, exchange, netcdf
from dse.jobs.resolve import Job
from dse.jobs.result import (
    ASSUMPTIONS,
    CLOUD,
    FRONTIER,
    GRID,
    JOURNAL,
    MANIFEST,
    QUALITY,
    READ,
    REPORT,
    SEARCH,
    SUMS,
    TABLE,
    Result,
    checksum,
)
from dse.units import format_quantity

AnyResult = TypeVar("AnyResult", bound=Result)
# Bytes for manifest, assumptions and pictures.
SPARE = 2**22


def _check_room(result: Result, part: Path) -> None:
    """Raise OSError where there is no room for the tables: without, the netCDF library may end the process.

    Free space is looked at, and then had for a moment: a quota or a limit of the process is told only so.
    """
    tables = sum(_written_size(v) for d in (result.frontier, result.cloud) for v in d.variables.values())
    needed, free = SPARE + 2 * tables, shutil.disk_usage(part).free
    if needed > free:
        sizes = f"about {format_quantity(needed, 'B', 3)} are needed, {format_quantity(free, 'B', 3)} are free"
        raise OSError(errno.ENOSPC, f"no space left on the disk: {sizes}")
    if hasattr(os, "posix_fallocate"):
        with tempfile.TemporaryFile(dir=part) as room:
            os.posix_fallocate(room.fileno(), 0, max(2 * tables, 1))


def _written_size(variable: xr.Variable) -> int:
    """Bytes of a variable as text or binary, whichever is more."""
    if variable.dtype.kind in "OUS":
        return sum(len(str(v)) + 16 for v in variable.values.ravel())
    return variable.size * 24


def names_of(job: Job, plots: bool, search: bool = False) -> set[str]:
    """Names of all files that the result of a job may have."""
    names = {MANIFEST, FRONTIER, CLOUD, TABLE, ASSUMPTIONS}
    names |= {QUALITY} if job.spec.quality.table is not None else set()
    names |= {GRID, SUMS} if job.spec.output.grid else set()
    names |= {SEARCH, JOURNAL} if search else set()
    if plots:
        from dse.plots import kept_names

        names |= {REPORT, *kept_names()}
    return names


def write(result: AnyResult, job: Job, part: Path, folder: Path, plots: bool) -> AnyResult:
    """Write all files of a result into `part`, and give it the name `folder`; the result with its final manifest.

    Raises
    ------
    InputError
        For files in the folder that are not of the result there, and would be replaced.
    DseError
        When something cannot be written: the folder stays what it was.
    """
    try:
        _check_room(result, part)
        written = _write_files(result, job, part, plots)
        exchange.put(part, Path(os.path.realpath(folder)))
    except (OSError, RuntimeError) as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            # An interrupt in the midst of an import, which Python tells as an error of the class that was being made.
            raise error.__cause__ from None
        # The netCDF library tells a full disk by a RuntimeError.
        raise DseError(f"{folder}: cannot be written: {getattr(error, 'strerror', None) or error}") from None
    return replace(written, path=folder)


def _write_files(result: AnyResult, job: Job, part: Path, plots: bool) -> AnyResult:
    netcdf.write(result.frontier, part / FRONTIER)
    netcdf.write(result.cloud, part / CLOUD)
    if result.search is not None:
        netcdf.write(result.search, part / SEARCH)
    result.frontier.to_dataframe().reset_index(drop=True).to_csv(part / TABLE, index=False)
    (part / ASSUMPTIONS).write_text(assumptions.to_toml(job), encoding="utf-8")
    if job.spec.quality.table is not None:
        shutil.copyfile(job.spec.quality.table, part / QUALITY)
    if plots:
        from dse.plots import save_all

        failed: list[str] = []
        save_all(result, part, failed)
        if failed:
            notes = [*result.manifest.get("notes", ()), *failed]
            result = replace(result, manifest={**result.manifest, "notes": notes})
        result.report(part / REPORT)
    files = sorted({MANIFEST, *(path.name for path in part.iterdir())})
    sums = {name: checksum(part / name) for name in READ if name in files}
    result = replace(result, manifest={**result.manifest, "plots": plots, "files": files, "checksums": sums})
    (part / MANIFEST).write_text(json.dumps(result.manifest, indent=2) + "\n", encoding="utf-8")
    return result
