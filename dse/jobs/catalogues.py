"""What the names and the silences of a spec stand for: today's catalogues, or the assumptions of an earlier result."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path, PurePath
from typing import Any

from dse.calibration import CALIBRATIONS, Calibrations, named, read_calibrations
from dse.hardware import DEVICES, Device, select
from dse.networks import Model, find_model
from dse.networks.models import SUFFIXES
from dse.precision import PRECISIONS, Scheme
from dse.profiles import MEMORIES, PROFILES, Memory, Profile
from dse.regions import REGIONS, Region

# What assumptions tell of a number format; its name stands before them.
SCHEME_FIELDS = tuple(f.name for f in fields(Scheme) if f.name != "name")

# What assumptions tell where they hold every device and region that the spec selects, used or left out.
WHOLE = "whole_selection"

# What assumptions tell of the user's table of quality values: the SHA-256 of its content.
OWN_QUALITY = "quality_table"


@dataclass(frozen=True)
class Catalogues:
    """Devices, number formats, regions, profiles and memories by name, and defaults that stand in place of today's.

    `defaults` are by axis; `of_network` those of each of several networks, by its name. `options` are settings of the
    spec itself (counting, fit) where it is silent. `left_out` are devices that lacked figures. `document` is the
    content of the assumptions that all this was read from, None for today's catalogues, and `source` the name of
    their file. `models` are networks that were read from files, by the names of these in the spec.
    """

    devices: Mapping[str, Device] = field(default_factory=lambda: DEVICES)
    schemes: Mapping[str, Scheme] = field(default_factory=lambda: PRECISIONS)
    regions: Mapping[str, Region] = field(default_factory=lambda: REGIONS)
    profiles: Mapping[str, Profile] = field(default_factory=lambda: PROFILES)
    memories: Mapping[str, Memory] = field(default_factory=lambda: MEMORIES)
    calibrations: Calibrations = field(default_factory=lambda: CALIBRATIONS)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    of_network: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    document: Mapping[str, Any] | None = None
    source: str = ""
    models: Mapping[str, Model] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether all devices and regions that the spec selects are there; older assumptions hold the used ones."""
        return self.document is None or bool(self.document.get(WHOLE, False))

    @property
    def replayed(self) -> bool:
        """Whether figures come from the assumptions of a result."""
        return self.document is not None

    def defaults_of(self, network: str) -> dict[str, Any]:
        """Defaults of one network by its name, "" for one alone."""
        return {**self.defaults, **self.of_network.get(network, {})}

    def find_model(self, name: str, where: str = "") -> Model:
        """The model that a spec names: of the zoo, of the assumptions of an earlier result, or in a file.

        What assumptions hold of a file stands for it, and where a file is not there for one of its name.

        Raises
        ------
        InputError
            As `dse.networks.find_model`.
        """
        if name in self.models:
            return self.models[name]
        if self.models and name.endswith(SUFFIXES) and not Path(name).exists():
            alike = sorted(self.models, key=lambda held: -_common(held, name))
            if _common(alike[0], name) > max([_common(held, name) for held in alike[1:]], default=0):
                return self.models[alike[0]]
        return find_model(name, where)

    def with_device(self, device: Device) -> Catalogues:
        """The catalogues with one more device."""
        return replace(self, devices={**self.devices, device.name: device})

    def with_calibrations(self, path: str | Path) -> Catalogues:
        """The catalogues with the calibrations of a file, which stand before those of the same name.

        Those of a result that is replayed stay as they are: what it used is among them.

        Raises
        ------
        InputError
            Every fault of the file.
        """
        if self.replayed:
            return self
        return replace(self, calibrations={**self.calibrations, **named(read_calibrations(path))})

    def select(self, pattern: str, own: Mapping[str, Mapping[str, Any]], where: str = "") -> list[str]:
        """Names of the devices that "stm32f746", "class:mcu" or "*" stands for.

        Classes hold no new devices that a spec defines (`own` are its tables): those are named.

        Raises
        ------
        InputError
            For a class that there is none of.
        """
        new = {n for n, table in own.items() if {"base", "class"} & set(table)} if self.replayed else set()
        return select(pattern, where, {n: d for n, d in self.devices.items() if n not in new})


def _common(one: str, other: str) -> int:
    """How many parts two paths have in common, from their ends on."""
    parts = zip(reversed(PurePath(one).parts), reversed(PurePath(other).parts), strict=False)
    return len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], parts)))


CURRENT = Catalogues()
