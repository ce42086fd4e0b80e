"""Kinds of runs that are killed (see `killed.py`): what each does, and what of its result has to be the same."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from long_run import LONG
from specs import changed

import dse
import dse.cli.explore_command
import dse.cli.merge_command
import dse.cli.search_command
import dse.jobs.shards  # all that a run imports is imported before the processes split
import dse.jobs.store
import dse.search.entry
import dse.search.run
from dse.jobs.files import JOURNAL

SEARCH: dict[str, Any] = {
    "name": "searched",
    "network": {
        "family": "mobilenet_v2",
        "width": {"start": 0.35, "stop": 1.4, "step": 0.05},
        "resolution": {"start": 96, "stop": 224, "step": 16},
    },
    "precision": {"scheme": ["fp32", "int8"]},
    "hardware": {"device": ["stm32l4r5", "esp32"]},
    "objectives": {"minimize": ["latency"], "maximize": ["params"]},
    "budgets": {"peak_sram": "320 KiB", "flash": "2 MiB"},
}
SPECS = {
    "stream": changed(LONG, fit=True),
    "grid": changed(LONG, output__grid=True),
    "bounds": changed(LONG, bounds=True),
    "shard": LONG,
    "search": SEARCH,
    # Over the result of another spec, in a folder with files of the user.
    "replace": LONG,
}
# Shards of another folder, and those of the folder of the result itself, as `dse merge results/NAME` has them.
MERGES = ("merge", "merge-here")
KINDS = (*SPECS, *MERGES)
STANDING = changed(LONG, deployment__batch=[1], output__grid=True)
SHARDS = 3
# A search tells the time that it took in more places, and how much of it was read from what was left.
SEARCHED = {"trials": 120, "population": 10, "seed": 2}
# Keys of a manifest that tell of the time that it took; the record of a search does too, and so does its checksum.
OF_TIME = (
    "created",
    "manifest.json",
    "search.nc",
    "study.journal",
    "seconds",
    "evaluation_seconds",
    "search_seconds",
    "replayed",
    "own",
)


def prepare(mode: str, folder: Path, shards: Path, standing: Path) -> None:
    """What is there before the run."""
    if mode == "merge-here":
        shutil.copytree(shards, folder)
    elif mode == "replace":
        shutil.copytree(standing, folder)
        (folder / "notes.txt").write_text("mine")
        (folder / "mine").mkdir()
        (folder / "mine" / "picture.png").write_text("mine")


def job(mode: str, folder: Path, shards: Path, told: Callable[[int], object]) -> None:
    """What is killed; a search tells how many trials it has written."""
    if mode in MERGES:
        dse.merge([shards if mode == "merge" else folder], out=folder, plots=False)
    elif mode == "shard":
        dse.explore(SPECS[mode], out=folder, shard=(2, SHARDS))
    elif mode == "search":
        dse.search(SEARCH, out=folder, plots=False, progress=lambda done, size: told(done), **SEARCHED)
    else:
        dse.explore(SPECS[mode], out=folder, plots=False, fresh=mode == "replace")


def arguments(mode: str, folder: Path, shards: Path, spec: Path) -> list[str]:
    """The command that does it."""
    if mode == "merge-here":
        return ["merge", str(folder), "--no-plots"]
    if mode == "merge":
        given = ["merge", str(shards), "--no-plots"]
    elif mode == "search":
        options = [text for name, value in SEARCHED.items() for text in (f"--{name}", str(value))]
        given = ["search", str(spec), *options, "--no-plots"]
    else:
        given = ["explore", str(spec), *(["--shard", f"2/{SHARDS}"] if mode == "shard" else ["--no-plots"])]
        given += ["--fresh"] if mode == "replace" else []
    return [*given, "--out", str(folder)]


def content_of(mode: str, folder: Path) -> dict[str, bytes]:
    """What a finished run gives, without what tells of the time that it took."""
    if mode == "shard":
        return _content_of_shard(folder)
    found = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    manifest = _timeless(json.loads(found.pop("manifest.json", b"{}")))
    found["manifest.json"] = json.dumps(manifest).encode()
    if mode == "search":
        found |= {JOURNAL: _study(folder), "search.nc": _record(folder)}
    return found


def _timeless(document: dict[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in document.items() if k not in OF_TIME}
    return {k: _timeless(v) if isinstance(v, dict) else v for k, v in kept.items()}


def _study(folder: Path) -> bytes:
    """All that a journal holds of its study, without times."""
    study = dse.search.run.load_study(folder, SEARCH["name"])
    trials = [
        [t.number, t.state.name, t.values, t.params, t.constraints, t.user_attrs, t.system_attrs] for t in study.trials
    ]
    of_sampler = study._storage.get_study_system_attrs(study._study_id)
    return repr([trials, study.user_attrs, of_sampler, study.directions]).encode()


def _record(folder: Path) -> bytes:
    import xarray as xr

    with xr.open_dataset(folder / "search.nc") as record:
        return repr(record.drop_vars("seconds").load().to_dict()).encode()


def _content_of_shard(folder: Path) -> dict[str, bytes]:
    from dse.pareto.partial import read_partial

    partial, header = read_partial(folder / "shards" / f"2-of-{SHARDS}.npz")
    facts = {**header, "seconds": 0, "tally": str(partial.tally), "sampled": partial.sampled}
    arrays = (partial.units, partial.points, partial.places, partial.groups, *partial.cells)
    return {"header": json.dumps(facts).encode(), **{str(i): a.tobytes() for i, a in enumerate(arrays)}}


class Count:
    """A number in a file that outlives the process that writes it, however it ends."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT)
        self.set(0)

    def set(self, number: int) -> None:
        """Write it."""
        os.pwrite(self._file, number.to_bytes(8, "little"), 0)

    @property
    def value(self) -> int:
        """Read it."""
        return int.from_bytes(os.pread(self._file, 8, 0), "little")
