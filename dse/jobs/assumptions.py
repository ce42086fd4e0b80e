"""What a result rests on beside its spec: every default in force, and every catalogue figure used, with its source."""

from __future__ import annotations

import json
from typing import Any

from dse import glossary
from dse.grid.inputs import compute_peak
from dse.hardware import DEVICES
from dse.jobs.resolve import Job
from dse.precision import PRECISIONS


def gather(job: Job) -> dict[str, Any]:
    """Defaults, devices and number formats of a job, as plain data in SI units."""
    space = job.space
    defaults = {n: a.values[0] for n, a in space.axes.items() if not a.given and a.values[0] is not None}
    described = {n: {"value": v, "unit": glossary.lookup(n).unit} for n, v in defaults.items()}
    return {
        "counting": space.counting,
        "fit": job.cut.fit,
        "defaults": described,
        "device": {d: _device(d) for d in space.axes["device"].values},
        "precision": {p: _precision(p) for p in space.axes["precision"].values},
        "computes_in": _formats(job),
    }


def _device(name: str) -> dict[str, Any]:
    device = DEVICES[name]
    figures = {f: {"value": v, "unit": glossary.lookup(f).unit} for f, v in sorted(device.figures.items())}
    return {"source": device.source, "checked": device.check, "note": device.note, "figures": figures}


def _precision(name: str) -> dict[str, Any]:
    scheme = PRECISIONS[name]
    fields = ("weight_bits", "activation_bits", "kv_bits", "compute", "note", "source")
    return {f: getattr(scheme, f) for f in fields if getattr(scheme, f, None) not in (None, "")}


def _formats(job: Job) -> dict[str, str]:
    dims = tuple(job.space.axes[a].dim for a in ("device", "precision") if job.space.axes[a].dim)
    used = compute_peak(job.space)[1]
    found = {}
    for i, device in enumerate(job.space.axes["device"].values):
        for j, precision in enumerate(job.space.axes["precision"].values):
            places = {"device": i, "precision": j}
            index = tuple(places[d] for d in used.dims if d in dims)
            found[f"{device} {precision}"] = str(used.data[index]) if used.dims else str(used.data)
    return found


def to_toml(job: Job) -> str:
    """The assumptions as a TOML document."""
    lines = ["# Every default and every catalogue figure that this result rests on. SI units unless stated.", ""]
    _table(lines, (), gather(job))
    return "\n".join(lines) + "\n"


def _table(lines: list[str], path: tuple[str, ...], table: dict[str, Any]) -> None:
    plain = {k: v for k, v in table.items() if not isinstance(v, dict) or set(v) == {"value", "unit"}}
    if path and (plain or not table):
        lines.append(f"[{'.'.join(map(_key, path))}]")
    lines.extend(f"{_key(k)} = {_value(v)}" for k, v in plain.items())
    if plain:
        lines.append("")
    for key, value in table.items():
        if key not in plain:
            _table(lines, (*path, key), value)


def _key(text: str) -> str:
    return text if text.replace("_", "").replace("-", "").isalnum() and text.isascii() else json.dumps(text)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)
