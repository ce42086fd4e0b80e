"""dse list: what there is."""

from __future__ import annotations

from collections.abc import Callable
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
    """List KIND: formulas, metrics, families, models, devices, precisions, plots or pue (of sites).

    \b
    dse list devices
    dse list metrics --json

    Numbers in JSON are in SI units.
    """
    if kind not in KINDS:
        raise InputError(unknown("kind of things", kind, KINDS))
    rows = KINDS[kind]()
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

    if isinstance(value, dict):
        return " ".join(f"{k}={v}" for k, v in value.items())
    if isinstance(value, tuple):
        return " ".join(value)
    if isinstance(value, float):
        return "-" if value != value else format_quantity(value, NAMES[column].unit, 3)
    return "-" if value is None else str(value)


def _formulas() -> Rows:
    from dse.formulas import RECORDS

    return [{"name": n, "unit": r.unit, "arguments": r.inputs, "what": r.summary} for n, r in RECORDS.items()]


def _metrics() -> Rows:
    from dse.metrics import RECORDS
    from dse.metrics.sections import sections
    from dse.registry import metric_record

    rows = [(heading, metric_record(name)) for heading, names in sections(RECORDS).items() for name in names]
    return [{"name": r.name, "unit": r.unit, "better": r.direction, "about": h, "what": r.summary} for h, r in rows]


def _families() -> Rows:
    from dse.networks import FAMILIES

    return [{"name": n, "domain": f.domain, "what": f.summary, "axes": f.axes} for n, f in FAMILIES.items()]


def _models() -> Rows:
    from dse.networks import MODELS

    return [{"name": n, "family": m.family, "axes": dict(m.axes)} for n, m in MODELS.items()]


def _devices() -> Rows:
    from dse.hardware import DEVICES

    return [
        {"name": n, "class": d.device_class, **{f: float(d.figure(f)) for f in _FIGURES}} for n, d in DEVICES.items()
    ]


def _precisions() -> Rows:
    from dse.precision import PRECISIONS

    bits = ("weight_bits", "activation_bits", "kv_bits")
    return [
        {"name": n, **{b: float(getattr(s, b)) for b in bits}, "compute": s.compute, "note": s.note}
        for n, s in PRECISIONS.items()
    ]


def _plots() -> Rows:
    from dse.plots import KINDS as plots

    return [{"name": n, "of": k.of, "options": k.options, "what": k.summary} for n, k in sorted(plots.items())]


def _pue() -> Rows:
    from dse.regions import PUES

    return [{"name": n, "value": f"{p.value:g}", "what": p.kind, "source": p.source} for n, p in PUES.items()]


KINDS: dict[str, Callable[[], Rows]] = {
    "formulas": _formulas,
    "metrics": _metrics,
    "families": _families,
    "models": _models,
    "devices": _devices,
    "precisions": _precisions,
    "plots": _plots,
    "pue": _pue,
}
