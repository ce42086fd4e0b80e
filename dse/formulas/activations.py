"""Activation elements. Reductions over a network (sum, peaks) belong to the trace of its graph."""

from __future__ import annotations

import numpy as np

from dse.registry import formula


@formula(unit="1")
def feature_map_activations(batch, channels, height, width):
    """Elements of a feature map.

    All arguments are counts.

    References
    ----------
    .. [1] AI efficiency metrics sheet, activations.

    Examples
    --------
    >>> feature_map_activations(1, 64, 112, 112)
    802816
    """
    return batch * channels * height * width


@formula(unit="1")
def linear_activations(batch, features):
    """Output elements of a fully connected layer.

    Both arguments are counts.

    References
    ----------
    .. [1] AI efficiency metrics sheet, activations.

    Examples
    --------
    >>> linear_activations(8, 1000)
    8000
    """
    return batch * features


@formula(unit="1")
def transformer_activations(batch, tokens, d_model):
    """Elements of the residual stream of a transformer.

    All arguments are counts.

    References
    ----------
    .. [1] AI efficiency metrics sheet, activations.

    Examples
    --------
    >>> transformer_activations(1, 197, 768)
    151296
    """
    return batch * tokens * d_model


@formula(unit="1")
def vit_tokens(height, width, patch):
    """Tokens that a vision transformer cuts an image into, without the class token.

    Sides of the image and of the patch in pixels, positive; a remainder at the border is dropped.

    References
    ----------
    .. [1] Dosovitskiy et al., "An image is worth 16x16 words", ICLR 2021, sec. 3.1.
    .. [2] AI efficiency metrics sheet, activations.

    Examples
    --------
    >>> float(vit_tokens(224, 224, 16))
    196.0
    """
    return np.floor(height / patch) * np.floor(width / patch)


@formula(unit="1")
def in_place_activations(input_activations, output_activations):
    """Elements held at once by a layer that overwrites its input, such as a depthwise convolution.

    Both arguments are counts of elements. Instead of the sum of both, the larger.

    References
    ----------
    .. [1] Lin et al., "MCUNet", NeurIPS 2020, sec. 3.2 (in-place depthwise convolution).
    .. [2] AI efficiency metrics sheet, activations.

    Examples
    --------
    >>> int(in_place_activations(1204224, 301056))
    1204224
    """
    return np.maximum(input_activations, output_activations)


@formula(unit="1")
def sparse_backprop_activations(activations, fraction):
    """Elements stored for the backward pass when only part of the layers or channels is updated.

    `fraction` is the share of stored activations, 0 to 1.

    References
    ----------
    .. [1] Lin et al., "On-device training under 256KB memory", NeurIPS 2022, sec. 3.2.
    .. [2] AI efficiency metrics sheet, activations.

    Examples
    --------
    >>> sparse_backprop_activations(6000000, 0.25)
    1500000.0
    """
    return activations * fraction
