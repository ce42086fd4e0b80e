"""The calibrations that are shipped, and which one stands for a device, its software and number format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from dse.calibration.constants import ANY, CLASS, Calibration, read_calibrations
from dse.calibration.totals import TOTALS
from dse.catalogue import Catalogue
from dse.errors import InputError
from dse.hardware import Device
from dse.precision import PRECISIONS

FITTED = Path(__file__).with_name("fitted.toml")
# The software axis at its default: what is measured in the format on the device; of a device never measured, any.
AUTO = "auto"
# Intervals are no narrower where another class stands in for that of a device, or all do: detection networks took up to
# six times as long on single-board computers as all devices together tell.
KIN_SPREAD, ANY_SPREAD = 2.0, 6.0
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

    `made_of` are the entries of the catalogue that it comes from: its interval may be that of another one. `exact` says
    whether it is of this very device, software and format: else another stands in for it.
    """

    calibration: Calibration
    what: str
    made_of: tuple[Calibration, ...]
    exact: bool = False


def choose(known: Iterable[Calibration], device: Device, software: str, precision: str, domain: str) -> Choice:
    """The calibration of a device; of another number format of it; or of its class.

    Where no software is named it is one that was measured in this number format on the device, else in one of its kind
    (integer or not); of several that of which most is measured (rows, then devices, then by name). Of a device that was
    never measured it is all of its class together.

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
    # What is told of a device goes before what is told of its class, and that before what is told of all.
    usable = [c for c in known if c.domain == domain]
    own = [c for c in usable if c.device == device and software in (AUTO, c.software)]
    if own:
        usual = _usual(_nearest_format(own, precision), usable)
        same = [c for c in own if c.software == usual]
        if exact := [c for c in same if c.precision == precision]:
            (best,) = exact
            what = f"{best.device}, {best.software}, {best.precision}, {_batches(best)}{_form(best)}"
            return Choice(best, what, (best,), exact=True)
        return _of_other_format(same, precision, [c for c in usable if c.device == CLASS + device_class])
    for name in dict.fromkeys((software, ANY)):
        for one in (device_class, *_KIN.get(device_class, ())):
            for best in usable:
                if best.device == CLASS + one and best.software == name:
                    return _of_class(best, KIN_SPREAD if one != device_class else 1.0, "")
    rest = [c for c in usable if c.device == CLASS + ANY]
    if not rest:
        raise InputError(f"no {domain} network is calibrated")
    return _of_class(rest[0], ANY_SPREAD, f", nor any {device_class}")


@lru_cache(maxsize=8192)
def engine_of(
    known: tuple[Calibration, ...], device: str, software: str, precision: str, domain: str
) -> Calibration | None:
    """The calibration that tells what an engine needs of memory for itself: on the device, else on another one.

    The rules of an engine are its own, not the device's: of several devices that on which most was measured.
    """
    told = [c for c in known if c.domain == domain and c.software == software and "engine_code" in c.constants]
    return min(told, key=lambda c: (c.device != device, c.precision != precision, -c.fitted.rows), default=None)


def _usual(own: Sequence[Calibration], known: Sequence[Calibration]) -> str:
    """The software that most is measured of among calibrations of a device: rows; then devices; then by name.

    So it owes nothing to how well it could be fitted, nor to how fast it is.
    """

    def evidence(software: str) -> tuple[int, int, str]:
        devices = {c.device for c in known if c.software == software and not c.pooled}
        return -sum(c.fitted.rows for c in own if c.software == software), -len(devices), software

    return min({c.software for c in own}, key=evidence)


def _of_other_format(same: Sequence[Calibration], precision: str, of_class: Sequence[Calibration]) -> Choice:
    """The calibration of the format nearest in kind, of these that with most rows; as wide as that of its class."""

    best = min(same, key=lambda c: (_distance(c, precision), -c.fitted.rows))
    wide = [c for c in of_class if c.software == best.software]
    spread = max(c.spread for c in (best, *wide))
    what = f"{best.device}, {best.software}, measured in {best.precision} only{_form(best)}"
    return Choice(replace(best, spread=spread), what, (best, *wide))


def _nearest_format(own: Sequence[Calibration], precision: str) -> list[Calibration]:
    """The calibrations in a number format; where there are none those in one of its kind, else all."""
    nearest = min(_distance(c, precision) for c in own)
    return [c for c in own if _distance(c, precision) == nearest]


def _distance(found: Calibration, precision: str) -> int:
    """How far the format of a calibration is from another: 0 the same, 1 of its kind, 2 of the other kind."""
    if found.precision == precision:
        return 0
    return 1 + (_is_integer(found.precision) != _is_integer(precision))


def _is_integer(precision: str) -> bool:
    return precision in PRECISIONS and PRECISIONS[precision].compute.startswith("int")


def _of_class(found: Calibration, least: float, more: str) -> Choice:
    """The calibration of a class, for a device never measured; its interval is no narrower than `least`."""
    software = "any software" if found.software == ANY else found.software
    devices = "all devices" if found.device == CLASS + ANY else found.device
    what = f"never measured{more}: {devices}, {software} ({found.source}){_form(found)}"
    return Choice(replace(found, spread=max(found.spread, least)), what, (found,))


def _batches(found: Calibration) -> str:
    low, high = found.batches
    return f"batch {low:g}" if low == high else f"batch {low:g} to {high:g}"


def _form(found: Calibration) -> str:
    """How a network is seen, where not by its kinds of work."""
    return TOTALS if found.form == TOTALS.removeprefix(", ") else ""


def software_names(known: Iterable[Calibration]) -> list[str]:
    """What the software axis may be."""
    return [AUTO, *sorted({c.software for c in known if c.software != ANY})]
