"""A parser that is fuzzed, and the folder for its files."""

from __future__ import annotations

import atexit
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dse.errors import DseError
from tests.fuzz.mutations import Mutation, octets


@dataclass(frozen=True)
class Target:
    """A parser.

    `seeds` makes valid inputs, `mutate` changes one (besides its bare bytes), and `read` parses one: it may raise a
    DseError and nothing else. `suffix` is that of the file that `read` is given the path of; "" for a text.
    """

    name: str
    suffix: str
    seeds: Callable[[], list[bytes]]
    mutate: Mutation
    read: Callable[[Any], object]

    def change(self, rng: random.Random, given: bytes) -> bytes:
        """An input made from another one."""
        made = octets(rng, given) if rng.random() < 0.25 else self.mutate(rng, given)
        return made[:200_000]

    def inputs(self, seed: int, number: int) -> list[bytes]:
        """The first of the inputs of a seed."""
        rng, seeds = random.Random(f"{self.name} {seed}"), self.seeds()
        return [self.change(rng, rng.choice(seeds)) for _ in range(number)]

    def run(self, data: bytes) -> str:
        """Parse an input: "accepted", or what the user is told."""
        given: Any = data.decode("utf-8", "replace")
        if self.suffix:
            given = folder() / f"input{self.suffix}"
            given.write_bytes(data)
        try:
            self.read(given)
        except DseError as error:
            return str(error) or "refused without a word"
        return "accepted"


@cache
def folder() -> Path:
    """Where files of this process go: in memory where that is possible, since a hundred thousand are written."""
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    made = Path(tempfile.mkdtemp(prefix="dse-fuzz-", dir=shared))
    atexit.register(clean)
    return made


def clean() -> None:
    """Remove the files of this process."""
    shutil.rmtree(folder(), ignore_errors=True)
