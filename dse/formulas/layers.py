"""Parameters and multiply-accumulates (MACs) of one layer: bias ignored, batch 1."""

from __future__ import annotations

import numpy as np

from dse.registry import formula


@formula(unit="1")
def linear_params(c_in, c_out):
    """Weights of a fully connected layer.

    Channels are positive counts; the bias is not counted.

    References
    ----------
    .. [1] AI efficiency metrics sheet, layers.

    Examples
    --------
    The classifier of ResNet-50:

    >>> linear_params(2048, 1000)
    2048000
    """
    return c_out * c_in


@formula(unit="1")
def linear_macs(c_in, c_out):
    """Multiply-accumulates of a fully connected layer, for one token or sample.

    Channels are positive counts. Every weight is used once, so the number equals that of the weights.

    References
    ----------
    .. [1] AI efficiency metrics sheet, layers.

    Examples
    --------
    >>> linear_macs(2048, 1000)
    2048000
    """
    return linear_params(c_in, c_out)


@formula(unit="1")
def conv2d_params(c_in, c_out, k_h, k_w, groups):
    """Weights of a two-dimensional convolution.

    All arguments are positive counts; `groups` divides both channel counts. The bias is not counted.

    References
    ----------
    .. [1] AI efficiency metrics sheet, layers.
    .. [2] Xie et al., "Aggregated residual transformations", CVPR 2017, sec. 3 (groups).

    Examples
    --------
    The first convolution of ResNet-50:

    >>> conv2d_params(3, 64, 7, 7, 1)
    9408.0
    """
    return c_out * c_in * k_h * k_w / groups


@formula(unit="1")
def conv2d_macs(c_in, c_out, k_h, k_w, h_out, w_out, groups):
    """Multiply-accumulates of a two-dimensional convolution, for one sample.

    All arguments are positive counts; padded positions are counted like all others.

    References
    ----------
    .. [1] AI efficiency metrics sheet, layers.

    Examples
    --------
    >>> conv2d_macs(3, 64, 7, 7, 112, 112, 1)
    118013952.0
    """
    return conv2d_params(c_in, c_out, k_h, k_w, groups) * h_out * w_out


@formula(unit="1")
def depthwise_conv2d_params(c_out, k_h, k_w):
    """Weights of a depthwise convolution: one filter a channel.

    All arguments are positive counts. It is a grouped convolution with groups = input = output channels.

    References
    ----------
    .. [1] AI efficiency metrics sheet, layers.
    .. [2] Howard et al., "MobileNets", arXiv:1704.04861, sec. 3.1.

    Examples
    --------
    >>> depthwise_conv2d_params(32, 3, 3)
    288
    """
    return c_out * k_h * k_w


@formula(unit="1")
def depthwise_conv2d_macs(c_out, k_h, k_w, h_out, w_out):
    """Multiply-accumulates of a depthwise convolution, for one sample.

    All arguments are positive counts.

    References
    ----------
    .. [1] AI efficiency metrics sheet, layers.
    .. [2] Howard et al., "MobileNets", arXiv:1704.04861, sec. 3.1.

    Examples
    --------
    >>> depthwise_conv2d_macs(32, 3, 3, 112, 112)
    3612672
    """
    return depthwise_conv2d_params(c_out, k_h, k_w) * h_out * w_out


@formula(unit="1")
def pointwise_conv2d_params(c_in, c_out):
    """Weights of a 1 × 1 convolution.

    Channels are positive counts; the bias is not counted.

    References
    ----------
    .. [1] AI efficiency metrics sheet, layers.
    .. [2] Howard et al., "MobileNets", arXiv:1704.04861, sec. 3.1.

    Examples
    --------
    >>> pointwise_conv2d_params(32, 64)
    2048
    """
    return c_out * c_in


@formula(unit="1")
def pointwise_conv2d_macs(c_in, c_out, h_out, w_out):
    """Multiply-accumulates of a 1 × 1 convolution, for one sample.

    All arguments are positive counts.

    References
    ----------
    .. [1] AI efficiency metrics sheet, layers.
    .. [2] Howard et al., "MobileNets", arXiv:1704.04861, sec. 3.1.

    Examples
    --------
    >>> pointwise_conv2d_macs(32, 64, 112, 112)
    25690112
    """
    return pointwise_conv2d_params(c_in, c_out) * h_out * w_out


@formula(unit="1")
def depthwise_separable_reduction(c_out, k):
    """How many times fewer MACs a depthwise-separable convolution needs than a standard one.

    `c_out` output channels and a square kernel of side `k`, both positive; 8 to 9 for k = 3.

    References
    ----------
    .. [1] Howard et al., "MobileNets", arXiv:1704.04861, sec. 3.1.
    .. [2] AI efficiency metrics sheet, layers.

    Examples
    --------
    >>> round(depthwise_separable_reduction(256, 3), 3)
    8.694
    """
    return 1 / (1 / c_out + 1 / k**2)


@formula(unit="1")
def winograd_reduction(tile, kernel):
    """How many times fewer multiplications Winograd's algorithm needs than direct convolution.

    `tile` is the side of the output tile and `kernel` that of the filter, positive counts, stride 1.

    Notes
    -----
    Only the products of the transformed tiles are counted; the additions of the transforms are not.

    References
    ----------
    .. [1] Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016, sec. 4.
    .. [2] AI efficiency metrics sheet, layers.

    Examples
    --------
    >>> winograd_reduction(2, 3)
    2.25
    """
    return tile**2 * kernel**2 / (tile + kernel - 1) ** 2


@formula(unit="1")
def winograd_macs(c_in, c_out, h_out, w_out, tile, kernel):
    """Multiply-accumulates of a stride-1 convolution by Winograd's algorithm, for one sample.

    All arguments are positive counts.

    Notes
    -----
    Where the tile divides the output this is the direct count over `winograd_reduction`; elsewhere the
    last tiles are computed whole.

    References
    ----------
    .. [1] Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016, sec. 4.
    .. [2] AI efficiency metrics sheet, layers.

    Examples
    --------
    >>> float(winograd_macs(64, 64, 56, 56, 2, 3))  # direct: 115,605,504
    51380224.0
    """
    return c_in * c_out * np.ceil(h_out / tile) * np.ceil(w_out / tile) * (tile + kernel - 1) ** 2


@formula(unit="1")
def softmax_attention_macs(tokens, context, heads, d_head):
    """Multiply-accumulates of the two products of softmax attention, scores and values, in one layer.

    `tokens` queries see `context` keys each; all arguments are counts.

    Notes
    -----
    Quadratic when context = tokens. The full square is counted, causal or not; projections are linear layers.

    References
    ----------
    .. [1] Vaswani et al., "Attention is all you need", NeurIPS 2017, sec. 3.2.
    .. [2] AI efficiency metrics sheet, layers.

    Examples
    --------
    One layer of ViT-B/16 at 224 pixels:

    >>> softmax_attention_macs(197, 197, 12, 64)
    59610624
    """
    return 2 * tokens * context * heads * d_head


@formula(unit="1")
def linear_attention_macs(tokens, heads, d_head):
    """Multiply-accumulates of linear attention in one layer: the key-value state and its use by the queries.

    All arguments are counts; feature maps keep the head dimension. Linear in the tokens.

    References
    ----------
    .. [1] Katharopoulos et al., "Transformers are RNNs", ICML 2020, sec. 3.2.
    .. [2] AI efficiency metrics sheet, layers.

    Examples
    --------
    >>> linear_attention_macs(197, 12, 64)
    19365888
    """
    return 2 * tokens * heads * d_head**2


@formula(unit="1")
def lora_params(d_in, d_out, rank):
    """Trained parameters of a low-rank adapter beside one linear layer.

    All arguments are positive counts.

    References
    ----------
    .. [1] Hu et al., "LoRA", ICLR 2022, sec. 4.1.
    .. [2] AI efficiency metrics sheet, layers.

    Examples
    --------
    >>> lora_params(4096, 4096, 8)  # of 16,777,216 in the layer
    65536
    """
    return rank * (d_in + d_out)


@formula(unit="1")
def pruned_params(params, sparsity):
    """Parameters that are left after pruning.

    `sparsity` is the share of zeros, 0 to 1. Indices of an unstructured format are not counted.

    References
    ----------
    .. [1] Han et al., "Learning both weights and connections", NeurIPS 2015.
    .. [2] AI efficiency metrics sheet, layers.

    Examples
    --------
    >>> pruned_params(1000000, 0.75)
    250000.0
    """
    return params * (1 - sparsity)


@formula(unit="1")
def pruned_macs(macs, sparsity):
    """Multiply-accumulates that are left after pruning.

    `sparsity` is the share of zeros that the device exploits, 0 to 1: for unstructured pruning on most
    hardware that is 0.

    References
    ----------
    .. [1] Han et al., "Learning both weights and connections", NeurIPS 2015.
    .. [2] AI efficiency metrics sheet, layers.

    Examples
    --------
    >>> pruned_macs(4089184256, 0.5)
    2044592128.0
    """
    return macs * (1 - sparsity)
