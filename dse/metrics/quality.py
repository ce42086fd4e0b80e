"""What a design is worth: accuracy of the network and fidelity of the number format, looked up for each design."""

from __future__ import annotations

import math
from functools import cache

from dse.formulas.quantization import file_sqnr_db, optimal_sqnr_db
from dse.registry import metric
from dse.weights import stamp


@metric(unit="dB", direction="max", kind="table", signed=True)
def sqnr(scheme):
    """Signal to quantisation noise at the best clipping levels of the format's integers.

    Of the weights in the file that the format names (`weights`), each group of which has a level of its own; else of
    Gaussian weights with one level.
    """
    bits = scheme.integer_bits
    if bits is None:
        return float("nan")
    if not scheme.weights:
        return optimal_sqnr_db("gaussian", bits)
    if not math.isnan(scheme.weights_sqnr):
        return scheme.weights_sqnr
    return _measured(scheme.weights, bits, scheme.group_size, stamp(scheme.weights))


@cache
def _measured(file, bits, group_size, stamp):
    """The same as long as the file is: designs are evaluated part by part."""
    return file_sqnr_db(file, bits, group_size)


@metric(unit="%", direction="max", kind="table")
def accuracy(quality):
    """Top-1 accuracy: a published value, else a fit inside its validity; accuracy_low and accuracy_high bound it."""
    return quality.value


@metric(unit="%", direction="max", kind="table")
def accuracy_low(quality):
    """Lower end of the interval of accuracy."""
    return quality.low


@metric(unit="%", direction="max", kind="table")
def accuracy_high(quality):
    """Upper end of the interval of accuracy."""
    return quality.high


@metric(unit="nat", direction="min", kind="table")
def loss(quality):
    """Cross-entropy loss of a token: a published value, else a scaling law; loss_low and loss_high bound it.

    It ranks sizes and number formats within one corpus and tokenizer, and is no benchmark's score. It is that of the
    contexts of the publication (2,048 tokens by the law), whatever the `context` of the deployment. The law is
    `refit_loss`; loss_source tells where each value comes from.
    """
    return quality.value


@metric(unit="nat", direction="min", kind="table")
def loss_low(quality):
    """Lower end of the interval of loss."""
    return quality.low


@metric(unit="nat", direction="min", kind="table")
def loss_high(quality):
    """Upper end of the interval of loss."""
    return quality.high
