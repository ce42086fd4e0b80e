"""The cost of tokens: rent, or amortised price and electricity, with both kinds of devices in one space."""

from __future__ import annotations

import pytest

import dse
from dse.cli import run

GPU = {"class": "datacentre-gpu", "peak_fp16": "100 TFLOPS", "bandwidth": "1 TB/s", "tdp": "300 W"}
ASK = {"precision": "fp16", "phase": "decode", "context": 128}


def costs(devices, **settings):
    metrics = ["cost_per_million_tokens", "token_throughput"]
    return dse.evaluate("llama-2-7b", device=devices, metrics=metrics, **{**ASK, **settings})


def by_hand(tokens, an_hour):
    return an_hour / 3600 / tokens * 1e6


def test_rent_and_ownership_by_hand():
    """A rented device's electricity is in its rent, even where its power is unknown; an owned one pays for it.

    4 years of 8766 h each by default; 0.7 of 300 W, at a site with an overhead of 1.2, for 0.20 USD/kWh.
    """
    rented = {**{k: v for k, v in GPU.items() if k != "tdp"}, "price_per_hour": "2 USD/h", "price": "9000 USD"}
    data = costs({"rented": rented, "owned": {**GPU, "price": "9000 USD"}})
    tokens = float(data.token_throughput[0])
    assert data.cost_basis.values.tolist() == ["rent", "amortised price and electricity"]
    electricity = 300 * 0.7 * 1.2 / 1000 * 0.20
    expected = [by_hand(tokens, 2), by_hand(tokens, 9000 / (4 * 8766) + electricity)]
    assert data.cost_per_million_tokens.values.tolist() == pytest.approx(expected, rel=1e-13)
    assert "amortised price and electricity" in data.cost_per_million_tokens.attrs["long_name"]


def test_a_price_over_a_rented_device_makes_it_owned():
    bought, both = {"base": "a100-sxm-80gb", "price": "9000 USD"}, {"price": "9000 USD", "price_per_hour": "1 USD/h"}
    data = costs({"bought": bought, "both": {"base": "a100-sxm-80gb", **both}})
    assert data.cost_basis.values.tolist() == ["amortised price and electricity", "rent"]
    hand = by_hand(float(data.token_throughput[0]), 9000 / (4 * 8766) + 400 * 0.7 * 1.2 / 1000 * 0.2)
    assert float(data.cost_per_million_tokens[0]) == pytest.approx(hand, rel=1e-13)
    ranged = costs({"bought": {**bought, "price": ["9000 USD", "18000 USD"]}}).cost_per_million_tokens
    assert float(ranged[0]) == pytest.approx(hand, rel=1e-13) and ranged.dims == ("device_price",)


def test_lifetime_share_and_place():
    own = {"owned": {**GPU, "price": "9000 USD"}}
    data = costs(own, lifetime=["1 year", "2 year"], busy_share=[0.25, 1.0], electricity_price=0.4, pue=1.5)
    assert data.cost_per_million_tokens.dims == ("lifetime", "busy_share")
    tokens, electricity = float(data.token_throughput), 300 * 0.7 * 1.5 / 1000 * 0.4
    for i, years in enumerate((1, 2)):
        for j, share in enumerate((0.25, 1.0)):
            hand = by_hand(tokens, 9000 / (years * 8766 * share) + electricity)
            assert float(data.cost_per_million_tokens[i, j]) == pytest.approx(hand, rel=1e-13)


def test_what_is_missing_is_named(capsys):
    with pytest.raises(dse.InputError, match="'x' lacks price_per_hour or device_price; needed by cost_per_million"):
        costs({"x": GPU})
    no_power = {**{k: v for k, v in GPU.items() if k != "tdp"}, "price": "9000 USD"}
    with pytest.raises(dse.InputError, match="'x' lacks tdp; needed by cost_per_million_tokens"):
        costs({"x": no_power})
    line = ["evaluate", "llama-2-7b", "--device", "l4", "--precision", "fp16", "--set", "phase=decode", "--json"]
    assert run(line) == 0
    out = capsys.readouterr().out
    assert "l4 lacks price_per_hour or device_price" in out
    assert '"cost_basis"' not in out
    assert run([*line[:3], "a100-sxm-80gb", *line[4:]]) == 0
    assert '"cost_basis": "rent"' in capsys.readouterr().out


def test_a_bare_lifetime_is_in_seconds():
    own = {"owned": {**GPU, "price": "9000 USD"}}
    bare, years = (costs(own, lifetime=time) for time in (3 * 365.25 * 86400, "3 year"))
    assert float(bare.cost_per_million_tokens) == pytest.approx(float(years.cost_per_million_tokens), rel=1e-14)


def test_carbon_of_the_making_by_hand():
    """150 kg over four years of 8766 h at half load, two devices, a batch of four; the electricity's beside it."""
    made = {"x": {**GPU, "embodied_carbon": "150 kg", "link_bandwidth": "300 GB/s"}}
    metrics = ["amortised_carbon", "total_carbon", "carbon", "latency"]
    on = {"device": made, "precision": "fp16", "phase": "decode", "context": 128, "batch": 4, "busy_share": 0.5}
    data = dse.evaluate("llama-2-7b", metrics=metrics, tensor_parallel=2, **on)
    by_hand_ = 2 * 150 * float(data.latency) / (4 * 8766 * 3600 * 0.5) / 4
    assert float(data.amortised_carbon) == pytest.approx(by_hand_, rel=1e-13)
    assert float(data.total_carbon) == pytest.approx(float(data.carbon) + by_hand_, rel=1e-13)
    with pytest.raises(dse.InputError, match="lacks the figure 'embodied_carbon'"):
        dse.evaluate("llama-2-7b", metrics=metrics, **{**on, "device": "l4"})


def test_what_several_devices_cost_their_owner_and_the_climate_by_hand():
    """150 kg and 9000 USD each over three years of 8766 h, a quarter at work; requests of 64 tokens, four at once.

    A device draws 0.7 of 300 W at a site with an overhead of 1.3, for 0.25 USD and 0.3 kg a kilowatt-hour.
    """
    made = {"x": {**GPU, "embodied_carbon": "150 kg", "price": "9000 USD", "link_bandwidth": "300 GB/s"}}
    metrics = ["request_latency", "amortised_carbon", "total_carbon_per_million_tokens", "device_cost"]
    metrics += ["cost_per_million_tokens", "carbon_per_million_tokens"]
    on = {"precision": "fp16", "phase": "request", "prompt_tokens": 128, "output_tokens": 64, "batch": 4}
    on |= {"lifetime": "3 year", "busy_share": 0.25, "pue": 1.3, "electricity_price": 0.25, "carbon_intensity": 300}
    axes = {"tensor_parallel": [1, 4], "pipeline_parallel": [1, 2], "data_parallel": [1, 2]}
    data = dse.evaluate("llama-2-7b", device=made, metrics=metrics, **on, **axes)
    for t, tensor in enumerate((1, 4)):
        for p, pipeline in enumerate((1, 2)):
            # A second replica has a batch of its own: nothing of it is in these.
            found = {name: float(data[name][{"tensor_parallel": t, "pipeline_parallel": p}]) for name in metrics}
            devices, hours = tensor * pipeline, found["request_latency"] / 3600
            kilowatt_hours = devices * 0.3 * 0.7 * 1.3 * hours
            making = 150 * devices * hours / (3 * 8766 * 0.25)
            paid = 9000 * devices * hours / (3 * 8766 * 0.25) + kilowatt_hours * 0.25
            assert found["amortised_carbon"] == pytest.approx(making / 4, rel=1e-12)
            assert found["carbon_per_million_tokens"] == pytest.approx(kilowatt_hours * 0.3 / 256 * 1e6, rel=1e-12)
            total = (kilowatt_hours * 0.3 + making) / 256 * 1e6
            assert found["total_carbon_per_million_tokens"] == pytest.approx(total, rel=1e-12)
            assert found["cost_per_million_tokens"] == pytest.approx(paid / 256 * 1e6, rel=1e-12)
            assert found["device_cost"] == 9000 * devices
