"""What `dse frontier` and a result without designs tell."""

import pytest

import dse
from dse.cli import run
from dse.errors import nearest
from dse.report.summary import misses

SPEC = {
    "name": "x",
    "network": {"model": "mobilenet_v2"},
    "precision": {"scheme": "int8"},
    "hardware": {"device": "chip"},
    "device": {"chip": {"class": "mcu", "peak_int8": "1 GOPS", "bandwidth": "1 GB/s", "sram": "8 MiB", "tdp": "1 W"}},
    "objectives": {"minimize": ["latency"]},
}


def test_fit_that_is_not_checked_is_told_by_a_new_cut(tmp_path, capsys):
    dse.explore(SPEC, out=tmp_path / "x", plots=False)
    assert run(["frontier", str(tmp_path / "x"), "--minimize", "energy"]) == 0
    assert "fit not checked, for want of capacities: chip (flash_capacity)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("budgets", "broken", "expected"),
    [
        ([], {}, "no design has a value of every objective"),
        ([], {"fit: flash_free": 4}, "no design meets the budgets"),
        ([{"text": "latency ≤ 1 s", "metric": "latency"}], {}, "no design meets the budgets"),
    ],
)
def test_budgets_are_blamed_where_there_are_any(budgets, broken, expected):
    counts = {"enumerated": 4, "undefined": 0 if broken else 4, "excluded": broken}
    shown = {"counts": counts, "nearest_misses": {}, "broken_totals": broken, "budgets": budgets}
    assert misses(shown | {"units": {"latency": "s"}, "undefined_because": {}})[0] == expected


def test_names_that_are_not_near_are_not_suggested():
    assert nearest("nope", ["EUROPE", "stm32h743"]) is None
    assert nearest("erope", ["EUROPE", "stm32h743"]) == "EUROPE"
