"""What several devices, pages of a cache, drafted tokens and mixed passes ask of the rest of a deployment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dse.errors import Fault
from dse.glossary import SHARING
from dse.grid.counting import CHUNK
from dse.grid.plan import SETTINGS, settings_in, variants_of
from dse.grid.program import MODEL_AXIS, PHASE_AXIS
from dse.networks import FAMILIES, Family
from dse.networks.levers import OF_CACHE

# The latency model of the whole network, which every setting has.
WHOLE = variants_of("latency")[:1]


def sharing_faults(family: Family, axes: Mapping[str, Any]) -> Iterator[Fault]:
    """Faults of settings that mean nothing for the family, the phase or the latency model of a deployment."""
    values = {n: v if isinstance(v, list) else [v] for n, v in axes.items()}
    for name in SHARING:
        if name not in family.divided and any(v > 1 for v in values.get(name, ())):
            able = ", ".join(sorted(f.name for f in FAMILIES.values() if name in f.divided))
            yield Fault(
                f"deployment.{name}", f"the family {family.name!r} cannot be divided so; those that can: {able}"
            )
    settings = settings_in(values)
    phases = values.get(PHASE_AXIS, [family.defaults.get(PHASE_AXIS) and "decode"])
    if OF_CACHE not in family.axes and any(v > 1 for v in values.get(OF_CACHE, ())):
        yield Fault(f"deployment.{OF_CACHE}", f"the family {family.name!r} has no cache of keys and values")
    if "in_flight" in settings and set(phases) != {"request"}:
        yield Fault("deployment.in_flight", 'has a meaning with phase = "request" only')
    if "speculative" in settings:
        if not set(phases) <= {"decode", "request"}:
            yield Fault("deployment.draft_tokens", 'has a meaning with phase = "decode" or "request" only')
        yield from _only((*WHOLE, "calibrated"), "draft_tokens", values)
    if "mixed" in phases:
        yield from _only((*WHOLE, "calibrated"), PHASE_AXIS, values)
        if CHUNK not in family.axes:
            able = ", ".join(sorted(f.name for f in FAMILIES.values() if CHUNK in f.axes))
            yield Fault(f"deployment.{PHASE_AXIS}", f"the family {family.name!r} reads prompts whole; not so: {able}")
        elif CHUNK not in axes:
            yield Fault(f"deployment.{CHUNK}", 'is missing; phase = "mixed" needs it')
    elif CHUNK in axes:
        yield Fault(f"deployment.{CHUNK}", 'has a meaning with phase = "mixed" only')


def _only(models: tuple[str, ...], name: str, values: Mapping[str, list[Any]]) -> Iterator[Fault]:
    for model in values.get(MODEL_AXIS, ()):
        if model not in models:
            allowed = " and ".join(map(repr, models))
            yield Fault(f"deployment.{MODEL_AXIS}", f"{model!r} has no form for this {name}; allowed: {allowed}")


def blend_faults(axes: Mapping[str, Any]) -> Iterator[Fault]:
    """Faults of settings that have no meaning for several networks at once."""
    values = {n: v if isinstance(v, list) else [v] for n, v in axes.items()}
    for setting in settings_in(values):
        for name in (n for n in SETTINGS[setting] if n in values):
            yield Fault(f"deployment.{name}", "is for one network, or several to choose from (combine = choose)")
