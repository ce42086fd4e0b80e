"""What a result rests on beside its spec: every default in force, and every catalogue figure used, with its source."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from dse import glossary
from dse.errors import few
from dse.grid.calibrations import calibrations_used
from dse.grid.explain import defaults_in_force, region_facts
from dse.grid.inputs import PROFILE_AXIS, REGION_AXIS, REGIONAL, RENT_AXIS, compute_peak
from dse.grid.memories import AUTO, MEMORY_AXIS, OF_PROFILE, memory_texts
from dse.grid.plan import make_plan, variants_of
from dse.grid.program import MODEL_AXIS, plan_of
from dse.grid.space import RECIPE, Axis, Space
from dse.hardware import Device
from dse.jobs.axes import PUE
from dse.jobs.calibrated import calibration_notes, engine_notes
from dse.jobs.catalogues import OWN_QUALITY, SCHEME_FIELDS, WHOLE
from dse.jobs.cautions import cautions
from dse.jobs.idle import idle_notes
from dse.jobs.resolve import Job
from dse.jobs.settings import EVERY
from dse.metrics.quality import sqnr
from dse.networks import MODELS
from dse.networks.held import held
from dse.pareto.cut import FIT, MCU
from dse.precision import Scheme
from dse.profiles import Memory, Profile, usual_memory
from dse.regions import PUES, Region


def gather(job: Job) -> dict[str, Any]:
    """Defaults, devices and number formats of a job, as plain data in SI units."""
    space = job.space
    facts: dict[str, Any] = {"counting": space.counting, "fit": job.cut.fit}
    if job.catalogues.whole:
        facts[WHOLE] = True
    if job.quality is not None:
        facts[OWN_QUALITY] = job.quality.digest
    if told := notes(job):
        facts["notes"] = told
    if MODEL_AXIS not in space.axes:
        facts[MODEL_AXIS] = variants_of("latency")[0]
    several = "" not in job.networks
    spaces = [grid.space for grid in job.grids]
    shared = {n: f for s in spaces for n, f in default_values(s).items() if not several or _kind(n) != "architecture"}
    facts["defaults"] = shared
    if several:
        facts["network"] = {n: {"family": s.family.name, "defaults": _of_network(s)} for n, s in job.networks.items()}
    if job.cut.fit:
        facts["fit_not_checked"] = unchecked_devices(job)
    # Whether or not a metric needs them, and whether they were left out for want of a figure: the result may be cut
    # again by metrics that need more, or less.
    facts["device"] = {d: _device(space.devices[d]) for d in job.selected["device"]}
    facts["region"] = {r: _region(space.regions[r], REGIONAL) for r in job.selected[REGION_AXIS]}
    held = [p for p in space.axes[PROFILE_AXIS].values if p in space.profiles]
    facts["energy_profile"] = {p: _profile(space.profiles[p]) for p in held}
    facts[MEMORY_AXIS] = {m.name: _memory(m) for m in _memories(job)}
    facts["calibration"] = {c.name: c.facts() for s in spaces for c in calibrations_used(_selected(job, s))}
    facts["model"] = _models(job)
    facts["left_out"] = {d: list(lacking) for d, lacking in job.left_out.items()}
    facts["precision"] = {p: _precision(space.schemes[p], _is_by_noise(job)) for p in space.axes["precision"].values}
    facts["computes_in"] = _formats(job)
    return facts


def _memories(job: Job) -> list[Memory]:
    """The memories that a spec names, and those that stand for its devices, whether or not a metric needs them."""
    space = job.space
    named = [space.memories[n] for n in space.axes[MEMORY_AXIS].values if n in space.memories]
    usual = (usual_memory(space.devices[d].memory_type, space.memories) for d in job.selected["device"])
    return list(dict.fromkeys([*named, *filter(None, usual)]))


def _models(job: Job) -> dict[str, dict[str, Any]]:
    """The networks that the spec names as files, so that these are needed no more."""
    named = dict.fromkeys(n.model for n in (job.spec.networks or [job.spec.network]) if n.model)
    return {name: held(job.catalogues.find_model(name)) for name in named if name not in MODELS}


def _selected(job: Job, space: Space) -> Space:
    """A space of the job with the devices too that were left out for want of a figure."""
    axis = space.axes["device"]
    if len(job.selected["device"]) == len(axis.values):
        return space
    return replace(space, axes={**space.axes, "device": Axis("device", tuple(job.selected["device"]), "device")})


def notes(job: Job) -> list[str]:
    """What is not used of the spec, stands over a figure that a region or a device has too, or does not compare."""
    space = job.space
    used = {*job.selected["device"], *job.left_out, *(t.get("base") for t in job.spec.device.values())}
    found = [f"device.{n} is not used: hardware.device does not name it" for n in job.spec.device if n not in used]
    if RECIPE in job.cut.per:
        known = "; ".join(dict.fromkeys(grid.space.axes[RECIPE].values[0] for grid in job.grids))
        found.append(f"accuracies and losses of different recipes do not compare: one frontier for each of {known}")
    given = {n: axis for n, axis in space.axes.items() if axis.given}
    for name in (n for n in REGIONAL if n in given and REGION_AXIS in given):
        over = [r for r in given[REGION_AXIS].values if space.regions[r].figure(name) is not None]
        if over:
            found.append(f"deployment.{name} stands over that of the region {', '.join(over)}")
    found += _other_years(job)
    if EVERY in job.spec.deployment.get(REGION_AXIS, ()):
        selected = job.selected[REGION_AXIS]
        if left := len(selected) - len(space.axes[REGION_AXIS].values):
            found.append(
                f"{left} of {len(selected)} regions are left out: a figure that a metric needs is not published"
            )
    named = job.spec.deployment.get(PUE, ())
    for name in named if isinstance(named, list) else [named]:
        if isinstance(name, str) and name in PUES:
            found.append(f"pue {name} is {PUES[name].value:g}: {PUES[name].kind} ({PUES[name].source})")
    if RENT_AXIS in job.spec.deployment:
        over = [d for d in space.axes["device"].values if not math.isnan(space.devices[d].figure(RENT_AXIS))]
        if over:
            found.append(f"deployment.{RENT_AXIS} stands over that of {', '.join(over)}")
    of_networks = dict.fromkeys(told for own in job.networks.values() for told in cautions(own, job.catalogues))
    of_calibrations = [*calibration_notes(job), *engine_notes(job)]
    return [
        *found,
        *_not_held(job),
        *_other_quality(job),
        *of_networks,
        *of_calibrations,
        *_charged(job),
        *_charged_bytes(job),
        *idle_notes(job),
    ]


def _other_years(job: Job) -> list[str]:
    """Regions whose year is chosen and whose price is of another one, where a metric needs it."""
    space = job.space
    price = "electricity_price"
    if REGION_AXIS not in space.axes or space.axes[price].given:
        return []
    if price not in plan_of(space.first(), job.all_metrics).leaves:
        return []
    regions = (space.regions[r] for r in space.axes[REGION_AXIS].values)
    return [
        f"the {price} of {r.name} is of {r.price_of_other_year}: none of that year is published"
        for r in regions
        if r.price_of_other_year
    ]


def _not_held(job: Job) -> list[str]:
    """What older assumptions do not hold of the selection of a spec, so that it stays left out."""
    held = job.catalogues
    if held.whole:
        return []
    told = f"{held.source}, written by an earlier version, holds no figures of what was left out then: "
    lost = [d for d in held.left_out if d not in held.devices]
    found = [f"{told}{few(lost)} stay left out; run the spec anew to consider them"] if lost else []
    if EVERY in job.spec.deployment.get(REGION_AXIS, ()):
        found.append(f'{told}region = "*" stands for the {len(held.regions)} regions that were used')
    return found


def _other_quality(job: Job) -> list[str]:
    """That the user's table of quality values is not the one of the result whose assumptions hold."""
    before = (job.catalogues.document or {}).get(OWN_QUALITY)
    if job.quality is None or before in (None, job.quality.digest):
        return []
    told = f"quality.table is not what it was for {job.catalogues.source}: the values of {job.quality.name} count"
    return [f"{told} as they are now; the earlier result holds a copy of its own, quality.csv"]


def _charged(job: Job) -> list[str]:
    """Formats whose energy an energy profile lacks, so that a wider one's stands for it."""
    space = job.space
    if "mac_energy" not in plan_of(space.first(), job.all_metrics).leaves:
        return []
    used = dict.fromkeys(f for formats in _formats(job).values() for f in formats.values())
    pairs = [(name, f, space.profiles[name].mac_format(f)) for name in space.axes[PROFILE_AXIS].values for f in used]
    return [
        f"the energy profile {name} has no energy of a MAC in {f}: that of {wider} stands for it, an upper bound"
        for name, f, wider in pairs
        if wider not in ("", f)
    ]


def _charged_bytes(job: Job) -> list[str]:
    """What bytes of main memory are charged, of every device, where a metric needs it."""
    space = job.space
    if "dram_energy" not in plan_of(space.first(), job.all_metrics).leaves:
        return []
    told = memory_texts(space, space.axes[PROFILE_AXIS].values)
    kinds = {usual_memory(space.devices[d].memory_type, space.memories) for d in space.axes["device"].values}
    if AUTO in space.axes[MEMORY_AXIS].values and len(kinds) > 1 and None in kinds:
        told.append(f"{MEMORY_AXIS} = {OF_PROFILE} charges all devices alike, and compares none by what is published")
    return told


def unchecked_devices(job: Job) -> dict[str, list[str]]:
    """The devices of a job against whose capacities designs are not held, with those that are not stated."""
    devices = job.space.axes["device"].values if job.cut.fit else ()
    return {d: lacking for d in devices if (lacking := unchecked(job.space, d))}


def unchecked(space: Space, device: str) -> list[str]:
    """Capacities that are not stated of a device: designs are not held against these."""
    found = space.devices[device]
    kind = "mcu" if found.device_class == MCU else "other"
    stated = {*space.axes, *found.linear}
    return [name for name in _capacities(kind) if name not in stated and math.isnan(found.figure(name))]


@cache
def _capacities(kind: str) -> tuple[str, ...]:
    """Figures of a kind of devices that designs are held against."""
    return tuple(make_plan(metric for metric, holds_for in FIT.items() if holds_for == kind).device_figures)


def _kind(name: str) -> str:
    return glossary.lookup(name).kind


def _of_network(space: Space) -> dict[str, Any]:
    return {n: fact for n, fact in default_values(space).items() if _kind(n) == "architecture"}


def default_values(space: Space) -> dict[str, Any]:
    """The defaults in force in a space, by axis: value, unit and meaning."""
    found = {}
    for name, value in defaults_in_force(space).items():
        # Axes of one of several networks are told of that network.
        if (entry := glossary.find(name)) is not None:
            found[name] = {"value": entry.named(value), "unit": entry.unit, "meaning": entry.meaning}
    if "pue" in found:
        found["pue"] = {"value": "of each device's class", "unit": "1", "meaning": found["pue"]["meaning"]}
    return found


def _device(device: Device) -> dict[str, Any]:
    figures = {f: {"value": v, "unit": glossary.lookup(f).unit} for f, v in sorted(device.figures.items())}
    facts = {
        "class": device.device_class,
        "pue": device.pue,
        **({"memory_type": device.memory_type} if device.memory_type else {}),
        "source": device.source,
        "checked": device.check,
        "note": device.note,
    }
    linear = {f: {"base": r.base, **r.rates, "unit": glossary.lookup(f).unit} for f, r in device.linear.items()}
    own = {"linear": linear} if linear else {}
    return {**facts, "figures": figures, **own}


def regions(space: Space) -> dict[str, dict[str, Any]]:
    """The figures that each region gives, with year, sector and source."""
    taken = [n for n in REGIONAL if not space.axes[n].given]
    found = [space.regions[name] for name in space.axes[REGION_AXIS].values] if REGION_AXIS in space.axes else []
    return {region.name: _region(region, taken) for region in found}


def _region(region: Region, settings: Iterable[str]) -> dict[str, Any]:
    return {"title": region.title, **region_facts(region, settings)}


def _profile(profile: Profile) -> dict[str, Any]:
    bytes_ = {n: {"value": getattr(profile, n), "unit": "J/B"} for n in ("sram", "dram")}
    return {"note": profile.note, "source": profile.source, **bytes_, "mac": dict(profile.mac)}


def _memory(memory: Memory) -> dict[str, Any]:
    """The fields of a memory; ends of a range that there is none of are left out."""
    found = {n: getattr(memory, n) for n in ("kind", "scope", "usual", "note", "source")}
    figures = {n: getattr(memory, n) for n in ("energy", "low", "high")}
    return {**found, **{n: {"value": v, "unit": "J/B"} for n, v in figures.items() if not math.isnan(v)}}


def _precision(scheme: Scheme, by_noise: bool) -> dict[str, Any]:
    """The fields of a format; where the noise of its weights counts, what was measured, so that the file may go."""
    if scheme.weights and by_noise:
        scheme = replace(scheme, weights_sqnr=sqnr(scheme))
    found = {f: getattr(scheme, f) for f in SCHEME_FIELDS}
    return {f: v for f, v in found.items() if v not in ("", ()) and v == v}


def _is_by_noise(job: Job) -> bool:
    """Whether any metric of a job rests on the quantisation noise of its number formats."""
    spaces = job.networks.values()
    return any(r.function is sqnr for s in spaces for r in plan_of(s.first(), job.all_metrics).tables)


def _formats(job: Job) -> dict[str, dict[str, str]]:
    device, precision = job.space.axes["device"], job.space.axes["precision"]
    # Which formats a device has does not depend on the values of axes among its figures.
    chosen = {
        n: replace(a, values=a.values[:1], dim=None) if a.kind == "device" and a is not device else a
        for n, a in job.space.axes.items()
    }
    # Row-major over those of the two that have a dimension, in this order.
    table = np.reshape(
        compute_peak(replace(job.space, axes=chosen))[1].data, (len(precision.values), len(device.values))
    )
    return {
        d: {p: str(table[j, i]) or "none" for j, p in enumerate(precision.values)} for i, d in enumerate(device.values)
    }


def to_toml(job: Job) -> str:
    """The assumptions as a TOML document."""
    lines = ["# Every default and every catalogue figure that this result rests on. SI units unless stated.", ""]
    _table(lines, (), gather(job))
    return "\n".join(lines)


def _table(lines: list[str], path: tuple[str, ...], table: dict[str, Any]) -> None:
    plain = {k: v for k, v in table.items() if not isinstance(v, dict) or "value" in v}
    if path and plain:
        lines.append(f"[{'.'.join(map(_key, path))}]")
    lines.extend(f"{_key(k)} = {_value(v)}" for k, v in plain.items())
    if plain:
        lines.append("")
    for key, value in table.items():
        if key not in plain:
            _table(lines, (*path, key), value)


def _key(text: str) -> str:
    return text if text.replace("_", "").replace("-", "").isalnum() and text.isascii() else _value(text)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value.item() if hasattr(value, "item") else value)
