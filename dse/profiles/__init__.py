"""Energy profiles: joules of one multiply-accumulate by format, of one byte on chip and off chip; and of memories."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dse.catalogue import Catalogue, read_toml
from dse.precision import FALLBACKS
from dse.units import quantity


@dataclass(frozen=True)
class Profile:
    """Energy in one technology: `mac` by format [J], `sram` and `dram` by byte [J/B]."""

    name: str
    mac: Mapping[str, float]
    sram: float
    dram: float
    note: str
    source: str

    def mac_format(self, compute_format: str) -> str:
        """The format whose energy stands for that of a format: its own, or the next wider one of its kind, integer or
        float, that the profile has; "" where it has none: an integer MAC costs a small part of a float one.
        """
        integer = compute_format.startswith("int")
        candidates = (c for c in FALLBACKS.get(compute_format, ()) if c.startswith("int") == integer)
        return next((c for c in candidates if c in self.mac), "")

    def mac_energy(self, compute_format: str) -> float:
        """Joules of one MAC in a format, by its `mac_format`; NaN where there is none."""
        return self.mac.get(self.mac_format(compute_format), float("nan"))


def _load() -> dict[str, Profile]:
    profiles = {}
    for name, fields in read_toml(Path(__file__).with_name("profiles.toml")).items():
        mac = {form: quantity(value, "J") for form, value in fields["mac"].items()}
        sram, dram = (quantity(fields[memory], "J/B") for memory in ("sram", "dram"))
        profiles[name] = Profile(name, mac, sram, dram, fields["note"], fields["source"])
    return profiles


PROFILES: Catalogue[Profile] = Catalogue("energy profile", _load)


# What a published figure is of: the memory alone, the way to it too, or what its source does not say.
SCOPES = {
    "device": "of the memory itself",
    "path": "with the controller and the physical layer of the processor",
    "not stated": "its source does not say of which part of the way",
}


@dataclass(frozen=True)
class Memory:
    """Published energy of a byte that crosses the interface of one kind of main memory [J/B].

    `energy` is the value, or the middle of `low` and `high`, which are NaN where one value is published. `scope` is one
    of SCOPES; `usual` says whether a device with this kind of memory is charged it where nothing else is said.
    """

    name: str
    kind: str
    energy: float
    low: float
    high: float
    scope: str
    usual: bool
    note: str
    source: str

    @property
    def what(self) -> str:
        """The scope in words."""
        return SCOPES[self.scope]


def kind_of(memory_type: str) -> str:
    """The kind of a memory as a catalogue of devices names it.

    >>> kind_of("DDR5-4800 x12"), kind_of("HBM2e"), kind_of("LPDDR5X (shared)")
    ('DDR5', 'HBM2E', 'LPDDR5X')
    """
    found = re.match(r"\w+", memory_type)
    return found[0].upper() if found else ""


def usual_memory(memory_type: str, memories: Mapping[str, Memory]) -> Memory | None:
    """What stands for a memory where nothing else is said: the figure of its own kind, or of the nearest of its line.

    HBM3 takes that of HBM2, DDR5 that of DDR4; None where nothing of the line is published.
    """
    line, generation = _line(kind_of(memory_type))
    akin = [m for m in memories.values() if m.usual and line and _line(m.kind)[0] == line]
    return min(akin, key=lambda m: (m.kind != kind_of(memory_type), abs(_line(m.kind)[1] - generation)), default=None)


def _line(kind: str) -> tuple[str, int]:
    """The line of a kind of memory, and its generation: that of "HBM2E" is ("HBM", 2)."""
    found = re.match(r"([A-Z]*)(\d{0,9})", kind)
    assert found is not None
    return found[1], int(found[2] or 1)


def _load_memories() -> dict[str, Memory]:
    memories = {}
    for name, fields in read_toml(Path(__file__).with_name("memories.toml")).items():
        low, high = (quantity(fields[k], "J/B") if k in fields else float("nan") for k in ("low", "high"))
        energy = quantity(fields["energy"], "J/B") if "energy" in fields else (low + high) / 2
        texts = (fields[k] for k in ("note", "source"))
        usual = bool(fields.get("usual", False))
        memories[name] = Memory(name, fields["kind"], energy, low, high, fields["scope"], usual, *texts)
    return memories


MEMORIES: Catalogue[Memory] = Catalogue("memory profile", _load_memories)
