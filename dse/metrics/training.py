"""Metrics of one training step: forward pass, backward pass, and what must be kept for them.

Names with the prefix `forward_` are those of the forward pass over all tokens with all logits; for other networks than
language models it is the pass of inference.
"""

from __future__ import annotations

from dse import formulas
from dse.registry import metric

# The backward pass multiplies twice as much as the forward pass: once for the inputs, once for the weights.
PASSES = 3


@metric("macs", phase="train", unit="1", direction="min", counted="MAC")
def training_macs(forward_macs):
    """Multiply-accumulates of forward and backward pass: three times those of the forward pass."""
    return PASSES * forward_macs


@metric("weights_read", phase="train", unit="1", direction="min")
def training_weights_read(forward_weights_read):
    """Weight elements read forward and backward, and gradients written; the optimizer's step is not counted."""
    return PASSES * forward_weights_read


@metric("activation_traffic", phase="train", unit="1", direction="min")
def training_activation_traffic(forward_activation_traffic):
    """Input and output elements of every op, forward, and of both products of its backward pass."""
    return PASSES * forward_activation_traffic


@metric("activations", phase="train", unit="1", direction="min")
def training_activations(forward_activations):
    """Outputs of all convolutions, linear layers and attention products: stored until the backward pass."""
    return forward_activations * 1.0


@metric("memory", phase="train", unit="B", direction="min")
def training_memory(
    params, activations, batch, weight_bits, grad_bits, optimizer_bits, activation_bits, trainable_share
):
    """Weights, gradients and optimizer state of what is trained, and every stored activation of the batch."""
    return formulas.training_memory(
        params,
        params * trainable_share,
        activations * batch,
        weight_bits,
        grad_bits,
        optimizer_bits,
        activation_bits,
    )
