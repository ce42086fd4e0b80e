"""Loss of decoders by the scaling law, which is of dense networks whose tokens attend to all before them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from dse.formulas.scaling import highest_loss, lowest_loss, refit_loss
from dse.glossary import lookup

Array = npt.NDArray[np.float64]
# Tokens that the networks of the experiments read at once: a window that holds so many leaves nothing out.
CONTEXT = 2048
# Parameters and tokens of the experiments.
PARAMS, TOKENS = (70e6, 16e9), (5e9, 500e9)
RANGE = "70 million to 16 billion parameters, 5 to 500 billion tokens"
DENSE = "the scaling law is of dense decoders with softmax attention"
REFUSALS = (
    ("experts", f"{DENSE}: a mixture of experts lies somewhere between its active and all its parameters"),
    ("attention", f"{DENSE}, not linear attention"),
    ("window", f"{DENSE} over {CONTEXT} tokens, not over a shorter window"),
    ("sparsity", f"{DENSE}, not of pruned networks"),
    (
        "guessing",
        "the scaling law has no ceiling: here it is at its upper bound no better than guessing, ln(vocabulary)",
    ),
)


def by_law(params: Array, tokens_per_parameter: Array) -> tuple[Array, Array, Array]:
    """Loss [nat], its lower and its upper bound."""
    tokens = params * tokens_per_parameter
    return tuple(np.asarray(fit(params, tokens)) for fit in (refit_loss, lowest_loss, highest_loss))  # type: ignore[return-value]


def is_extrapolated(params: Array, tokens_per_parameter: Array) -> npt.NDArray[np.bool_]:
    """Where a network, or what it is trained on, is outside of what the law was fitted to."""
    tokens = params * tokens_per_parameter
    inside = (params >= PARAMS[0]) & (params <= PARAMS[1]) & (tokens >= TOKENS[0]) & (tokens <= TOKENS[1])
    return np.asarray(~inside)


def refused(axes: Mapping[str, Array], highest: Array) -> list[npt.NDArray[np.bool_]]:
    """Where the law says nothing of a decoder, of which `highest` is the upper bound: a mask for each of `REFUSALS`."""
    nothing = np.array(np.nan)
    attention, window, sinks, local = (axes.get(n, nothing) for n in ("attention", "window", "sinks", "local_layers"))
    linear, windowed, streaming = (lookup("attention").number(kind) for kind in ("linear", "window", "sinks"))
    kept = np.where(attention == streaming, window + np.nan_to_num(sinks), window)
    narrow = np.isin(attention, (windowed, streaming)) & (kept < CONTEXT)
    return [
        ~np.isnan(axes.get("experts", nothing)),
        attention == linear,
        narrow | ((np.nan_to_num(local) > 0) & (window < CONTEXT)),
        np.nan_to_num(axes.get("sparsity", nothing)) > 0,
        highest >= np.log(axes.get("vocab", nothing)),
    ]
