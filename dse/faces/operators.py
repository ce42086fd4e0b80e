"""The operations that plain functions are made of, and the base class that hands them to a face."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

# Name of the operation for each ufunc that a formula may use, those of the operators included: an operator
# between an array and a face arrives as its ufunc.
OPERATIONS: dict[np.ufunc, str] = {
    np.add: "add",
    np.subtract: "subtract",
    np.multiply: "multiply",
    np.divide: "divide",
    np.power: "power",
    np.negative: "negative",
    np.absolute: "absolute",
    np.maximum: "maximum",
    np.minimum: "minimum",
    np.ceil: "ceil",
    np.floor: "floor",
    np.sqrt: "sqrt",
    np.log10: "log10",
    np.exp: "exp",
    np.greater_equal: "greater_equal",
}
UFUNCS: dict[str, np.ufunc] = {name: ufunc for ufunc, name in OPERATIONS.items()}


class Face(ABC):
    """Operators and ufuncs, all of which end in `apply(operation, *operands)`.

    Operands are faces, numbers or arrays. Anything else that a function tries (a comparison, a branch, another
    ufunc) raises TypeError: the function is then no formula.
    """

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    @abstractmethod
    def apply(self, operation: str, *operands: Any) -> Any:
        """The result of an operation of which this object is one operand."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options or ufunc not in OPERATIONS:
            return NotImplemented
        return self.apply(OPERATIONS[ufunc], *inputs)

    def __bool__(self) -> bool:
        raise TypeError("a formula may not branch on a value; use np.maximum, np.minimum or np.greater_equal")

    def __eq__(self, other: object) -> Any:
        raise TypeError("a formula may not compare with ==; use np.greater_equal")

    def __add__(self, other: Any) -> Any:
        return self.apply("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return self.apply("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return self.apply("subtract", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self.apply("subtract", other, self)

    def __mul__(self, other: Any) -> Any:
        return self.apply("multiply", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self.apply("multiply", other, self)

    def __truediv__(self, other: Any) -> Any:
        return self.apply("divide", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self.apply("divide", other, self)

    def __pow__(self, other: Any) -> Any:
        return self.apply("power", self, other)

    def __rpow__(self, other: Any) -> Any:
        return self.apply("power", other, self)

    def __neg__(self) -> Any:
        return self.apply("negative", self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return self.apply("absolute", self)
