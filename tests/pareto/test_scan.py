"""The scan of a space against its whole grid, cut by hand."""

import itertools
import math

import numpy as np
import pytest

import dse
from dse.errors import InputError
from dse.grid.evaluate import evaluate_values
from dse.hardware import DEVICES
from dse.pareto.cut import Budget, Cut, Objective
from dse.pareto.groups import group_values
from dse.pareto.scan import scan
from tests.grid.spaces import make, random_space, whole
from tests.pareto import oracle

CHOICES = {
    "latency": "min", "energy": "min", "model_size": "min", "accuracy": "max", "throughput": "max",
    "peak_sram": "min", "params": "max", "power": "min",
}  # fmt: skip


def random_cut(rng, space):
    names = list(rng.permutation(list(CHOICES)))
    objectives = tuple(Objective(n, CHOICES[n]) for n in names[: int(rng.integers(1, 4))])
    budgets = []
    for name in names[3 : 3 + int(rng.integers(0, 3))]:
        values = evaluate_values(space, [name])[name].data
        if np.isfinite(values).any():
            limit = float(np.nanquantile(values[np.isfinite(values)], rng.random()))
            budgets.append(Budget(name, high=limit) if rng.random() < 0.7 else Budget(name, low=limit))
    axes = [n for n, a in space.axes.items() if a.given]
    per = tuple(rng.choice(axes, int(rng.integers(0, min(3, len(axes)))), replace=False).tolist())
    return Cut(objectives, tuple(budgets), bool(rng.integers(2)), per)


def by_hand(space, cut):
    """The whole grid, design by design: outcomes, and the frontier of each group."""
    metrics = [*cut.columns, "params"]
    values = evaluate_values(space, metrics, engine="plain")
    columns = {m: whole(space, values[m]).reshape(-1) for m in metrics}
    index = np.array(list(np.ndindex(*space.sizes.values()))).reshape(space.size, -1)
    outcome, groups, feasible = [], {}, []
    for place in range(space.size):
        at = dict(zip(space.dims, index[place], strict=True))
        own = {n: a.values[at[a.dim]] if a.dim else a.values[0] for n, a in space.axes.items()}
        value = {m: columns[m][place] for m in metrics}
        needed = [o.metric for o in cut.objectives] + [b.metric for b in cut.budgets] + ["params"]
        broken = []
        if cut.fit:
            mcu = DEVICES[own["device"]].device_class == "mcu"
            held = ("sram_free", "flash_free") if mcu else ("memory_free",)
            broken += [f"fit: {m}" for m in ("sram_free", "flash_free", "memory_free") if m in held and value[m] < 0]
        broken += [b.text() for b in cut.budgets if value[b.metric] > b.high or value[b.metric] < b.low]
        undefined = any(math.isnan(value[m]) for m in needed)
        outcome.append("undefined" if undefined else broken[0] if broken else "")
        if not outcome[-1]:
            groups.setdefault(tuple(str(own[p]) for p in cut.per), []).append(place)
    frontier = []
    for rows in groups.values():
        points = np.column_stack([o.sign * columns[o.metric][rows] for o in cut.objectives])
        frontier += np.array(rows)[oracle.nondominated(points)].tolist()
    return outcome, sorted(frontier), feasible


@pytest.mark.parametrize("seed", range(24))
def test_scan_against_the_whole_grid(seed):
    rng = np.random.default_rng(seed)
    space = random_space(seed)
    while space.size > 1500:
        longest = max(space.sizes, key=space.sizes.get)
        space = space.isel(longest, slice(0, max(1, space.sizes[longest] // 2)))
    cut = random_cut(rng, space)
    outcome, frontier, _ = by_hand(space, cut)
    first = None
    streamed = [{"engine": "fused"}] if seed % 6 < 1 else []
    for options in ({"tile": int(rng.integers(1, 40))}, {}, *streamed):
        found = scan(space, cut, **options)
        tally = found.tally
        assert found.places.tolist() == frontier
        assert tally.enumerated == space.size
        assert tally.undefined == outcome.count("undefined")
        assert {n: c for n, c in tally.excluded.items() if c} == {
            n: outcome.count(n) for n in set(outcome) - {"", "undefined"}
        }
        assert tally.kept == len(frontier)
        assert tally.enumerated == tally.undefined + sum(tally.excluded.values()) + tally.dominated + tally.kept
        check_cloud(found, cut, space)
        if tally.feasible == 0:
            first = first or tally.nearest
            assert tally.nearest == first


def check_cloud(found, cut, space):
    """Every pair of objectives counts each defined design of positive values once; the feasible ones apart."""
    values = evaluate_values(space, cut.columns)
    table = found.cloud.dataset()
    if len(cut.objectives) < 2:
        assert table.sizes["cell"] == 0
        return
    x, y = (whole(space, values[o.metric]) for o in cut.objectives[:2])
    with np.errstate(invalid="ignore"):
        countable = (x > 0) & (y > 0) & np.isfinite(x) & np.isfinite(y)
    pair = table.where(table.pair == 0, drop=True)
    assert int(pair.designs.sum()) == int(countable.sum())
    assert int(pair.designs.where(pair.feasible == 1).sum()) <= found.tally.feasible
    if (x > 0).all() and (y > 0).all():
        assert int(pair.designs.where(pair.feasible == 1).sum()) == found.tally.feasible
    groups = group_values([space], cut.per)
    codes = int(table.group.max()) + 1 if table.sizes["cell"] else 0
    assert codes <= math.prod(len(set(v)) for v in groups.values())


@pytest.mark.parametrize("tile", [7, 10**6])
def test_a_frontier_of_a_dataset_equals_the_scan(tile):
    axes = {"width": [0.35, 0.5, 0.75, 1.0, 1.3], "resolution": [96, 128, 160, 192, 224], "batch": [1, 2, 4]}
    hardware = {"device": ["rtx-4090", "a100-sxm-80gb", "cheatsheet-example"], "precision": ["fp16", "int8"]}
    space = make("mobilenet_v2", **axes, **hardware)
    budgets = {"peak_sram": "4 MiB", "throughput": {"min": 1000}}
    objectives = (Objective("latency", "min"), Objective("energy", "min"), Objective("accuracy", "max"))
    limits = (Budget("peak_sram", high=4 * 2**20), Budget("throughput", low=1000.0))
    found = scan(space, Cut(objectives, limits, False, ("device",)), tile=tile)
    data = dse.evaluate("mobilenet_v2", **axes, **hardware, metrics=["latency", "energy", "accuracy", *budgets])
    cut = dse.frontier(data, minimize=["latency", "energy"], maximize="accuracy", budgets=budgets, per="device")
    assert len(found.places) == cut.sizes["design"] > 3
    rows = space.designs(found.places)
    for name in (*axes, *hardware):
        assert list(cut[name].values) == list(rows.axes[name].values)
    np.testing.assert_array_equal(cut.latency, evaluate_values(rows, ["latency"])["latency"].data)


def test_networks_that_cannot_be_built_are_undefined_whatever_the_objective():
    space = make("resnet", depth=[18, 50], groups=[1, 32], width_per_group=[4, 64], device="rtx-4090")
    found = scan(space, Cut((Objective("power", "min"),)))
    assert (found.tally.undefined, found.tally.kept) == (3, 5)


def test_the_nearest_miss_is_of_a_design_that_breaks_nothing_else():
    space = make("mobilenet_v2", width=[0.35, 1.0], resolution=[96, 224], device="stm32u575", precision="int8")
    values = {m: whole(space, v).reshape(-1) for m, v in evaluate_values(space, ["flash", "peak_sram"]).items()}
    # Nothing is below both limits: each limit is met by one network only.
    flash, sram = float(values["flash"].min()), float(values["peak_sram"].min())
    budgets = (Budget("flash", high=flash - 1), Budget("peak_sram", high=sram))
    for tile in (1, 2, 100):
        tally = scan(space, Cut((Objective("latency", "min"),), budgets, False), tile=tile).tally
        assert tally.feasible == 0
        assert tally.nearest[budgets[0].text()] == flash
        assert tally.nearest[budgets[1].text()] == sorted(set(values["peak_sram"]))[1]


def test_capacities_that_a_device_does_not_state_exclude_nothing():
    space = make("mobilenet_v2", device=["rtx-4090", "stm32u575"], width=[0.35, 1.0], precision="int8", resolution=96)
    tally = scan(space, Cut((Objective("latency", "min"),))).tally
    assert tally.undefined == 0 and tally.excluded["fit: memory_free"] == 0
    assert tally.excluded["fit: flash_free"] == 1  # 3.5 MB of the full width on the microcontroller's 2 MiB


def test_progress_and_keeping_the_grid():
    space = make("mobilenet_v2", width=[0.35, 1.0], batch=list(range(1, 8)), device=["rtx-4090", "stm32u575"])
    done, kept = [], np.full(tuple(space.sizes.values()), np.nan)

    def keep(place, values):
        part = kept[tuple(place.get(d, slice(None)) for d in space.dims)]
        part[...] = values["carbon"].over(space.dims)

    cut = Cut((Objective("latency", "min"),))
    scan(space, cut, tile=5, progress=lambda *p: done.append(p), keep=keep, extra=("carbon",))
    assert done[-1] == (28, 28) and all(a < b for (a, _), (b, _) in itertools.pairwise(done))
    np.testing.assert_array_equal(kept, whole(space, evaluate_values(space, ["carbon"])["carbon"]))


def test_designs_that_cannot_be_numbered_are_refused():
    many = list(range(1, 100_001))
    axes = dict.fromkeys(("batch", "carbon_intensity", "electricity_price", "lifetime"), many)
    with pytest.raises(InputError, match="too many to enumerate"):
        scan(make("mobilenet_v2", device="rtx-4090", **axes), Cut((Objective("latency", "min"),)))
