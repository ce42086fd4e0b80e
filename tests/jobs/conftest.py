"""What the tests of jobs share: the folder of these tests on the path, for `specs`; a registry of their own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import dse.metrics  # noqa: F401  (their records come first)
from dse import registry

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def own_registry(monkeypatch):
    """What a test records is gone after it."""
    for index in ("FORMULAS", "METRICS"):
        monkeypatch.setattr(registry, index, dict(getattr(registry, index)))
    monkeypatch.setattr("dse.metrics.RECORDS", registry.METRICS)
