"""dse list: what there is."""

from __future__ import annotations

from collections.abc import Callable

import click

from dse.cli.common import json_option, print_json, print_table
from dse.errors import InputError, unknown

Rows = list[dict[str, str]]


@click.command("list")
@click.argument("kind")
@json_option
def command(kind: str, as_json: bool) -> None:
    """List KIND: formulas, metrics, families, models, devices, precisions or plots.

    \b
    dse list devices
    dse list metrics --json
    """
    if kind not in KINDS:
        raise InputError(unknown("kind of things", kind, KINDS))
    rows = KINDS[kind]()
    if as_json:
        print_json(rows)
        return
    columns = list(rows[0])
    print_table(columns, [[r[c] for c in columns] for r in rows])


def _formulas() -> Rows:
    from dse.formulas import RECORDS

    return [{"name": n, "unit": r.unit, "arguments": " ".join(r.inputs), "what": r.summary} for n, r in RECORDS.items()]


def _metrics() -> Rows:
    from dse.metrics import RECORDS
    from dse.registry import metric_record

    records = [metric_record(name) for name in RECORDS]
    return [{"name": r.name, "unit": r.unit, "better": r.direction or "-", "what": r.summary} for r in records]


def _families() -> Rows:
    from dse.networks import FAMILIES

    return [{"name": n, "axes": " ".join(f.axes), "what": f.summary} for n, f in FAMILIES.items()]


def _models() -> Rows:
    from dse.networks import MODELS

    return [
        {"name": n, "family": m.family, "axes": " ".join(f"{k}={v}" for k, v in m.axes.items())}
        for n, m in MODELS.items()
    ]


def _devices() -> Rows:
    from dse.hardware import DEVICES
    from dse.units import format_quantity

    shown = {
        "peak_fp16": "FLOP/s",
        "peak_int8": "FLOP/s",
        "bandwidth": "B/s",
        "memory_capacity": "B",
        "sram": "B",
        "tdp": "W",
    }

    def figure(value: float, unit: str) -> str:
        return "-" if value != value else format_quantity(value, unit, 3)

    return [
        {"name": n, "class": d.device_class, **{f: figure(d.figure(f), u) for f, u in shown.items()}}
        for n, d in DEVICES.items()
    ]


def _precisions() -> Rows:
    from dse.precision import PRECISIONS

    fields = ("weight_bits", "activation_bits", "kv_bits", "compute", "note")
    return [{"name": n, **{f: str(getattr(s, f)) for f in fields}} for n, s in PRECISIONS.items()]


def _plots() -> Rows:
    from dse.plots import KINDS as plots

    return [{"name": n, "what": k.summary} for n, k in plots.items()]


KINDS: dict[str, Callable[[], Rows]] = {
    "formulas": _formulas,
    "metrics": _metrics,
    "families": _families,
    "models": _models,
    "devices": _devices,
    "precisions": _precisions,
    "plots": _plots,
}
