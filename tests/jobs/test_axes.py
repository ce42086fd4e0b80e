"""Forms in which a spec gives the values of an axis."""

from __future__ import annotations

import pytest

import dse
from dse.errors import InputError
from dse.grid.space import too_many
from dse.jobs.axes import axis_values
from dse.networks import FAMILIES, MODELS


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("width", 0.5, 0.5),
        ("width", [0.35, 1], [0.35, 1.0]),
        ("width", {"start": 0.35, "stop": 0.5, "step": 0.05}, [0.35, 0.4, 0.45, 0.5]),
        ("width", {"start": 1.0, "stop": 0.5, "step": -0.25}, [1.0, 0.75, 0.5]),
        ("width", {"start": 0.5, "stop": 1, "num": 3}, [0.5, 0.75, 1.0]),
        ("resolution", {"start": 96, "stop": 130, "step": 16}, [96, 112, 128]),
        ("batch", {"start": 1, "stop": 64, "num": 7, "scale": "log"}, [1, 2, 4, 8, 16, 32, 64]),
        # 1, 1.8, 3.2, 5.6, 10 rounded, each once.
        ("batch", {"start": 1, "stop": 4, "num": 9, "scale": "log"}, [1, 2, 3, 4]),
        ("carbon_intensity", ["400 g/kWh", "0.4 kg/kWh"], [400.0, 400.0]),
        ("electricity_price", "0.25 USD/kWh", 0.25),
        ("utilization", "70 %", 0.7),
        ("gated", [True, False], [1, 0]),
        ("phase", ["prefill", "decode"], ["prefill", "decode"]),
    ],
)
def test_values(name, given, expected):
    found = axis_values(name, given)
    assert found == pytest.approx(expected, rel=1e-15) if name != "phase" else found == expected
    assert type(found) is type(expected)


def test_counts_are_integers():
    assert all(type(v) is int for v in axis_values("resolution", {"start": 96, "stop": 224, "step": 32}))


def test_lists_of_one_value_need_no_dimension():
    """More axes are given as lists than arrays can have dimensions; of those that vary there may be 32."""
    axes = {**FAMILIES["clip"].defaults, **MODELS["clip-vit-b-32"].axes}
    lists = {n: [v] for n, v in axes.items() if v is not None and n not in ("sparsity_pattern", "resolution")}
    lists |= {"sparsity_pattern": ["structured"], "text_ffn": [2048], "vision_ffn": [3072]}
    assert len(lists) > 32
    on = {"device": ["l4"], "precision": ["fp16"], "batch": [1], "lora_rank": [0]}
    found = dse.evaluate("clip-vit-b-32", metrics=["macs"], resolution=[224, 448], **on, **lists)
    alone = dse.evaluate("clip-vit-b-32", metrics=["macs"], resolution=[224, 448])
    assert found.macs.values.ravel().tolist() == alone.macs.values.tolist()
    varied = {f"depth_{i}": [1, 2] for i in range(33)}
    with pytest.raises(InputError, match=r"^network: 33 axes have several values; allowed: at most 32$"):
        raise InputError(too_many(varied, "network"))
    assert not too_many({**varied, "depth_0": [1]}, "network")


def test_a_list_of_one_phase_is_that_phase():
    on = {"device": "a100-sxm-80gb", "metrics": ["latency"]}
    listed = dse.evaluate("mobilenet_v2", phase=["train"], **on)
    assert listed.latency.values.ravel().tolist() == [float(dse.evaluate("mobilenet_v2", phase="train", **on).latency)]
