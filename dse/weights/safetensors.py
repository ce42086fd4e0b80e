"""The header of a .safetensors file: a length and a JSON object."""

from __future__ import annotations

import json
import math
import struct
from collections import Counter
from typing import Any, BinaryIO

from dse.errors import Fault, InputError
from dse.weights.stored import Header, Stored

# The format's own limit of its JSON header.
MOST_JSON = 100_000_000

# Bits of one element, by the names of the format.
SAFETENSORS_BITS = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F6_E2M3": 6, "F6_E3M2": 6,
    "F4": 4, "I64": 64, "I32": 32, "I16": 16, "I8": 8, "U64": 64, "U32": 32, "U16": 16, "U8": 8, "BOOL": 8, "C64": 64,
}  # fmt: skip


def read_safetensors(file: BinaryIO, where: str, size: int) -> Header:
    """The header of an open file of `size` bytes; InputError as `read_header` has it."""
    start = file.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    if not 2 <= length <= min(MOST_JSON, size - 8):
        problem = f"a header of {length:,} bytes in a file of {size:,}; truncated, or no safetensors file"
        raise InputError(Fault(where, problem))
    try:
        text = file.read(length).decode()
        if not text.startswith("{"):
            raise ValueError("it begins with no {")
        entries = json.loads(text, object_pairs_hook=once_each)
    except (ValueError, RecursionError) as error:
        raise InputError(Fault(where, f"its header cannot be read as JSON: {str(error)[:120]}")) from None
    metadata = entries.pop("__metadata__", {})
    tensors: dict[str, Stored] = {}
    faults: list[Fault] = []
    for name, entry in entries.items():
        try:
            tensors[name] = _safetensor(entry, size - 8 - length)
        except InputError as error:
            faults += error.at(f"{where}: {name[:80]}").faults
    if faults:
        raise InputError(faults[:10])
    end = 0
    # Tensors without elements stand where others begin.
    for tensor in sorted(tensors.values(), key=lambda t: (t.offset, t.size)):
        if tensor.offset != end:
            raise InputError(Fault(where, f"its tensors leave a gap, or overlap, at byte {end:,} of the data"))
        end += tensor.size
    if end != size - 8 - length:
        raise InputError(Fault(where, f"has {size - 8 - length - end:,} bytes after the last of its tensors"))
    return Header(where, "safetensors", tensors, metadata if isinstance(metadata, dict) else {})


def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys are given once each; ValueError where one is not. Readers differ in which they take."""
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"{twice[:80]!r} stands twice")
    return found


def _safetensor(entry: Any, available: int) -> Stored:
    try:
        shape, kind, (start, stop) = entry["shape"], entry["dtype"], entry["data_offsets"]
        whole = all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 2**53 for n in (*shape, start, stop))
    except (KeyError, TypeError, ValueError):
        whole = False
    if not whole:
        raise InputError("needs a dtype, a shape and data_offsets, all whole numbers")
    if not isinstance(kind, str) or kind not in SAFETENSORS_BITS:
        raise InputError(Fault("dtype", f"{str(kind)[:40]!r} is not known; known: {', '.join(SAFETENSORS_BITS)}"))
    needed = (math.prod(shape) * SAFETENSORS_BITS[kind] + 7) // 8
    if stop - start != needed:
        raise InputError(Fault("data_offsets", f"{stop - start:,} bytes do not hold {shape} of {kind}: {needed:,}"))
    if stop > available:
        raise InputError(Fault("data_offsets", f"ends at byte {stop:,} of {available:,}: the file is truncated"))
    return Stored(tuple(shape), kind, needed, start)
