"""The symbolic face: a plain function called on names gives its own equation."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dse import glossary
from dse.errors import InputError, unknown
from dse.faces.operators import UFUNCS, Face

ADD, MULTIPLY, NEGATE, POWER, ATOM = range(1, 6)
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
GREEK = {"alpha", "beta", "gamma", "eta", "sigma"}

# Text and LaTeX of the operations that stand as atoms.
_ENCLOSED = {
    "maximum": ("max({}, {})", r"\max\left({}, {}\right)"),
    "minimum": ("min({}, {})", r"\min\left({}, {}\right)"),
    "ceil": ("⌈{}⌉", r"\left\lceil {} \right\rceil"),
    "floor": ("⌊{}⌋", r"\left\lfloor {} \right\rfloor"),
    "absolute": ("|{}|", r"\left| {} \right|"),
    "sqrt": ("√({})", r"\sqrt{{{}}}"),
    "log10": ("log10({})", r"\log_{{10}}\left({}\right)"),
    "exp": ("exp({})", r"\exp\left({}\right)"),
    "greater_equal": ("[{} ≥ {}]", r"\left[{} \ge {}\right]"),
}
_INFIX = {"add": (ADD, "+"), "subtract": (ADD, "−"), "multiply": (MULTIPLY, "·"), "divide": (MULTIPLY, "/")}


class Symbol(Face):
    """A name, or an operation on other symbols and numbers.

    `str` gives its text with few parentheses, `latex` its LaTeX, `evaluate` its value for given numbers.
    """

    __slots__ = ("operands", "operation")

    def __init__(self, operation: str, *operands: Any) -> None:
        self.operation = operation
        self.operands = operands

    @classmethod
    def named(cls, name: str) -> Symbol:
        """The symbol of an argument."""
        return cls("name", name)

    def apply(self, operation: str, *operands: Any) -> Any:
        """The symbol of an operation; a factor of 1 is left out."""
        if operation == "multiply":
            for one, other in (operands, operands[::-1]):
                if not isinstance(one, Symbol) and np.ndim(one) == 0 and one == 1:
                    return other
        return Symbol(operation, *operands)

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """The value with numbers or arrays in place of the names."""
        if self.operation == "name":
            return values[self.operands[0]]
        operands = [o.evaluate(values) if isinstance(o, Symbol) else o for o in self.operands]
        result = _operate(self.operation, *operands)
        return result * 1.0 if self.operation == "greater_equal" else result

    def __str__(self) -> str:
        return _text(self, {})[0]

    __repr__ = __str__

    def text(self, values: Mapping[str, Any]) -> str:
        """The text with numbers in place of the names that are given."""
        return _text(self, values)[0]

    def latex(self) -> str:
        """LaTeX with the symbols of the glossary."""
        return _latex(self)[0]


def expression(function: Callable[..., Any], names: Sequence[str] | None = None) -> Any:
    """What a plain function gives when it is called on the symbols of its arguments: a Symbol, or a bare number.

    `names` stand in for the names of the arguments, in their order.
    """
    return function(*map(Symbol.named, names or inspect.signature(function).parameters))


def equation(
    function: Callable[..., Any], values: Mapping[str, Any] | None = None, names: Sequence[str] | None = None
) -> str:
    """The right-hand side of a plain function's equation, as text.

    Parameters
    ----------
    function
        A function of operators and the ufuncs of the sheet.
    values
        Numbers to put in, by argument; with all of them given the result follows after "=".
    names
        What to call the arguments, in their order, where not by their own names.

    Raises
    ------
    InputError
        For values of names that are no arguments.

    >>> def area(height, width): return height * (width + 1)
    >>> equation(area), equation(area, {"height": 2, "width": 3})
    ('height · (width + 1)', '2 · (3 + 1) = 8')
    """
    found = expression(function, names)
    if values is None:
        return found.text({}) if isinstance(found, Symbol) else _number(found)
    names = tuple(names or inspect.signature(function).parameters)
    faults = [unknown("argument", name, names) for name in values if name not in names]
    if faults:
        raise InputError(faults)
    if not isinstance(found, Symbol):
        return _number(found)
    text = found.text(values)
    return f"{text} = {_number(found.evaluate(values))}" if set(names) <= set(values) else text


def latex(function: Callable[..., Any]) -> str:
    """The right-hand side of a plain function's equation in LaTeX, with the symbols of the glossary.

    >>> def size(params, bits): return params * bits / 8
    >>> latex(size)
    '\\\\frac{P \\\\, b}{8}'
    """
    found = expression(function)
    return found.latex() if isinstance(found, Symbol) else _number(found)


def _operate(operation: str, *operands: Any) -> Any:
    # Scalar powers go by Python, as in the formula itself: the ufunc differs in the last bit.
    return operands[0] ** operands[1] if operation == "power" else UFUNCS[operation](*operands)


def _number(value: Any) -> str:
    if np.ndim(value) or not np.isreal(value):
        return str(value)
    if float(value).is_integer() and abs(value) < 1e15:
        exponent = len(str(abs(int(value)))) - len(str(abs(int(value))).rstrip("0"))
        text = f"{int(value)}" if exponent < 9 else f"{int(value) // 10**exponent}e{exponent}"
    else:
        text = f"{float(value):.10g}".replace("e+", "e")
    return text.replace("-", "−", 1) if text.startswith("-") else text


def _parenthesized(rendered: tuple[str, int], at_least: int) -> str:
    text, precedence = rendered
    return text if precedence >= at_least else f"({text})"


def _leaf(value: Any) -> tuple[str, int]:
    text = _number(value)
    return text, NEGATE if text.startswith("−") else ATOM


def _text(symbol: Any, values: Mapping[str, Any]) -> tuple[str, int]:
    """Text and precedence of an expression."""
    if not isinstance(symbol, Symbol):
        return _leaf(symbol)
    operation, operands = symbol.operation, symbol.operands
    if operation == "name":
        name = operands[0]
        return _leaf(values[name]) if name in values else (name, ATOM)
    parts = [_text(o, values) for o in operands]
    if operation in _ENCLOSED:
        return _ENCLOSED[operation][0].format(*(text for text, _ in parts)), ATOM
    if operation == "negative":
        return "−" + _parenthesized(parts[0], NEGATE), NEGATE
    if operation == "power":
        base = _parenthesized(parts[0], ATOM)
        exponent = _parenthesized(parts[1], ATOM)
        return (base + exponent.translate(SUPERSCRIPTS) if exponent.isdigit() else f"{base}^{exponent}"), POWER
    precedence, sign = _INFIX[operation]
    # A sum or product may follow its own kind without parentheses; a difference or quotient may not.
    right = precedence + 1 if operation in ("subtract", "divide") else precedence
    if parts[1][0].startswith("−"):
        right = ATOM + 1
    return f"{_parenthesized(parts[0], precedence)} {sign} {_parenthesized(parts[1], right)}", precedence


def _latex(symbol: Any) -> tuple[str, int]:
    """LaTeX and precedence of an expression."""
    if not isinstance(symbol, Symbol):
        mantissa, e, exponent = _number(symbol).replace("−", "-").partition("e")
        if not e:
            return mantissa, NEGATE if mantissa.startswith("-") else ATOM
        power = f"10^{{{int(exponent)}}}"
        return (power, POWER) if mantissa == "1" else (rf"{mantissa} \cdot {power}", MULTIPLY)
    operation, operands = symbol.operation, symbol.operands
    if operation == "name":
        return _latex_name(operands[0]), ATOM
    parts = [_latex(o) for o in operands]
    if operation in _ENCLOSED:
        return _ENCLOSED[operation][1].format(*(text for text, _ in parts)), ATOM
    if operation == "divide":
        return rf"\frac{{{parts[0][0]}}}{{{parts[1][0]}}}", POWER
    if operation == "negative":
        return "-" + _latex_parentheses(parts[0], NEGATE), NEGATE
    if operation == "power":
        return f"{_latex_parentheses(parts[0], ATOM)}^{{{parts[1][0]}}}", POWER
    precedence, sign = _INFIX[operation]
    sign = {"·": r"\,", "−": "-"}.get(sign, sign)
    if sign == r"\," and re.match(r"[\d.-]", parts[1][0]):
        sign = r"\cdot"
    right = precedence + 1 if operation == "subtract" else precedence
    return f"{_latex_parentheses(parts[0], precedence)} {sign} {_latex_parentheses(parts[1], right)}", precedence


def _latex_parentheses(rendered: tuple[str, int], at_least: int) -> str:
    text, precedence = rendered
    return text if precedence >= at_least else rf"\left({text}\right)"


def _latex_name(name: str) -> str:
    """The glossary's symbol: "C_in" becomes C_{\\mathrm{in}}, Greek names their letters."""
    if name not in glossary.NAMES:
        return rf"\mathrm{{{name}}}".replace("_", r"\_")
    base, power, exponent = glossary.NAMES[name].symbol.partition("^")
    letter, _, index = base.partition("_")
    head = rf"\{letter}" if letter in GREEK else letter if len(letter) == 1 else rf"\mathrm{{{letter}}}"
    tail = rf"_{{\mathrm{{{index}}}}}" if len(index) > 1 else f"_{index}" if index else ""
    return f"{{{head}{tail}}}^{exponent}" if power else head + tail
