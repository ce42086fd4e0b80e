"""The command line as a process: pipes, interruption, encodings, limits of the system, speed."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from specs import SMALL, changed, to_toml

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "numba",
    "xarray",
    "matplotlib",
    "optuna",
    "pandas",
    "scipy",
    "zarr",
    "dask",
    "moocore",
    "pydantic",
    "rich",
    "numpy",
}


def start(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    command = [sys.executable, "-m", "dse", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **options
    )


def finish(process):
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_help_is_light():
    program = (
        "import sys; from dse.cli import run; run(['--help']); print(*sorted({m.split('.')[0] for m in sys.modules}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert HEAVY & set(done.stdout.splitlines()[-1].split()) == set()


def test_exit_status_and_errors_without_traceback():
    status, out, err = finish(start("show", "resnet51"))
    assert (status, out, err) == (2, "", "dse: unknown name 'resnet51'; did you mean 'resnet50'?\n")


@pytest.mark.parametrize("command", [("list", "formulas"), ("list", "devices", "--json"), ("show", "resnet50")])
def test_a_closed_pipe_is_no_error(command):
    process = start(*command)
    process.stdout.close()
    err = process.stderr.read()
    assert (process.wait(timeout=60), err) == (0, "")


def test_an_output_that_cannot_be_written():
    with open("/dev/full", "w") as full:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "dse", "list", "devices"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=environment)
    assert (done.returncode, done.stderr) == (1, "dse: cannot write: No space left on device\n")


def test_a_terminal_without_unicode(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(to_toml(SMALL))
    status, out, err = finish(start("explore", path, "--dry-run", env={"PYTHONIOENCODING": "latin-1"}))
    assert (status, err) == (0, "")
    assert "peak_sram ? 320 KiB" in out


def test_an_interruption_ends_with_130_and_leaves_no_result(tmp_path):
    path = tmp_path / "large.toml"
    span = {"start": 0.1, "stop": 1.0, "num": 100_000}
    large = changed(SMALL, deployment={"utilization": span, "pue": {"start": 1.0, "stop": 2.0, "num": 10_000}})
    large["objectives"]["choose"] = ["utilization", "pue"]
    path.write_text(to_toml(large))
    process = start("explore", path, "--out", tmp_path / "results" / "x", cwd=tmp_path)
    try:
        deadline = time.monotonic() + 30
        while not list(tmp_path.glob("results/.x.*")):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        status, _, err = finish(process)
    finally:
        process.kill()
    assert status == 130
    left = [p.name for p in tmp_path.glob("results/*")] + [p.name for p in tmp_path.glob("results/.*")]
    if err == "interrupted\n":
        assert not (tmp_path / "results").exists()
    else:
        # It had found something already.
        assert err.startswith("interrupted; what was found is kept in") and left == [".x.work"]


# Interrupts itself when a module is looked for, or at the very end.
INTERRUPTED = """
import atexit, runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
class Interrupter:
    def find_spec(self, name, *_):
        if name == MOMENT:
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupter())
if MOMENT == "the end":
    atexit.register(signal.raise_signal, signal.SIGINT)
sys.argv[1:] = ["list", "formulas"]
runpy.run_module("dse", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("moment", ["dse.cli", "click", "dse.cli.list_command", "dse.formulas", "the end"])
def test_an_interruption_before_or_after_the_command(moment):
    """No traceback, whatever is being imported."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", f"MOMENT = {moment!r}{INTERRUPTED}"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_closed_streams_are_no_error():
    command = f"{sys.executable} -m dse calc power_draw tdp=1 utilization=1 >&- 2>&-"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run(["sh", "-c", command], env=environment).returncode == 0


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(to_toml(SMALL))

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    status, _, err = finish(start("explore", path, "--no-plots", "--out", tmp_path / "x", preexec_fn=limit))
    assert status == 1
    assert err.startswith(f"dse: {tmp_path / 'x'}: cannot be written: ")
    assert "Traceback" not in err
    assert {p.name for p in tmp_path.iterdir()} == {"small.toml"}
