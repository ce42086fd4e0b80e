"""The user's own quality values: joined on axes by hand, and every way in which a table can be wrong."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from specs import SMALL, changed

import dse
from dse.errors import InputError
from dse.jobs.assumptions import notes
from dse.jobs.recut import recut
from dse.jobs.resolve import read_job

# Resolution 200 is no axis value of the spec; width 1.0 has no row.
ROWS = """width, resolution, precision, accuracy
0.35, 96, int8, 40.5
0.35, 128, int8, 41.5 %
5e-1, 96, int8, 0.5 %
0.5, 128, fp32, 43
0.75, 200, int8, 99
"""
BY_HAND = {(0.35, 96, "int8"): 40.5, (0.35, 128, "int8"): 41.5, (0.5, 96, "int8"): 0.5, (0.5, 128, "fp32"): 43.0}
WITH = changed(
    SMALL,
    quality={"table": "own.csv"},
    fit=False,
    budgets={},
    objectives={"minimize": ["flash"], "maximize": ["accuracy"]},
)


@pytest.fixture
def spec(tmp_path):
    def write(text=ROWS, **values):
        (tmp_path / "own.csv").write_text(text)
        return changed(WITH, **{"quality__table": str(tmp_path / "own.csv"), **values})

    return write


def test_join_by_hand(spec):
    result = dse.explore(spec())
    grid = result.grid
    assert grid.accuracy.dims == ("width", "resolution", "precision")
    for width in SMALL["network"]["width"]:
        for resolution in SMALL["network"]["resolution"]:
            for precision in SMALL["precision"]["scheme"]:
                found = float(grid.accuracy.sel(width=width, resolution=resolution, precision=precision))
                wanted = BY_HAND.get((width, resolution, precision), math.nan)
                np.testing.assert_equal(found, wanted)
    # 24 networks and formats on 2 devices; 4 of them have a row.
    assert result.counts["undefined"] == 2 * (24 - 4)
    assert result.manifest["quality"] == {"table": "own.csv", "rows": 5, "unmatched": 1}
    kept = {(w, r, p) for w, r, p in zip(*(result.frontier[n].values for n in ("width", "resolution", "precision")))}
    assert kept <= set(BY_HAND)
    assert (0.5, 96, "int8") not in kept
    assert set(result.frontier.accuracy_source.values) == {"own.csv"}


def test_undefined_has_a_reason(spec):
    result = dse.explore(spec("width,accuracy\n0.4,50\n"))
    assert result.counts["undefined"] == 48
    assert result.manifest["undefined_because"] == {"accuracy": {"own.csv has no row for this design": 48}}


def test_numbers_are_compared_exactly_and_named_values_by_name(spec):
    assert dse.explore(spec("width,accuracy\n0.3500000000000001,50\n")).counts["undefined"] == 48
    assert dse.explore(spec("device,accuracy\nesp32,50\n")).counts["undefined"] == 24


def test_interval_and_loss(spec):
    table = "width,accuracy,accuracy_low,accuracy_high,loss\n0.35,50,49,52,2.5\n0.5,60,59,62,1.5 nat\n"
    metrics = {"output__metrics": ["accuracy_low", "accuracy_high"], "objectives__minimize": ["loss", "flash"]}
    found = dse.explore(spec(table, **metrics)).frontier
    at = {float(w): i for i, w in enumerate(found.width.values)}
    assert [float(found[n][at[0.5]]) for n in ("accuracy_low", "accuracy_high", "loss")] == [59, 62, 1.5]
    assert found.loss.attrs["units"] == "nat"


def test_an_accuracy_without_an_interval_is_its_own(spec):
    found = dse.explore(spec(output__metrics=["accuracy_low", "accuracy_high"])).frontier
    np.testing.assert_array_equal(found.accuracy_low, found.accuracy)
    np.testing.assert_array_equal(found.accuracy_high, found.accuracy)


def test_without_a_table_loss_is_undefined_with_a_reason():
    result = dse.explore(changed(SMALL, objectives={"minimize": ["loss"]}))
    assert result.manifest["undefined_because"] == {"loss": {"no published loss of the family 'mobilenet_v2'": 48}}


def test_many_rows_against_a_dictionary(spec):
    rng = np.random.default_rng(5)
    widths, sides = np.round(np.arange(0.1, 1.5, 0.01), 2).tolist(), list(range(32, 257, 8))
    chosen = {(w, s): round(float(rng.uniform(10, 90)), 3) for w in widths for s in sides if rng.random() < 0.3}
    text = "resolution,width,accuracy\n" + "".join(f"{s},{w},{v}\n" for (w, s), v in chosen.items())
    grid = dse.explore(spec(text, network__width=widths, network__resolution=sides)).grid.accuracy
    wanted = np.array([[chosen.get((w, s), np.nan) for s in sides] for w in widths])
    np.testing.assert_array_equal(grid.values, wanted)


def test_the_path_is_relative_to_the_spec(tmp_path, monkeypatch):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "own.csv").write_text("width,accuracy\n0.35,50\n")
    document = changed(WITH, output={})
    (tmp_path / "deep" / "spec.toml").write_text(
        "\n".join(f"{k} = {_toml(v)}" for k, v in document.items() if not isinstance(v, dict))
        + "".join(
            f"\n[{k}]\n" + "\n".join(f"{n} = {_toml(x)}" for n, x in v.items())
            for k, v in document.items()
            if isinstance(v, dict)
        )
    )
    monkeypatch.chdir(tmp_path)
    assert dse.explore("deep/spec.toml").counts["undefined"] == 36
    with pytest.raises(InputError, match=r"own.csv: no such file"):
        read_job(document)


def _toml(value):
    return json.dumps(value)


def test_a_result_needs_the_file_no_more(spec, tmp_path):
    result = dse.explore(spec(), out=tmp_path / "out", plots=False)
    (tmp_path / "own.csv").unlink()
    loaded = dse.load(tmp_path / "out")
    np.testing.assert_array_equal(loaded.grid.accuracy, result.grid.accuracy)
    assert recut(loaded, minimize=["flash"], maximize=["accuracy"]).counts == result.counts


def test_what_the_table_says_is_part_of_what_was_asked(spec, tmp_path):
    dse.explore(spec(), out=tmp_path / "out", plots=False)
    assert dse.explore(spec(), out=tmp_path / "out", plots=False).state == "reused"
    with pytest.raises(InputError, match="holds the result of another spec"):
        dse.explore(spec(ROWS.replace("40.5", "40.6")), out=tmp_path / "out", plots=False)


FAULTS = [
    ("", "own.csv: has no column named after an axis of this spec: width, "),
    ("accuracy\n5\n", "own.csv: has no column named after an axis of this spec"),
    ("width\n0.35\n", "own.csv: has no column of values: accuracy or loss"),
    ("widht,width,accuracy\n0.35,1,2\n", "own.csv: unknown column 'widht'; did you mean 'width'?"),
    ("width,width,accuracy\n0.35,1,2\n", "own.csv: the column 'width' stands twice"),
    ("width,accuracy\n", "own.csv: has no rows"),
    ("width,accuracy\n0.35,5\n0.350,6\n", "own.csv: line 3: has the same axes as line 2"),
    ("width,accuracy\n0.35,good\n", "own.csv: line 2: accuracy: 'good' is not a quantity"),
    ("width,accuracy\n0.35,\n", "own.csv: line 2: accuracy: '' is not a quantity"),
    ("width,accuracy\n0.35,nan\n", "own.csv: line 2: accuracy: 'nan' is not a"),
    ("width,accuracy\n0.35,5 s\n", "own.csv: line 2: accuracy: unit 's' is time"),
    ("width,accuracy\nwide,5\n", "own.csv: line 2: width: 'wide' is not a quantity"),
    ("width,accuracy\n\u0663,5\n", "own.csv: line 2: width: '\u0663' is not a quantity"),
    ("width,accuracy\n0.35\n", "own.csv: line 2: has 1 cells, the header 2"),
    ("width,accuracy\n0.35,150\n", "own.csv: line 2: accuracy 150 is not allowed; allowed: 0 to 100 %"),
    ("width,loss\n0.35,-1\n", "own.csv: line 2: loss -1 is not allowed"),
    ("width,accuracy,accuracy_low\n0.35,5,6\n", "own.csv: line 2: accuracy_low 6, accuracy 5: must be in this order"),
    ('width,accuracy\n"0.35,5\n', "own.csv: is not a table in CSV"),
    ("width,accuracy\n" + "x,1\n" * 30, "own.csv: and 20 more lines"),
]


@pytest.mark.parametrize(("text", "fault"), FAULTS, ids=[f for _, f in FAULTS])
def test_faults(spec, text, fault):
    with pytest.raises(InputError) as caught:
        read_job(spec(text))
    assert all(line.startswith("quality.table: ") for line in str(caught.value).splitlines())
    assert f"quality.table: {fault}" in str(caught.value)


@pytest.mark.parametrize("value", [3, ["own.csv"]])
def test_the_table_is_a_text(value):
    with pytest.raises(InputError, match=r"quality.table: .* is not a text"):
        read_job(changed(WITH, quality__table=value))


def test_not_a_text_file(spec, tmp_path):
    document = spec()
    (tmp_path / "own.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"own.csv: is not a table in CSV"):
        read_job(document)
    with pytest.raises(InputError, match="is a folder; give a CSV file"):
        read_job(changed(WITH, quality__table=str(tmp_path)))


def test_the_command_tells_rows_that_match_nothing(spec, tmp_path, capsys):
    from dse.cli import run

    document = spec()
    (tmp_path / "s.toml").write_text(
        '[network]\nfamily = "mobilenet_v2"\nwidth = [0.35, 0.5]\nresolution = [96, 128]\n'
        '[hardware]\ndevice = "esp32"\n[precision]\nscheme = ["int8", "fp32"]\n'
        f"[quality]\ntable = {json.dumps(document['quality']['table'])}\n"
        '[objectives]\nminimize = ["flash"]\nmaximize = ["accuracy"]\n'
    )
    assert run(["explore", str(tmp_path / "s.toml"), "--out", str(tmp_path / "o"), "--no-plots"]) == 0
    assert "own.csv: 1 of 5 rows match no design" in capsys.readouterr().out


def test_a_table_that_has_changed_is_told_in_a_replay(spec, tmp_path):
    """The spec's table counts; the copy in the result's folder is the one that was."""
    given = spec()
    dse.explore(given, out=tmp_path / "first", plots=False)
    assumptions = tmp_path / "first" / "assumptions.toml"
    (tmp_path / "own.csv").write_text(ROWS.replace("40.5", "30.5"))
    changed_one, as_before = (
        read_job(given, {"quality.table": str(path)}, assumptions=assumptions)
        for path in (tmp_path / "own.csv", tmp_path / "first" / "quality.csv")
    )
    assert changed_one.quality.values["accuracy"][:2].tolist() == [30.5, 41.5]
    (note,) = notes(changed_one)
    assert note.startswith("quality.table is not what it was for assumptions.toml: the values of own.csv count as they")
    assert as_before.quality.values["accuracy"][:2].tolist() == [40.5, 41.5]
    assert notes(as_before) == []
