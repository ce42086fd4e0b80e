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


def test_an_argument_that_is_not_known_is_a_fault():
    @dse.metric(unit="J", direction="min")
    def own(energi):
        """Misspelt."""
        return energi

    with pytest.raises(InputError, match="energi"):
        dse.explore(SMALL, formulas=[own])
