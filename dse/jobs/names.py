"""Names that users give to devices, number formats and networks: text that harms nobody who opens a result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dse.errors import Fault, harmless, shown

# Names in one list or table, keys of a whole spec, and networks of one.
MOST_NAMES, MOST_KEYS, MOST_NETWORKS = 5_000, 100_000, 1_000
# What programs for tables take as the start of a formula.
_FORMULA = ("=", "+", "-", "@")


def check_name(name: str, where: str, faults: list[Fault]) -> bool:
    """Whether a name can stand in a terminal, a file name and a table; what is wrong with it is noted."""
    if harmless(name) != name or "\n" in name or "\t" in name:
        faults.append(Fault(where, f"the name {shown(name)} holds characters that cannot be shown"))
    elif name.startswith(_FORMULA):
        problem = f"the name {shown(name)} is a formula to programs that open tables; begin it with another character"
        faults.append(Fault(where, problem))
    else:
        return True
    return False


def repeated(names: Iterable[str]) -> list[str]:
    """The names that stand more than once, each once, in the order of their second place."""
    seen: set[str] = set()
    found: dict[str, None] = {}
    for name in names:
        if name in seen:
            found[name] = None
        seen.add(name)
    return list(found)


def too_long(names: Sequence[object]) -> str:
    """What is told of a list of more names than anybody gives; "" where it is none."""
    return f"at most {MOST_NAMES:,} names; these are {len(names):,}" if len(names) > MOST_NAMES else ""
