"""Inputs that are almost right: documents, tables, protocol buffers and bytes with something changed."""

from __future__ import annotations

import copy
import json
import math
import random
import struct
from collections.abc import Callable
from typing import Any

NUMBERS = (
    0, 1, -1, 2, 3, 7, 8, 255, 256, 4096, 2**31 - 1, 2**31, 2**32, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1,
    10**9, 10**18, 10**30, 10**400, 0.5, -0.5, 1e-300, 5e-324, 1e30, 1e300, 1.7e308, math.inf, -math.inf, math.nan,
)  # fmt: skip
TEXTS = (
    "", " ", "x", "nan", "inf", "-1", "1e999", "1e30 points", "320 KiB", "1 KB", "5 W", "3 /s", "1 W/W/W/W", "10 GB",
    "../../etc/passwd", "/etc/passwd", "a\x00b", "<script>", "\N{ARABIC-INDIC DIGIT THREE}", "\N{GRINNING FACE}",
    "true", "*", "class:mcu", "class:", "int8", "fp32", "resnet50", "esp32", "decode", "request", "latency", "accuracy",
    "x" * 300, "9" * 5000, "1_000", "+.5e+1 %", "1e5^9", "m" * 70, "B^99999999999999999999",
)  # fmt: skip


def deep(depth: int) -> list[Any]:
    """A list in a list in a list."""
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


def value(rng: random.Random) -> Any:
    """Anything that may stand in a document."""
    kind = rng.random()
    if kind < 0.45:
        return rng.choice(NUMBERS)
    if kind < 0.75:
        return rng.choice(TEXTS)
    if kind < 0.85:
        ends = {key: rng.choice(NUMBERS) for key in rng.sample(("start", "stop", "step", "num"), rng.randint(1, 4))}
        return ends | ({"scale": "log"} if rng.random() < 0.3 else {})
    return rng.choice([True, False, [], {}, [[]], {"each": [3, 5]}, {"min": 1, "max": 0}, deep(30), [1, "a", None]])


def document(rng: random.Random, given: Any) -> Any:
    """A copy of plain data with a few changes somewhere inside."""
    changed = copy.deepcopy(given)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 6])):
        place = _place(rng, changed)
        if place is not None:
            _change(rng, *place)
    return changed


def _place(rng: random.Random, root: Any) -> tuple[Any, Any] | None:
    places = []
    stack = [root]
    while stack:
        node = stack.pop()
        keys = node.keys() if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        for key in keys:
            places.append((node, key))
            if isinstance(node[key], (dict, list)):
                stack.append(node[key])
    return rng.choice(places) if places else None


def _change(rng: random.Random, node: Any, key: Any) -> None:
    kind = rng.random()
    if kind < 0.5:
        node[key] = value(rng)
    elif kind < 0.6:
        del node[key]
    elif kind < 0.7:
        node[key] = [node[key], value(rng)] if rng.random() < 0.5 else [copy.deepcopy(node[key])] * rng.choice([2, 40])
    elif kind < 0.8 and isinstance(node, dict):
        node[_misspelt(rng, str(key))] = node.pop(key)
    elif kind < 0.9 and isinstance(node, dict):
        node[rng.choice([str(key) + "_2", *TEXTS[:20], "name", "base", "family", "model", "phase"])] = value(rng)
    elif isinstance(node[key], (int, float)) and not isinstance(node[key], bool):
        node[key] = node[key] * rng.choice([-1, 0, 10, 10**6, 10**20])
    elif isinstance(node[key], str):
        node[key] = _misspelt(rng, node[key])


def _misspelt(rng: random.Random, text: str) -> str:
    at = rng.randint(0, len(text))
    return text[:at] + rng.choice(["", "x", "_", "é", " ", ".", text[at:][::-1]]) + text[at + rng.randint(0, 2) :]


def to_json(given: Any) -> bytes:
    """Plain data as JSON (with NaN and Infinity, which others write too)."""
    return json.dumps(given).encode()


def to_toml(given: dict[str, Any]) -> bytes:
    """Plain data as TOML, each table inline."""
    return "".join(f"{json.dumps(str(k))} = {_toml(v)}\n" for k, v in given.items() if v is not None).encode()


def _toml(given: Any) -> str:
    if isinstance(given, dict):
        return "{ " + ", ".join(f"{json.dumps(str(k))} = {_toml(v)}" for k, v in given.items() if v is not None) + " }"
    if isinstance(given, list):
        return "[" + ", ".join(_toml(v) for v in given if v is not None) + "]"
    if isinstance(given, bool):
        return str(given).lower()
    return json.dumps(given).replace("\x7f", "\\u007f") if isinstance(given, str) else repr(given)


def table(rng: random.Random, given: bytes) -> bytes:
    """A CSV file with cells changed, or lines lost or doubled."""
    lines = [line.split(b",") for line in given.split(b"\n")]
    for _ in range(rng.choice([1, 1, 2, 5])):
        line = rng.choice(lines)
        kind = rng.random()
        if kind < 0.7:
            line[rng.randrange(len(line))] = str(rng.choice((*NUMBERS, *TEXTS))).encode("utf-8", "replace")
        elif kind < 0.8:
            lines.append(list(line))
        elif kind < 0.9:
            line.append(b'"')
        else:
            del line[rng.randrange(len(line)) :]
            line.append(b"")
    return b"\n".join(map(b",".join, lines))


def octets(rng: random.Random, given: bytes) -> bytes:
    """Bytes with some changed, cut, doubled, or replaced by a number that means much as a length."""
    data = bytearray(given)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        at = rng.randint(0, len(data))
        kind = rng.random()
        if kind < 0.3 and data:
            data[min(at, len(data) - 1)] ^= 1 << rng.randrange(8)
        elif kind < 0.6:
            number = rng.choice([n for n in NUMBERS if isinstance(n, int) and 0 <= n < 2**64])
            form = rng.choice(["<Q", "<I", "<H", "<B"])
            packed = struct.pack(form, number % 2 ** (8 * struct.calcsize(form)))
            data[at : at + len(packed)] = packed
        elif kind < 0.75:
            del data[at : at + rng.choice([1, 2, 8, 100])]
        elif kind < 0.85:
            data[at:at] = data[at : at + rng.choice([1, 8, 64])]
        elif kind < 0.95:
            data[at:at] = rng.randbytes(rng.choice([1, 4, 8]))
        else:
            del data[at:]
    return bytes(data)


def message(rng: random.Random, given: Any) -> None:
    """Change fields of a protocol buffer, of whatever kind, in place."""
    for _ in range(rng.choice([1, 1, 2, 4])):
        target = _message_in(rng, given)
        fields = list(target.DESCRIPTOR.fields)
        field = rng.choice([f for f, _ in target.ListFields()] or fields) if rng.random() < 0.8 else rng.choice(fields)
        try:
            _change_field(rng, target, field)
        except (ValueError, TypeError, AttributeError, IndexError):  # a value that the field cannot hold
            continue


def _message_in(rng: random.Random, root: Any) -> Any:
    node = root
    for _ in range(rng.randint(0, 8)):
        inside = []
        for field, held in node.ListFields():
            if field.message_type is not None:
                inside += list(held) if hasattr(held, "__len__") and not hasattr(held, "ListFields") else [held]
        if not inside:
            break
        node = rng.choice(inside)
    return node


def _change_field(rng: random.Random, target: Any, field: Any) -> None:
    held = getattr(target, field.name)
    several = hasattr(held, "__len__") and not isinstance(held, (str, bytes)) and field.message_type is None
    if field.message_type is not None:
        if hasattr(held, "__len__") and len(held):
            kind = rng.random()
            if kind < 0.4:
                del held[rng.randrange(len(held))]
            elif kind < 0.8:
                held.add().CopyFrom(rng.choice(list(held)))
            else:
                first, second = (rng.randrange(len(held)) for _ in range(2))
                kept = type(held[first])()
                kept.CopyFrom(held[first])
                held[first].CopyFrom(held[second])
                held[second].CopyFrom(kept)
        else:
            target.ClearField(field.name)
    elif several:
        if len(held) and rng.random() < 0.7:
            held[rng.randrange(len(held))] = _scalar(rng, held[0])
        elif len(held) and rng.random() < 0.5:
            del held[rng.randrange(len(held))]
        else:
            held.append(_scalar(rng, held[0] if len(held) else 1))
    else:
        setattr(target, field.name, _scalar(rng, held))


def _scalar(rng: random.Random, held: Any) -> Any:
    if isinstance(held, bytes):
        return octets(rng, held)
    if isinstance(held, str):
        return rng.choice([_misspelt(rng, held), *(t for t in TEXTS if len(t) < 100), *OPERATORS])
    if isinstance(held, float):
        return float(rng.choice([n for n in NUMBERS if abs(n) < 1e300 or n != n]))
    return rng.choice([n for n in NUMBERS if isinstance(n, int) and abs(n) < 2**63] + [held + 1, held - 1, held * 2])


OPERATORS = (
    "Conv", "MatMul", "Gemm", "Add", "Reshape", "Transpose", "Concat", "Split", "Gather", "Expand", "Slice", "Pad",
    "Resize", "Flatten", "Softmax", "LayerNormalization", "BatchNormalization", "Constant", "ConstantOfShape", "Range",
    "Tile", "Loop", "If", "Einsum", "ConvTranspose", "Attention", "MultiHeadAttention", "QLinearConv", "MatMulNBits",
    "DequantizeLinear", "GlobalAveragePool", "MaxPool", "LSTM", "GRU", "Shape", "Unsqueeze", "Squeeze", "FusedConv",
    "com.microsoft", "ai.onnx.ml", "ai.onnx", "mine", "block", "conv",
)  # fmt: skip

Mutation = Callable[[random.Random, bytes], bytes]
