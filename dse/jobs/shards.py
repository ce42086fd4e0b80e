"""Shards of a job: each of several processes scans some of its units, and what they found is put together."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dse.errors import DseError, Fault, InputError
from dse.jobs import folder as folders
from dse.jobs.covered import kept
from dse.jobs.left import tidy
from dse.jobs.manifest import code_key, job_key
from dse.jobs.purpose import EXPLORATION
from dse.jobs.resolve import Job, read_job
from dse.jobs.result import Result
from dse.jobs.run import Keeping, blocks_of, check_free, result_of, stamp, told
from dse.jobs.work import working
from dse.pareto.partial import Partial, read_partial
from dse.pareto.scan import finish, is_of, merged
from dse.pareto.scanner import Progress, Scanner
from dse.pareto.shares import Shares

FOLDER = "shards"
# A job of which the shards can be many thousands: as many as any scheduler numbers.
MOST = 100_000


@dataclass(frozen=True)
class Shard:
    """What one shard of a job found.

    Attributes
    ----------
    number, of
        Which shard of how many, from 1.
    spec, assumptions, key, code
        The spec and the assumptions that it was read with (None: today's catalogues) as plain data, and hashes of
        what is asked for and of what computes it.
    units
        Number of units of the whole job.
    seconds
        Time that it took.
    found
        What was found.
    path
        The file that it is kept in, None while it is in memory only.
    """

    number: int
    of: int
    spec: Mapping[str, Any]
    key: str
    code: str
    units: int
    seconds: float
    found: Partial
    path: Path | None = None
    assumptions: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """The shard, for people."""
        return str(self.path) if self.path is not None else f"shard {self.number}/{self.of}"

    @property
    def job_name(self) -> str:
        """The name of the job."""
        return str(self.spec["name"])

    def header(self) -> dict[str, Any]:
        """All but what was found, as plain data."""
        return {"kind": "shard", **{n: getattr(self, n) for n in _FIELDS}}


# What the header of a shard holds, each of which types.
_FIELDS: dict[str, tuple[type, ...]] = {
    "number": (int,),
    "of": (int,),
    "spec": (dict,),
    "assumptions": (dict, type(None)),
    "key": (str,),
    "code": (str,),
    "units": (int,),
    "seconds": (int, float),
}


def parse_shard(given: str | Sequence[int], where: str = "shard") -> tuple[int, int]:
    """Number of a shard and number of shards, from "I/N" or a pair.

    Raises
    ------
    InputError
        For anything but 1 <= I <= N.
    """
    if isinstance(given, str):
        match = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", given)
        number, of = (int(match[1]), int(match[2])) if match else (0, 0)
        if match is None:
            raise InputError(Fault(where, f"{given!r} is not I/N, such as 3/8: the third of eight shards"))
    else:
        whole = len(given) == 2 and all(isinstance(n, int) and not isinstance(n, bool) for n in given)
        if not whole:
            raise InputError(Fault(where, f"{given!r} is not a pair of whole numbers, such as (3, 8)"))
        number, of = given
    if not 1 <= of <= MOST:
        raise InputError(Fault(where, f"{number}/{of}: the number of shards must lie in 1 to {MOST:,}"))
    if not 1 <= number <= of:
        hint = "; array indices from 0 need 1 added, or an array from 1" if number == 0 else ""
        raise InputError(Fault(where, f"{number}/{of}: shards are numbered from 1 to {of}{hint}"))
    return number, of


def run_shard(
    job: Job,
    shard: tuple[int, int],
    folder: Path | None = None,
    *,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Shard:
    """Scan one shard of a job: every N-th of its units, or by bounds one of N shares.

    Parameters
    ----------
    folder
        The folder of the result: the shard is kept in a file in its folder "shards". None keeps it in memory only.
    fresh
        Scan it again though it is there.

    Raises
    ------
    InputError
        For a job that keeps its grid, or a file that is the shard of another spec (unless `fresh`).
    """
    number, of = shard
    if job.spec.output.grid:
        raise InputError(Fault("output.grid", "one process keeps a grid; leave it out to scan in shards"))
    scanner = Shares(blocks_of(job), of) if job.by_bounds else Scanner(blocks_of(job))
    document, assumed = job.spec.document(), job.catalogues.document
    made = Shard(
        number,
        of,
        document,
        **stamp(job),
        units=len(scanner.units),
        seconds=0.0,
        found=_nothing(),
        assumptions=assumed,
    )
    only = range(number - 1, made.units, of)
    if folder is None:
        with told(job):
            return replace(made, found=scanner.scan(progress, only=only))
    path = folder / FOLDER / f"{number}-of-{of}.npz"
    if path.exists() and not fresh:
        standing = read_shard(path)
        if standing.key == made.key and standing.code == made.code:
            tidy(path, EXPLORATION, made.key)
            return standing
        if standing.key != made.key:
            raise InputError(f"{path}: is the shard of another spec; replace it with --fresh, or choose another --out")
    with working(path, {**stamp(job), "shard": [number, of]}, fresh=fresh) as work:
        keeping = Keeping(kept(work, scanner), work.checkpoint)
        with told(job):
            found = scanner.scan(progress, only=only, known=keeping.known, checkpoint=keeping.checkpoint)
        made = replace(made, found=found, seconds=round(work.seconds, 3), path=path)
        try:
            found.save(work.part / path.name, made.header())
            os.replace(work.part / path.name, path)
        except OSError as error:
            raise DseError(f"{path}: cannot be written: {error.strerror or error}") from None
    return made


def _nothing() -> Partial:
    none = np.empty(0, dtype=np.int64)
    return Partial(none, np.empty((0, 0)), none, none)


def read_shard(path: Path) -> Shard:
    """The shard in a file.

    Raises
    ------
    InputError
        When it is none.
    """
    found, header = read_partial(path)
    if header.pop("kind", None) != "shard":
        raise InputError(f"{path}: is not a shard of a job")
    if set(header) != set(_FIELDS) or any(not isinstance(header[n], kinds) for n, kinds in _FIELDS.items()):
        raise InputError(f"{path}: is not a shard of a job")
    parse_shard((header["number"], header["of"]), str(path))
    return Shard(**header, found=found, path=path)


def find_shards(paths: Sequence[str | os.PathLike[str] | Shard]) -> list[Shard]:
    """Shards from files, from folders of results that hold some, and those that are given.

    Raises
    ------
    InputError
        For a path that holds none.
    """
    found: list[Shard] = []
    for given in paths:
        if isinstance(given, Shard):
            found.append(given)
            continue
        path = Path(given)
        inside = path / FOLDER if (path / FOLDER).is_dir() else path
        files = sorted(inside.glob("*-of-*.npz")) if inside.is_dir() else [inside]
        if not files:
            raise InputError(f"{path}: holds no shards (N-of-M.npz, as `dse explore --shard N/M` leaves them)")
        found += map(read_shard, files)
    return found


def merge(
    shards: Sequence[Shard],
    folder: Path | None = None,
    *,
    fresh: bool = False,
    plots: bool = True,
) -> Result:
    """Put the shards of a job together: the result is that of one process.

    Raises
    ------
    InputError
        For shards that are missing, stand twice, or are of another spec, of another number of shards or of other
        formulas.
    """
    check_shards(shards)
    job = _job(shards[0])
    blocks = blocks_of(job)
    for shard in shards:
        if not is_of(blocks, shard.found):
            raise InputError(f"{shard.name}: holds what this job cannot have found; scan it again with --fresh")
    found = merged(blocks, [s.found for s in shards])
    each_once = len(found.units) == shards[0].units and np.array_equal(found.units, np.arange(len(found.units)))
    if not each_once or found.tally.enumerated != job.size:
        raise InputError(f"{shards[0].name}: the shards do not add up to the job; scan them again with --fresh")
    result = result_of(job, finish(blocks, found), sum(s.seconds for s in shards))
    if folder is None:
        return result
    check_free(job, folder, fresh, FOLDER)
    with working(folder, stamp(job), names=folders.names_of(job, plots), fresh=fresh) as work:
        work.known()
        result = folders.write(result, job, work.part, folder, plots)
    return result


def _job(shard: Shard) -> Job:
    """The job that the shard is of, from the spec that it keeps."""
    if shard.code != code_key():
        raise InputError(f"{shard.name}: was computed with other formulas or catalogues than those that are here")
    job = read_job(shard.spec, assumptions=shard.assumptions)
    if job_key(job) != shard.key:
        raise InputError(f"{shard.name}: a file that its spec names (a model, a table) has changed since")
    return job


def check_shards(shards: Sequence[Shard]) -> None:
    """Raise InputError unless these are all shards of one job, each once."""
    if not shards:
        raise InputError("no shards are given")
    first, faults = shards[0], []
    for other in shards[1:]:
        for what, same in (
            ("of another spec", other.key == first.key),
            (f"one of {other.of} shards: another number", other.of == first.of),
            ("computed with other formulas or catalogues", other.code == first.code),
        ):
            if not same:
                faults.append(Fault(other.name, f"is {what} than {first.name}"))
                break
    names: dict[int, str] = {}
    for shard in shards:
        if shard.number in names and not faults:
            faults.append(
                Fault(shard.name, f"shard {shard.number}/{shard.of} stands twice: also {names[shard.number]}")
            )
        names.setdefault(shard.number, shard.name)
    missing = [n for n in range(1, first.of + 1) if n not in names]
    if missing and not faults:
        shown = ", ".join(map(str, missing[:20])) + (f" and {len(missing) - 20} more" if len(missing) > 20 else "")
        faults.append(Fault("", f"of {first.of} shards {len(missing)} are missing: {shown}"))
    if faults:
        raise InputError(faults)
