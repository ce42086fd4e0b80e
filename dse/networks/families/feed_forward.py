"""Kinds of feed-forward networks of a decoder: dense, and a mixture of experts."""

from __future__ import annotations

import numpy as np

from dse.networks.net import Net
from dse.networks.ops import ONE_COPY, Copies
from dse.networks.tensors import Tensor


def dense(net: Net, x: Tensor, *, ffn, gated, bias, copies: Copies = ONE_COPY) -> Tensor:
    """Two matrices, or three where the hidden features are gated."""
    d_model = x.features
    hidden = net.linear(x, ffn, bias=bias, copies=copies, name="up")
    if gated:
        gate = net.linear(x, ffn, bias=bias, copies=copies, name="gate")
        hidden = net.multiply(gate, hidden, "gate_multiply")
    return net.linear(hidden, d_model, bias=bias, copies=copies, name="down")


def mixture(
    net: Net, x: Tensor, *, experts, active_experts, shared_experts, expert_ffn, gated, bias, router_bias, batch
) -> Tensor:
    """Each token goes to `active_experts` of the experts, which a router picks, and to all shared ones.

    The sum of the experts' results is weighted by the router. Shared experts are as one of their joint width.
    """
    routed = experts, active_experts, expected_experts(experts, active_experts, batch * x.positions)
    scores = net.linear(x, experts, bias=router_bias, name="router")
    with net.scope("experts"):
        y = dense(
            net, net.select(x, x.positions * active_experts), ffn=expert_ffn, gated=gated, bias=bias,
            copies=Copies(*routed),
        )  # fmt: skip
    y = net.weighted_sum(y, scores, "experts_sum")

    def add_shared(y: Tensor) -> Tensor:
        with net.scope("shared_expert"):
            shared = dense(net, x, ffn=shared_experts * expert_ffn, gated=gated, bias=bias)
        return net.add(y, shared, "shared_add")

    return net.optional(shared_experts > 0, add_shared, y)


def expected_experts(experts, active, tokens):
    r"""Distinct experts that `tokens` tokens are routed to, where every choice is equally likely.

    Each token picks `active` different ones of `experts`; equal to `active` for one token. Routers that are not
    balanced touch fewer.

    Examples
    --------
    >>> float(expected_experts(8, 2, 1)), round(float(expected_experts(8, 2, 4)), 3)
    (2.0, 5.469)
    """
    # E·(1 − (1 − k/E)^n), written so that one token gives k exactly. More than all experts make no network.
    return experts - (experts - active) * np.power(np.maximum(1 - active / experts, 0.0), tokens - 1.0)
