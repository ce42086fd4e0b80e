"""What dse show tells of an axis or a setting of a spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Where a spec has the names of each kind.
_TABLES = {
    "architecture": "[network]",
    "deployment": "[deployment]",
    "circumstance": "[deployment]",
    "precision": "[precision.NAME], an own number format",
    "format": "[precision.NAME], an own number format",
    "device": "[device.NAME], an own device",
}


def axes_by_name() -> Mapping[str, Any]:
    """The glossary's entries that a spec may give, by name."""
    from dse.glossary import NAMES

    return {name: entry for name, entry in NAMES.items() if entry.kind in _TABLES}


def axis_facts(name: str) -> list[dict[str, Any]]:
    """Facts of an axis or setting; empty for any other name."""
    from dse import glossary
    from dse.networks import FAMILIES

    entry = glossary.find(name)
    if entry is None or entry.kind not in _TABLES:
        return []
    facts: dict[str, Any] = {"kind": "axis of a spec", "name": name, "what": entry.meaning, "symbol": entry.symbol}
    facts |= {"unit": entry.unit, "allowed": _allowed(name, entry), "table": _table(name, entry)}
    if entry.default is not None:
        facts["default"] = str(entry.named(entry.default))
    circumstance = entry.kind == "circumstance"
    facts["role"] = "circumstance: one frontier for each value" if circumstance else "choose"
    if entry.kind == "architecture":
        defaults = {n: f.defaults.get(name, "required") for n, f in FAMILIES.items() if name in f.axes}
        shown = {n: "derived" if d is None else str(d) for n, d in defaults.items()}
        values = dict.fromkeys(shown.values())
        facts["families"] = "; ".join(
            f"{', '.join(n for n in shown if shown[n] == v)} ({v if v in ('required', 'derived') else f'default {v}'})"
            for v in values
        )
    return [{k: v for k, v in facts.items() if v != ""}]


def _table(name: str, entry: Any) -> str:
    """Where a spec has it: a figure of devices that is a setting too may be given for all of them."""
    from dse.jobs.settings import SETTINGS

    own, shared = _TABLES[entry.kind], "[deployment]"
    return f"{own}; or {shared}, for all devices" if name in SETTINGS and own != shared else own


def _allowed(name: str, entry: Any) -> str:
    from dse.errors import few
    from dse.jobs.catalogues import CURRENT
    from dse.jobs.settings import NAMED

    if name not in NAMED:
        return str(entry.allowed())
    kind, known = NAMED[name]
    return f"name of a {kind}: {few(known(CURRENT))}"
