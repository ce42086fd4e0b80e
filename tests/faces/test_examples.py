"""The examples in the docstrings run."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["interval", "symbol", "trend"])
def test_examples_run(name):
    result = doctest.testmod(importlib.import_module(f"dse.faces.{name}"))
    assert result.failed == 0 and result.attempted > 0
