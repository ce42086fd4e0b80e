"""Computation, family II of the sheet. One multiply-accumulate (MAC) is two floating-point operations (FLOP)."""

from __future__ import annotations

from dse.registry import formula


@formula(unit="1")
def flops(macs):
    """Floating-point operations of a number of multiply-accumulates (integer operations likewise).

    References
    ----------
    .. [1] AI efficiency metrics sheet, family II.

    Examples
    --------
    ResNet-50:

    >>> flops(4089184256)
    8178368512
    """
    return 2 * macs


@formula(unit="1")
def decoder_params_estimate(vocab, d_model, layers):
    """Estimate of the parameters of a decoder with full multi-head attention and a plain 4-fold feed-forward network.

    Arguments are counts. One embedding matrix; norms, biases and positions are left out. Wrong for
    grouped-query attention, gated networks or untied heads: there the traced count is the answer.

    References
    ----------
    .. [1] Kaplan et al., "Scaling laws for neural language models", arXiv:2001.08361, sec. 2.1.
    .. [2] AI efficiency metrics sheet, family II.

    Examples
    --------
    GPT-2 small, published as 124 million:

    >>> decoder_params_estimate(50257, 768, 12) / 1e6
    123.532032
    """
    return vocab * d_model + 12 * layers * d_model**2


@formula(unit="FLOP")
def decoder_flops_per_token(params, layers, context, d_attention):
    """Forward operations of a decoder for one token.

    `params` are those used for each token, without the input embedding; `context` is the number of tokens
    seen, `d_attention` the heads times the head dimension.

    Notes
    -----
    Deviates from the sheet's 6·L·d² (`decoder_flops_per_token_sheet`), which is a quarter of the forward
    cost of the matrices and knows neither the vocabulary nor the context.

    References
    ----------
    .. [1] Chowdhery et al., "PaLM", JMLR 2023, appendix B (a third of the training cost given there).

    Examples
    --------
    Llama-2-7B at 1024 tokens, in GFLOP:

    >>> decoder_flops_per_token(6607343616, 32, 1024, 4096) / 1e9
    13.751558144
    """
    return 2 * params + 4 * layers * context * d_attention


@formula(unit="FLOP")
def decoder_flops_per_token_sheet(layers, d_model):
    """The sheet's heuristic for the operations of a decoder for one token, for comparison only.

    Notes
    -----
    A quarter of the forward cost of the matrices, 2·12·L·d²; use `decoder_flops_per_token`.

    References
    ----------
    .. [1] AI efficiency metrics sheet, family II.

    Examples
    --------
    Llama-2-7B, in GFLOP, against 13.2 counted:

    >>> decoder_flops_per_token_sheet(32, 4096) / 1e9
    3.221225472
    """
    return 6 * layers * d_model**2


@formula(unit="FLOP")
def training_flops(params, tokens):
    """Operations of training on so many tokens: forward 2, backward 4 a parameter and token.

    Both arguments are counts; attention over the context is left out.

    References
    ----------
    .. [1] Kaplan et al., "Scaling laws for neural language models", arXiv:2001.08361, sec. 2.1.
    .. [2] AI efficiency metrics sheet, family II.

    Examples
    --------
    Chinchilla, 70 billion parameters on 1.4 trillion tokens:

    >>> training_flops(70e9, 1.4e12)
    5.88e+23
    """
    return 6 * params * tokens
