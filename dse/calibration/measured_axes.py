"""The axes of a measurement: values of its network and deployment, each of which its predicted time depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from dse import glossary, registry
from dse.errors import Fault, InputError, unknown
from dse.glossary import SHARING
from dse.metrics import RECORDS
from dse.networks import FAMILIES, MODELS, Family, find_model
from dse.networks.models import SUFFIXES

# Axes by which several devices work on a network.
SEVERAL = (*SHARING, "data_parallel")
REQUEST = ("prompt_tokens", "output_tokens")
# Phases of which measured times are predicted; a request is its prompt, then its tokens.
PHASES = ("prefill", "decode", "request", "train")


def read_axes(text: str, faults: list[Fault]) -> dict[str, Any]:
    """Axis values of a text such as "resolution=256 phase=decode"; what is wrong with it is added to `faults`."""
    found: dict[str, Any] = {}
    for part in text.split():
        name, separator, value = part.partition("=")
        entry = glossary.find(name)
        if not separator or entry is None:
            faults.append(Fault("axes", f"{part!r} is not a known axis with its value: name=value"))
        elif name in found:
            faults.append(Fault(f"axes: {name}", "is given twice"))
        else:
            try:
                found[name] = _value(entry, value)
            except InputError as error:
                faults += error.at(f"axes: {name}").faults
    return found


def _value(entry: glossary.Name, text: str) -> Any:
    """A choice or a number that the axis may be."""
    if entry.choices and text not in entry.choices:
        raise InputError(unknown("value", text, entry.choices))
    if entry.choices:
        return text
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{text!r} is not a number") from None
    entry.check(value)
    return int(value) if value == round(value) and abs(value) < 2**53 else value


def faults_of_network(network: str, axes: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong with a network and axes of it: names, axes without an effect, work that cannot be divided so."""
    if network in FAMILIES:
        family, known = FAMILIES[network], dict(FAMILIES[network].defaults)
    elif network in MODELS or network.endswith(SUFFIXES):
        model = find_model(network, "network")
        family, known = model.builds_from, dict(model.builds_from.defaults) | dict(model.axes)
    else:
        yield unknown("network", network, (*MODELS, *FAMILIES), "network")
        return
    phase = axes.get("phase")
    if phase is not None and phase not in PHASES:
        yield Fault("axes: phase", f"times of the phase {phase!r} are not fitted; allowed: {', '.join(PHASES)}")
        return
    if phase == "request":
        yield from (Fault("axes", f"{n} is missing, which a request needs") for n in REQUEST if n not in axes)
    several = any(float(axes.get(name, 1)) > 1 for name in SEVERAL)
    allowed = _allowed(family, phase, several)
    for name in axes:
        if name not in allowed:
            yield unknown("axis", name, allowed, "axes") if is_of_network(name) else _without_effect(name)
    yield from _divisions(family, known | dict(axes))


def is_of_network(name: str) -> bool:
    """Whether an axis is of the network, not of how it is run."""
    return glossary.lookup(name).kind not in ("deployment", "circumstance")


def _without_effect(name: str) -> Fault:
    return Fault(f"axes: {name}", "is no part of a calibrated time; leave it out, or mark the row skip")


def _allowed(family: Family, phase: str | None, several: bool) -> set[str]:
    """Axes of the family, and settings of a deployment that its calibrated time depends on."""
    phases = ("prefill", "decode") if phase == "request" else (phase,)
    settings = {n for p in phases for n in _depends_on(p, several) if not is_of_network(n)}
    more = {*REQUEST, "phase"} if phase == "request" else {"phase"} & set(family.axes)
    return {*family.axes, *settings, *(SEVERAL if several else ()), *more} - {"chunk_tokens"}


@cache
def _depends_on(phase: str | None, several: bool) -> frozenset[str]:
    """Names of the glossary that a calibrated time is made of."""
    seen: set[tuple[str, str]] = set()
    waiting = [("", "latency")]
    while waiting:
        scope, base = waiting.pop()
        if (scope, base) in seen:
            continue
        seen.add((scope, base))
        if base in RECORDS:
            variant = "calibrated" if base == "latency" else None
            part = registry.part_of(scope) or phase
            record = registry.metric_record(base, variant, part, ("several",) if several else ())
            waiting += map(registry.scoped, record.inputs) if record.kind != "count" else ()
    return frozenset(n for _, n in seen if glossary.find(n) is not None and n not in RECORDS)


def _divisions(family: Family, known: Mapping[str, Any]) -> Iterator[Fault]:
    """Work that devices cannot share evenly."""
    for name in SHARING:
        parts, whole = int(known.get(name) or 1), family.divided.get(name, "")
        if parts < 2:
            continue
        if not known.get(whole):
            yield Fault(f"axes: {name}", f"cannot divide this network of the family {family.name!r}")
        elif int(known[whole]) % parts:
            yield Fault(f"axes: {name}", f"{parts} does not divide {whole} = {known[whole]}")
    parts, heads = int(known.get("tensor_parallel") or 1), int(known.get("kv_heads") or 0)
    if heads and heads % parts and parts % heads:
        yield Fault("axes: tensor_parallel", f"{parts} neither divides kv_heads = {heads} nor is a multiple of them")
    batch, shares = known.get("batch") or 1, (known.get("micro_batches") or 1) * (known.get("expert_parallel") or 1)
    if batch % shares:
        yield Fault("axes: batch", f"{batch} is not divided by micro_batches × expert_parallel = {shares}")
