"""Each benchmark once, at small size, so that none rots; results are compared, times are not."""

import json
import math

import numpy as np
import pytest

from dse.bench import GROUPS, calibrated, cases_of, per_op, startup, store, streams
from dse.bench import dask as dask_group
from dse.bench import filter as filter_group
from dse.bench.figures import Case, Figure, Missing, Turns, Unequal, check, in_turns
from dse.bench.sheet import STORED, STORED_DRAWN, job
from dse.cli import run
from dse.grid.program import program


@pytest.fixture
def run_dse(capsys):
    """Runs a command; gives exit status, output and errors."""

    def call(*words):
        status = run(list(words))
        return (status, *capsys.readouterr())

    return call


@pytest.fixture(autouse=True)
def one_turn(monkeypatch):
    """Every way once, since times are not what is tested."""

    def once(ways, **options):
        return in_turns(ways, room=0, least=1, most=1)

    for module in (calibrated, dask_group, filter_group, per_op, startup, store, streams):
        monkeypatch.setattr(module, "in_turns", once)


@pytest.mark.parametrize("case", cases_of((), full=False), ids=lambda case: f"{case.group}: {case.what}")
def test_case(case):
    figures = case.figures()
    assert figures
    for figure in figures:
        assert figure.group == case.group and figure.value is not None and math.isfinite(figure.value), figure.note
        assert figure.unit and all(seconds > 0 for seconds in figure.seconds.values())


def test_every_group_has_cases_of_its_own():
    for group in GROUPS:
        assert (
            {case.group for case in cases_of([group])}
            == {case.group for case in cases_of([group], full=False)}
            == {group}
        )


@pytest.mark.parametrize(("metrics", "drawn"), [(STORED, False), (STORED_DRAWN, True)])
def test_stored_metrics_vary_along_every_axis(metrics, drawn):
    made = program(job(2e5, drawn).space, metrics)
    assert len(metrics) == 12 == len({made.named(m) for m in metrics})
    several = {d for d, n in made.space.sizes.items() if n > 1}
    assert all(several <= set(made.dims[made.named(m)]) for m in metrics)


def test_the_filter_is_measured_in_27_rows():
    assert len(cases_of(["filter"])) == 27


def test_ratios_are_medians_of_turns():
    turns = Turns({"a": [1.0, 2.0, 9.0], "b": [2.0, 2.0, 3.0]})
    assert turns.ratio("a", "b") == 1.0 and turns.median("a") == 2.0 and turns.medians() == {"a": 2.0, "b": 2.0}


def test_turns_alternate():
    order = []
    found = in_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, room=0, least=3)
    assert "".join(order) == "ab" + "ab" + "ba" + "ab" and len(found.seconds["a"]) == 3


def test_unequal_results_are_told(monkeypatch, run_dse):
    with pytest.raises(Unequal):
        check(False, "x")
    monkeypatch.setattr(filter_group, "nondominated", lambda points: np.ones(len(points), dtype=bool))
    status, _, err = run_dse("bench", "filter", "--size", "small", "--only", "uniform, 1,000 points, 2")
    assert status == 1 and "results differ" in err


def test_what_is_missing_is_named():
    def measure():
        raise Missing("pip install it")

    (figure,) = Case("filter", "x", measure).figures()
    assert figure.value is None and figure.reached is None and figure.note == "missing: pip install it"


def test_aims_are_told_of_the_sizes_that_they_are_meant_for(monkeypatch):
    aimed = Figure("g", "w", 1.0, "x", least=2.0, most=3.0)
    for module in (store, startup):
        monkeypatch.setattr(module, "cases", lambda full, g=module.GROUP: [Case(g, "w", lambda: [aimed])])
    told = {
        (group, full): cases_of([group], full)[0].figures()[0].reached
        for group in ("store", "startup")
        for full in (True, False)
    }
    assert told == {("store", True): False, ("store", False): None, ("startup", True): False, ("startup", False): False}


@pytest.mark.parametrize(
    ("figure", "reached"),
    [
        (Figure("g", "w", 0.8, "x", least=0.8), True),
        (Figure("g", "w", 0.79, "x", least=0.8), False),
        (Figure("g", "w", 3.1, "x", most=3.0), False),
        (Figure("g", "w", 3.0, "x", most=3.0), True),
        (Figure("g", "w", 3.0, "x"), None),
    ],
)
def test_reached(figure, reached):
    assert figure.reached is reached


def test_command(run_dse, tmp_path):
    words = ("bench", "filter", "--size", "small", "--only", "uniform, 1,000")
    status, out, _ = run_dse(*words)
    assert status == 0 and "moocore" in out and out.count("uniform, 1,000 points, 2 objectives") == 2
    status, out, _ = run_dse(*words, "--json", "-o", str(tmp_path / "figures.json"))
    report = json.loads(out)
    assert status == 0 and report == json.loads((tmp_path / "figures.json").read_text())
    assert (
        len(report["figures"]) == 3 and report["machine"]["cores"] >= 1 and report["figures"][0]["seconds"]["dse"] > 0
    )
    status, out, _ = run_dse("bench", "--list")
    assert status == 0 and all(f"{group}: " in out for group in GROUPS)


def test_what_was_measured_before_an_interruption_is_kept(run_dse, tmp_path, monkeypatch):
    path, seen = tmp_path / "figures.json", []

    def interrupted(points):
        if len(points) > 1000:
            seen.append(json.loads(path.read_text()))
            raise KeyboardInterrupt
        return nondominated(points)

    nondominated = filter_group.nondominated
    monkeypatch.setattr(filter_group, "nondominated", interrupted)
    status, *_ = run_dse("bench", "filter", "--size", "small", "--only", "uniform", "-o", str(path))
    report = json.loads(path.read_text())
    assert status == 130 and seen == [report]
    assert [figure["what"] for figure in report["figures"]] == [
        f"filter, uniform, 1,000 points, {m} objectives" for m in (2, 3, 4)
    ]
    assert report["cases"] == 6 and [p.name for p in tmp_path.iterdir()] == [path.name]


def test_wrong_words(run_dse, tmp_path):
    status, _, err = run_dse("bench", "stream")
    assert status == 2 and "streams" in err
    status, _, err = run_dse("bench", "filter", "--only", "nothing")
    assert status == 2 and "no case" in err
    status, _, err = run_dse("bench", "filter", "--size", "small", "--only", "uniform, 1,000", "-o", str(tmp_path))
    assert status == 1 and "cannot be written" in err
