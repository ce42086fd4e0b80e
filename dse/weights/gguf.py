"""The header of a .gguf file: a run of little-endian numbers and strings."""

from __future__ import annotations

import math
import struct
from typing import Any, BinaryIO

from dse.errors import Fault, InputError
from dse.weights.stored import Header, Stored

MOST_ENTRIES = 1_000_000
MOST_DIMENSIONS = 8
# Texts in the lists of a file, each of which is stepped over: vocabularies and their merges have less than a million.
MOST_TEXTS = 2**21

# Name, elements of a block, bytes of a block, by the number of the type (ggml's enum ggml_type).
GGUF_TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 40), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36), 41: ("Q1_0", 128, 18),
}  # fmt: skip
# Numbers of metadata by their type in a GGUF file; 8 is a string, 9 an array.
_NUMBERS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}


class _Gguf:
    """Reads a GGUF header from front to back."""

    def __init__(self, file: BinaryIO, where: str, size: int) -> None:
        self.file, self.where, self.size, self.texts = file, where, size, 0

    def fail(self, field: str, problem: str) -> InputError:
        return InputError(Fault(f"{self.where}: {field}", problem))

    def check(self, count: int, field: str) -> None:
        if count > self.size - self.file.tell():
            raise self.fail(field, f"{count:,} bytes at byte {self.file.tell():,}: the file is truncated or damaged")

    def take(self, count: int, field: str) -> bytes:
        self.check(count, field)
        return self.file.read(count)

    def number(self, form: str, field: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form), field))[0]

    def text(self, field: str) -> str:
        return self.take(self.number("<Q", field), field).decode("utf-8", "replace")

    def value(self, kind: int, field: str) -> Any:
        """A value of the metadata; of an array its length alone, since those are vocabularies."""
        if kind in _NUMBERS:
            return self.number(_NUMBERS[kind], field)
        if kind == 8:
            return self.text(field)
        if kind != 9:
            raise self.fail(field, f"the type {kind} of metadata is not known")
        of, length = self.number("<I", field), self.number("<Q", field)
        if of in _NUMBERS:
            self.skip(length * struct.calcsize(_NUMBERS[of]), field)
        elif of == 8:
            # Each has 8 bytes at least.
            self.check(8 * length, field)
            self.texts += length
            if self.texts > MOST_TEXTS:
                raise self.fail(field, f"lists of {self.texts:,} texts; at most {MOST_TEXTS:,}")
            for _ in range(length):
                self.skip(self.number("<Q", field), field)
        else:
            raise self.fail(field, f"arrays of the type {of} are not known")
        return [length]

    def skip(self, count: int, field: str) -> None:
        self.check(count, field)
        self.file.seek(count, 1)

    def tensor(self) -> tuple[str, Stored]:
        name = self.text("tensors")
        rank = self.number("<I", name)
        if rank > MOST_DIMENSIONS:
            raise self.fail(name, f"has {rank} dimensions; at most {MOST_DIMENSIONS}")
        shape = tuple(self.number("<Q", name) for _ in range(rank))
        kind, offset = self.number("<I", name), self.number("<Q", name)
        if kind not in GGUF_TYPES:
            known = ", ".join(t[0] for t in GGUF_TYPES.values())
            raise self.fail(name, f"the type {kind} is not known; known: {known}")
        type_name, block, block_size = GGUF_TYPES[kind]
        elements = math.prod(shape)
        if elements >= 2**53 or elements % block or (shape and shape[0] % block):
            raise self.fail(name, f"the shape {shape} does not divide into blocks of {block} ({type_name})")
        return name, Stored(shape, type_name, elements // block * block_size, offset)


def read_gguf(file: BinaryIO, where: str, size: int) -> Header:
    """The header of an open file of `size` bytes; InputError as `read_header` has it."""
    reader = _Gguf(file, where, size)
    if reader.take(4, "magic") != b"GGUF":
        raise reader.fail("magic", "is no GGUF file")
    version = reader.number("<I", "version")
    if version not in (2, 3):
        raise reader.fail("version", f"{version} is not supported; supported: 2, 3 (little-endian)")
    tensor_count, entry_count = reader.number("<Q", "tensor_count"), reader.number("<Q", "metadata_kv_count")
    if max(tensor_count, entry_count) > MOST_ENTRIES:
        raise reader.fail("tensor_count", f"{tensor_count:,} tensors and {entry_count:,} entries; at most a million")
    metadata: dict[str, Any] = {}
    for _ in range(entry_count):
        key = reader.text("metadata")
        if key in metadata:
            raise reader.fail(key[:80], "stands twice")
        metadata[key] = reader.value(reader.number("<I", key), key)
    tensors: dict[str, Stored] = {}
    for _ in range(tensor_count):
        name, tensor = reader.tensor()
        if name in tensors:
            raise reader.fail(name[:80], "stands twice")
        tensors[name] = tensor
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 1 <= alignment <= 2**20:
        raise reader.fail("general.alignment", f"{alignment!r} is not allowed; allowed: an integer from 1")
    start, end = -(-file.tell() // alignment) * alignment, 0
    for name, tensor in sorted(tensors.items(), key=lambda item: item[1].offset):
        if tensor.offset < end:
            raise reader.fail(name, f"overlaps the tensor before it at byte {start + tensor.offset:,}")
        end = tensor.offset + tensor.size
        if start + end > size:
            raise reader.fail(name, f"ends at byte {start + end:,} of {size:,}: the file is truncated")
    return Header(where, "gguf", tensors, metadata)
