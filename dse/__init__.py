"""Vectorised design-space exploration for AI efficiency: the public API, imported at first use."""

from __future__ import annotations

# Known to type checkers by its name. Nothing is imported here: `dse.interrupts` is to be there at once.
TYPE_CHECKING = False

__version__ = "0.1.0"

# Public name -> module and the name there; the module is imported when the name is first used.
_PUBLIC = {
    "evaluate": ("dse.api", "evaluate"),
    "explore": ("dse.api", "explore"),
    "frontier": ("dse.api", "frontier"),
    "load": ("dse.api", "load"),
    "merge": ("dse.api", "merge"),
    "search": ("dse.search", None),
    "Design": ("dse.jobs.design", "Design"),
    "Result": ("dse.jobs.result", "Result"),
    "SearchResult": ("dse.search.result", "SearchResult"),
    "Shard": ("dse.jobs.shards", "Shard"),
    "Spec": ("dse.jobs.spec", "Spec"),
    # Own ones come after those of the package, which tell what their arguments are.
    "formula": ("dse.metrics", "formula"),
    "metric": ("dse.metrics", "metric"),
    "formulas": ("dse.formulas", None),
    "metrics": ("dse.metrics", None),
    "devices": ("dse.hardware", "DEVICES"),
    "precisions": ("dse.precision", "PRECISIONS"),
    "families": ("dse.networks", "FAMILIES"),
    "models": ("dse.networks", "MODELS"),
    "plot": ("dse.plot", None),
    "DseError": ("dse.errors", "DseError"),
    "InputError": ("dse.errors", "InputError"),
}

if TYPE_CHECKING:
    from typing import Any

    from dse import formulas, metrics, plot
    from dse.api import evaluate, explore, frontier, load, merge
    from dse.errors import DseError, InputError
    from dse.hardware import DEVICES as devices
    from dse.jobs.design import Design
    from dse.jobs.result import Result
    from dse.jobs.shards import Shard
    from dse.jobs.spec import Spec
    from dse.networks import FAMILIES as families
    from dse.networks import MODELS as models
    from dse.precision import PRECISIONS as precisions
    from dse.registry import formula, metric
    from dse.search.entry import search
    from dse.search.result import SearchResult

__all__ = [
    "Design",
    "DseError",
    "InputError",
    "Result",
    "SearchResult",
    "Shard",
    "Spec",
    "devices",
    "evaluate",
    "explore",
    "families",
    "formula",
    "formulas",
    "frontier",
    "load",
    "merge",
    "metric",
    "metrics",
    "models",
    "plot",
    "precisions",
    "search",
]


def __getattr__(name: str) -> Any:
    try:
        module, attribute = _PUBLIC[name]
    except KeyError:
        raise AttributeError(f"module 'dse' has no attribute {name!r}") from None
    import importlib

    loaded = importlib.import_module(module)
    return loaded if attribute is None else getattr(loaded, attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
