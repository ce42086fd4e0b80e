"""What a number format changes: accuracy in points, loss in nats, from published comparisons (`formats.toml`)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from dse.catalogue import read_toml
from dse.precision import PRECISIONS, Scheme
from dse.quality.recipes import Recipe

_NAN = float("nan")
# What two formats must have alike for what is published of one to hold for the other.
_ALIKE = {
    "accuracy": ("weight_format", "element_bits", "activation_bits"),
    "loss": ("weight_format", "element_bits", "activation_bits", "group_size", "scale_bits", "kv_bits"),
}
_UNITS = {"accuracy": "points", "loss": "nat"}


@dataclass(frozen=True)
class Change:
    """Change of a value that a number format brings: middle and range; "" for a source where there is none."""

    value: float = 0.0
    low: float = 0.0
    high: float = 0.0
    source: str = ""


# Of networks of which only some are measured in the format.
_UNKNOWN = Change(_NAN, _NAN, _NAN)


def measured_as(recipe: Recipe, scheme: Scheme) -> str | None:
    """The name of the format under which a recipe has measured points that hold for a scheme."""
    return next((f for f in recipe.measured if _alike(recipe.quantity, PRECISIONS[f], scheme)), None)


def change_of(recipe: Recipe, scheme: Scheme) -> tuple[Change | None, str]:
    """What a scheme changes, and the remark for the legend; None where nothing is known."""
    exact = 32.0 if recipe.quantity == "accuracy" else 16.0
    narrowest = min(scheme.element_bits, scheme.activation_bits)
    narrowest = min(narrowest, scheme.kv_bits) if recipe.quantity == "loss" else narrowest
    if scheme.weight_format == "float" and narrowest >= 16:
        assumed = f"assumed: {scheme.name} is as accurate as 32-bit floats"
        return Change(), "" if narrowest >= exact else assumed
    reason = ""
    for entry in (e for name in recipe.classes for e in _entries().get(name, ())):
        if _alike(recipe.quantity, entry["scheme"], scheme):
            change = _change(recipe, entry)
            if change is not None:
                unit = _UNITS[recipe.quantity]
                span = f"{change.low:+.3g} to {change.high:+.3g}"
                return change, f"{scheme.name}: {change.value:+.3g} {unit}, {span} ({change.source})"
            reason = f": {entry['reason']}"
    if measured_as(recipe, scheme):
        return _UNKNOWN, f"{scheme.name}: only some networks are published in it"
    return None, f"no published evidence of {recipe.family} ({recipe.key}) in {scheme.name}{reason}"


def _alike(quantity: str, known: Scheme, scheme: Scheme) -> bool:
    return all(getattr(known, f) == getattr(scheme, f) for f in _ALIKE[quantity])


def _change(recipe: Recipe, entry: Mapping[str, Any]) -> Change | None:
    if "perplexities" in entry:
        added = [math.log(quantised / plain) for plain, quantised in entry["perplexities"]]
        return Change(median(added), min(added), max(added), entry["source"])
    if "between" in entry:
        better, worse = (change_of(recipe, PRECISIONS[name])[0] for name in entry["between"])
        assert better is not None and worse is not None
        source = "no better than {} and no worse than {}, of which it is published".format(*entry["between"])
        return Change((better.value + worse.value) / 2, better.low, worse.high, source)
    return Change(*(entry[n] for n in ("value", "low", "high", "source"))) if "value" in entry else None


@cache
def _entries() -> Mapping[str, tuple[Mapping[str, Any], ...]]:
    """What is published of number formats, by the class of the networks."""
    found: dict[str, tuple[Mapping[str, Any], ...]] = {}
    for entry in read_toml(Path(__file__).with_name("formats.toml"))["format"]:
        given = entry["format"]
        scheme = PRECISIONS[given] if isinstance(given, str) else Scheme.from_fields("published", **given)
        found[entry["class"]] = (*found.get(entry["class"], ()), {**entry, "scheme": scheme})
    return found
