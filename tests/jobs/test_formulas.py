"""The user's own formulas as metrics and objectives."""

from __future__ import annotations

import re

import numpy as np
import pytest
from specs import SMALL, changed

import dse
from dse import registry
from dse.cli import run
from dse.errors import InputError

pytestmark = pytest.mark.usefixtures("own_registry")


def test_an_own_metric_is_an_objective_and_a_budget():
    @dse.metric(unit="J*s", direction="min")
    def energy_delay(energy, latency):
        """Energy times delay."""
        return energy * latency

    spec = changed(SMALL, objectives={"minimize": ["energy_delay"], "maximize": ["params"]}, budgets={}, fit=False)
    plain = dse.explore(spec, formulas=[energy_delay])
    frontier = plain.frontier
    grid = dse.evaluate(
        "mobilenet_v2",
        device=["stm32u575", "esp32"],
        precision=["fp32", "int8"],
        width=[0.35, 0.5, 0.75, 1.0],
        resolution=[96, 128, 160],
        metrics=["energy", "latency"],
    )
    product = (grid.energy * grid.latency).values
    assert float(frontier.energy_delay.min()) == product.min()
    limit = float(np.median(product))
    limited = dse.explore(changed(spec, budgets={"energy_delay": limit}))
    assert sum(limited.counts["excluded"].values()) == int((product > limit).sum())


def undecorated(energy):
    return energy


@pytest.mark.parametrize(("given", "told"), [(undecorated, "undecorated"), ("energy", "'energy'"), (3, "3")])
def test_what_was_not_decorated_is_a_fault(given, told):
    with pytest.raises(InputError, match=rf"formulas: {told} is not recorded; decorate it with @dse.metric"):
        dse.explore(SMALL, formulas=[given])


def test_an_argument_that_is_not_known_is_told_at_once_and_spoils_nothing():
    with pytest.raises(InputError, match="'energi'; did you mean 'energy'"):

        @dse.metric(unit="J", direction="min")
        def own(energi):
            """Misspelt."""
            return energi

    assert "own" not in dse.metrics
    assert dse.explore(SMALL, formulas=[]).counts["kept"]


def test_a_formula_is_corrected_by_defining_it_again():
    spec = changed(SMALL, objectives={"minimize": ["own"], "maximize": ["params"]}, budgets={}, fit=False)

    def least(factor):
        @dse.metric(unit="J", direction="min")
        def own(energy):
            """Some energies."""
            return energy * factor

        return float(dse.explore(spec).frontier.own.min())

    assert least(3.0) == pytest.approx(3 * least(1.0), rel=1e-12)


def test_a_metric_of_the_package_is_not_replaced():
    with pytest.raises(InputError, match="'energy' is one of the package"):

        @dse.metric(unit="J", direction="min")
        def energy(latency):
            """Not this."""
            return latency


def test_what_a_formula_has_no_value_for_is_told_of_it():
    @dse.metric(unit="1", direction="min")
    def headroom(energy):
        """Undefined where the energy is above 1 mJ."""
        return np.log10(1e-3 - energy)

    spec = changed(SMALL, objectives={"minimize": ["headroom", "latency"]}, budgets={}, fit=False)
    result = dse.explore(spec)
    above = int(np.isnan(result.grid.headroom).sum())
    assert 0 < above == result.counts["undefined"] < result.counts["enumerated"]
    assert result.manifest["undefined_because"] == {"headroom": {"the formula has no value here": above}}
    networks = [{**SMALL["network"], "name": name, "width": 0.35, "resolution": 96} for name in ("a", "b")]
    mixed = dse.explore(changed(spec, network=networks, workload={"combine": "mix"}))
    assert sum(mixed.manifest["undefined_because"].get("headroom", {"": 0}).values()) == mixed.counts["undefined"] > 0


def test_a_process_without_the_formulas_of_a_result_says_so(tmp_path, monkeypatch, capsys):
    @dse.metric(unit="J*s", direction="min")
    def energy_delay(energy, latency):
        """Energy times delay."""
        return energy * latency

    spec = changed(SMALL, objectives={"minimize": ["energy_delay"], "maximize": ["params"]}, budgets={}, fit=False)
    dse.explore(spec, formulas=[energy_delay], out=tmp_path / "x")
    monkeypatch.delitem(registry.METRICS, "energy_delay")
    result = dse.load(tmp_path / "x")
    told = "rests on own formulas that are not defined here: energy_delay = energy · latency; in Python define them"
    uses = (lambda: result.grid, lambda: result.design(), lambda: result.per("precision"), lambda: result.sample(9))
    for use in uses:
        with pytest.raises(InputError, match=re.escape(told)):
            use()
    assert run(["frontier", str(tmp_path / "x"), "--minimize", "energy"]) == 2
    assert told in capsys.readouterr().err
    # What is kept is shown all the same.
    assert result.plot("frontier")
