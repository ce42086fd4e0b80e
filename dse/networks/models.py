"""Published models as points of a family, read from `zoo/*.toml` when first asked for."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from dse.errors import DseError, InputError, unknown
from dse.networks.registration import FAMILIES


@dataclass(frozen=True)
class Published:
    """A figure that somebody else states, exact or off by less than `rounding` (rounded or truncated there)."""

    value: float
    source: str
    rounding: float = 0.0


@dataclass(frozen=True)
class Model:
    """A published model.

    `axes` are the values of its family's axes that differ from the defaults, at which the figures in `published`
    hold: params (trainable), params_weights (no norms, no biases), active_params and active_params_without_embedding
    (what one token uses), macs, activations, peak_simple, peak_liveness, peak_in_place_depthwise, and context (the
    most tokens that the model was made for).
    """

    name: str
    family: str
    axes: Mapping[str, Any]
    source: str
    note: str
    published: Mapping[str, Published]


class _Zoo(Mapping[str, Model]):
    def __getitem__(self, name: str) -> Model:
        return _read_zoo()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_read_zoo())

    def __len__(self) -> int:
        return len(_read_zoo())


MODELS: Mapping[str, Model] = _Zoo()


def find_model(name: str, where: str = "") -> Model:
    """The model of a name; an unknown one raises InputError with the nearest."""
    try:
        return MODELS[name]
    except KeyError:
        raise InputError(unknown("model", name, MODELS, where)) from None


@cache
def _read_zoo() -> dict[str, Model]:
    models: dict[str, Model] = {}
    for path in sorted(files("dse.networks").joinpath("zoo").iterdir(), key=lambda path: path.name):
        if not path.name.endswith(".toml"):
            continue
        for name, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
            if name in models:
                raise DseError(f"{path.name}: model {name!r} is defined twice")
            models[name] = _model(name, entry, path.name)
    return models


def _model(name: str, entry: Mapping[str, Any], file: str) -> Model:
    family = FAMILIES[entry["family"]]
    if unknown_axes := set(entry["axes"]) - set(family.axes):
        raise DseError(f"{file}: model {name!r} has axes that {family.name} lacks: {sorted(unknown_axes)}")
    published = {quantity: Published(**figure) for quantity, figure in entry["published"].items()}
    axes, note = MappingProxyType(entry["axes"]), entry.get("note", "")
    return Model(name, family.name, axes, entry["source"], note, MappingProxyType(published))
