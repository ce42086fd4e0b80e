"""The formula sheet: plain functions of operators and a few ufuncs, one module a chapter.

Every recorded function is an attribute of this package and an entry of it as a mapping:
`formulas.kv_cache` and `formulas["kv_cache"]` are the same function. SI inside; 1 MAC = 2 FLOP.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dse.errors import nearest
from dse.formulas import (  # noqa: F401  (importing a chapter records its formulas)
    activations,
    computation,
    conversions,
    distributed,
    energy,
    latency,
    layers,
    memory,
    quantization,
    scaling,
)
from dse.mapping import make_mapping
from dse.registry import FORMULAS

RECORDS = FORMULAS


def names() -> tuple[str, ...]:
    """Names of all recorded formulas: the sheet's chapter by chapter, then the user's."""
    return tuple(FORMULAS)


def _functions() -> Mapping[str, Any]:
    return {name: record.function for name, record in FORMULAS.items()}


def __getattr__(name: str) -> Any:
    if name in FORMULAS:
        return FORMULAS[name].function
    close = None if name.startswith("_") else nearest(name, FORMULAS)
    hint = f"; did you mean {close!r}?" if close else ""
    raise AttributeError(f"module {__name__!r} has no formula {name!r}{hint}", name=name)


def __dir__() -> list[str]:
    return sorted({*globals(), *FORMULAS})


make_mapping(__name__, _functions)
