"""The user's own formulas as metrics and objectives."""

from __future__ import annotations

import numpy as np
import pytest
from specs import SMALL, changed

import dse
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
