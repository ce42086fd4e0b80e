"""Stored tensors of an ONNX file: shapes, the values of small ones, and whether all of their bytes are there."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dse.errors import Fault, InputError, shown

# Values of larger constants are weights or tables, and shape no tensor.
MOST_VALUES = 4096
# Of no network; arrays of NumPy have no more.
MOST_DIMENSIONS = 64


@dataclass(frozen=True)
class Weight:
    """A stored tensor: its shape and type (a number of `onnx.TensorProto`)."""

    dims: tuple[int, ...]
    dtype: int

    @property
    def elements(self) -> int:
        """Number of values."""
        return math.prod(self.dims)

    @property
    def size(self) -> int | None:
        """Bytes of its values, elements of less than a byte packed; None where a type has no fixed width."""
        import onnx

        types = onnx.TensorProto.DataType
        name = types.Name(self.dtype) if self.dtype in types.values() else ""
        widths = {"BOOL": 8, "DOUBLE": 64, "FLOAT": 32, "COMPLEX64": 64, "COMPLEX128": 128, "STRING": 0}
        bits = widths.get(name, int((re.findall(r"\d+", name) or [0])[0]))
        return (self.elements * bits + 7) // 8 if bits else None


class Stored(NamedTuple):
    """A stored tensor, its values where they are few, and the file of weights that it is in where that is not there."""

    weight: Weight
    values: np.ndarray | None = None
    absent: str | None = None


def read_weight(path: Path, tensor: Any) -> Stored:
    """A stored tensor of a file (a `TensorProto`).

    Raises
    ------
    InputError
        For a shape with negative sizes or too many, bytes that are fewer or more than the shape needs, and a file of
        weights that lies outside the folder, or ends before the tensor does.
    """
    import onnx

    dims = tuple(tensor.dims)
    check_dimensions(dims)
    if any(d < 0 for d in dims):
        raise InputError(f"has the shape {dims}; allowed: sizes of at least 0")
    weight = Weight(dims, tensor.data_type)
    small = weight.elements <= MOST_VALUES
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        part = _part(path.absolute().parent, tensor, weight)
        if not part.there:
            return Stored(weight, absent=part.file.name)
        if not small:
            return Stored(weight)
        tensor = _inline(tensor, part)
    elif (stored := len(tensor.raw_data)) and weight.size not in (None, stored):
        problem = "is truncated" if stored < weight.size else "has too many bytes"
        raise InputError(f"{problem}: {stored:,} bytes are stored of a tensor of shape {dims}")
    if not small:
        return Stored(weight)
    try:
        return Stored(weight, onnx.numpy_helper.to_array(tensor))
    except Exception as error:  # onnx raises several kinds
        raise InputError(f"cannot be read: {str(error)[:120]}") from None


def check_dimensions(dims: Sequence[object]) -> None:
    """Raise InputError for a tensor of more dimensions than any has: what is made of it has as many."""
    if len(dims) > MOST_DIMENSIONS:
        raise InputError(f"has {len(dims):,} dimensions; allowed: at most {MOST_DIMENSIONS}")


class _Part(NamedTuple):
    """Where the bytes of a tensor are: so many of a file, from an offset on; and whether that file is there."""

    file: Path
    offset: int
    size: int
    there: bool = True


def _part(folder: Path, tensor: Any, weight: Weight) -> _Part:
    """The part of a file beside it that holds a tensor, the whole of it where that file is there."""
    fields = {entry.key: entry.value for entry in tensor.external_data}
    location = fields.get("location", "")
    file = _beside(folder, location)
    if weight.size is None:
        raise InputError(
            f"its data is in {shown(location)}, but values of its type ({weight.dtype}) have no fixed size"
        )
    offset = _count(fields, "offset", location) or 0
    length = _count(fields, "length", location)
    if length not in (None, weight.size):
        needed = f"a tensor of shape {weight.dims} of its type has {weight.size:,}"
        raise InputError(f"{length:,} bytes in {shown(location)}, but {needed}")
    try:
        if file.is_dir():
            raise InputError(f"its data is in {shown(location)}, which is a folder")
        there = file.stat().st_size
    except FileNotFoundError:
        return _Part(file, offset, weight.size, there=False)
    except OSError as error:
        raise InputError(f"its data is in {shown(location)}, which cannot be read: {error.strerror}") from None
    if offset + weight.size > there:
        ends = f"its data ends at byte {offset + weight.size:,} of {shown(location)}"
        raise InputError(f"{ends}, which has {there:,}: that file is truncated, or another")
    return _Part(file, offset, weight.size)


def _beside(folder: Path, location: Any) -> Path:
    """The file of weights of that name; refused outside the folder of the network, and where it is no file."""
    folder = folder.resolve()
    try:
        # The format allows any bytes where it says text.
        file = (folder / location).resolve() if location and isinstance(location, str) else None
    except (OSError, ValueError, RuntimeError):  # the last of links in a circle
        file = None
    if file is None or not file.is_relative_to(folder):
        raise InputError(f"its data is in {shown(location)}, outside the folder of the file; refused")
    return file


def _count(fields: dict[str, Any], key: str, location: str) -> int | None:
    text = fields.get(key)
    if text is None:
        return None
    # No file has as many bytes as 19 digits can say.
    if not (isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 19):
        raise InputError(f"the {key} of its data in {shown(location)} is {shown(text)}; allowed: integers from 0")
    return int(text)


def _inline(tensor: Any, part: _Part) -> Any:
    """The tensor with its values in it."""
    import onnx

    try:
        with part.file.open("rb") as file:
            file.seek(part.offset)
            content = file.read(part.size)
    except OSError as error:
        raise InputError(Fault(str(part.file), f"cannot be read: {error.strerror}")) from None
    return onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims, raw_data=content)
