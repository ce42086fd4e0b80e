"""Branch and bound against plain enumeration: every design of many small grids."""

import itertools

import numpy as np
import pytest

from dse.grid.blocks import Alone
from dse.grid.labelled import Labelled
from dse.pareto import boxes, forest
from dse.pareto import branch as branch_module
from dse.pareto.branch import branch
from dse.pareto.cut import Budget, Cut, Objective
from dse.pareto.field import Field
from dse.pareto.partial import read_partial
from dse.pareto.scan import finish, is_of, scan_blocks
from dse.pareto.shares import Shares
from dse.pareto.units import Block
from dse.registry import Record
from tests.grid.spaces import make, random_space
from tests.pareto import oracle
from tests.pareto.landscapes import AXES, COLUMNS, Landscape, landscape, total
from tests.pareto.test_scan import random_cut


def options(rng, dims):
    """Any way to search: leaves, chunks, the coarse grid, architectures at a time, order of dimensions, bounds."""
    order = list(rng.permutation(list(dims))) if rng.random() < 0.5 else []
    return {
        "leaf": int(rng.integers(1, 9)),
        "chunk": int(rng.choice([1, 7, 100, 8192])),
        "coarse": int(rng.choice([1, 20, 1000])),
        "networks": int(rng.choice([1, 3, 2**20])),
        "order": [str(d) for d in order],
        "trends": bool(rng.random() < 0.7),
    }


def check_counts(found, size):
    tally = found.tally
    parts = [tally.undefined, *tally.excluded.values(), *tally.skipped.values(), tally.dominated, tally.kept]
    assert min(parts) >= 0 and sum(parts) == tally.enumerated == size
    assert found.bounded.modelled + sum(tally.skipped.values()) == size


@pytest.mark.no_cover
@pytest.mark.parametrize("batch", range(12))
def test_the_frontier_of_real_spaces(batch):
    for seed in range(batch * 15, batch * 15 + 15):
        rng = np.random.default_rng(seed)
        space = random_space(seed)
        cut = random_cut(rng, space)
        whole = scan_blocks([Block(Alone(space), cut)], engine="plain")
        found = branch([Field(Alone(space), cut)], **options(rng, space.dims))
        np.testing.assert_array_equal(found.places, whole.places, err_msg=f"seed {seed}")
        check_counts(found, space.size)


def random_question(rng, space):
    names = list(rng.permutation(["latency", "energy", "power", "throughput"]))
    objectives = tuple(Objective(str(n), "min" if rng.random() < 0.7 else "max") for n in names[: rng.integers(1, 4)])
    budgets = []
    for name in map(str, names[2 : 2 + rng.integers(0, 3)]):
        # Whole numbers are values of many designs: these just keep the limit.
        limit = float(rng.integers(-1, 4)) if rng.random() < 0.6 else rng.random() * 6
        budgets.append(Budget(name, low=limit) if rng.random() < 0.5 else Budget(name, high=limit))
    per = tuple(str(d) for d in space.dims if rng.random() < 0.2)
    return Cut(objectives, tuple(budgets), bool(rng.integers(2)), per)


def by_hand(world, cut):
    """Places of the frontier: every design of the grid, every pair of designs of a group."""
    columns = {n: c.reshape(-1) for n, c in world.whole([*cut.columns, "params"]).items()}
    alive = np.ones(world.space.size, dtype=bool)
    for name in [o.metric for o in cut.objectives] + [b.metric for b in cut.budgets]:
        alive &= ~np.isnan(columns[name])
    for budget in cut.budgets:
        alive &= (columns[budget.metric] <= budget.high) & (columns[budget.metric] >= budget.low)
    if cut.fit:
        mcu = world.space.axes["device"].values[0].startswith("stm32")
        for name in ("sram_free", "flash_free") if mcu else ("memory_free",):
            alive &= ~(columns[name] < 0)
    index = np.indices(tuple(world.space.sizes.values())).reshape(len(world.space.dims), -1)
    groups = {}
    for place in np.flatnonzero(alive):
        key = tuple(index[world.space.dims.index(d), place] for d in cut.per)
        groups.setdefault(key, []).append(place)
    frontier = []
    for rows in groups.values():
        points = np.column_stack([o.sign * columns[o.metric][rows] for o in cut.objectives])
        frontier += np.array(rows)[oracle.nondominated(points)].tolist()
    return sorted(frontier)


@pytest.mark.no_cover
@pytest.mark.parametrize("batch", range(12))
def test_plateaus_ties_and_missing_values(batch):
    ties = 0
    for seed in range(batch * 25, batch * 25 + 25):
        rng = np.random.default_rng(10_000 + seed)
        world = landscape(rng)
        cut = random_question(rng, world.space)
        expected = by_hand(world, cut)
        ties += len(expected) > 1
        for _ in range(2):
            found = branch([Field(world, cut)], **options(rng, world.space.dims))
            assert found.places.tolist() == expected, f"seed {seed}"
            check_counts(found, world.space.size)
    assert ties > 5


@pytest.mark.parametrize("limit", [0.0, 2.0])
def test_designs_that_just_keep_a_limit(limit):
    world = made({"latency": [limit, limit, limit + 1, limit + 2], "power": [3.0, 2.0, 1.0, 0.0]})
    cut = Cut((Objective("power", "min"),), (Budget("latency", high=limit),), False)
    assert branch([Field(world, cut)], coarse=1, leaf=1).places.tolist() == by_hand(world, cut) == [1]
    mirrored = Cut((Objective("power", "max"),), (Budget("latency", low=limit + 2),), False)
    assert branch([Field(world, mirrored)], coarse=1, leaf=1).places.tolist() == by_hand(world, mirrored) == [3]


def test_a_capacity_that_is_not_stated_excludes_nothing():
    """Beside designs that do not fit, and in one box with them."""
    world = made({"memory_free": [-1.0, np.nan, -2.0, -1.0], "power": [1.0, 2.0, 3.0, 4.0]})
    cut = Cut((Objective("power", "min"),))
    assert branch([Field(world, cut)], coarse=1, leaf=1).places.tolist() == by_hand(world, cut) == [1]


def made(columns):
    """A landscape along one axis, with these columns and 1 in all others."""
    space = make("mobilenet_v2", device="rtx-4090", batch=[1, 2, 3, 4])
    steps = tuple(Record(name, "metric", "1", total, (f"of_{name}", "zero")) for name in COLUMNS)
    values = {"params": Labelled((), np.array(1.0)), "zero": Labelled((), np.array(0.0))}
    values |= {f"of_{n}": Labelled(("batch",), np.array(columns.get(n, [1.0] * 4))) for n in COLUMNS}
    return Landscape(space, values, steps)


def test_several_fields_share_one_frontier():
    rng = np.random.default_rng(3)
    for _ in range(15):
        worlds = [landscape(rng, [5, 9, 4]) for _ in range(2)]
        cut = Cut((Objective("latency", "min"), Objective("energy", "max")), (), False)
        columns = [w.whole(["latency", "energy"]) for w in worlds]
        points = np.concatenate(
            [np.column_stack([c["latency"].reshape(-1), -c["energy"].reshape(-1)]) for c in columns]
        )
        known = np.flatnonzero(~np.isnan(points).any(axis=1))
        expected = known[oracle.nondominated(points[known])].tolist()
        found = branch([Field(w, cut) for w in worlds], **options(rng, worlds[0].space.dims))
        assert found.places.tolist() == expected


def test_every_order_and_leaf_and_chunk_gives_the_same_frontier():
    rng = np.random.default_rng(5)
    world = landscape(rng, [4, 9, 5])
    cut = Cut((Objective("latency", "min"), Objective("energy", "max")), (), False)
    expected = by_hand(world, cut)
    for order in itertools.permutations(AXES[:3]):
        for leaf, chunk in ((1, 1), (2, 50), (8, 3), (64, 1000)):
            found = branch([Field(world, cut)], leaf=leaf, chunk=chunk, coarse=1, order=order)
            assert found.places.tolist() == expected


@pytest.mark.parametrize("of", [1, 2, 7])
def test_every_design_is_in_one_share(of):
    rng = np.random.default_rng(of)
    for _ in range(10):
        sizes, seen = tuple(rng.integers(1, 12, 3).tolist()), []
        for number in range(of):
            for level, some in boxes.roots(sizes, [0], 50, (number, of)):
                seen.append(np.ravel_multi_index(tuple(boxes.members(level, some, sizes)), sizes))
        np.testing.assert_array_equal(np.sort(np.concatenate(seen)), np.arange(np.prod(sizes)))


def test_shares_go_on_from_what_is_known():
    rng = np.random.default_rng(12)
    world = landscape(rng, [4, 9, 5])
    cut = Cut((Objective("latency", "min"), Objective("energy", "max")), (), False)
    blocks = [Block(world, cut)]
    kept = []
    first = Shares(blocks, 6).scan(only=[1, 4], checkpoint=lambda found, last=False: kept.append(found()))
    assert [k.units.tolist() for k in kept if k.suspended is None] == [[1], [1, 4]]
    done = finish(blocks, Shares(blocks, 6).scan(known=first))
    assert done.places.tolist() == by_hand(world, cut)
    check_counts(done, world.space.size)


class Killed(Exception):
    """A search is over."""


def killed_at(batch, kept):
    """A checkpoint that keeps what it is told, and ends the search after so many."""

    def checkpoint(found, last=False):
        kept.append(found())
        if len(kept) == batch:
            raise Killed

    return checkpoint


def through_a_file(found, path):
    found.save(path, {})
    return read_partial(path)[0]


def facts(found):
    """All of what a search found, dictionaries in their order."""
    arrays = (found.units, found.points, found.places, found.groups, *found.cells)
    return [str((found.tally, found.bounded, found.sampled)), *(a.tobytes() for a in arrays)]


@pytest.mark.parametrize(("only", "per"), [(None, ()), (None, ("batch",)), ([1, 4], ())])
def test_a_search_goes_on_as_if_it_had_never_been_killed(only, per, tmp_path, monkeypatch):
    monkeypatch.setattr(branch_module, "CHUNK", 10)
    monkeypatch.setattr(branch_module, "COARSE", 10)
    monkeypatch.setattr(forest, "LEAST", 4)
    rng = np.random.default_rng(12)
    worlds = [landscape(rng, sizes) for sizes in ([4, 9, 8], [9, 5, 4])]
    cut = Cut((Objective("latency", "min"), Objective("energy", "max")), (Budget("power", high=5.0),), False, per)
    blocks = [Block(world, cut) for world in worlds]
    whole, batches = Shares(blocks, 6).scan(only=only, checkpoint=killed_at(0, every := [])), len(every)
    assert batches > 24 and whole.tally.excluded and whole.tally.skipped
    for batch in (1, 2, batches // 3, batches // 2, batches - 2):
        kept: list = []
        with pytest.raises(Killed):
            Shares(blocks, 6).scan(only=only, checkpoint=killed_at(batch, kept))
        shares, known = Shares(blocks, 6), through_a_file(kept[-1], tmp_path / "found.npz")
        assert shares.accounts_for(known) and is_of(blocks, known)
        assert facts(shares.scan(only=only, known=known)) == facts(whole), f"killed after {batch} of {batches} batches"


def test_what_one_process_has_searched_is_not_searched_again():
    world = landscape(np.random.default_rng(12), [4, 9, 5])
    cut = Cut((Objective("latency", "min"), Objective("energy", "max")), (), False)
    shares, kept = Shares([Block(world, cut)], 6), []
    found = shares.scan(checkpoint=lambda found, last=False: kept.append(found()))
    again = Shares([Block(world, cut)], 6).scan(known=kept[-1])
    assert again.units.tolist() == list(range(6))
    assert (again.tally, again.bounded) == (found.tally, found.bounded)


def test_a_large_space_is_hardly_looked_at():
    space = random_space(
        0,
        batch=list(range(1, 513)),
        utilization=[x / 100 for x in range(1, 101)],
        width=[0.35, 1.0],
        device=["rtx-4090", "a100-sxm-80gb"],
        precision="fp16",
    )
    cut = Cut((Objective("latency", "min"), Objective("energy", "min")), (Budget("power", high=100.0),))
    found = branch([Field(Alone(space), cut)])
    assert found.places.tolist() == scan_blocks([Block(Alone(space), cut)]).places.tolist()
    assert found.bounded.modelled < space.size / 50 and sum(found.tally.skipped.values()) > 0.98 * space.size


def test_progress_ends_at_the_size_of_the_space():
    world, told = landscape(np.random.default_rng(8), [5, 9, 8]), []
    cut = Cut((Objective("latency", "min"), Objective("power", "min")), (), False)
    branch([Field(world, cut)], chunk=10, progress=lambda *p: told.append(p))
    assert told[-1] == (360, 360) and all(a < b for (a, _), (b, _) in itertools.pairwise(told))
