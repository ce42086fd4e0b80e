"""Bounds of boxes against every design in them."""

import numpy as np
import pytest

from dse.errors import InputError
from dse.grid.blocks import Alone
from dse.grid.bounds import Bounds
from dse.grid.evaluate import evaluate_values
from dse.grid.labelled import Labelled
from dse.grid.program import Program
from dse.grid.pyramid import Kept, Pyramid, top
from dse.grid.relations import program_by_rules
from dse.jobs.resolve import read_job
from dse.pareto.regions import regions
from dse.registry import Record
from tests.grid.spaces import make, random_space, whole
from tests.pareto.landscapes import COLUMNS, landscape

METRICS = ("latency", "energy", "memory_free", "sram_free", "peak_sram", "throughput", "accuracy", "params")


def boxes_of(rng, bounds):
    """A random level, and all of its boxes; with the designs of each, by slices."""
    level = tuple(int(rng.integers(0, k + 1)) for k in bounds.root)
    shape = [-(-n // 2**k) for k, n in zip(level, bounds.sizes, strict=True)]
    boxes = np.indices(shape, dtype=np.int32).reshape(len(shape), -1)
    parts = [tuple(slice(i << k, (i + 1) << k) for i, k in zip(box, level, strict=True)) for box in boxes.T.tolist()]
    return level, boxes, parts


def check(bounds, level, boxes, parts, columns):
    """Every design's value lies within the bounds of its box, and NaN is told."""
    view = bounds.over(level, boxes)
    n = boxes.shape[1]
    for name, values in columns.items():
        low, high = view.low(name), view.high(name)
        missing, never = (np.broadcast_to(f(name), n) for f in (view.missing, view.never))
        for i, part in enumerate(parts):
            own = values[part].reshape(-1)
            known = own[~np.isnan(own)]
            if len(known):
                assert low[i] <= known.min() and known.max() <= high[i], name
                assert not never[i], name
            # NaN of zero over zero has bounds without an end.
            assert len(known) == len(own) or missing[i] or np.isinf([low[i], high[i]]).any(), name


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", range(30))
def test_made_up_grids(seed):
    rng = np.random.default_rng(seed)
    world = landscape(rng)
    bounds = Bounds(world.program(world.space, COLUMNS), COLUMNS)
    alone = Bounds(world.program(world.space, COLUMNS), COLUMNS, trends=False)
    for _ in range(4):
        boxes = boxes_of(rng, bounds)
        check(bounds, *boxes, world.whole(COLUMNS))
        check(alone, *boxes, world.whole(COLUMNS))


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", range(18))
def test_real_metrics(seed):
    rng = np.random.default_rng(seed)
    for region in regions(random_space(seed), 10**9):
        space = region.space
        bounds = Bounds(Alone(space).program(space, METRICS), METRICS)
        values = {
            n: whole(space, v) for n, v in evaluate_values(space, METRICS, engine="plain").items() if n in METRICS
        }
        for _ in range(3):
            check(bounds, *boxes_of(rng, bounds), values)


@pytest.mark.parametrize("seed", range(9))
def test_single_designs_bit_for_bit(seed):
    for region in regions(random_space(seed), 10**9):
        space = region.space
        bounds = Bounds(Alone(space).program(space, METRICS), METRICS)
        index = np.indices(bounds.sizes, dtype=np.int32).reshape(len(bounds.sizes), -1)
        found, values = bounds.designs(index), evaluate_values(space, METRICS, engine="plain")
        for name in METRICS:
            np.testing.assert_array_equal(found[name], whole(space, values[name]).reshape(-1), err_msg=name)


def flat(x, y):
    # The same at every y; in the last bits of powers and logarithms compiled code and NumPy differ.
    return np.maximum(np.exp(1.7 * np.log10(x)), y)


def test_bounds_hold_on_a_plateau_that_engines_compute_differently():
    """Without widening, a box is bounded by NumPy's last bit, and values of compiled code lie outside."""
    space = make("mobilenet_v2", batch=list(range(1, 401)), carbon_intensity=[1, 2, 3])
    values = {
        "x": Labelled(("batch",), np.linspace(1.1, 900.0, 400)),
        "y": Labelled(("carbon_intensity",), np.array([0.1, 0.2, 0.3])),
    }
    record = Record("plateau", "metric", "1", flat, ("x", "y"))

    def program(part, columns):
        return Program(part, values, (record,), tuple(columns))

    bounds = Bounds(program(space, ["plateau"]), ["plateau"])
    compiled = whole(space, evaluate_values(space, ["plateau"], engine="fused", make=program)["plateau"])
    assert bounds.dims == ("batch", "carbon_intensity")
    for level in ((0, 0), (0, 2), (3, 1), bounds.root):
        shape = [-(-n // 2**k) for k, n in zip(level, bounds.sizes, strict=True)]
        view = bounds.over(level, np.indices(shape, dtype=np.int32).reshape(2, -1))
        for i, (a, b) in enumerate(np.ndindex(*shape)):
            own = compiled[a << level[0] : (a + 1) << level[0], b << level[1] : (b + 1) << level[1]]
            assert view.low("plateau")[i] <= own.min() and own.max() <= view.high("plateau")[i]


def test_figures_that_follow_from_others_are_steps():
    """By rule as by array: the power and area of a chip that is linear in three axes."""
    own = {
        "class": "edge",
        "peak_int8": ["1 TOPS", "3 TOPS", "9 TOPS"],
        "bandwidth": ["8 GB/s", "20 GB/s"],
        "sram": ["1 MiB", "3 MiB", "4 MiB", "8 MiB", "9 MiB"],
        "tdp": {"base": "0.3 W", "peak_int8": "0.15 W/TOPS", "bandwidth": "0.02 W*s/GB"},
        "area": {"base": "4 mm2", "tdp": "2 mm2/W", "sram": "0.8 mm2/MiB"},
    }
    spec = {
        "network": {"model": "mobilenet_v2"},
        "precision": {"scheme": "int8"},
        "hardware": {"device": "chip"},
        "device": {"chip": own},
        "objectives": {"minimize": ["area", "power"]},
    }
    (grid,) = read_job(spec).grids
    program = program_by_rules(grid, grid.space, ("area", "power"))
    assert all(len(v.dims) < 2 for v in program.values.values())
    bounds = Bounds(program, ("area", "power"))
    index = np.indices(bounds.sizes, dtype=np.int32).reshape(len(bounds.sizes), -1)
    found, values = bounds.designs(index), grid.evaluate(grid.space, ["area", "power"])
    for name in ("area", "power"):
        np.testing.assert_array_equal(found[name], whole(grid.space, values[name]).reshape(-1))
    # 9 TOPS, 20 GB/s: 0.3 + 1.35 + 0.4 = 2.05 W; area 4 + 4.1 + 7.2 = 15.3 mm2.
    assert found["area"].max() == pytest.approx(15.3e-6 if found["area"].max() < 1 else 15.3, rel=1e-12)


def no_formula(x):
    return 1.0 if x > 0 else 2.0


def first_alone(a, b):
    return np.minimum(a, 3.0)


def test_an_argument_that_is_not_used_makes_nothing_undefined():
    values = {
        "x": Labelled(("batch",), np.array([1.0, 2.0, 5.0, 7.0])),
        "y": Labelled(("batch",), np.array([np.nan, np.nan, 1.0, 2.0])),
    }
    record = Record("alone", "metric", "1", first_alone, ("x", "y"))
    bounds = Bounds(Program(make("mobilenet_v2", batch=[1, 2, 3, 4]), values, (record,), ("alone",)), ("alone",))
    view = bounds.over((1,), np.array([[0, 1]], dtype=np.int32))
    assert not np.any(view.never("alone")) and not np.any(view.missing("alone"))
    assert (view.low("alone") <= [1.0, 3.0]).all() and (view.high("alone") >= [2.0, 3.0]).all()


def test_what_cannot_be_bounded_is_told():
    space = make("mobilenet_v2", batch=[1, 2])
    values = {"x": Labelled(("batch",), np.array([1.0, 2.0]))}
    program = Program(space, values, (Record("odd", "metric", "1", no_formula, ("x",)),), ("odd",))
    with pytest.raises(InputError, match="'odd' cannot be bounded"):
        Bounds(program, ("odd",))


@pytest.mark.parametrize("limit", [10**9, 500])
def test_pyramids(limit):
    rng = np.random.default_rng(1)
    data = rng.random((5, 1, 13))
    data[rng.random(data.shape) < 0.3] = np.nan
    data[0] = np.nan
    pyramid, sizes = Pyramid("x", Labelled(("a", "b", "c"), data), ("c", "a", "b"), Kept(limit)), (13, 5, 1)
    for level in np.ndindex(top(13) + 1, top(5) + 1, 1):
        index = np.indices([-(-n // 2**k) for k, n in zip(level, sizes, strict=True)]).reshape(3, -1)
        blocks, places = pyramid.blocks(level), pyramid.places(level, index)
        low, high, some = (pyramid.take(a, places) for a in (blocks.low, blocks.high, blocks.some))
        for i, (c, a, b) in enumerate(index.T.tolist()):
            own = data[a << level[1] : (a + 1) << level[1], b, c << level[0] : (c + 1) << level[0]]
            known = own[~np.isnan(own)]
            assert np.broadcast_to(some, index.shape[1])[i] == np.isnan(own).any()
            assert (
                (np.isnan(low[i]) and np.isnan(high[i]))
                if not len(known)
                else (low[i], high[i]) == (known.min(), known.max())
            )
