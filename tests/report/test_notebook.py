"""The summary that a notebook shows."""

from __future__ import annotations

import re

import pytest

import dse

SPEC = {
    "name": "small",
    "network": {"family": "mobilenet_v2", "width": [0.35, 0.5], "resolution": [96, 128]},
    "precision": {"scheme": "int8"},
    "hardware": {"device": "stm32u575"},
    "objectives": {"minimize": ["latency"], "maximize": ["accuracy"]},
}


def cells(html: str) -> list[str]:
    return re.findall(r"<td[^>]*>([^<]*)</td>", html)


def test_counts_and_designs_are_told():
    result = dse.explore(SPEC)
    html = result._repr_html_()
    assert "<strong>small</strong>: 4 designs" in html
    kept = result.counts["kept"]
    rows = html.count("<tr>") - 2
    count_rows = 2 + sum(1 for n in (result.counts["undefined"], *result.counts["excluded"].values()) if n)
    assert rows == count_rows + kept
    assert f"{kept}" in cells(html)
    assert "96" in cells(html)


def test_an_infeasible_result_tells_the_nearest_miss():
    html = dse.explore({**SPEC, "budgets": {"latency": "1 us"}})._repr_html_()
    assert "no design meets the budgets" in html
    assert "the nearest miss is" in html


@pytest.mark.parametrize("device", ["<script>alert(1)</script>"])
def test_names_are_escaped(device):
    own = {"base": "stm32u575"}
    spec = {**SPEC, "device": {device: own, "b": own}, "hardware": {"device": [device, "b"]}}
    html = dse.explore(spec)._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
