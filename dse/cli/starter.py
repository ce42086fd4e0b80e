"""The spec that `dse init` writes: what was answered, and for the rest what suits the networks."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from dse import glossary
from dse.errors import InputError
from dse.jobs.resolve import read_job
from dse.networks import FAMILIES, find_model, trace
from dse.networks.registration import Family

# Networks of more parameters fit no microcontroller of the catalogue.
SMALL = 4e6
_COMMENT = 41
_MOST_AXES = 8


@dataclass(frozen=True)
class Answers:
    """What a spec is to ask; empty where nothing was said. `settings` are axes of networks and of the deployment."""

    networks: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    minimize: tuple[str, ...] = ()
    maximize: tuple[str, ...] = ()
    per: tuple[str, ...] = ()
    budgets: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""


def completed(given: Answers) -> Answers:
    """The answers with what suits the networks where nothing was said.

    Raises
    ------
    InputError
        For a network that is none.
    """
    plain = not given.networks
    networks = given.networks or ("mobilenet_v2",)
    families = [_family(name) for name in networks]
    language = any("context" in f.axes and f.domain == "language" for f in families)
    settings = {**_usual(plain or networks == ("mobilenet_v2",), language), **given.settings}
    small = all(_params(name) <= SMALL for name in networks)
    devices = "class:datacentre-gpu" if language else "class:mcu" if small else "class:edge"
    limits = {"peak_sram": "320 KiB", "flash": "2 MiB", "latency": "300 ms"} if plain and not given.devices else {}
    found = replace(
        given,
        networks=networks,
        settings=settings,
        devices=given.devices or (devices,),
        precisions=given.precisions or (("fp16", "w8a16", "w4a16") if language else ("fp32", "int8")),
        budgets=given.budgets or limits,
        name=given.name or "my-exploration",
    )
    if given.minimize or given.maximize:
        return found
    latency, energy = ("time_per_token", "energy_per_token") if language else ("latency", "energy")
    maximize = ("accuracy",) if not language and _has_accuracy(found) else ()
    found = replace(found, minimize=(latency, energy), maximize=maximize, per=given.per or ("device",))
    return found if _can_be_told(found) else replace(found, minimize=(latency,))


def spec_text(answers: Answers) -> str:
    """The spec of completed answers, with comments.

    Raises
    ------
    InputError
        Where the spec would not be right, naming its keys.
    """
    text = _filled(answers)
    read_job(tomllib.loads(text))
    return text


def _can_be_told(answers: Answers) -> bool:
    """Whether the devices named have the figures that the objectives need."""
    try:
        read_job(tomllib.loads(_filled(answers)))
    except InputError as error:
        return not any("lacks" in fault.problem for fault in error.faults)
    return True


def _family(name: str) -> Family:
    return FAMILIES[name] if name in FAMILIES else find_model(name, "--network").builds_from


def _params(name: str) -> float:
    """Parameters at the defaults, infinite where the network has none."""
    family = _family(name)
    if family.required and name in FAMILIES:
        return float("inf")
    axes = {} if name in FAMILIES else find_model(name).axes
    return float(trace(family, axes).params())


def _usual(example: bool, language: bool) -> dict[str, Any]:
    """Axes and settings where none were given."""
    if language:
        batch = {"start": 1, "stop": 64, "num": 7, "scale": "log"}
        return {"phase": "request", "prompt_tokens": 512, "output_tokens": 256, "batch": batch}
    shape = {"width": [0.35, 0.5, 0.75, 1.0], "resolution": {"start": 96, "stop": 224, "step": 32}}
    return {**(shape if example else {}), "batch": 1}


def _has_accuracy(answers: Answers) -> bool:
    """Whether the accuracy of any design is known."""
    from dse.api import evaluate

    precision = [p for p in answers.precisions if p != "*"] or "fp32"
    for network in answers.networks:
        axes = {n: v for n, v in answers.settings.items() if n in _family(network).axes}
        try:
            found = evaluate(network, precision=precision, metrics="accuracy", **axes)
        except InputError:
            # Said with everything else that is wrong with the spec.
            return False
        if np.isfinite(found.accuracy.values).any():
            return True
    return False


def _filled(answers: Answers) -> str:
    template = Template(files("dse.cli").joinpath("template.toml").read_text(encoding="utf-8"))
    axes = {n for network in answers.networks for n in _every_axis(_family(network))}
    deployment = {n: v for n, v in answers.settings.items() if _of_deployment(n)}
    shape = {n: v for n, v in answers.settings.items() if n not in deployment}
    # An axis that no network has is told where the networks are.
    lost = {n for n in shape if n not in axes}
    names = {"minimize": answers.minimize, "maximize": answers.maximize, "per": answers.per}
    metrics = [m for m in ("params", "macs") if m not in (*answers.minimize, *answers.maximize)]
    parts = {
        "name": toml(answers.name),
        "network": "\n\n".join(_network(n, shape, lost, len(answers.networks) > 1) for n in answers.networks),
        "precision": toml(list(answers.precisions)),
        "device": toml(answers.devices[0] if len(answers.devices) == 1 else list(answers.devices)),
        "deployment": _lines(deployment) or "# batch = 1",
        "objectives": _lines({n: list(v) for n, v in names.items() if v}, _NOTES),
        "budgets": _lines(answers.budgets) or '# latency = "100 ms"',
        "metrics": toml(metrics),
    }
    return _aligned(template.substitute(parts))


_NOTES = {"per": "one frontier for each value of these axes"}


def _of_deployment(name: str) -> bool:
    entry = glossary.find(name)
    return entry is not None and entry.kind in ("deployment", "circumstance")


def _every_axis(family: Family) -> tuple[str, ...]:
    return (*family.axes, *family.stages)


def _network(name: str, shape: Mapping[str, Any], lost: Collection[str], several: bool) -> str:
    """The table of a network: the axes that were given, and of a family some that may be."""
    family = _family(name)
    kind = "family" if name in FAMILIES else "model"
    known = "`dse list families`; or model = ...: `dse list models`" if kind == "family" else "`dse list models`"
    lines = ["[[network]]", f"name = {toml(_label(name))}"] if several else ["[network]"]
    lines.append(_commented(f"{kind} = {toml(name)}", known))
    own = {n: v for n, v in shape.items() if n in _every_axis(family) or n in lost}
    lines += [_commented(f"{n} = {toml(v)}", "" if n in lost else _meaning(n)) for n, v in own.items()]
    rest = [n for n in family.own_axes if n not in own and n not in family.required and not _of_deployment(n)]
    if kind == "family":
        shown = [n for n in rest if family.defaults[n] is not None][:_MOST_AXES]
        values = {n: glossary.lookup(n).named(family.defaults[n]) for n in shown}
        lines += [_commented(f"# {n} = {toml(v)}", _meaning(n)) for n, v in values.items()]
        lines.append(f"# (`dse show {name}` tells all axes)")
    return "\n".join(lines)


def _label(name: str) -> str:
    return Path(name).stem if "/" in name else name


def _meaning(name: str) -> str:
    return glossary.lookup(name).meaning.split("; ")[0]


def _lines(values: Mapping[str, Any], notes: Mapping[str, str] | None = None) -> str:
    notes = notes or {}
    return "\n".join(_commented(f"{n} = {toml(v)}", notes.get(n, "")) for n, v in values.items())


def _commented(line: str, comment: str) -> str:
    return f"{line}  # {comment}" if comment else line


def _aligned(text: str) -> str:
    """Comments behind keys at one place, as far as the keys leave it free."""
    lines = []
    for line in text.splitlines():
        code, separator, comment = line.partition("  #")
        lines.append(f"{code.rstrip():<{_COMMENT - 1}} # {comment.strip()}" if separator and code.strip() else line)
    return "\n".join(lines) + "\n"


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(toml, value)) + "]"
    return str(value)
