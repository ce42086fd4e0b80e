"""dse show: what is behind a name."""

from __future__ import annotations

import inspect
from typing import Any

import click

from dse.cli.common import json_option, print_json, print_table
from dse.errors import InputError, unknown


@click.command("show")
@click.argument("name")
@json_option
def command(name: str, as_json: bool) -> None:
    """Show NAME: a formula or metric (equation, unit, source), a family, a model (op table, totals, peak), a device
    or a number format (every figure with its source).

    \b
    dse show kv_cache
    dse show resnet50
    dse show stm32h743
    """
    facts = find(name)
    if as_json:
        print_json(facts)
        return
    for entry in facts:
        _print(entry)


def find(name: str) -> list[dict[str, Any]]:
    """Facts of everything that has the name, each with its kind."""
    from dse.formulas import RECORDS as FORMULAS
    from dse.hardware import DEVICES
    from dse.metrics import RECORDS as METRICS
    from dse.networks import FAMILIES, MODELS
    from dse.precision import PRECISIONS

    found = []
    if name in FORMULAS:
        found.append(_record(FORMULAS[name], "formula"))
    found += [_record(r, "metric") for r in METRICS.get(name, {}).values()]
    if name in FAMILIES:
        found.append(_family(FAMILIES[name]))
    if name in MODELS:
        found.append(_model(MODELS[name]))
    if name in DEVICES:
        found.append(_device(DEVICES[name]))
    if name in PRECISIONS:
        found.append(_precision(PRECISIONS[name]))
    if not found:
        known = {*FORMULAS, *METRICS, *FAMILIES, *MODELS, *DEVICES, *PRECISIONS}
        raise InputError(unknown("name", name, known))
    return found


def _record(record: Any, kind: str) -> dict[str, Any]:
    from dse import glossary, registry
    from dse.grid.dataset import equation

    inputs = {}
    for argument in record.inputs:
        if argument in registry.METRICS and kind == "metric":
            inputs[argument] = f"metric [{registry.metric_record(argument).unit}]"
        elif argument in glossary.NAMES:
            entry = glossary.NAMES[argument]
            unit = "1" if argument in record.plain else entry.unit
            inputs[argument] = f"{entry.symbol} [{unit}]: {entry.meaning}"
        else:
            inputs[argument] = "by the op of the network" if argument.startswith("op_") else "looked up"
    facts = {"kind": kind, "name": record.name, "variant": record.variant, "unit": record.unit}
    facts |= {"equation": equation(record), "direction": record.direction, "inputs": inputs}
    facts["text"] = inspect.getdoc(record.function)
    return {k: v for k, v in facts.items() if v is not None}


def _family(family: Any) -> dict[str, Any]:
    from dse import glossary

    axes = {}
    for axis in family.axes:
        entry = glossary.lookup(axis)
        default = family.defaults.get(axis, "required")
        structural = ", structural" if axis in family.structural else ""
        shown = "derived from other axes" if default is None else default
        axes[axis] = f"{entry.meaning}; {entry.allowed()}; default: {shown}{structural}"
    facts = {"kind": "family", "name": family.name, "domain": family.domain, "source": family.source}
    return {**facts, "text": inspect.getdoc(family.builder), "axes": axes}


def _model(model: Any) -> dict[str, Any]:
    from dse.networks import trace

    traced = trace(model.family, model.axes)
    rows = traced.rows()
    peak = traced.peak_op(False)
    return {
        "kind": "model",
        "name": model.name,
        "family": model.family,
        "axes": dict(model.axes),
        "source": model.source,
        "totals": {
            "params": int(traced.params("trainable")),
            "macs": int(traced.total("macs")),
            "activations": int(traced.total("activations")),
            "peak_activations": int(traced.peak(False)),
            "peak_at": rows[int(peak)]["name"],
            "peak_activations_in_place": int(traced.peak(True)),
            "peak_activations_simple": int(traced.peak_simple()),
        },
        "ops": rows,
    }


def _device(device: Any) -> dict[str, Any]:
    from dse import glossary
    from dse.units import format_quantity

    figures = {n: f"{format_quantity(v, glossary.lookup(n).unit)}" for n, v in device.figures.items()}
    facts = {"kind": "device", "name": device.name, "class": device.device_class, "vendor": device.vendor}
    facts |= {"figures": figures, "pue": f"{device.pue:g} (default of the class)"}
    return {**facts, "source": device.source, "checked": device.check, "note": device.note}


def _precision(scheme: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return {"kind": "number format", **asdict(scheme)}


_OP_COLUMNS = ("name", "kind", "repeat", "macs", "weights", "inputs", "outputs", "live")


def _print(facts: dict[str, Any]) -> None:
    click.echo(f"{facts['name']} ({facts['kind']})")
    for key, value in facts.items():
        if key in ("name", "kind", "text", "ops") or value in ("", None):
            continue
        if isinstance(value, dict):
            click.echo(f"{key}:")
            width = max(map(len, value), default=0)
            for name, fact in value.items():
                click.echo(f"  {name:<{width}}  {fact:,}" if isinstance(fact, int) else f"  {name:<{width}}  {fact}")
        else:
            click.echo(f"{key}: {value}")
    if "ops" in facts:
        rows = [[f"{r[c]:,}" if isinstance(r[c], int) else str(r[c]) for c in _OP_COLUMNS] for r in facts["ops"]]
        print_table(_OP_COLUMNS, rows, right=_OP_COLUMNS[2:])
    if "text" in facts:
        click.echo()
        click.echo(facts["text"])
    click.echo()
