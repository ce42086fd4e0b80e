"""dse show: what is behind a name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import click

from dse.cli.common import echo, json_option, parse_settings, print_document, print_json, print_table, print_text
from dse.cli.completion import names
from dse.cli.show_axis import axes_by_name, axis_facts
from dse.errors import InputError, unknown

_OP_COLUMNS = ("name", "kind", "repeat", "calls", "macs", "weights", "live", "inputs", "outputs")
_PART_COLUMNS = ("part", "params", "macs", "weights_read", "traffic")
_SHOWN = (
    *("formulas", "metrics", "families", "models", "devices", "precisions", "profiles", "memories", "regions"),
    "calibrations",
)
# Told after the facts, in a form of their own.
_LAST = ("parts", "ops", "text")


@click.command("show", short_help="Show what is behind a name, with its sources.")
@click.argument("name", shell_complete=names(*_SHOWN))
@click.option("--set", "settings", multiple=True, metavar="DIM=SIZE", help="Size of a dynamic dimension of an .onnx.")
@json_option
def command(name: str, settings: tuple[str, ...], as_json: bool) -> None:
    """Show NAME: a formula or metric (equation, unit, source), a family (axes), a model (op table, totals, peak), a
    device, a number format, a profile of energy or of a memory, a region or a calibration (figures, units, source), an
    axis or setting of a spec (unit, what is allowed, default); or a file: a model (.onnx, .json, .toml, .csv), or the
    header of weights (.safetensors, .gguf).

    \b
    dse show kv_cache
    dse show resnet50
    dse show stm32h743
    dse show encoder.onnx --set dim_sequence=128
    """
    from dse.cli.show_file import file_facts, is_file

    given = parse_settings(settings)
    if is_file(name):
        facts = file_facts(name, given)
    elif given:
        raise InputError("--set: gives sizes of the dynamic dimensions of an .onnx file only")
    else:
        facts = find(name)
    if as_json:
        print_json(facts)
        return
    for number, entry in enumerate(facts):
        if number:
            echo()
        _print(entry)


def find(name: str) -> list[dict[str, Any]]:
    """Facts of everything that has the name, each with its kind."""
    from dse.cli.list_command import KINDS

    known: dict[str, Any] = {kind: KINDS[kind].entries() for kind in _SHOWN}
    found = [facts for kind, entries in known.items() if name in entries for facts in _facts_of(kind, entries[name])]
    found += axis_facts(name)
    if not found:
        every = dict.fromkeys(n for entries in (*known.values(), axes_by_name()) for n in entries)
        raise InputError(unknown("name", name, every))
    return found


def _facts_of(kind: str, entry: Any) -> list[dict[str, Any]]:
    if kind == "metrics":
        return [_record(record, "metric") for record in entry.values()]
    told: dict[str, Callable[[Any], dict[str, Any]]] = {
        "formulas": lambda record: _record(record, "formula"),
        "families": _family,
        "models": model_facts,
        "devices": _device,
        "precisions": _precision,
        "profiles": _profile,
        "memories": _memory,
        "regions": _region,
        "calibrations": _calibration,
    }
    return [told[kind](entry)]


def _profile(profile: Any) -> dict[str, Any]:
    figures = {f"mac {form}": _quantity(joules, "J") for form, joules in profile.mac.items()}
    figures |= {"sram": _quantity(profile.sram, "J/B"), "dram": _quantity(profile.dram, "J/B")}
    facts = {"kind": "energy profile", "name": profile.name, "figures": figures, "note": profile.note}
    return {**facts, "source": profile.source}


def _memory(memory: Any) -> dict[str, Any]:
    figures = {n: _quantity(getattr(memory, n), "J/B") for n in ("energy", "low", "high")}
    facts = {"kind": "memory profile", "name": memory.name, "memory": memory.kind, "scope": memory.what}
    stands = "the default of devices with this kind" if memory.usual else "only where it is named"
    figures = {n: f for n, f in figures.items() if f}
    return {**facts, "figures": figures, "stands": stands, "note": memory.note, "source": memory.source}


def _calibration(calibration: Any) -> dict[str, Any]:
    from dse.calibration.cycles import cycles
    from dse.hardware import DEVICES
    from dse.precision import PRECISIONS, compute_peak

    facts = {"kind": "calibration", "name": calibration.name, **calibration.facts()}
    if calibration.device in DEVICES:
        device = DEVICES[calibration.device]
        peak = compute_peak(device.figures, PRECISIONS[calibration.precision].compute)[0]
        if found := cycles(calibration, device, peak):
            facts["cycles"] = {f"for {what}": f"{value:.4g}" for what, value in found.items()}
    return facts


def _region(region: Any) -> dict[str, Any]:
    from dse.glossary import NAMES

    facts: dict[str, Any] = {"kind": "region", "name": region.name, "what": region.title}
    for name in ("carbon_intensity", "electricity_price"):
        if (figure := region.figure(name)) is not None:
            period = figure.period or "no year stated"
            facts |= {name: _quantity(figure.value, NAMES[name].unit)}
            facts |= {f"{name} is": f"{figure.kind}, {period} ({figure.source})"}
    return facts


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
            inputs[argument] = "of each op of the network" if argument.startswith("op_") else "see below"
    facts = {"kind": kind, "name": record.name, "variant": record.variant, "unit": record.unit}
    facts |= {"counts": record.counted, "equation": equation(record), "better": record.direction, "inputs": inputs}
    facts["text"] = inspect.getdoc(record.function)
    return {k: v for k, v in facts.items() if v is not None}


def _family(family: Any) -> dict[str, Any]:
    from dse import glossary

    axes = {}
    for axis in family.axes:
        entry = glossary.lookup(axis)
        default = _named(axis, family.defaults[axis]) if axis in family.defaults else None
        shown = "required" if axis not in family.defaults else f"default {default}"
        shown = "derived from other axes where not given" if shown == "default None" else shown
        written = "" if entry.kind == "architecture" else "; written in [deployment]"
        axes[axis] = f"{entry.meaning}; {entry.allowed()}; {shown}{written}"
    facts = {"kind": "family", "name": family.name, "domain": family.domain, "source": family.source}
    return {**facts, "axes": axes, "recipes": _recipes(family), "text": inspect.getdoc(family.builder)}


def _recipes(family: Any, model: Any = None) -> dict[str, str]:
    """The recipes in which accuracy or loss is published of a family, or of a model with its values, in float."""
    from dse.quality import recipes

    found = {}
    for recipe in recipes(family.name):
        value = None if recipe.law else _published_in(recipe, family, model)
        if model is None or recipe.law or value is not None:
            told = f"{recipe.quantity} on {recipe.dataset}" if value is None else f"{value} on {recipe.dataset}"
            found[recipe.recipe] = f"{told} ({recipe.source})"
    return found


def _published_in(recipe: Any, family: Any, model: Any) -> str | None:
    from dse import glossary
    from dse.precision import PRECISIONS
    from dse.quality import QUANTITIES, quality
    from dse.units import format_quantity

    if model is None or (recipe.models and model.name not in recipe.models):
        return None
    given = {**family.defaults, **model.axes}
    axes = {n: glossary.lookup(n).number(given.get(n)) for n in family.axes}
    of_shape = {n: v for n, v in axes.items() if glossary.lookup(n).kind == "architecture"}
    value = float(quality(recipe, of_shape, PRECISIONS["fp16"]).value)
    return None if value != value else f"{recipe.quantity} {format_quantity(value, QUANTITIES[recipe.quantity], 5)}"


def _named(axis: str, value: Any) -> Any:
    """The value of an axis as the user writes it: choices by name, not by place."""
    from dse import glossary

    return glossary.lookup(axis).named(value)


def model_facts(model: Any) -> dict[str, Any]:
    """Facts of a model: its axes, totals, peaks and op table."""
    from dse.networks import trace

    family = model.builds_from
    traced = trace(family, model.axes)
    rows = traced.rows()
    axes = {n: _named(n, v) for n, v in {**family.defaults, **model.axes}.items() if v is not None}
    totals = {
        "params": int(traced.params("trainable")),
        "macs": int(traced.total("macs")),
        "activations": int(traced.total("activations")),
        "peak_activations": int(traced.peak(False)),
        "peak_at": rows[int(traced.peak_op(False))]["name"],
        "peak_activations_in_place": int(traced.peak(True)),
        "peak_at_in_place": rows[int(traced.peak_op(True))]["name"],
        "peak_activations_simple": int(traced.peak_simple()),
    }
    published = {n: f"{p.value:,.15g} ({p.source})" for n, p in model.published.items()}
    facts = {"kind": "model", "name": model.name, "family": model.family, "source": model.source, "note": model.note}
    facts |= {"axes": axes, "totals": totals, "parts": _parts(traced), "published": published}
    facts["recipes"] = _recipes(family, model)
    return {**facts, "ops": rows}


def _parts(traced: Any) -> list[dict[str, Any]]:
    """What each part of a network adds, where there are parts."""
    parts = traced.parts()
    named = {part or "(rest)": of for part, of in parts.items()}
    return [{"part": p, **{k: round(of[k]) for k in _PART_COLUMNS[1:]}} for p, of in named.items() if len(parts) > 1]


def _device(device: Any) -> dict[str, Any]:
    from dse import glossary

    figures = {n: _quantity(v, glossary.lookup(n).unit) for n, v in device.figures.items()}
    facts = {"kind": "device", "name": device.name, "class": device.device_class, "vendor": device.vendor}
    facts |= {"year": device.year, "process": _quantity(device.process, "nm"), "memory_type": device.memory_type}
    facts |= {"figures": figures, "pue": f"{device.pue:g} (default of the class)", "checked": device.check}
    facts |= {"source": device.source, "compared_with": ", ".join(device.compared_with), "note": device.note}
    return {k: v for k, v in facts.items() if v is not None}


def _precision(scheme: Any) -> dict[str, Any]:
    from dataclasses import asdict

    from dse.glossary import NAMES

    facts = {k: _quantity(v, NAMES[k].unit) if k in NAMES else v for k, v in asdict(scheme).items()}
    facts["element_bits"] = _quantity(scheme.element_bits, "bit")
    return {"kind": "number format", **facts}


def _quantity(value: float, unit: str) -> dict[str, Any] | None:
    return None if value != value else {"value": value, "unit": unit}


def _print(facts: dict[str, Any]) -> None:
    echo(f"{facts['name']} ({facts['kind']})")
    for key, value in facts.items():
        if key in ("name", "kind", *_LAST) or value in ("", None, {}):
            continue
        if isinstance(value, dict) and "unit" not in value:
            echo(f"{key}:")
            width = max(map(len, value))
            for name, fact in value.items():
                print_text(f"  {name:<{width}}  {_shown(fact)}", indent=" " * (width + 4))
        else:
            print_text(f"{key}: {_shown(value)}", indent="  ")
    if facts.get("parts"):
        echo("parts, all executions together:")
        _print_rows(facts["parts"], _PART_COLUMNS, 1)
    if "ops" in facts:
        echo("ops, counts of one execution of each:")
        _print_rows(facts["ops"], _OP_COLUMNS, 2)
    if "text" in facts:
        echo()
        print_document(facts["text"])


def _print_rows(rows: list[dict[str, Any]], columns: tuple[str, ...], texts: int) -> None:
    """A table whose first columns are texts and the others counts."""
    cells = [[f"{row[c]:,}" if isinstance(row[c], int) else row[c] for c in columns] for row in rows]
    print_table(columns, cells, right=columns[texts:])


def _shown(fact: Any) -> str:
    from dse.units import format_quantity

    if isinstance(fact, dict):
        return format_quantity(fact["value"], fact["unit"])
    return f"{fact:,}" if isinstance(fact, int) and not isinstance(fact, bool) and fact > 9999 else str(fact)
