"""What a design is worth: accuracy of the network and fidelity of the number format, looked up for each design."""

from __future__ import annotations

from dse import formulas
from dse.formulas.quantization import file_sqnr_db, optimal_sqnr_db
from dse.registry import metric


@metric(unit="dB", direction="max", kind="table", signed=True)
def sqnr(scheme):
    """Signal to quantisation noise at the best clipping levels of the format's integers.

    Of the weights in the file that the format names (`weights`), each group of which has a level of its own; else of
    Gaussian weights with one level.
    """
    bits = scheme.integer_bits
    if bits is None:
        return float("nan")
    return (
        file_sqnr_db(scheme.weights, bits, scheme.group_size) if scheme.weights else optimal_sqnr_db("gaussian", bits)
    )


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
    """Cross-entropy loss of a token: the user's own values."""
    return quality.loss


@metric(unit="nat", direction="min", domain="language", label="scaling law, refit of published experiments")
def predicted_loss(params, tokens_per_parameter):
    """Cross-entropy loss of a token by a scaling law: it ranks sizes within one family, and is no benchmark's score.

    Of one corpus and tokenizer, in 16 or more bits; predicted_loss_low and predicted_loss_high bound it by the other
    published fits of the same experiments (70 million to 16 billion parameters; beyond that it extrapolates).
    """
    return formulas.refit_loss(params, params * tokens_per_parameter)


@metric(unit="nat", direction="min", domain="language", label="least of three published fits")
def predicted_loss_low(params, tokens_per_parameter):
    """Lower end of the interval of predicted_loss."""
    return formulas.lowest_loss(params, params * tokens_per_parameter)


@metric(unit="nat", direction="min", domain="language", label="largest of three published fits")
def predicted_loss_high(params, tokens_per_parameter):
    """Upper end of the interval of predicted_loss."""
    return formulas.highest_loss(params, params * tokens_per_parameter)
