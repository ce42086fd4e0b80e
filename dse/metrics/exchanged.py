"""What devices that share a network exchange, and what of it each holds: counted over its ops."""

from __future__ import annotations

from dse.networks import sharing
from dse.registry import metric, metrics

EXCHANGED = "exchanges exchanged_elements routed_layers routed_elements"

# Counts are the functions of `dse.networks.sharing` themselves.
for of_trace in (
    sharing.exchanges, sharing.exchanged_elements, sharing.routed_layers, sharing.routed_elements,
    sharing.boundary_elements, sharing.expert_params, sharing.expert_weights_read, sharing.outer_params,
    sharing.edge_params,
):  # fmt: skip
    metric(unit="1", kind="count")(of_trace)


@metric(unit="1", faces=False)
def crossings():
    """Times that an activation crosses from one stage to the next: once, forward."""
    return 1.0


@metric("crossings", phase="train", unit="1", faces=False)
def training_crossings():
    """Twice: forward, and its gradient backward."""
    return 2.0


@metric("boundary_elements", phase="train", unit="1")
def training_boundary_elements(forward_boundary_elements):
    """Elements that go from one layer to the next, forward."""
    return forward_boundary_elements * 1.0


@metrics(EXCHANGED, "forward_{} recompute", phase="train", unit="1")
def of_each_pass(forward, recompute):
    """Of the passes forward and backward, and of the one in which blocks are computed again."""
    return (2 + recompute) * forward
