"""Counts of designs: which are excluded and by what, and how nearly each constraint was met."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, field, fields


@dataclass(frozen=True, order=True)
class Miss:
    """How nearly a constraint was met: ordered by whether others are broken too, then by the violation.

    `need` is what the design needs of a capacity that it does not fit in; NaN where it is not known, or none.
    """

    others_broken: bool
    violation: float
    value: float
    need: float = field(default=math.nan, compare=False)


def is_count(number: object) -> bool:
    """Whether something can be a number of designs."""
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= 2**62


@dataclass
class Bounded:
    """What a search by bounds did: designs evaluated because no bound told of them, designs evaluated besides to have
    good ones early, those of the coarse grid (which the cloud is of) among them, and boxes of designs bounded.
    """

    modelled: int = 0
    probed: int = 0
    coarse: int = 0
    boxes: int = 0

    def __add__(self, other: Bounded) -> Bounded:
        return Bounded(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    @property
    def is_sound(self) -> bool:
        """Whether these can be counts."""
        return all(map(is_count, astuple(self)))


@dataclass
class Tally:
    """Counts of what was excluded and by what; parts of a space add up.

    `excluded` counts a design at the first constraint that it breaks, `broken` at every one. `skipped` counts designs
    that bounds skipped unseen, by what they surely are: undefined, outside a constraint, or dominated. `tied` are those
    of the frontier that lead by less than an interval, where that is a tie.
    """

    enumerated: int = 0
    undefined: int = 0
    excluded: dict[str, int] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)
    dominated: int = 0
    tied: int = 0
    kept: int = 0
    misses: dict[str, Miss] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)

    @property
    def nearest(self) -> dict[str, float]:
        """By constraint, the value of the metric that comes nearest to meeting it, in the metric's unit.

        Designs that break nothing else come before all others. Gathered where nothing is feasible.
        """
        return {name: miss.value for name, miss in self.misses.items()}

    @property
    def feasible(self) -> int:
        """Designs that were seen, are defined and break nothing."""
        return self.enumerated - self.undefined - sum(self.excluded.values()) - sum(self.skipped.values())

    @property
    def is_sound(self) -> bool:
        """Whether these can be counts of designs: whole numbers, of which the parts are no more than all."""
        single = (self.enumerated, self.undefined, self.dominated, self.tied, self.kept)
        counts = [*single, *self.excluded.values(), *self.broken.values(), *self.skipped.values()]
        whole = all(map(is_count, counts))
        numbers = all(isinstance(n, (int, float)) for m in self.misses.values() for n in astuple(m))
        return whole and numbers and self.feasible >= 0

    def add(self, other: Tally) -> None:
        """Add the counts of another part; of misses the nearer one stays."""
        for own in fields(self):
            mine, theirs = getattr(self, own.name), getattr(other, own.name)
            if isinstance(mine, int):
                setattr(self, own.name, mine + theirs)
                continue
            for name, value in theirs.items():
                known = mine.get(name)
                if known is not None:
                    value = min(known, value) if isinstance(value, Miss) else known + value
                mine[name] = value
