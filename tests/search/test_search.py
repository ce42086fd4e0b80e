"""Searches of spaces that are small enough to know the truth by plain enumeration."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
import xarray as xr

import dse
from dse.jobs.resolve import read_job
from dse.jobs.run import blocks_of
from dse.pareto.cut import MCU
from dse.pareto.groups import flat_column, group_texts
from dse.plots import importances
from dse.report.summary import misses
from dse.search.designs import GROUP, Prepared, Traced, designs_of
from dse.search.evaluator import Evaluator
from dse.search.samplers import check_sampler
from dse.search.seen import Seen
from dse.search.space import SearchSpace

SPEC = {
    "name": "small",
    "network": {
        "family": "mobilenet_v2",
        "width": {"start": 0.35, "stop": 1.4, "step": 0.05},
        "resolution": {"start": 96, "stop": 224, "step": 16},
    },
    "precision": {"scheme": ["fp32", "int8"]},
    "hardware": {"device": ["stm32l4r5", "esp32"]},
    "objectives": {"minimize": ["latency"], "maximize": ["params"]},
    "budgets": {"peak_sram": "320 KiB", "flash": "2 MiB"},
}
TWO = {
    **{k: v for k, v in SPEC.items() if k != "network"},
    "network": [
        {"name": "a", "family": "mobilenet_v2", "width": [0.35, 0.5, 0.75], "resolution": [96, 128, 160]},
        {
            "name": "b",
            "family": "mobilenet_v1",
            "width": [0.25, 0.5],
            "resolution": [96, 128, 160, 192],
            "classes": [2, 10],
        },
    ],
}


def designs(frontier: xr.Dataset) -> set[tuple]:
    axes = ("width", "resolution", "precision", "device")
    return set(zip(*(frontier[a].values.tolist() for a in axes), strict=True))


def test_a_search_finds_the_frontier_and_is_judged():
    result = dse.search(SPEC, trials=120, judge=True)
    exact = dse.explore(SPEC)
    assert designs(result.frontier) == designs(exact.frontier)
    judged = result.manifest["search"]["judge"]
    assert judged["hypervolume_share"] == pytest.approx(1, abs=1e-12)
    assert judged["frontier_share"] == 1 and judged["frontier"] == exact.counts["kept"]
    assert set(result.frontier.data_vars) == set(exact.frontier.data_vars)


def test_counts_add_up_and_a_design_counts_once():
    result = dse.search(SPEC, trials=400, population=20)
    counts, went = result.counts, result.manifest["search"]
    assert counts["enumerated"] == went["designs"] < 400 + went["polished"]
    accounted = counts["undefined"] + sum(counts["excluded"].values()) + counts["dominated"] + counts["kept"]
    assert accounted == counts["enumerated"] <= went["space"] == 22 * 9 * 2 * 2


def test_without_polish_nothing_but_trials_is_evaluated():
    went = dse.search(SPEC, trials=60, polish=False).manifest["search"]
    assert went["polished"] == 0 and went["designs"] + went["duplicates"] <= 60 and went["trials"] == 60


@pytest.mark.parametrize("sampler", ["nsga2", "nsga3", "tpe", "random", "qmc"])
def test_a_seed_gives_the_same_study_again(sampler):
    first, second = (dse.search(SPEC, trials=70, sampler=sampler, seed=3, population=20) for _ in range(2))
    other = dse.search(SPEC, trials=70, sampler=sampler, seed=4, population=20)
    assert [t.params for t in first.study.trials] == [t.params for t in second.study.trials]
    assert [t.values for t in first.study.trials] == [t.values for t in second.study.trials]
    assert [t.params for t in first.study.trials] != [t.params for t in other.study.trials]
    xr.testing.assert_identical(first.frontier, second.frontier)


def test_trials_tell_the_truth():
    """Values and constraints of every trial beside `dse.evaluate` of its design."""
    study = dse.search(SPEC, trials=60, polish=False).study
    assert study.directions == [optuna.study.StudyDirection.MINIMIZE, optuna.study.StudyDirection.MAXIMIZE]
    space = SearchSpace(read_job(SPEC))
    for trial in study.trials[::7]:
        axes = {p.name: p.values[p.number(trial.params[p.name])] for p in space.parts[0].parameters}
        device, precision = axes.pop("device"), axes.pop("precision")
        truth = dse.evaluate("mobilenet_v2", device=device, precision=precision, **axes)
        assert trial.values == [float(truth.latency), float(truth.params)]
        sram = float(truth.peak_sram) / (320 * 1024) - 1
        assert trial.constraints["peak_sram ≤ 320 KiB"] == pytest.approx(sram, rel=1e-12)
        assert trial.constraints["fit: memory_free"] == 0
        assert (trial.constraints["fit: flash_free"] > 0) == (float(truth.flash_free) < 0)


def test_cells_and_parameters_are_one_to_one():
    space = SearchSpace(read_job(TWO))
    assert space.cells == 3 * 3 * 2 * 2 + 2 * 4 * 2 * 2 * 2
    given = [space.decode(cell) for cell in range(space.cells)]
    assert [space.encode(g) for g in given] == list(range(space.cells))
    assert len({tuple(sorted(g.items())) for g in given}) == space.cells
    assert set(given[0]) == {"network", "a.width", "a.resolution", "precision", "device"}
    assert set(given[-1]) == {"network", "b.width", "b.resolution", "b.classes", "precision", "device"}


def test_numbers_in_any_order_are_searched_as_sorted_ones(tmp_path):
    """The same study, frontier and designs to start from, whatever order the spec has the values of an axis in."""
    network = {"family": "mobilenet_v2", "width": [0.35, 0.5, 0.75, 1.0], "resolution": [96, 128, 160, 192, 224]}
    mixed = {**network, "width": [1.0, 0.75, 0.5, 0.35], "resolution": [96, 224, 160, 128, 192]}
    for inner in ("sample", "enumerate"):
        one, other = (
            dse.search({**SPEC, "network": n}, trials=15, population=5, polish=False, inner=inner)
            for n in (network, mixed)
        )
        assert [t.params for t in one.study.trials] == [t.params for t in other.study.trials]
        assert [t.values for t in one.study.trials] == [t.values for t in other.study.trials]
        assert designs(one.frontier) == designs(other.frontier)
        assert one.search["first_value"].values.tolist() == other.search["first_value"].values.tolist()
    space = SearchSpace(read_job({**SPEC, "network": mixed}))
    cells = np.arange(space.cells)
    assert np.array_equal(space.parts[0].cells_at(space.parts[0].places(cells)), cells)
    exact = dse.explore({**SPEC, "network": mixed})
    warm = dse.search({**SPEC, "network": mixed}, trials=2, population=2, polish=False, warm_start=exact.frontier)
    assert designs(warm.frontier) == designs(exact.frontier)


@pytest.mark.parametrize("axes", [1, 2])
def test_neighbours_by_plain_loops(axes):
    space = SearchSpace(read_job(SPEC))
    cell = 777
    own = space.decode(cell)
    expected = set()
    for other in range(space.cells):
        there = space.decode(other)
        moved = [n for n in own if own[n] != there[n]]
        near = all(isinstance(own[n], str) or abs(own[n] - there[n]) in (1, 2, 4, 8, 16) for n in moved)
        if len(moved) == axes and near:
            expected.add(other)
    found = space.neighbours(np.array([cell]), axes)
    assert found.tolist() == sorted(expected)


def test_axes_of_one_network_alone_are_conditional():
    result = dse.search(TWO, trials=80, judge=True)
    for trial in result.study.trials:
        own = trial.params["network"]
        assert all(name.partition(".")[0] == own for name in trial.params if "." in name)
    assert result.manifest["search"]["judge"]["frontier_share"] == 1


@pytest.mark.parametrize("sampler", ["nsga2", "tpe"])
def test_every_group_has_a_frontier(sampler):
    spec = {**SPEC, "objectives": {**SPEC["objectives"], "per": ["device"]}}
    result = dse.search(spec, trials=120, sampler=sampler, judge=True)
    assert set(result.frontier.device.values) == {"stm32l4r5", "esp32"}
    assert result.manifest["search"]["judge"]["frontier_share"] == 1


def test_a_trial_can_be_an_architecture():
    result = dse.search(SPEC, trials=60, inner="enumerate", judge=True, polish=False)
    assert set(result.study.trials[0].params) == {"width", "resolution"}
    assert result.counts["enumerated"] == 4 * (60 - result.manifest["search"]["duplicates"])
    trial = next(t for t in result.study.trials if all(v <= 0 for v in t.constraints.values()))
    width = SearchSpace(read_job(SPEC)).parameters["width"].values[trial.params["width"]]
    truth = dse.evaluate(
        "mobilenet_v2", device=["stm32l4r5", "esp32"], precision="int8", width=width,
        resolution=96 + 16 * trial.params["resolution"],
    )  # fmt: skip
    assert trial.values[0] == pytest.approx(float(truth.latency.min()), rel=1e-12)
    full = dse.search(SPEC, trials=60, inner="enumerate", judge=True)
    assert full.manifest["search"]["judge"]["frontier_share"] == 1


def test_a_population_is_evaluated_in_one_call(monkeypatch):
    job = read_job(SPEC)
    space = SearchSpace(job)
    calls = []
    own = Prepared.columns
    monkeypatch.setattr(Prepared, "columns", lambda d, places: calls.append(len(places)) or own(d, places))
    evaluator = Evaluator(job, space)
    outcomes = evaluator.trials([5, 9, 5, 300])
    assert calls == [3] and outcomes[0] is outcomes[2]
    evaluator.trials([9, 5])
    assert calls == [3] and evaluator.designs == 3


SEVERAL = {
    **SPEC,
    "network": {
        "family": "decoder",
        "layers": [2, 4],
        "d_model": [256, 512],
        "heads": [4, 6],
        "kv_heads": [2, 4],
        "d_head": 64,
        "ffn": 512,
        "vocab": 1000,
    },
    "precision": {"scheme": ["fp16", "mine"], "mine": {"weight_bits": [2, 4]}},
    "hardware": {"device": ["l4", "rtx-4090"]},
    "deployment": {
        "phase": ["prefill", "decode"],
        "latency_model": ["roofline", "per_op"],
        "context": [128, 1024],
        "batch": [1, 8],
    },
    "objectives": {"minimize": ["latency", "energy"], "per": ["phase", "latency_model", "weight_bits"]},
    "budgets": {"latency": "1 s"},
}


@pytest.mark.parametrize("spec", [SPEC, TWO, SEVERAL], ids=["one network", "two", "settings that choose formulas"])
def test_a_program_made_once_gives_what_an_exploration_does(spec):
    """The same bits, groups and undefined designs from counts made beforehand, and from traces as they come."""
    job = read_job(spec)
    draw = np.random.default_rng(0)
    for block in blocks_of(job):
        wanted = (*block.cut.columns, "params")
        texts = group_texts([g.space for g in job.grids], job.cut.per)
        places = draw.integers(block.grid.space.size, size=300)
        ready, traced = (kind(block.grid, wanted, job.cut.per, texts) for kind in (Prepared, Traced))
        found, other = ready.columns(places), traced.columns(places)
        values = block.grid.evaluate(block.grid.space, wanted, engine="plain")
        for name in wanted:
            truth = flat_column(block.grid.space, values, name)[places]
            assert np.array_equal(found[name], truth, equal_nan=True) and found[name].shape == (300,)
            assert np.array_equal(other[name], truth, equal_nan=True)
        assert np.array_equal(found[GROUP], other[GROUP]) and np.array_equal(found[MCU], other[MCU])
        one = ready.columns(places[:1])
        assert all(np.array_equal(one[name], found[name][:1], equal_nan=True) for name in wanted)


def test_networks_that_are_too_many_are_traced_as_they_come(monkeypatch):
    job = read_job(SPEC)
    texts = group_texts([g.space for g in job.grids], job.cut.per)
    wanted = ("params", "macs", "latency", "peak_sram")
    assert isinstance(designs_of(job.grids[0], wanted, (), texts), Prepared)
    for limit in ("FEW", "HELD"):
        with monkeypatch.context() as patch:
            patch.setattr(f"dse.search.designs.{limit}", 100)
            assert isinstance(designs_of(job.grids[0], wanted, (), texts), Traced)
            result = dse.search(SPEC, trials=40, population=20)
        xr.testing.assert_identical(result.frontier, dse.search(SPEC, trials=40, population=20).frontier)


def test_children_stay_in_the_space_and_reach_everywhere():
    space = SearchSpace(read_job(TWO))
    draw = np.random.default_rng(0)
    first = space.children(np.array([0]), 200_000, draw)
    # Those of the first network only: a child has the network of its parents.
    assert first.min() >= 0 and set(first) == set(range(space.parts[0].cells))
    both = space.children(np.array([3, space.cells - 1]), 200_000, draw)
    assert (np.diff(both) > 0).all() and set(both) == set(range(space.cells))


def test_a_growing_set_beside_a_plain_one():
    draw, seen, plain = np.random.default_rng(0), Seen(), set()
    for size in draw.integers(0, 60, size=200):
        values = np.unique(draw.integers(3000, size=size))
        assert seen.holds(values).tolist() == [v in plain for v in values.tolist()]
        seen.add(values[~seen.holds(values)])
        plain |= set(values.tolist())
    assert len(seen._runs) < 14


def test_a_warm_start_begins_with_what_was_found(tmp_path):
    known = dse.explore(SPEC, out=tmp_path / "known", plots=False)
    for source in (tmp_path / "known", known, known.frontier):
        result = dse.search(SPEC, trials=2, population=2, polish=False, warm_start=source)
        assert designs(result.frontier) == designs(known.frontier)
    given = [{"width": 0.5, "resolution": 96, "scheme": "int8", "device": "esp32"}, {"width": 7}]
    result = dse.search(SPEC, trials=2, population=2, warm_start=given)
    assert "1 of 2 designs to start from are not in the space" in result.messages
    with pytest.raises(dse.InputError, match="none of the 1 designs"):
        dse.search(SPEC, trials=2, warm_start=[{"width": 7}])
    with pytest.raises(dse.InputError, match="unknown axis 'widht'; did you mean 'width'"):
        dse.search(SPEC, trials=2, warm_start=[{"widht": 0.5}])


@pytest.mark.parametrize(("name", "value"), [("storage", 5), ("polish", "no"), ("judge", 1)])
def test_settings_of_another_type_are_refused(name, value):
    with pytest.raises(dse.InputError, match=f"{name} = .*allowed"):
        dse.search(SPEC, trials=2, **{name: value})


def test_a_storage_may_be_a_path(tmp_path):
    dse.search(SPEC, trials=2, population=2, storage=tmp_path / "shared.journal")
    assert (tmp_path / "shared.journal").exists()


def test_what_was_not_found_is_not_said_to_be_impossible(tmp_path):
    found = dse.search(SPEC, trials=2, population=2, polish=False)
    assert misses(found.manifest)[0] == "none of the designs that were tried meets the budgets"


def test_wrong_settings_are_told():
    for options, words in [
        ({"sampler": "nsga4"}, "did you mean"),
        ({"trials": 0}, "trials = 0; allowed: an integer from 1"),
        ({"inner": "enumerat"}, "enumerate"),
        ({"settings": {"output.grid": True}}, "output.grid"),
    ]:
        with pytest.raises(dse.InputError, match=words):
            dse.search(SPEC, **options)


def test_a_sampler_says_what_it_lacks(monkeypatch):
    from dse.search import samplers

    monkeypatch.setattr(samplers, "find_spec", lambda name: None)
    with pytest.raises(dse.InputError, match="sampler gp: needs scipy and torch: pip install 'dse\\[gp\\]'"):
        check_sampler("gp")


def test_a_gaussian_process_proposes():
    pytest.importorskip("torch", reason="PyTorch, which the sampler gp needs, is not installed")
    first, second = (dse.search(SPEC, trials=16, population=8, sampler="gp", seed=1) for _ in range(2))
    assert [t.params for t in first.study.trials] == [t.params for t in second.study.trials]


def test_hypervolume_by_hand():
    from dse.search.indicators import Points, frame

    square = np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]])
    zero = np.zeros(3, dtype=np.int64)
    exact = Points(square, zero, np.arange(3))
    # Boxes up to (1.1, 1.1): 1.1·0.1 + 0.6·0.5 + 0.1·0.5 = 0.46; without the middle one 0.11 + 0.1·1 = 0.21.
    measured = frame(exact)
    assert measured.volume[0] == pytest.approx(0.46)
    part = Points(square[[0, 2]], zero[:2], np.array([0, 2]))
    assert measured.share(part) == pytest.approx(0.21 / 0.46)


def test_where_nothing_is_feasible_what_breaks_least_is_improved_on():
    """One design of 792 meets the budgets: five trials at random have none, their neighbours lead to it."""
    known = dse.explore({**SPEC, "budgets": {**SPEC["budgets"], "macs": {"min": 1}}}).frontier
    latency, least = float(known.latency.min()), float(known.params.where(known.latency == known.latency.min()).max())
    tight = {**SPEC, "budgets": {**SPEC["budgets"], "latency": latency, "params": {"min": least}}}
    assert dse.explore(tight).counts["kept"] == 1
    plain, polished = (dse.search(tight, trials=5, population=5, sampler="random", polish=p) for p in (False, True))
    assert plain.counts["kept"] == 0 and polished.counts["kept"] == 1


def test_importances_of_many_trials_are_those_of_some_evenly_chosen(monkeypatch):
    monkeypatch.setattr("dse.search.record.MOST_TRIALS", 60)
    given = []
    monkeypatch.setattr(
        "dse.search.record.importances", lambda driver, trials: given.extend(trials) or {"frontier": {"width": 1.0}}
    )
    result = dse.search({**SPEC, "fit": False, "budgets": {}}, trials=150, population=50)
    numbers = [t.number for t in given]
    feasible = result.search["number"].values[result.search["feasible"].values == 1]
    assert len(feasible) > 120 and len(set(numbers)) == 60 == result.search["importance"].attrs["trials"]
    assert (numbers[0], numbers[-1]) == (feasible[0], feasible[-1])
    between = np.diff(np.searchsorted(feasible, numbers))
    assert between.max() - between.min() <= 1
    told = importances.prepare(result).subtitle
    assert f"60 feasible trials, evenly chosen of {len(feasible):,} (PED-ANOVA)" in told


SEQUENCE = {**SPEC, "fit": False, "budgets": {}, "objectives": {"minimize": ["latency"]}}


def test_populations_of_qmc_are_points_of_one_sequence():
    """So many trials from one population are so many from many, balanced along every axis, also after a resume."""
    options = {"sampler": "qmc", "polish": False, "seed": 1}
    whole, parts = (dse.search(SEQUENCE, trials=64, population=p, **options).study.trials for p in (64, 8))
    assert [t.params for t in whole] == [t.params for t in parts]
    # Of 2^k points of a Sobol sequence each half of an axis holds half.
    for names in (["stm32l4r5", "esp32"], ["fp32", "int8"]):
        axis = "device" if "esp32" in names else "precision"
        assert [sum(t.params[axis] == n for t in parts[:32]) for n in names] == [16, 16]


def test_designs_that_are_given_are_no_points_of_the_sequence():
    given = [{"width": 0.5, "resolution": 96, "scheme": "int8", "device": "esp32"}]
    options = {"sampler": "qmc", "population": 8, "seed": 1}
    polished = dse.search(SEQUENCE, trials=40, **options, warm_start=given).study.trials
    drawn = [t.params for t in polished if "fixed_params" not in t.system_attrs]
    plain = dse.search(SEQUENCE, trials=40, polish=False, **options).study.trials
    assert len(drawn) < 40 and drawn == [t.params for t in plain[: len(drawn)]]
