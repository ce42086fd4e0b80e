"""The script for array jobs, run as SLURM runs it, without SLURM."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dse

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "sweeps" / "quickstart.toml"


def submit(folder, task, first=1, last=2, **more):
    """Run one task of the array, with a `dse` on the path that is this one."""
    command = folder / "dse"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m dse "$@"\n')
    command.chmod(0o755)
    slurm = {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_TASK_MIN": first, "SLURM_ARRAY_TASK_MAX": last, **more}
    found = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{folder}:{os.environ['PATH']}"}
    environment = {**found, **{k: str(v) for k, v in slurm.items()}}
    call = [str(ROOT / "sweeps" / "slurm-array.sh"), str(SPEC), str(folder / "out")]
    return subprocess.run(call, env=environment, capture_output=True, text=True)


def test_all_tasks_and_the_merge_give_the_result(tmp_path):
    # The second alone, as one that failed is run again.
    for task, array in ((1, {}), (2, {"first": 2, "SHARDS": 2})):
        done = submit(tmp_path, task, **array)
        assert done.returncode == 0, done.stderr
    merged, whole = dse.merge([tmp_path / "out"]), dse.explore(SPEC)
    assert merged.counts == whole.counts
    assert merged.frontier.identical(whole.frontier)


def test_an_array_from_0_is_refused(tmp_path):
    done = submit(tmp_path, 0, first=0, last=1)
    assert done.returncode == 2
    assert "shards are numbered from 1: --array=1-N" in done.stderr
