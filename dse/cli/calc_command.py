"""dse calc: one formula of the sheet."""

from __future__ import annotations

from typing import Any

import click

from dse.cli.common import echo, json_option, print_json
from dse.cli.completion import arguments as complete_arguments
from dse.cli.completion import names
from dse.errors import Fault, InputError, unknown


@click.command("calc", short_help="Compute one formula of the sheet.")
@click.argument("formula", shell_complete=names("formulas"))
@click.argument("arguments", nargs=-1, metavar="NAME=VALUE...", shell_complete=complete_arguments)
@json_option
def command(formula: str, arguments: tuple[str, ...], as_json: bool) -> None:
    """Compute one FORMULA of the sheet; values may carry units.

    \b
    dse calc power_draw tdp="300 W" utilization=0.7
    dse calc kv_cache batch=1 layers=32 kv_heads=8 d_head=128 tokens=8192 \\
        bits=16
    """
    from dse import faces, units
    from dse.formulas import RECORDS

    if formula not in RECORDS:
        raise InputError(unknown("formula", formula, RECORDS))
    record = RECORDS[formula]
    values = _values(record, arguments)
    result = _result(record, values)
    equation = faces.equation(record.function) if record.faces else record.summary
    if as_json:
        facts = {"formula": formula, "value": result, "unit": record.unit, "equation": equation, "inputs": values}
        print_json(facts)
        return
    echo(f"{formula} = {equation}")
    if record.faces:
        echo(f"{' ' * len(formula)} = {faces.equation(record.function, values)}")
    shown = units.format_quantity(result, record.unit, 6)
    plain = f"{result:.17g}"
    exact = "" if shown.split()[0].replace(",", "") == plain else f"  ({result!r} {record.unit})".replace(" 1)", ")")
    echo(f"{' ' * len(formula)} = {shown}{exact}")


def _result(record: Any, values: dict[str, Any]) -> float:
    """The value; what is not a finite number is the user's mistake."""
    import math

    import numpy as np

    try:
        with np.errstate(all="ignore"):
            result = float(record.function(**values))
    except (ZeroDivisionError, OverflowError, TypeError):
        result = math.nan
    if not math.isfinite(result):
        raise InputError(f"{record.name} is not defined for these values: division by zero or overflow")
    return result


def _values(record: Any, arguments: tuple[str, ...]) -> dict[str, Any]:
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    for text in arguments:
        name, separator, value = (part.strip() for part in text.partition("="))
        if not separator:
            faults.append(Fault(text, "write name=value"))
        elif name in values:
            faults.append(Fault(name, "is given twice"))
        elif name not in record.inputs:
            faults.append(unknown(f"argument of {record.name}", name, record.inputs))
        else:
            try:
                values[name] = _value(record, name, value)
            except InputError as error:
                faults.extend(error.at(name).faults)
    given = {text.partition("=")[0].strip() for text in arguments}
    missing = [n for n in record.required if n not in given]
    faults += [Fault(record.name, f"the argument {n!r} is missing: {_meaning(n)}") for n in missing]
    if faults:
        raise InputError(faults)
    return values


def _meaning(name: str) -> str:
    from dse.glossary import NAMES

    return f"{NAMES[name].meaning} [{NAMES[name].unit}]" if name in NAMES else name


def _value(record: Any, name: str, value: str) -> Any:
    from dse import glossary, units

    if name not in glossary.NAMES:
        return {"true": True, "false": False}.get(value.lower(), value)
    entry = glossary.NAMES[name]
    number = units.read_quantity(
        value, "1" if name in record.plain and not value.strip().endswith("bit") else entry.unit
    )
    entry.check(number)
    return int(number) if number == int(number) and abs(number) < 2**53 else number
