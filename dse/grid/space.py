"""A space of designs: named axes that span a grid, or a list of designs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from dse import glossary
from dse.calibration import CALIBRATIONS, Calibrations
from dse.errors import Fault, InputError
from dse.hardware import DEVICES, Device
from dse.networks import Family
from dse.precision import PRECISIONS, Scheme
from dse.profiles import MEMORIES, PROFILES, Memory, Profile
from dse.quality.own import OwnQuality
from dse.regions import REGIONS, Region

DESIGN = "design"
# Axes whose values are names out of a catalogue rather than numbers of the glossary.
CATALOGUE_AXES = ("precision", "device")
# The axis that says which of several networks a design has.
NETWORK = "network"
# The axis that says in which recipe the accuracies of a network were published: those of others do not compare.
RECIPE = "recipe"
# Axes of which each of several networks has one value.
OF_NETWORK = (NETWORK, RECIPE)


@dataclass(frozen=True)
class Axis:
    """One input of every design: its values, and the dimension along which they vary (None: one value for all).

    `values` are what the user sees (numbers, or names such as "decode" or "a100-sxm-80gb"); `given` says
    whether the user asked for the axis or a default stands.
    """

    name: str
    values: tuple[Any, ...]
    dim: str | None
    given: bool = True

    @property
    def kind(self) -> str:
        """Kind of the glossary name, or the axis's own name for catalogue axes."""
        if self.name in (*CATALOGUE_AXES, *OF_NETWORK):
            return self.name
        # One of several networks stands before its axis: "person.width".
        return glossary.lookup(self.name.rpartition(".")[2]).kind

    @cached_property
    def numbers(self) -> np.ndarray:
        """Values as float64, named ones by their place among the glossary's choices. Shape (n,)."""
        choices = glossary.lookup(self.name).choices
        return np.array([choices.index(v) if v in choices else v for v in self.values], dtype=np.float64)

    @property
    def coordinate(self) -> np.ndarray:
        """Values as a coordinate of a Dataset. Shape (n,)."""
        array = np.array(self.values)
        return array.astype(object) if array.dtype.kind in "US" else array

    def take(self, index: Any) -> Axis:
        """The axis with only the values at `index` (a slice or an array of places)."""
        if isinstance(index, slice):
            return replace(self, values=self.values[index])
        return replace(self, values=tuple(map(self.values.__getitem__, np.atleast_1d(index).tolist())))


@dataclass(frozen=True)
class Space:
    """A network, and the axes that make its designs.

    In a grid every axis with several values has a dimension of its own name; in a list (`listed`) all axes that vary
    share the dimension "design". Axes are ordered as the loops over them: architecture, then number format, then
    deployment, then device.

    `devices`, `schemes`, `regions`, `profiles` and `memories` hold what the names of the axes "device", "precision",
    "region", "energy_profile" and "memory_profile" stand for: the catalogues, those with own entries besides, or what
    an earlier result assumed. `calibrations` are those that a calibrated latency chooses from. `quality` are the user's
    own values in place of published ones; `recipe` names that of the published ones (None: chosen by the networks, see
    `dse.quality.choose`).
    """

    family: Family
    axes: Mapping[str, Axis]
    counting: str = "trainable"
    model: str | None = None
    devices: Mapping[str, Device] = field(default_factory=lambda: DEVICES)
    schemes: Mapping[str, Scheme] = field(default_factory=lambda: PRECISIONS)
    regions: Mapping[str, Region] = field(default_factory=lambda: REGIONS)
    profiles: Mapping[str, Profile] = field(default_factory=lambda: PROFILES)
    memories: Mapping[str, Memory] = field(default_factory=lambda: MEMORIES)
    calibrations: Calibrations = field(default_factory=lambda: CALIBRATIONS)
    quality: OwnQuality | None = None
    recipe: str | None = None
    listed: bool = False
    sizes: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        sizes: dict[str, int] = {}
        for axis in self.axes.values():
            if axis.dim is not None:
                if sizes.setdefault(axis.dim, len(axis.values)) != len(axis.values):
                    raise ValueError(f"axis {axis.name!r} does not fit the dimension {axis.dim!r}")
            elif len(axis.values) != 1:
                raise ValueError(f"axis {axis.name!r} has several values and no dimension")
        object.__setattr__(self, "sizes", sizes)

    @cached_property
    def keys(self) -> Mapping[str, Axis]:
        """What groups and tables may name: the axes, and the fields by which own number formats vary.

        A field has one value for each number format, as it is written in the spec, along the dimension of these.
        """
        axis = self.axes.get("precision")
        schemes = [self.schemes[name] for name in axis.values] if axis else []
        fields = dict.fromkeys(n for scheme in schemes for n in scheme.varied)
        dim = axis.dim if axis else None
        return {**{n: Axis(n, tuple(s.field(n) for s in schemes), dim) for n in fields}, **self.axes}

    @property
    def dims(self) -> tuple[str, ...]:
        """Dimensions in loop order."""
        return tuple(self.sizes)

    @property
    def size(self) -> int:
        """Number of designs."""
        return math.prod(self.sizes.values())

    @property
    def is_list(self) -> bool:
        """Whether the space is a list of designs: an axis of a grid may be called "design" too."""
        return self.listed and DESIGN in self.sizes

    def network_axes(self) -> dict[str, Axis]:
        """Axes that the builder of the family takes."""
        return {name: self.axes[name] for name in self.family.axes}

    def network_dims(self) -> tuple[str, ...]:
        """Dimensions of the axes that the builder of the family takes."""
        dims = {axis.dim for axis in self.network_axes().values()}
        return tuple(d for d in self.dims if d in dims)

    def isel(self, dim: str, index: Any) -> Space:
        """The part of the space at `index` (a slice or places) of one dimension."""
        return replace(self, axes={n: a.take(index) if a.dim == dim else a for n, a in self.axes.items()})

    def first(self) -> Space:
        """The first design, alone."""
        return replace(self, axes={n: replace(a, values=a.values[:1], dim=None) for n, a in self.axes.items()})

    def tiles(self, limit: int) -> Iterator[tuple[dict[str, slice], Space]]:
        """Parts of at most about `limit` designs, cut along the leading dimensions, with their place."""
        yield from _tiles(self, self.dims, {}, limit)

    def designs(self, flat: np.ndarray) -> Space:
        """The designs at flat places of the grid (row-major in `dims`), as a list."""
        places = dict(zip(self.dims, np.unravel_index(flat, tuple(self.sizes.values())), strict=True))
        axes = {n: replace(a.take(places[a.dim]), dim=DESIGN) if a.dim else a for n, a in self.axes.items()}
        return replace(self, axes=axes, listed=True)


def _tiles(
    space: Space, dims: Sequence[str], place: dict[str, slice], limit: int
) -> Iterator[tuple[dict[str, slice], Space]]:
    if space.size <= limit or not dims:
        yield place, space
        return
    dim, rest = dims[0], dims[1:]
    inner = space.size // space.sizes[dim]
    step = max(1, limit // max(inner, 1))
    for start in range(0, space.sizes[dim], step):
        part = slice(start, min(start + step, space.sizes[dim]))
        yield from _tiles(space.isel(dim, part), rest, {**place, dim: part}, limit)


# The most dimensions that arrays which broadcast can have.
MOST_DIMS = 32
# Kinds of axes, in the order of the loops over them.
ORDER = ("architecture", "precision", "deployment", "circumstance", "device")


def make_grid(
    family: Family, values: Mapping[str, Any], *, defaults: Mapping[str, Any] | None = None, **options: Any
) -> Space:
    """A grid from axis values: a list or array is an axis with a dimension, anything else one value for all.

    Names in `values` must be axes of the family, "device", "precision", deployment settings of the glossary, or
    figures that stand in place of those of the device, and their values valid (see `check_axis`); what is not given
    stands at its default, or at that of `defaults`. Of more than MOST_DIMS axes with a dimension, those of one value
    have none; `too_many` tells where more have several.
    """
    axes = _few_dims(_with_defaults(family, values, defaults or {}))
    ordered = sorted(axes.values(), key=lambda a: ORDER.index(a.kind))
    return Space(family, {a.name: a for a in ordered}, **options)


def make_list(family: Family, columns: Mapping[str, Sequence[Any]], **options: Any) -> Space:
    """A list of designs: columns of equal length, one for each axis; scalars hold for all."""
    axes = _with_defaults(family, columns, {})
    return Space(family, {n: replace(a, dim=DESIGN) if a.dim else a for n, a in axes.items()}, listed=True, **options)


def _few_dims(axes: dict[str, Axis]) -> dict[str, Axis]:
    if sum(a.dim is not None for a in axes.values()) <= MOST_DIMS:
        return axes
    return {n: replace(a, dim=None) if len(a.values) == 1 else a for n, a in axes.items()}


def too_many(values: Mapping[str, Any], where: str) -> list[Fault]:
    """A fault where more than MOST_DIMS axes of one network have several values."""
    several = sum(isinstance(given, list) and len(given) > 1 for given in values.values())
    problem = f"{several} axes have several values; allowed: at most {MOST_DIMS}"
    return [Fault(where, problem)] if several > MOST_DIMS else []


def _with_defaults(family: Family, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Axis]:
    axes = {}
    for name, given in values.items():
        several = isinstance(given, (list, tuple, np.ndarray, range))
        taken = tuple(v.item() if isinstance(v, np.generic) else v for v in given) if several else (given,)
        axes[name] = Axis(name, taken, name if several else None)
    for name, default in family.defaults.items():
        usual = glossary.lookup(name).named(default)
        axes.setdefault(name, Axis(name, (defaults.get(name, usual),), None, given=False))
    for name, entry in glossary.NAMES.items():
        if entry.kind in ("deployment", "circumstance") and entry.default is not None:
            axes.setdefault(name, Axis(name, (defaults.get(name, entry.default),), None, given=False))
    return axes


def check_axis(name: str, values: Sequence[Any], where: str) -> list[Fault]:
    """Faults of the values of a numeric or named axis: none at all, one twice, some outside the glossary's range."""
    entry = glossary.lookup(name)
    if not len(values):
        return [Fault(where, "the axis has no values; give at least one")]
    problems = [problem for value in values if (problem := _problem(entry, value))]
    if problems:
        more = f" (and {len(problems) - 1:,} more values)" if len(problems) > 1 else ""
        return [Fault(where, problems[0] + more)]
    seen: set[Any] = set()
    for value in values:
        if value in seen:
            return [Fault(where, f"the value {value!r} stands twice; give each once")]
        seen.add(value)
    return []


def _problem(entry: glossary.Name, value: Any) -> str:
    """What is wrong with one value, or nothing."""
    if entry.choices:
        return "" if value in entry.choices else f"{value!r} is not allowed; allowed: {entry.allowed()}"
    try:
        entry.check(float(value))
    except InputError as error:
        return error.faults[0].problem
    return ""
