"""Search with Optuna where a space is too large to enumerate, judged by the truth where it is not.

The room and `dse.search(spec, ...)` have one name: the module can be called, as `dse.search.entry.search`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Room(ModuleType):
    """A module that is a function of the public interface too."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        from dse.search.entry import search

        return search(*arguments, **options)


sys.modules[__name__].__class__ = _Room
