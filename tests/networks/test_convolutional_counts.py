"""Every published figure of the convolutional models, from the table in tests/reference."""

import csv

import pytest

from dse.networks import FAMILIES, MODELS, trace
from tests.networks.conftest import REFERENCE

with (REFERENCE / "counts-convolutional.csv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))

MATRICES = ("conv", "depthwise", "linear")


def stored(table, *kinds):
    return sum(op.repeat * op.copies.stored * op.weights for op in table.ops if op.kind in kinds)


def macs_with_norms(table):
    """As some tools count: two operations an element for a batch norm, five for a layer norm."""
    per_element = lambda op: 2 * bool(op.statistics) + 5 * bool(op.affine and not op.statistics)  # noqa: E731
    return table.total("macs") + sum(op.repeat * per_element(op) * op.count("outputs") for op in table.ops)


def peak_with_fresh_sums(table):
    for op in table.ops:
        op.in_place = "fresh" if op.kind == "add" else op.in_place
    return table.peak(in_place_depthwise=False)


COMPUTED = {
    "params": lambda t: t.params(),
    "params_statistics": lambda t: t.params("statistics"),
    "params_without_norms": lambda t: t.params() - t.total("affine"),
    "params_conv_weight": lambda t: stored(t, "conv", "depthwise"),
    "params_linear_weight": lambda t: stored(t, "linear"),
    "params_norm_affine": lambda t: t.total("affine"),
    "macs": lambda t: t.total("macs"),
    "macs_with_norms": macs_with_norms,
    "activations": lambda t: t.total("activations"),
    "max_layer_in_plus_out": lambda t: max(op.count("traffic") for op in t.ops if op.kind in MATRICES),
    "peak_layer_in_plus_out_incl_pool": lambda t: t.peak_simple(),
    "peak_liveness": lambda t: t.peak(in_place_depthwise=False),
    "peak_liveness_inplace_depthwise": lambda t: t.peak(in_place_depthwise=True),
    "peak_liveness_add_out_of_place": peak_with_fresh_sums,
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: " ".join(filter(None, list(row.values())[:3])))
def test_published_row(row):
    model = MODELS[row["model"]]
    changed = dict(pair.split("=") for pair in row["axes"].split())
    table = trace(model.family, {**model.axes, **{axis: float(value) for axis, value in changed.items()}})
    computed = COMPUTED[row["quantity"]](table)
    assert abs(computed - float(row["value"])) <= float(row["rounding"]), f"{computed:.0f}; {row['source']}"


def test_every_family_has_published_figures():
    """In a table of references, or with the models of the zoo, which `test_zoo_counts` compares."""
    with (REFERENCE / "counts-published-transformers.csv").open(encoding="utf-8", newline="") as file:
        rows = [*ROWS, *csv.DictReader(file)]
    covered = {MODELS[row["model"]].family for row in rows}
    covered |= {model.family for model in MODELS.values() if model.published}
    # Nobody prints one of PVCNN in this form; its unrolled network is counted.
    assert covered == set(FAMILIES) - {"pvcnn"}
