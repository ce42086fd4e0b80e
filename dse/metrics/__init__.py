"""What is computed for a design: short functions over glossary names, wired by their argument names.

An argument that is a metric's name is computed first; any other is an axis, a figure of the device or of the
number format, or a deployment setting. Also a mapping from names to records: `dse.metrics["latency"].unit`.
"""

from __future__ import annotations

from dse import registry
from dse.mapping import make_mapping
from dse.metrics import (
    capacity,
    communication,
    counts,
    energy,
    exchanged,
    interval_ends,
    latency,
    latency_fitted,
    memory,
    mixed,
    parallel,
    quality,
    request,
    serving,
    shared_memory,
    speculative,
    training,
    work,
)
from dse.registry import formula, metric

RECORDS = registry.METRICS

__all__ = [
    "RECORDS",
    "capacity",
    "communication",
    "counts",
    "energy",
    "exchanged",
    "formula",
    "interval_ends",
    "latency",
    "latency_fitted",
    "memory",
    "metric",
    "mixed",
    "parallel",
    "quality",
    "request",
    "serving",
    "shared_memory",
    "speculative",
    "training",
    "work",
]

interval_ends.define()
registry.check_wiring()
make_mapping(__name__, lambda: {name: registry.metric_record(name) for name in registry.METRICS})
