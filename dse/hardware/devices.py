"""Devices and their figures, read from the TOML files beside this module: one file a class.

A figure is a quantity with its unit ("2039 GB/s") under a glossary name of kind "device"; inside the program it
is SI. A figure that no source gives is missing, and NaN when asked for: it is never zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from dse import glossary
from dse.catalogue import Catalogue, read_toml
from dse.errors import Fault, InputError, unknown
from dse.hardware.linear import Linear
from dse.units import quantity

FIGURES = tuple(name for name, entry in glossary.NAMES.items() if entry.kind == "device")
_TEXTS = ("vendor", "memory_type", "link_kind", "check", "source", "note")
_OTHER = ("year", "process", "compared_with")


@dataclass(frozen=True)
class Device:
    """One device: its figures (SI, by glossary name) and where they come from.

    `check` says how far the figures were tested: two independent texts, one, cited from the vendor's document,
    derived from published clocks and units, or n/a for a device that does not exist. `source` is the document to
    cite, `compared_with` the pages that were compared. `pue` is the default of the device's class. `linear` holds
    figures that follow from others, where these are axes of a space; neither stands among `figures` then.
    """

    name: str
    device_class: str
    figures: Mapping[str, float]
    pue: float
    vendor: str = ""
    year: int | None = None
    process: float = math.nan  # nm
    memory_type: str = ""
    link_kind: str = ""
    check: str = ""
    source: str = ""
    compared_with: tuple[str, ...] = field(default=())
    note: str = ""
    linear: Mapping[str, Linear] = field(default_factory=dict)

    def figure(self, name: str) -> float:
        """A figure in its glossary unit; NaN where no source gives it. InputError for a name that is no figure."""
        if name not in FIGURES:
            raise InputError(unknown("figure of a device", name, FIGURES, self.name))
        return self.figures.get(name, math.nan)

    @classmethod
    def from_fields(
        cls,
        name: str,
        fields: Mapping[str, Any],
        base: Device | None = None,
        *,
        device_class: str = "",
        pue: float = 1.2,
    ) -> Device:
        """A device from quantities and texts as a TOML file gives them, over those of `base`.

        On-chip memory that is given is one bank unless `sram_bank` is stated too; the note of a device over another
        one says which fields are not of the source that it inherits. InputError names every unknown key and every
        figure that is no quantity of its unit or outside its range.
        """
        known = (*FIGURES, *_TEXTS, *_OTHER)
        faults = [unknown("field", k, _meant(k, fields[k]) or known, name) for k in fields if k not in known]
        faults += _faults_of_texts(name, fields)
        figures = dict(base.figures) if base else {}
        for key in (key for key in FIGURES if key in fields):
            entry = glossary.NAMES[key]
            try:
                figures[key] = quantity(fields[key], entry.unit)
                entry.check(figures[key])
            except InputError as error:
                faults += error.at(f"{name}.{key}").faults
        if faults:
            raise InputError(faults)
        if "sram" in fields and "sram_bank" not in fields:
            figures["sram_bank"] = figures["sram"]
        inherited = {key: getattr(base, key) for key in (*_TEXTS, *_OTHER)} if base else {}
        own = {key: fields[key] for key in (*_TEXTS, *_OTHER) if key in fields}
        if base:
            own.setdefault("note", f"own figures over {base.name}: {', '.join(fields)}")
        if "process" in fields:
            own["process"] = quantity(fields["process"], "nm")
        if "compared_with" in own:
            own["compared_with"] = tuple(own["compared_with"])
        return cls(
            name,
            base.device_class if base else device_class,
            MappingProxyType(figures),
            base.pue if base else pue,
            **{**inherited, **own},
        )


def _meant(key: str, given: Any) -> list[str]:
    """Figures that a key which is none is the beginning of, and that what is given has the unit of."""
    values = given if isinstance(given, (list, tuple)) else [given]
    found = [name for name in FIGURES if name.startswith(f"{key.lower()}_")]
    return [name for name in found if values and all(_is_quantity(v, glossary.NAMES[name].unit) for v in values)]


def _is_quantity(given: Any, unit: str) -> bool:
    try:
        quantity(given, unit)
    except InputError:
        return False
    return True


def _faults_of_texts(name: str, fields: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with the fields that are no figures."""
    wrong = {key: "a text" for key in _TEXTS if not isinstance(fields.get(key, ""), str)}
    if type(fields.get("year", 0)) is not int:
        wrong["year"] = "a year"
    pages = fields.get("compared_with", [])
    if not (isinstance(pages, (list, tuple)) and all(isinstance(page, str) for page in pages)):
        wrong["compared_with"] = "a list of texts"
    faults = [Fault(f"{name}.{key}", f"{fields[key]!r} is not {what}") for key, what in wrong.items()]
    try:
        quantity(fields.get("process", 1), "nm")
    except InputError as error:
        faults += error.at(f"{name}.process").faults
    return faults


def read_devices(folder: Path) -> dict[str, Device]:
    """The devices of every TOML file of a folder: a file holds one class, named after it, and its default `pue`."""
    devices: dict[str, Device] = {}
    for path in sorted(folder.glob("*.toml")):
        content = read_toml(path)
        for name, fields in content["device"].items():
            if name in devices:
                raise InputError(Fault(path.name, f"device {name!r} is defined twice"))
            try:
                devices[name] = Device.from_fields(name, fields, device_class=path.stem, pue=content["pue"])
            except InputError as error:
                raise error.at(path.name) from None
    return devices


DEVICES: Mapping[str, Device] = Catalogue("device", lambda: read_devices(Path(__file__).parent))


def select(pattern: str, where: str = "", devices: Mapping[str, Device] = DEVICES) -> list[str]:
    """Names of the devices that "stm32f746", "class:mcu" or "*" stands for; InputError for an unknown one."""
    if pattern == "*":
        return list(devices)
    if pattern.startswith("class:"):
        classes = dict.fromkeys(device.device_class for device in devices.values())
        wanted = pattern.removeprefix("class:")
        if wanted not in classes:
            raise InputError(unknown("class of devices", wanted, classes, where))
        return [name for name, device in devices.items() if device.device_class == wanted]
    if pattern not in devices:
        raise InputError(unknown("device", pattern, devices, where))
    return [pattern]


def figure_table(devices: Sequence[Device]) -> dict[str, np.ndarray]:
    """Every figure of the devices given, in their order: float64 arrays of shape (devices,), NaN where missing."""
    return {name: np.array([device.figure(name) for device in devices]) for name in FIGURES}
