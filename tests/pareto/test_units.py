"""Units of a scan: however they are shared out, what they find adds up to the scan of one process."""

from dataclasses import replace

import numpy as np
import pytest

from dse.errors import InputError
from dse.grid.blocks import Alone
from dse.pareto import units as unit_module
from dse.pareto.cut import Budget, Cut, Objective
from dse.pareto.partial import read_partial
from dse.pareto.scan import finish, merged, scan_blocks
from dse.pareto.scanner import Scanner
from dse.pareto.tally import Miss, Tally
from dse.pareto.units import Block
from tests.grid.spaces import make

HARDWARE = {"device": ["rtx-4090", "stm32u575", "esp32"], "precision": ["fp16", "int8"]}
AXES = {"width": [0.35, 0.5, 0.75, 1.0, 1.4], "resolution": [96, 128, 160, 192], "batch": list(range(1, 13))}
OBJECTIVES = (Objective("latency", "min"), Objective("energy", "min"), Objective("throughput", "max"))


def blocks(limit=0.1, per=("device",)):
    """Two networks, with a budget of its own for one of them."""
    cut = Cut(OBJECTIVES, (Budget("latency", high=limit),), True, per)
    own = Cut(OBJECTIVES, (Budget("latency", high=limit), Budget("peak_sram", high=2e6)), True, per)
    return [
        Block(Alone(make("mobilenet_v2", **AXES, **HARDWARE)), cut),
        Block(Alone(make("resnet", depth=[18, 50], batch=[1, 2, 3], **HARDWARE)), own),
    ]


def same(found, expected):
    assert found.places.tolist() == expected.places.tolist()
    assert found.tally == expected.tally
    assert list(found.tally.excluded) == list(expected.tally.excluded)
    assert found.cloud.dataset().identical(expected.cloud.dataset())


@pytest.fixture(params=["sifted", "streamed"])
def options(request, monkeypatch):
    # Regions small enough for many units; samples smaller than the grids.
    monkeypatch.setattr(unit_module, "UNIT", 100)
    monkeypatch.setattr(unit_module, "CLOUD", 500)
    return {"tile": 90} if request.param == "sifted" else {"engine": "fused", "threads": 1}


def test_tasks_that_compare_with_earlier_ones_tell_of_their_own_designs():
    """As workers do: what they know, and whose task is made again by whom, does not change what all tell together."""
    job, rng = blocks(), np.random.default_rng(0)
    options = {"tile": 200, "engine": "plain"}
    expected, size = scan_blocks(job, **options), job[0].space.size
    parts, workers = [], [(Scanner(job, **options), None), (Scanner(job, **options), None)]
    for number in rng.permutation(len(workers[0][0].units)).tolist():
        # A task that is made again tells the same, though its designs are known by then.
        for which in rng.integers(2, size=2).tolist():
            scanner, good = workers[which]
            found = scanner.scan(only=[number], known=good)
            workers[which] = scanner, found.points_alone()
            told = scanner.found_in([number], found)
        parts.append(told)
        assert all((told.places < size) == (scanner.units[number].block == 0))
    same(finish(job, merged(job, parts)), expected)
    assert len(parts) > 5 and len(np.unique(np.concatenate([p.places for p in parts]))) == sum(
        len(p.places) for p in parts
    )


@pytest.mark.parametrize("limit", [0.1, 1e-9])
def test_parts_in_any_order_add_up(options, limit, tmp_path):
    job = blocks(limit)
    expected = scan_blocks(job, **options)
    # Every design is counted once, and all of them.
    assert expected.tally.enumerated == 5 * 4 * 12 * 6 + 2 * 3 * 6
    assert (expected.tally.kept > 3) == (limit == 0.1)
    scanner = Scanner(job, **options)
    numbers = [u.number for u in scanner.units]
    assert numbers == list(range(len(numbers))) and len(numbers) > 8
    for seed, shares in ((1, 1), (2, 3), (3, len(numbers) + 2)):
        share = np.random.default_rng(seed).integers(shares, size=len(numbers))
        parts = [scanner.scan(only=np.flatnonzero(share == k).tolist()) for k in range(shares)]
        for k, part in enumerate(parts):
            part.save(tmp_path / "x.npz", {"k": k})
            parts[k], header = read_partial(tmp_path / "x.npz")
            assert header == {"k": k}
        together = merged(job, parts[::-1])
        assert together.units.tolist() == numbers
        same(finish(job, together), expected)


def test_a_scan_goes_on_from_what_is_known_whenever_it_stopped(options):
    job = blocks()
    expected = scan_blocks(job, **options)
    for stop in (1, 4, 7):
        taken = []

        def interrupted(found, last=False, taken=taken, stop=stop):
            taken.append((found(), last))
            if len(taken) == stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            Scanner(job, **options).scan(checkpoint=interrupted)
        assert [last for _, last in taken] == [False] * stop + [True]
        known = taken[-1][0]
        assert len(known.units) == stop
        seen = []
        found = Scanner(job, **options).scan(lambda *p, seen=seen: seen.append(p), known=known)
        left = sum(u.designs for u in Scanner(job, **options).units if u.number not in known.units)
        # What is known is told at once, and nothing of it is scanned again.
        first = seen[0][0] if known.tally.enumerated else 0
        assert (first, seen[-1][0]) == (known.tally.enumerated, known.tally.enumerated + left)
        assert seen[-1] == (expected.tally.enumerated,) * 2
        same(finish(job, found), expected)


def test_what_an_interrupted_unit_leaves_does_no_harm(options, monkeypatch):
    """Points are in the archive already when the counting of their unit stops."""
    from dse.pareto import scanner as module

    job, name = blocks(), "_stream" if "engine" in options else "_sift"
    expected, whole, calls, taken = scan_blocks(job, **options), getattr(module._Run, name), [], []

    def stops(self, unit, *given):
        whole(self, unit, *given)
        calls.append(unit)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(module._Run, name, stops)
        Scanner(job, **options).scan(checkpoint=lambda f, last=False: taken.append(f()))
    assert taken[-1].tally.enumerated == sum(u.designs for u in calls[:2])
    same(finish(job, Scanner(job, **options).scan(known=taken[-1])), expected)


def test_units_do_not_depend_on_threads():
    job = blocks()
    first, second = (Scanner(job, engine="fused", threads=n).units for n in (1, 7))
    assert [(u.number, u.block, u.start, u.designs) for u in first] == [
        (u.number, u.block, u.start, u.designs) for u in second
    ]


def test_tallies_add_up():
    first = Tally(10, 1, {"a": 2}, {"a": 3}, misses={"a": Miss(True, 1.0, 5.0), "c": Miss(True, 0.5, 1.0)})
    first.add(Tally(5, 2, {"a": 1, "b": 1}, {"b": 4}, misses={"a": Miss(False, 2.0, 6.0)}))
    # What breaks nothing else comes first, however far it is from the limit.
    misses = {"a": Miss(False, 2.0, 6.0), "c": Miss(True, 0.5, 1.0)}
    assert first == Tally(15, 3, {"a": 3, "b": 1}, {"a": 3, "b": 4}, misses=misses)


def test_a_file_that_is_not_whole_is_told(tmp_path):
    path = tmp_path / "x.npz"
    scanner = Scanner(blocks(), tile=500)
    part = scanner.scan(only=[0])
    part.save(path, {})
    data = path.read_bytes()
    for broken in (b"", data[: len(data) // 2], b"text", data[:-10]):
        path.write_bytes(broken)
        with pytest.raises(InputError, match=r"x\.npz: (is not a partial result|cannot be read)"):
            read_partial(path)
    np.savez(path, header=np.array("{}"))
    with pytest.raises(InputError, match="is not a partial result"):
        read_partial(path)
    with pytest.raises(InputError, match=r"none: cannot be read: No such file"):
        read_partial(tmp_path / "none")
    assert [p.name for p in tmp_path.iterdir()] == ["x.npz"]


@pytest.mark.parametrize("name", ["enumerated", "undefined", "dominated", "tied", "kept"])
@pytest.mark.parametrize("value", ["4", -1, 0.5, True])
def test_counts_of_a_file_that_are_no_counts(name, value):
    assert Tally(enumerated=10).is_sound
    assert not replace(Tally(enumerated=10), **{name: value}).is_sound
