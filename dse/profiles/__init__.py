"""Energy profiles: joules of one multiply-accumulate by format, of one byte on chip and off chip."""

from __future__ import annotations

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
