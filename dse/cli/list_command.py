"""dse list: what there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

from dse.cli.common import json_option, print_json, print_table, print_text
from dse.cli.completion import kinds
from dse.errors import InputError, unknown

Rows = list[dict[str, Any]]
_PROSE = ("arguments", "options", "axes", "what", "note")
# Figures of a device that tell it from others at a glance.
_FIGURES = ("peak_fp16", "peak_int8", "bandwidth", "memory_capacity", "sram", "tdp")


@click.command("list", short_help="List formulas, metrics, models, devices ...")
@click.argument("kind", shell_complete=kinds)
@json_option
def command(kind: str, as_json: bool) -> None:
    """List KIND: formulas, metrics, families, models, devices, precisions, plots, pue (of sites), profiles (of the
    energy of operations), memories (the energy of their bytes), regions or calibrations.

    \b
    dse list devices
    dse list metrics --json

    Numbers in JSON are in SI units.
    """
    if kind not in KINDS:
        raise InputError(unknown("kind of things", kind, KINDS))
    rows = KINDS[kind].rows(KINDS[kind].entries())
    if as_json:
        print_json(rows)
        return
    columns = [c for c in rows[0] if (kind, c) != ("families", "axes")]
    cells = [[_cell(c, r[c]) for c in columns] for r in rows]
    print_table(columns, cells, right=[c for c in columns if c in _FIGURES], prose=_PROSE)
    if kind == "families":
        from dse.glossary import lookup
        from dse.networks.levers import LEVERS

        levers = ", ".join(axis for axis in LEVERS if lookup(axis).kind == "architecture")
        print_text(f"Axes: dse show NAME. Every network has the axes {levers} as well.")


def _cell(column: str, value: Any) -> str:
    from dse.glossary import NAMES
    from dse.units import format_quantity

    if column == "mac_energy":
        return ", ".join(f"{form} {joules * 1e12:.3g} pJ" for form, joules in value.items())
    if isinstance(value, dict):
        return " ".join(f"{k}={v}" for k, v in value.items())
    if isinstance(value, tuple):
        return " ".join(value)
    if isinstance(value, float):
        return "-" if value != value else format_quantity(value, NAMES[column].unit, 3)
    return "-" if value is None else str(value)


def _formulas(records: Mapping[str, Any]) -> Rows:
    return [{"name": n, "unit": r.unit, "arguments": r.inputs, "what": r.summary} for n, r in records.items()]


def _metrics(records: Mapping[str, Any]) -> Rows:
    from dse.metrics.sections import sections
    from dse.registry import metric_record

    rows = [(heading, metric_record(name)) for heading, names in sections(records).items() for name in names]
    return [{"name": r.name, "unit": r.unit, "better": r.direction, "about": h, "what": r.summary} for h, r in rows]


def _families(families: Mapping[str, Any]) -> Rows:
    return [{"name": n, "domain": f.domain, "what": f.summary, "axes": f.axes} for n, f in families.items()]


def _models(models: Mapping[str, Any]) -> Rows:
    return [{"name": n, "family": m.family, "axes": dict(m.axes)} for n, m in models.items()]


def _devices(devices: Mapping[str, Any]) -> Rows:
    return [
        {"name": n, "class": d.device_class, **{f: float(d.figure(f)) for f in _FIGURES}} for n, d in devices.items()
    ]


def _precisions(schemes: Mapping[str, Any]) -> Rows:
    bits = ("weight_bits", "activation_bits", "kv_bits")
    return [
        {"name": n, **{b: float(getattr(s, b)) for b in bits}, "compute": s.compute, "note": s.note}
        for n, s in schemes.items()
    ]


def _plots(kinds: Mapping[str, Any]) -> Rows:
    return [{"name": n, "of": k.of, "options": k.options, "what": k.summary} for n, k in sorted(kinds.items())]


def _pue(figures: Mapping[str, Any]) -> Rows:
    return [{"name": n, "value": f"{p.value:g}", "what": p.kind, "source": p.source} for n, p in figures.items()]


def _profiles(profiles: Mapping[str, Any]) -> Rows:
    return [
        {"name": n, "mac_energy": dict(p.mac), "sram_energy": p.sram, "dram_energy": p.dram, "note": p.note}
        for n, p in profiles.items()
    ]


def _memories(memories: Mapping[str, Any]) -> Rows:
    return [
        {"name": n, "memory": m.kind, "dram_energy": m.energy, "of": m.scope, "default": m.usual, "note": m.note}
        for n, m in memories.items()
    ]


def _regions(regions: Mapping[str, Any]) -> Rows:
    from dse.regions import is_plain

    def figure(found: Any) -> float:
        return float("nan") if found is None else found.value

    return [
        {
            "name": n,
            "what": r.title,
            "carbon_intensity": figure(r.carbon_intensity),
            "electricity_price": figure(r.electricity_price),
        }
        for n, r in regions.items()
        if is_plain(n)
    ]


def _calibrations(calibrations: Mapping[str, Any]) -> Rows:
    return [{"name": n, "held_out_by": c.held_out_by, "latency_spread": c.spread} for n, c in calibrations.items()]


@dataclass(frozen=True)
class Kind:
    """One kind of things: the catalogue that holds them by name, and the rows in which they are listed."""

    module: str
    catalogue: str
    rows: Callable[[Mapping[str, Any]], Rows]

    def entries(self) -> Mapping[str, Any]:
        """What there is, loaded when it is asked for."""
        entries: Mapping[str, Any] = getattr(import_module(self.module), self.catalogue)
        return entries


KINDS: dict[str, Kind] = {
    "formulas": Kind("dse.formulas", "RECORDS", _formulas),
    "metrics": Kind("dse.metrics", "RECORDS", _metrics),
    "families": Kind("dse.networks", "FAMILIES", _families),
    "models": Kind("dse.networks", "MODELS", _models),
    "devices": Kind("dse.hardware", "DEVICES", _devices),
    "precisions": Kind("dse.precision", "PRECISIONS", _precisions),
    "plots": Kind("dse.plots", "KINDS", _plots),
    "pue": Kind("dse.regions", "PUES", _pue),
    "profiles": Kind("dse.profiles", "PROFILES", _profiles),
    "memories": Kind("dse.profiles", "MEMORIES", _memories),
    "regions": Kind("dse.regions", "REGIONS", _regions),
    "calibrations": Kind("dse.calibration", "CALIBRATIONS", _calibrations),
}
