"""Loss of language models from their size and the tokens that they were trained on: fits of published experiments.

Losses are in nats a token, of one corpus and one tokenizer: they rank sizes within one family, and are no score of a
benchmark. The experiments have 70 million to 16 billion parameters and 5 to 500 billion tokens; beyond that a fit
extrapolates.
"""

from __future__ import annotations

import numpy as np

from dse.registry import formula


@formula(unit="1")
def refit_loss(params, tokens):
    """Cross-entropy loss of a token, by the refit of the experiments on compute-optimal training.

    `params` are all parameters, `tokens` those trained on; see `refit_error`.

    References
    ----------
    .. [1] Besiroglu et al., "Chinchilla scaling: a replication attempt", arXiv:2404.10102.

    Examples
    --------
    >>> round(float(refit_loss(70e9, 1.4e12)), 3)
    1.974
    """
    return 1.8172 + 482.01 / params**0.3478 + 2085.43 / tokens**0.3658


@formula(unit="1")
def hoffmann_loss(params, tokens):
    """The same loss, by the authors' own fit with the constants that they printed.

    Notes
    -----
    Two digits of the exponents are too few: unrounded they change the best ratio of tokens to parameters from 93 to
    59; see `hoffmann_unrounded_loss`, and `refit_loss`, which the optimum of the paper's other methods agrees with.

    References
    ----------
    .. [1] Hoffmann et al., "Training compute-optimal large language models", arXiv:2203.15556, sec. 3.3.

    Examples
    --------
    >>> round(float(hoffmann_loss(70e9, 1.4e12)), 3)
    1.937
    """
    return 1.69 + 406.4 / params**0.34 + 410.7 / tokens**0.28


@formula(unit="1")
def hoffmann_unrounded_loss(params, tokens):
    """The same loss, by the authors' own fit with the constants of the paper's source, unrounded.

    References
    ----------
    .. [1] Hoffmann et al., "Training compute-optimal large language models", arXiv:2203.15556, source of sec. 3.3.

    Examples
    --------
    >>> round(float(hoffmann_unrounded_loss(70e9, 1.4e12)), 3)
    1.921
    """
    return 1.6934 + 406.4 / params**0.3392 + 410.7 / tokens**0.2849


@formula(unit="1")
def refit_error(params, tokens):
    """Standard error of `refit_loss`, from those published of its constants: 0.03 of 1.8172, 0.02 of both exponents.

    Notes
    -----
    A numerator and its exponent are strongly correlated and no covariance is published: they are taken to move
    together, so that a term stays as it is in the middle of the experiments (the geometric mean of their range, 1.058
    billion parameters and 50 billion tokens) and grows uncertain with the distance from there. Both terms and the
    constant are taken as independent of each other.

    References
    ----------
    .. [1] Besiroglu et al., "Chinchilla scaling: a replication attempt", arXiv:2404.10102.

    Examples
    --------
    >>> round(float(refit_error(1.058e9, 50e9)), 3)
    0.03
    """
    # 0.046052 = 0.02 · ln 10.
    of_size = 0.046052 * np.log10(params / 1.058e9) * 482.01 / params**0.3478
    of_data = 0.046052 * np.log10(tokens / 50e9) * 2085.43 / tokens**0.3658
    return np.sqrt(0.03 * 0.03 + of_size * of_size + of_data * of_data)


@formula(unit="1")
def lowest_loss(params, tokens):
    """The least of the refit less two standard errors and the two other published fits of the same experiments.

    References
    ----------
    .. [1] As `refit_loss`, `refit_error`, `hoffmann_loss` and `hoffmann_unrounded_loss`.

    Examples
    --------
    >>> round(float(lowest_loss(7e9, 2e12)), 3)
    2.002
    """
    own = np.minimum(hoffmann_loss(params, tokens), hoffmann_unrounded_loss(params, tokens))
    return np.minimum(refit_loss(params, tokens) - 2 * refit_error(params, tokens), own)


@formula(unit="1")
def highest_loss(params, tokens):
    """The largest of the refit and two standard errors and the two other published fits of the same experiments.

    References
    ----------
    .. [1] As `refit_loss`, `refit_error`, `hoffmann_loss` and `hoffmann_unrounded_loss`.

    Examples
    --------
    >>> round(float(highest_loss(7e9, 2e12)), 3)
    2.127
    """
    own = np.maximum(hoffmann_loss(params, tokens), hoffmann_unrounded_loss(params, tokens))
    return np.maximum(refit_loss(params, tokens) + 2 * refit_error(params, tokens), own)
