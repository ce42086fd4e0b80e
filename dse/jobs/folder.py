"""The files of a result: written into a new folder, which then takes the place of the old one."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import IO, TypeVar

import xarray as xr

from dse.errors import DseError
from dse.jobs import assumptions, exchange, netcdf
from dse.jobs.files import (
    ASSUMPTIONS,
    CLOUD,
    FRONTIER,
    GRID,
    JOURNAL,
    MANIFEST,
    QUALITY,
    REPORT,
    SEARCH,
    SUMS,
    TABLE,
)
from dse.jobs.resolve import Job
from dse.jobs.result import Result
from dse.jobs.standing import checksums
from dse.units import format_quantity

AnyResult = TypeVar("AnyResult", bound=Result)
# Bytes for manifest, assumptions and pictures.
SPARE = 2**22


def _check_room(result: Result, part: Path) -> None:
    """Raise OSError where there is no room for the tables: without, the netCDF library may end the process.

    Free space is looked at, and then had for a moment: a quota or a limit of the process is told only so.
    """
    tables = [table for table in (result.frontier, result.cloud, result.search) if table is not None]
    sizes = [sum(map(_written_size, table.variables.values())) for table in tables]
    # The frontier is written as text, too: a number takes three times its bytes.
    needed, free = SPARE + sum(sizes) + 3 * sizes[0], shutil.disk_usage(part).free
    if needed > free:
        told = f"about {format_quantity(needed, 'B', 3)} are needed, {format_quantity(free, 'B', 3)} are free"
        raise OSError(errno.ENOSPC, f"no space left on the disk: {told}")
    if hasattr(os, "posix_fallocate"):
        with ExitStack() as stack:
            for size in sizes:
                _have(stack.enter_context(tempfile.TemporaryFile(dir=part)), max(size, 1))


def _have(file: IO[bytes], size: int) -> None:
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        # There are systems, and file systems, that have nothing of the kind.
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENODEV):
            raise


def _written_size(variable: xr.Variable) -> int:
    """Bytes of a variable in a table of netCDF."""
    if variable.dtype.kind in "OUS":
        return sum(len(str(v)) + 16 for v in variable.values.ravel())
    return int(variable.size * 8)


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
    if job.quality is not None:
        (part / QUALITY).write_bytes(job.quality.content)
    if plots:
        from dse.plots import save_all

        failed: list[str] = []
        save_all(result, part, failed)
        if failed:
            notes = [*result.manifest.get("notes", ()), *failed]
            result = replace(result, manifest={**result.manifest, "notes": notes})
        result.report(part / REPORT)
    files = sorted({MANIFEST, *(path.name for path in part.iterdir())})
    manifest = {**result.manifest, "plots": plots, "files": files}
    result = replace(result, manifest={**manifest, "checksums": checksums(part, manifest)})
    (part / MANIFEST).write_text(json.dumps(result.manifest, indent=2) + "\n", encoding="utf-8")
    return result
