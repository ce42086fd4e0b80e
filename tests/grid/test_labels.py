"""What metrics that follow from the latency say of themselves."""

import pytest

import dse

LLM = {"device": "h100-sxm", "precision": "fp16", "phase": "request", "prompt_tokens": 128, "output_tokens": 16}


@pytest.mark.parametrize(
    ("metric", "told"),
    [
        ("latency", "(roofline, lower bound)"),
        ("throughput", "(roofline, upper bound)"),
        ("energy", "(by latency: roofline)"),
        ("params", ""),
        ("compute_time", ""),
    ],
)
def test_of_a_network(metric, told):
    assert named(dse.evaluate("resnet18", device="rtx-4090", metrics=[metric])[metric]) == told


@pytest.mark.parametrize("metric", ["time_per_token", "time_to_first_token", "request_latency"])
def test_times_of_tokens(metric):
    found = dse.evaluate("gpt2", metrics=[metric], **LLM)[metric]
    assert named(found) == "(roofline, lower bound)"


def test_by_another_model_of_latency():
    found = dse.evaluate("resnet18", device="rtx-4090", metrics=["throughput"], latency_model="per_op").throughput
    assert named(found) == "(roofline of each op, upper bound)"


def test_a_label_of_its_own_comes_first():
    data = dse.evaluate("gpt2", metrics=["latency"], **LLM)
    assert named(data.latency) == "(prompt and generated tokens in turn; roofline, lower bound)"


def named(variable):
    name = variable.attrs["long_name"]
    return name[name.index("(") :] if "(" in name else ""
