"""Precision schemes: how wide weights, activations and cache are stored, and the format that is multiplied."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dse import glossary
from dse.catalogue import Catalogue, read_toml
from dse.errors import Fault, InputError, shown, unknown
from dse.units import quantity
from dse.weights import is_weight_file, weight_file_exists

# Fields of a number format that a user writes and that may vary: numbers, and names.
NUMBERS = ("weight_bits", "activation_bits", "kv_bits", "group_size", "scale_bits")
TEXTS = ("weight_format", "compute", "weights")
_CHOICES = {name: glossary.NAMES[name].choices for name in ("weight_format", "compute")}
_TOLD = ("note", "source", "weights")


@dataclass(frozen=True)
class Scheme:
    """One precision scheme. `weight_bits`, `activation_bits` and `kv_bits` are what is stored, scales included.

    `element_bits` is the width of one weight without its share of the scales; `group_size` weights share
    `scale_bits` bits of scales and offsets (0: one scale a tensor or channel, not counted). `compute` is the format
    that is multiplied: 16 bit where only the weights are narrow. `weights` is a file of weights of which the
    quantisation noise is measured ("" for Gaussian ones), and `weights_sqnr` what an earlier result measured of it [dB]
    (NaN where none did). `varied` names the fields that tell the scheme from its variants, which one table of a spec
    gives.
    """

    name: str
    weight_bits: float
    activation_bits: float
    kv_bits: float
    weight_format: str
    element_bits: float
    group_size: int
    scale_bits: float
    compute: str
    note: str = ""
    source: str = ""
    weights: str = ""
    weights_sqnr: float = math.nan
    varied: tuple[str, ...] = ()

    def field(self, name: str) -> float | str:
        """A value as it is written among the fields: `weight_bits` without the share of the scales."""
        value = getattr(self, "element_bits" if name == "weight_bits" else name)
        return str(value) if name in TEXTS else float(value)

    @property
    def integer_bits(self) -> int | None:
        """Bits of a weight on an even integer grid, for the quantisation noise; None for others."""
        return int(self.element_bits) if self.weight_format == "integer" else None

    @classmethod
    def from_fields(cls, name: str, /, **fields: Any) -> Scheme:
        """A scheme from the fields that a user writes; InputError names every one that is wrong.

        Parameters
        ----------
        weight_bits
            Bits of one weight, required; its share of the scales is added where `group_size` is given.
        activation_bits, kv_bits
            Bits of one activation (default 16) and of one cached key or value (default: as the activations).
        group_size, scale_bits
            Weights that share scales and offsets, and the bits of these (default 16).
        weight_format
            "float" (default above 8 bits), "integer" (default below, for a whole number of bits) or "codebook"
            (values that are not evenly spaced), or "mixed" where tensors differ and `weight_bits` is their mean.
        compute
            Default: the narrowest format that holds both weights and activations.
        """
        numbers, faults = _read(name, fields)
        if "weight_bits" not in fields:
            faults.append(Fault(name, "weight_bits is missing: the bits of one weight"))
        if faults:
            raise InputError(faults)
        element, activation = numbers["weight_bits"], numbers.get("activation_bits", 16.0)
        group = int(numbers.get("group_size", 0))
        scales = numbers.get("scale_bits", 16.0) if group else 0.0
        weight_format = fields.get("weight_format", _usual_format(element))
        return cls(
            name,
            weight_bits=element + (scales / group if group else 0.0),
            activation_bits=activation,
            kv_bits=numbers.get("kv_bits", activation),
            weight_format=weight_format,
            element_bits=element,
            group_size=group,
            scale_bits=scales,
            compute=fields.get("compute", _narrowest(max(element, activation), weight_format)),
            **{key: fields[key] for key in _TOLD if key in fields},
        )


def _read(name: str, fields: Mapping[str, Any]) -> tuple[dict[str, float], list[Fault]]:
    """The numbers among the fields, checked against the glossary, and every fault."""
    known = (*NUMBERS, *_CHOICES, *_TOLD)
    faults = [unknown("field of a precision scheme", key, known, name) for key in fields if key not in known]
    numbers: dict[str, float] = {}
    for key in (key for key in NUMBERS if key in fields):
        entry = glossary.NAMES[key]
        try:
            numbers[key] = quantity(fields[key], entry.unit)
            entry.check(numbers[key])
        except InputError as error:
            faults += error.at(f"{name}.{key}").faults
    for key, allowed in _CHOICES.items():
        if key in fields and fields[key] not in allowed:
            faults.append(unknown(key, fields[key], allowed, f"{name}.{key}"))
    for key in (key for key in _TOLD if not isinstance(fields.get(key, ""), str)):
        faults.append(Fault(f"{name}.{key}", f"{shown(fields[key])} is not a text"))
    weights = fields.get("weights")
    if weights is not None and not (is_weight_file(weights) and weight_file_exists(weights)):
        faults.append(
            Fault(f"{name}.weights", f"{shown(weights, 300)} is not there; allowed: a .npy or .safetensors file")
        )
    if "weight_bits" in numbers and fields.get("weight_format") == "integer" and numbers["weight_bits"] % 1:
        faults.append(Fault(f"{name}.weight_bits", f"{numbers['weight_bits']:g} is not a whole number of integer bits"))
    return numbers, faults


def _usual_format(bits: float) -> str:
    if bits > 8:
        return "float"
    return "codebook" if bits % 1 else "integer"


def _narrowest(bits: float, weight_format: str) -> str:
    if bits > 16:
        return "fp32"
    if bits > 8 or weight_format == "codebook":
        return "fp16"
    kind = "int" if weight_format == "integer" else "fp"
    return f"{kind}{8 if bits > 4 else 4}"


def _load() -> dict[str, Scheme]:
    path = Path(__file__).with_name("schemes.toml")
    try:
        return {name: Scheme.from_fields(name, **fields) for name, fields in read_toml(path).items()}
    except InputError as error:
        raise error.at(path.name) from None


PRECISIONS: Mapping[str, Scheme] = Catalogue("precision scheme", _load)
