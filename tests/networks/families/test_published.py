"""Counts of transformers and diffusion models against those that others publish, row by row of the reference table."""

import csv

import pytest

from dse.networks import MODELS, trace
from tests.networks.conftest import REFERENCE


def weights_of(kind):
    return lambda table: sum(op.repeat * op.weights for op in table.ops if op.kind == kind)


def elements_of_norms(table, name="norm"):
    return sum(op.executions * op.writes.elements for op in table.ops if op.kind == "norm" and name in op.name)


def macs_of_thop(table):
    """No attention products, and four for each element of a layer norm: what that tool counts.

    Group norms stand outside the layers of the transformers.
    """
    norms = [op for op in table.ops if op.kind == "norm" and op.name.rpartition(".")[2] != "norm"]
    norms = [op for op in norms if "residual" not in op.name and "out_norm" not in op.name]
    counted = sum(op.executions * op.count("macs") for op in table.ops if op.kind != "attention")
    return counted + 4 * sum(op.executions * op.writes.elements for op in norms)


COMPUTED = {
    "params": lambda table: table.params(),
    "macs": lambda table: table.total("macs"),
    "activations": lambda table: table.total("activations"),
    "conv_weights": weights_of("conv"),
    "linear_weights": weights_of("linear"),
    "norm_affine": lambda table: table.total("affine"),
    "largest_layer": lambda table: max(op.count("traffic") for op in table.ops if op.kind in ("conv", "linear")),
    # fvcore counts five for each element of a norm.
    "macs_and_norms": lambda table: table.total("macs") + 5 * elements_of_norms(table),
    "macs_of_thop": macs_of_thop,
}
with (REFERENCE / "counts-published-transformers.csv").open(encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file))


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['model']}-{row['quantity']}" for row in ROWS])
def test_published_counts(row):
    model = MODELS[row["model"]]
    computed = COMPUTED[row["quantity"]](trace(model.family, model.axes))
    published = int(row["value"])
    if row["rounding"]:
        # Rounded to the last printed digit.
        assert abs(computed - published) <= int(row["rounding"]) / 2, computed
    else:
        assert computed == published


@pytest.mark.parametrize(
    ("patch", "resolution", "tokens"),
    [(16, 224, 197), (32, 224, 50), (14, 224, 257), (16, 384, 577), (14, 336, 577), (16, 512, 1025), (14, 518, 1370)],
)
def test_tokens_of_vision_transformers(patch, resolution, tokens):
    axes = {"layers": 1, "d_model": 8, "heads": 1, "patch": patch, "resolution": resolution}
    (attention,) = [op for op in trace("vit", axes).ops if op.kind == "attention"]
    assert attention.writes.positions == tokens
