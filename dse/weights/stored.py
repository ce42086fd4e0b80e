"""What a header tells: the tensors of a file of weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Stored:
    """One tensor: its shape as stored, the name of its type, and the bytes that it takes."""

    shape: tuple[int, ...]
    type: str
    size: int
    offset: int

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Header:
    """The tensors of a file, by name, and its metadata. Packed formats hold several weights in one element."""

    path: str
    format: str
    tensors: Mapping[str, Stored]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def params(self) -> int:
        """Elements of all tensors."""
        return sum(t.elements for t in self.tensors.values())

    @property
    def size(self) -> int:
        """Bytes of all tensors."""
        return sum(t.size for t in self.tensors.values())

    @property
    def bits_per_weight(self) -> float:
        """Bits of one element on average, scales included."""
        return 8 * self.size / self.params

    def types(self) -> dict[str, tuple[int, int, int]]:
        """Tensors, elements and bytes of each type, the largest first."""
        found: dict[str, tuple[int, int, int]] = {}
        for t in self.tensors.values():
            tensors, elements, size = found.get(t.type, (0, 0, 0))
            found[t.type] = tensors + 1, elements + t.elements, size + t.size
        return dict(sorted(found.items(), key=lambda item: -item[1][2]))
