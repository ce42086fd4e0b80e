"""Memory, family I of the sheet. Results in bytes, widths in bits."""

from __future__ import annotations

import numpy as np

from dse.registry import formula


@formula(unit="B")
def model_size(params, bits):
    """Bytes of the weights.

    `bits` is the width of one weight, scales of a grouped format included.

    References
    ----------
    .. [1] AI efficiency metrics sheet, family I.

    Examples
    --------
    Llama-2-7B at 16 bits:

    >>> model_size(6738415616, 16) / 1e9
    13.476831232
    """
    return params * bits / 8


@formula(unit="B")
def activation_memory(activations, bits):
    """Bytes of activation elements.

    `activations` is a count of elements, `bits` the width of one.

    References
    ----------
    .. [1] AI efficiency metrics sheet, family I.

    Examples
    --------
    Peak of MobileNetV2 at 224 pixels and 8 bits, in KiB:

    >>> activation_memory(1404928, 8) / 1024
    1372.0
    """
    return activations * bits / 8


@formula(unit="B")
def kv_cache(batch, layers, kv_heads, d_head, tokens, bits):
    """Key-value cache held while decoding.

    Arguments are counts; `bits` is the width of one cached element, scales included. Multi-head attention
    has as many `kv_heads` as heads; grouped-query and multi-query attention shrink the cache by their ratio.

    Notes
    -----
    The factor 2 counts keys and values. Paging overhead is not included.

    References
    ----------
    .. [1] Ainslie et al., "GQA", EMNLP 2023, sec. 2.
    .. [2] AI efficiency metrics sheet, family I.

    Examples
    --------
    Llama-3-8B with 8192 tokens at 16 bits, in GiB:

    >>> kv_cache(1, 32, 8, 128, 8192, 16) / 2**30
    1.0
    """
    return batch * layers * kv_heads * d_head * tokens * 2 * bits / 8


@formula(unit="1")
def streaming_kv_tokens(tokens, sinks, window):
    """Tokens in the cache of a sliding window that keeps the first tokens as attention sinks.

    All arguments are counts of tokens; no sinks gives a plain sliding window.

    References
    ----------
    .. [1] Xiao et al., "Efficient streaming language models with attention sinks", ICLR 2024, sec. 3.
    .. [2] AI efficiency metrics sheet, family I.

    Examples
    --------
    >>> int(streaming_kv_tokens(100000, 4, 1020))
    1024
    """
    return np.minimum(tokens, sinks + window)


@formula(unit="B")
def latent_kv_cache(batch, layers, latent_rank, rope_dim, tokens, bits):
    """Cache of multi-head latent attention: one compressed vector and one rotary key a token and layer.

    Arguments are counts; `bits` is the width of one cached element.

    References
    ----------
    .. [1] DeepSeek-AI, "DeepSeek-V2", arXiv:2405.04434, sec. 2.1.

    Examples
    --------
    DeepSeek-V2, one token at 16 bits:

    >>> latent_kv_cache(1, 60, 512, 64, 1, 16)
    69120.0
    """
    return batch * layers * (latent_rank + rope_dim) * tokens * bits / 8


@formula(unit="B")
def training_memory(params, trainable_params, activations, weight_bits, grad_bits, optimizer_bits, activation_bits):
    """Bytes held by a training step: weights, gradients, optimizer state, stored activations.

    Gradients and optimizer state exist for the trained parameters only; `optimizer_bits` is the state of
    one of them, master copy included (Adam with 16-bit weights: 96). `activations` are all stored elements.

    References
    ----------
    .. [1] Rajbhandari et al., "ZeRO", SC 2020, sec. 3.1.
    .. [2] AI efficiency metrics sheet, family I.

    Examples
    --------
    16 bytes a parameter with mixed-precision Adam, activations apart:

    >>> training_memory(1, 1, 0, 16, 16, 96, 16)
    16.0
    """
    state = trainable_params * (grad_bits + optimizer_bits)
    return (params * weight_bits + state + activations * activation_bits) / 8


@formula(unit="1", plain="bits")
def size_reduction(bits):
    """How many times smaller than 32-bit floats a format of so many bits is.

    `bits` is positive, scales included.

    References
    ----------
    .. [1] AI efficiency metrics sheet, family I.

    Examples
    --------
    >>> size_reduction(8), round(size_reduction(4.5), 3)
    (4.0, 7.111)
    """
    return 32 / bits


@formula(unit="1")
def paged_tokens(tokens, page_tokens):
    """Tokens that whole pages of a cache hold: the last one is filled in part.

    Tokens of a sequence, and tokens of a page.

    References
    ----------
    .. [1] Kwon et al., "Efficient memory management for large language model serving with PagedAttention", SOSP 2023,
       sec. 4.

    Examples
    --------
    >>> float(paged_tokens(1000, 16)), float(paged_tokens(1000, 1))
    (1008.0, 1000.0)
    """
    return np.ceil(tokens / page_tokens) * page_tokens
