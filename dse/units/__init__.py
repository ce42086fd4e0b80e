"""Units, quantities that people write, and values for people.

Everything inside the package is SI (bytes, seconds, joules, watts, FLOP/s, kg, USD); a name whose glossary unit is an
exception (g/kWh, USD/kWh, Wh, %) is converted to exactly that unit and to nothing else.
"""

from dse.units.reading import quantity, read_quantity
from dse.units.unit import Unit, parse_unit
from dse.units.writing import (
    constraint_text,
    counted,
    duration_unit,
    format_quantity,
    operations_unit,
    percent,
    takes_prefix,
    value_text,
)

__all__ = [
    "Unit",
    "constraint_text",
    "counted",
    "duration_unit",
    "format_quantity",
    "operations_unit",
    "parse_unit",
    "percent",
    "quantity",
    "read_quantity",
    "takes_prefix",
    "value_text",
]
