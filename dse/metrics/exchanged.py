"""What devices that share a network exchange, and what of it each holds: counted over its ops."""

from __future__ import annotations

from dse.networks import sharing
from dse.registry import metric, metrics

EXCHANGED = "exchanges exchanged_elements routed_layers routed_elements"


@metric(unit="1", kind="count")
def exchanges(trace):
    """Sums over devices that a pass makes where they share each matrix."""
    return sharing.exchanges(trace)


@metric(unit="1", kind="count")
def exchanged_elements(trace):
    """Elements that these sums are of, for one sample."""
    return sharing.exchanged_elements(trace)


@metric(unit="1", kind="count")
def routed_layers(trace):
    """Layers whose tokens go to experts."""
    return sharing.routed_layers(trace)


@metric(unit="1", kind="count")
def routed_elements(trace):
    """Elements of the tokens that go to experts, once for each expert of a token, for one sample."""
    return sharing.routed_elements(trace)


@metric(unit="1", kind="count")
def boundary_elements(trace):
    """Elements that go from one layer to the next, for one sample."""
    return sharing.boundary_elements(trace)


@metric(unit="1", kind="count")
def expert_params(trace):
    """Parameters of the experts that tokens are routed to."""
    return sharing.expert_params(trace)


@metric(unit="1", kind="count")
def expert_weights_read(trace):
    """Weight elements of experts that one pass reads."""
    return sharing.expert_weights_read(trace)


@metric(unit="1", kind="count")
def outer_params(trace):
    """Parameters before and after the layers."""
    return sharing.outer_params(trace)


@metric(unit="1", kind="count")
def edge_params(trace):
    """Parameters before or after the layers, the larger; a tied embedding is held at both ends."""
    return sharing.edge_params(trace)


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


@metric("expert_weights_read", phase="train", unit="1")
def training_expert_weights_read(forward_expert_weights_read):
    """Weight elements of experts read forward and backward, and gradients written."""
    return 3 * forward_expert_weights_read
