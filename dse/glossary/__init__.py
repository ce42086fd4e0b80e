"""Every input name of the formulas and metrics, once: unit, the sheet's symbol, meaning, allowed range.

An argument of a formula or metric whose name is not here (and is not a metric's) fails at import.
`kind` says where a value comes from:

==============  ===============================================================================================
sheet           only an argument of sheet functions
architecture    an axis of a network family
device          a figure of a device in the hardware catalogue
precision       a figure of a number format
format          a name that a number format has, such as the format that is multiplied: no argument of a formula
deployment      how the network is run; `default` stands where a spec is silent
circumstance    like deployment, but not chosen by the designer: no frontier is drawn across its values
calibration     a constant that was fitted to measurements of a device, in the software and format that it runs
derived         joined by the grid from several of the above, or from a profile that a setting names (the peak rate
                of a device in a format, the energy of one byte)
==============  ===============================================================================================
"""

from __future__ import annotations

import re
from dataclasses import replace

from dse.errors import InputError, unknown
from dse.glossary.architecture import ARCHITECTURE
from dse.glossary.deployment import DEPLOYMENT, SHARING
from dse.glossary.hardware import HARDWARE
from dse.glossary.name import Name, count
from dse.glossary.serving import SERVING
from dse.glossary.sheet import SHEET

__all__ = [
    "ARCHITECTURE",
    "DEPLOYMENT",
    "HARDWARE",
    "NAMES",
    "SERVING",
    "SHARING",
    "SHEET",
    "TOWERS",
    "Name",
    "find",
    "is_circumstance",
    "lookup",
    "stage_of",
    "tower_of",
]

NAMES: dict[str, Name] = SHEET | ARCHITECTURE | DEPLOYMENT | SERVING | HARDWARE

# Networks inside a network: their axes have the name of the tower before them.
TOWERS = {
    "second_text": "second text tower",
    "text": "text tower",
    "unet": "U-Net",
    "vision": "vision tower",
}

# Dynamic dimensions of an imported network, by the names that its file gives them.
_OF_FILE = re.compile(r"dim_[a-z0-9_]+")
_OF_STAGE = re.compile(r"(.+)_([1-9]\d{0,5})")


def stage_of(name: str) -> tuple[str, int] | None:
    """The architecture name and the stage of a name such as "kernel_3"; None for any other.

    >>> stage_of("kernel_3"), stage_of("kernel")
    (('kernel', 3), None)
    """
    match = None if name in NAMES else _OF_STAGE.fullmatch(name)
    if match is None or not (match[1] in NAMES or tower_of(match[1])) or lookup(match[1]).kind != "architecture":
        return None
    return match[1], int(match[2])


def tower_of(name: str) -> tuple[str, str] | None:
    """The tower and the architecture name of an axis such as "vision_layers"; None for any other.

    >>> tower_of("vision_layers"), tower_of("layers")
    (('vision', 'layers'), None)
    """
    for tower in () if name in NAMES else TOWERS:
        base = name.removeprefix(f"{tower}_")
        if base != name and base in NAMES and NAMES[base].kind == "architecture":
            return tower, base
    return None


def find(name: str) -> Name | None:
    """The entry of a name, or of the axis of every stage that it belongs to; None for any other name."""
    if (of_stage := stage_of(name)) is not None:
        base, stage = of_stage
        entry = find(base)
        return entry and replace(entry, symbol=f"{entry.symbol},{stage}", meaning=f"{entry.meaning} (stage {stage})")
    if (of_tower := tower_of(name)) is not None:
        tower, base = of_tower
        entry = NAMES[base]
        return replace(entry, symbol=f"{entry.symbol},{tower}", meaning=f"{entry.meaning} ({TOWERS[tower]})")
    if name in NAMES:
        return NAMES[name]
    if _OF_FILE.fullmatch(name):
        return count("architecture", f"n_{name[4:]}", "size of a dynamic dimension of an imported network")
    return None


def lookup(name: str, where: str = "") -> Name:
    """The entry of a name; an unknown one raises InputError with the nearest.

    An architecture name of one stage ("kernel_3") has the entry of the name without the stage, and one of a tower
    ("vision_layers") that of the name without the tower; "dim_NAME" is a dynamic dimension of an imported network.
    """
    if (entry := find(name)) is None:
        raise InputError(unknown("name", name, NAMES, where))
    return entry


def is_circumstance(name: str) -> bool:
    """Whether no frontier is drawn across the values of an input."""
    return name in NAMES and NAMES[name].kind == "circumstance"
