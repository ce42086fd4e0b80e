"""Which matrices low-rank adapters stand beside, and how large those of rank 1 are."""

from __future__ import annotations

from dataclasses import dataclass

from dse.networks.terms import Count

# Matrices that adapters stand beside, by the last part of their names: those of queries and values, or all.
TARGETS = {"qv": ("q", "v"), "all": None}
# Matrices that nobody adapts: the classifier, and the router of experts.
LEFT = ("head", "classifier", "router")


def is_adapted(name: str, targets: str) -> bool:
    """Whether adapters of these targets stand beside the matrix of an op of that name."""
    last, names = name.rpartition(".")[2], TARGETS[targets]
    return last not in LEFT and (names is None or last in names)


@dataclass(frozen=True, slots=True)
class Adapted:
    """The matrices of an op that adapters stand beside, where they do not follow from what it reads and writes.

    `every` are the input and output features of all of them, `qv` of those of queries and values; 0 where there are
    none. Each is multiplied by `rows` (None: the positions that are written). `stored` is 0 where they are those of
    another op.
    """

    every: Count
    qv: Count = 0.0
    rows: Count = None
    stored: Count = 1

    def features(self, targets: str) -> Count:
        """Input and output features of the matrices of these targets."""
        return self.every if TARGETS[targets] is None else self.qv


NOTHING_ADAPTED = Adapted(0.0)
