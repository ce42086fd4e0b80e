"""The calibrations that are shipped, and which one stands for a device, its software and number format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from dse.calibration.constants import ANY, CLASS, Calibration, read_calibrations
from dse.catalogue import Catalogue
from dse.errors import InputError
from dse.hardware import Device

FITTED = Path(__file__).with_name("fitted.toml")
# The software axis at its default: that of least error.
AUTO = "auto"
# Intervals are no narrower where another class stands in for that of a device, or all do.
KIN_SPREAD, ANY_SPREAD = 2.0, 3.0
# Device classes that stand in for each other where the first has no measurements.
_KIN = {
    "datacentre-gpu": ("consumer-gpu",),
    "datacentre-accelerator": ("datacentre-gpu", "consumer-gpu"),
    "tpu": ("datacentre-gpu", "consumer-gpu"),
    "apple-soc": ("consumer-gpu",),
    "consumer-gpu": ("datacentre-gpu",),
}

# By name.
Calibrations = Mapping[str, Calibration]
CALIBRATIONS: Calibrations = Catalogue("calibration", lambda: named(read_calibrations(FITTED)))


def named(calibrations: Iterable[Calibration]) -> dict[str, Calibration]:
    """Calibrations by name."""
    return {entry.name: entry for entry in calibrations}


@dataclass(frozen=True)
class Choice:
    """The calibration in force for a device, its software and number format, and what that is, in words.

    `made_of` are the entries of the catalogue that it comes from: its interval may be that of another one.
    """

    calibration: Calibration
    what: str
    made_of: tuple[Calibration, ...]


def choose(known: Iterable[Calibration], device: Device, software: str, precision: str, domain: str) -> Choice:
    """The calibration of a device; of another number format of it; or of its class.

    Raises
    ------
    InputError
        Where nothing of the domain is calibrated at all.
    """
    return _chosen(tuple(known), device.name, device.device_class, software, precision, domain)


# Every constant of every design asks for it again.
@lru_cache(maxsize=8192)
def _chosen(
    known: tuple[Calibration, ...], device: str, device_class: str, software: str, precision: str, domain: str
) -> Choice:
    usable = [c for c in known if c.domain == domain and software in (AUTO, c.software)]
    own = [c for c in usable if c.device == device]
    if exact := [c for c in own if c.precision == precision]:
        best = _best(exact)
        return Choice(best, f"{best.device}, {best.software}, {best.precision}, {_batches(best)}", (best,))
    if own:
        best = _best(own)
        of_class = [c for c in known if c.device == CLASS + device_class and c.software == best.software]
        spread = max(c.spread for c in (best, *of_class))
        what = f"{best.device}, {best.software}, measured in {best.precision} only"
        return Choice(replace(best, spread=spread), what, (best, *of_class))
    for one in (device_class, *_KIN.get(device_class, ())):
        if of_class := [c for c in usable if c.device == CLASS + one]:
            first = best = _best(of_class)
            if one != device_class:
                best = replace(best, spread=max(best.spread, KIN_SPREAD))
            return Choice(best, f"never measured: {best.device}, {best.software} ({best.source})", (first,))
    rest = [c for c in known if c.domain == domain and c.device == CLASS + ANY]
    if not rest:
        raise InputError(f"no {domain} network is calibrated")
    best = replace(rest[0], spread=max(rest[0].spread, ANY_SPREAD))
    return Choice(best, f"never measured, nor any {device_class}: all devices ({best.source})", (rest[0],))


def _batches(found: Calibration) -> str:
    low, high = found.batches
    return f"batch {low:g}" if low == high else f"batch {low:g} to {high:g}"


def _best(calibrations: Sequence[Calibration]) -> Calibration:
    return min(calibrations, key=lambda c: c.spread)


def software_names(known: Iterable[Calibration]) -> list[str]:
    """What the software axis may be."""
    return [AUTO, *sorted({c.software for c in known if c.software != ANY})]
