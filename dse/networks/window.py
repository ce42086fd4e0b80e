"""Which rows of its input an op reads for the rows that it writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

# A number of rows: a float, or an array.
Count = Any


@dataclass(frozen=True, slots=True)
class Window:
    """What an op reads for each row that it writes: `kernel` rows, `stride` from one to the next.

    `padding` rows before the first are outside of the map; None is "same" padding.
    """

    kernel: Count = 1
    stride: int = 1
    padding: int | None = None

    def reach(self, rows: tuple[Count, Count], side: Count) -> tuple[Count, Count]:
        """The rows of an input of `side` that a range of rows of the output needs; ranges exclude their end."""
        before = np.floor((self.kernel - 1) / 2) if self.padding is None else self.padding
        first = rows[0] * self.stride - before
        behind = np.minimum((rows[1] - 1) * self.stride - before + self.kernel, side)
        return np.minimum(np.maximum(first, 0), behind), behind


EACH_ROW = Window()
