"""Runs that are killed at random moments, and before every few things that they do to files (see `killed.py`).

DSE_KILL_ROUNDS sets the number of kills at random moments of each kind of run (default 1).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("killed.py")
ROUNDS = os.environ.get("DSE_KILL_ROUNDS", "1")
# Changes of files between the kills.
STEPS = {"stream": "53", "grid": "131", "bounds": "31", "shard": "17", "merge": "5", "search": "13"}
# Those that move what others have left in the folder of the result.
HERE = {"merge-here": "11"}

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes that split need a POSIX system")


def kill(*arguments):
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("mode", STEPS)
def test_at_random_moments(mode, tmp_path):
    assert f"{mode}: {ROUNDS} kills" in kill(mode, str(tmp_path), "--rounds", ROUNDS)


@pytest.mark.parametrize("mode", ["stream", "grid", "search"])
def test_interrupted_at_random_moments(mode, tmp_path):
    assert f"{mode}: {ROUNDS} interrupts" in kill(mode, str(tmp_path), "--rounds", ROUNDS, "--interrupt")


@pytest.mark.parametrize("mode", ["grid", "shard", "search"])
def test_processes_that_start_at_the_same_moment(mode, tmp_path):
    assert "2 results compared, all the same" in kill(mode, str(tmp_path), "--rounds", "2", "--together", "4")


@pytest.mark.parametrize("mode", STEPS | HERE)
def test_before_changes_of_files(mode, tmp_path):
    told = kill(mode, str(tmp_path), "--events", (STEPS | HERE)[mode])
    assert int(told.split()[1]) >= 2, told
