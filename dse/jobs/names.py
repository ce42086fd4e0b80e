"""Names that users give to devices, number formats and networks: text that harms nobody who opens a result."""

from __future__ import annotations

from dse.errors import Fault, harmless, shown

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
