"""Packages that are also mappings from names to their entries: `dse.formulas["kv_cache"]`."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any


class MappingModule(types.ModuleType):
    """A package that is also a mapping from names to its entries."""

    _entries: Callable[[], Mapping[str, Any]]

    def __getitem__(self, name: str) -> Any:
        return self._entries()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries())

    def __len__(self) -> int:
        return len(self._entries())

    def __contains__(self, name: object) -> bool:
        return name in self._entries()

    def keys(self) -> Any:
        """Names of the entries."""
        return self._entries().keys()

    def items(self) -> Any:
        """Names and entries."""
        return self._entries().items()

    def values(self) -> Any:
        """The entries."""
        return self._entries().values()


def make_mapping(module: str, entries: Callable[[], Mapping[str, Any]]) -> None:
    """Let the package `module` be used as a mapping too."""
    package = sys.modules[module]
    package.__class__ = MappingModule
    package._entries = entries  # type: ignore[attr-defined]
