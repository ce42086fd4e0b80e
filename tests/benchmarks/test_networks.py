"""Configurations a second of every family of feature maps: params, MACs, total and peak activations of a grid.

The grids hold about 16,000 networks: arrays of 128 KiB, which stay in the cache. Equality with single networks is
asserted; rates are printed (`pytest -s`), since they are the machine's.
"""

import time

import numpy as np
import pytest

from dse.grid.counting import traces
from dse.grid.space import make_grid
from dse.networks import FAMILIES, trace
from tests.networks.samples import models_of

POINTS = 25
# Three axes of a family are varied, the first that it has.
RANGES = {
    "width": np.linspace(0.3, 1.8, POINTS),
    "base_channels": 16.0 * np.arange(1, POINTS + 1),
    "growth": np.arange(8.0, 8 + POINTS),
    "hidden": 8.0 * np.arange(10, 10 + POINTS),
    "resolution": np.round(np.linspace(97, 288, POINTS)),
    "time_steps": np.arange(20.0, 20 + POINTS),
    "frames": np.arange(1.0, POINTS + 1),
    "depth_factor": np.linspace(0.5, 2, POINTS),
    "coefficients": np.arange(1.0, POINTS + 1),
    "bottleneck": np.arange(1.0, POINTS + 1),
    "classes": np.round(np.geomspace(2, 1000, POINTS)),
    "in_channels": np.arange(1.0, POINTS + 1),
    "features_in": np.arange(1.0, POINTS + 1),
}


def has_attention(family):
    return any(op.kind == "attention" for op in trace(family, models_of(family)[0].axes).ops)


CONVOLUTIONAL = [
    name
    for name, family in FAMILIES.items()
    if family.domain == "vision" and sum(axis in RANGES for axis in family.axes) >= 3 and not has_attention(name)
]


def evaluated(family, axes):
    table = trace(family, axes)
    return table.params(), table.total("macs"), table.total("activations"), table.peak()


@pytest.mark.parametrize("family", CONVOLUTIONAL)
def test_rate(family):
    rng = np.random.default_rng(20240611)
    names = [name for name in RANGES if name in FAMILIES[family].axes][:3]
    axes = dict(models_of(family)[0].axes)
    sides = [[-1 if place == number else 1 for place in range(3)] for number in range(3)]
    grid = axes | {name: RANGES[name].reshape(side) for name, side in zip(names, sides, strict=True)}
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        found = evaluated(family, grid)
        seconds.append(time.perf_counter() - start)
    first, best = (1e6 * s / POINTS**3 for s in (seconds[0], min(seconds)))
    print(f"\n{family}: {best:.3f} µs a configuration over {', '.join(names)}; {first:.3f} at the first call")
    found = [np.broadcast_to(value, (POINTS,) * 3) for value in found]
    for place in rng.integers(0, POINTS, (5, 3)):
        single = evaluated(family, axes | {name: RANGES[name][i] for name, i in zip(names, place, strict=True)})
        assert single == tuple(value[tuple(place)] for value in found)


# Every stage with and without a first convolution, and every depth, is another graph.
STAGES = {
    "expansions": {f"expansion_{stage}": [1.0, 3.0, 6.0] for stage in range(1, 7)},
    "depths": {f"depth_{stage}": [1.0, 2.0, 3.0, 4.0] for stage in range(1, 7)},
}


@pytest.mark.parametrize("name", STAGES)
def test_rate_of_stages(name):
    """Grids in which stages differ in what they hold: 64 graphs of live buffers, told apart stage by stage."""
    axes = {"width": [0.5, 1.0, 1.3], "resolution": [96.0, 128.0, 160.0, 192.0, 224.0], **STAGES[name]}
    grid = dict(zip(axes, np.ix_(*axes.values()), strict=True))
    start = time.perf_counter()
    found = evaluated("inverted_residual", grid)
    shape = tuple(map(len, axes.values()))
    print(f"\n{name}: {1e6 * (time.perf_counter() - start) / np.prod(shape):.3f} µs a configuration")
    rng = np.random.default_rng(20240611)
    for place in zip(*(rng.integers(0, n, 40) for n in shape), strict=True):
        single = evaluated("inverted_residual", {axis: axes[axis][i] for axis, i in zip(axes, place, strict=True)})
        assert single == tuple(np.broadcast_to(value, shape)[place] for value in found)


@pytest.mark.parametrize("family", CONVOLUTIONAL)
def test_rate_of_tiles(family):
    """As a grid takes them, tile by tile (`counting.TRACE_LIMIT`)."""
    names = [name for name in RANGES if name in FAMILIES[family].axes][:3]
    axes = dict(models_of(family)[0].axes)
    points = {name: np.linspace(RANGES[name][0], RANGES[name][-1], 48) for name in names}
    for name, values in points.items():
        if np.all(RANGES[name] == np.round(RANGES[name])):
            points[name] = np.unique(np.round(values))
    space = make_grid(FAMILIES[family], axes | {name: values.tolist() for name, values in points.items()})
    start = time.perf_counter()
    found = [(table, table.params(), table.total("macs"), table.total("activations"), table.peak())
             for _, table in traces(space)]  # fmt: skip
    rate = 1e6 * (time.perf_counter() - start) / space.size
    print(f"\n{family}: {rate:.3f} µs a configuration, {len(found)} tiles")
    macs = np.concatenate([np.broadcast_to(table_macs, table.shape).ravel() for table, _, table_macs, *_ in found])
    assert macs.size == space.size
    corners = [{name: values[end] for name, values in points.items()} for end in (0, -1)]
    assert [macs[0], macs[-1]] == [trace(family, axes | corner).total("macs") for corner in corners]
