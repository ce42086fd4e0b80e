"""What else a plain function tells when it is called on something that is not a number.

`equation` and `latex` print it, `bounds` encloses its values over a box, `trends` says how it grows in each
argument. All three work on any function of operators and the ufuncs of the sheet, nested calls included.
"""

from __future__ import annotations

from dse.faces.interval import Interval, bounds
from dse.faces.symbol import Symbol, equation, expression, latex
from dse.faces.trend import Direction, Trend, trends

__all__ = [
    "Direction",
    "Interval",
    "Symbol",
    "Trend",
    "bounds",
    "equation",
    "expression",
    "latex",
    "trends",
]
