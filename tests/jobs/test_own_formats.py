"""Own number formats of a spec: values against arithmetic by hand, and a fault for every misuse."""

from __future__ import annotations

import csv
import itertools

import numpy as np
import pytest
from specs import SMALL, changed, to_toml

import dse
from dse.errors import InputError
from dse.jobs.recut import recut
from dse.jobs.resolve import read_job

PARAMS = {0.35: 1_677_128, 1.0: 3_504_872}  # torchvision; TF-Slim's 0.35 (tests/reference/counts-vision.toml)
FREE = {
    "network": {"family": "mobilenet_v2", "width": [0.35, 1.0], "resolution": 224},
    "precision": {"scheme": ["int8", "mine"], "mine": {"weight_bits": [2, 3, 4], "group_size": [32, 128]}},
    "hardware": {"device": "cheatsheet-example"},
    "objectives": {"minimize": ["model_size"], "per": ["scheme", "width"]},
    "fit": False,
}


def test_each_field_with_several_values_makes_variants():
    frontier = dse.explore(FREE).frontier
    by_design = {
        (float(f.width), float(f.weight_bits), float(f.group_size)): float(f.model_size)
        for f in (frontier.isel(design=i) for i in range(frontier.sizes["design"]))
    }
    expected = {(width, 8.0, 0.0): params * 8 / 8 for width, params in PARAMS.items()}
    for width, bits, group in itertools.product(PARAMS, [2.0, 3.0, 4.0], [32.0, 128.0]):
        # Sixteen bits of scale for each group.
        expected[width, bits, group] = PARAMS[width] * (bits + 16 / group) / 8
    assert by_design == pytest.approx(expected, rel=1e-14)
    names = {"int8"} | {f"mine weight_bits={b} group_size={g}" for b in (2, 3, 4) for g in (32, 128)}
    assert set(frontier.precision.values.tolist()) == names


def test_fields_that_vary_are_columns_of_the_table(tmp_path):
    dse.explore(FREE, out=tmp_path / "x", plots=False)
    header, *rows = (tmp_path / "x" / "frontier.csv").read_text(encoding="utf-8").splitlines()
    columns = header.split(",")
    assert {"weight_bits", "group_size"} <= set(columns)
    assert "activation_bits" not in columns
    assert len(rows) == 14
    assert dse.load(tmp_path / "x").frontier.weight_bits.attrs["units"] == "bit"


def test_a_range_of_bits_and_a_single_format():
    precision = {"scheme": "mine", "mine": {"weight_bits": {"start": 2, "stop": 8, "step": 2}, "activation_bits": 8}}
    job = read_job(changed(FREE, precision=precision))
    assert job.space.axes["precision"].values == tuple(f"mine weight_bits={b}" for b in (2, 4, 6, 8))
    single = read_job(changed(FREE, precision={"scheme": "mine", "mine": {"weight_bits": 5}}, objectives__per=[]))
    assert single.space.axes["precision"].values == ("mine",)
    assert single.space.axes["precision"].dim is None
    assert single.space.schemes["mine"].weight_bits == 5


def test_a_field_that_is_computed_in():
    mine = {"weight_bits": [4, 8], "activation_bits": 8, "compute": "int8"}
    spec = changed(FREE, precision={"scheme": ["mine", "*"], "mine": mine}, hardware__device="a100-sxm-80gb")
    space = read_job(changed(spec, output={"metrics": ["peak_performance"]})).space
    assert set(dse.precisions) < set(space.axes["precision"].values)
    from dse.grid.dataset import evaluate

    data = evaluate(space, ["peak_performance"])
    # 624 TOPS of int8, A100 datasheet.
    np.testing.assert_array_equal(
        data.peak_performance.sel(precision=["mine weight_bits=4", "mine weight_bits=8"]), 624e12
    )


def test_the_catalogue_is_left_alone():
    read_job(FREE)
    assert "mine weight_bits=2 group_size=32" not in dse.precisions
    with pytest.raises(InputError, match="unknown number format 'mine'"):
        read_job(changed(FREE, precision={"scheme": ["mine"]}))


def with_mine(scheme=("mine",), **fields):
    return {"scheme": list(scheme), "mine": fields}


FAULTS = [
    (with_mine(activation_bits=8), "precision.mine: weight_bits is missing: the bits of one weight"),
    (with_mine(weight_bits=4, weigth_format="float"), "precision.mine: unknown field of a precision scheme 'weigth_fo"),
    (with_mine(weight_bits=[4, -1]), "precision.mine.weight_bits: -1 is not allowed; allowed: a number above 0"),
    (with_mine(weight_bits=[]), "precision.mine.weight_bits: the axis has no values"),
    (with_mine(weight_bits=[4, 4]), "precision.mine.weight_bits: a value stands twice"),
    (with_mine(weight_bits={"start": 1, "stop": 8}), "precision.mine.weight_bits: has the keys start, stop; allowed"),
    (with_mine(weight_bits="4 J"), "precision.mine.weight_bits: unit 'J' is energy, but information is needed"),
    (
        with_mine(weight_bits=4, compute=["int8", "fp61"]),
        "precision.mine.compute: unknown compute 'fp61'; did you mean",
    ),
    (with_mine(weight_bits=4, compute=[]), "precision.mine.compute: the axis has no values"),
    (with_mine(weight_bits=4, compute=["int8", "int8"]), "precision.mine.compute: a value stands twice"),
    (with_mine(weight_bits=4, compute=["int8", [8]]), "precision.mine.compute: [8] is not a text"),
    (with_mine(weight_bits=4, compute={"start": 1, "stop": 2, "num": 2}), "precision.mine.compute: has the keys start"),
    (with_mine(weight_bits=4, weight_format=["integer", "integre"]), "precision.mine.weight_format: unknown weight_"),
    (with_mine(weight_bits=4, weights=["a.npy", "b.npy"]), "precision.mine.weights: 'a.npy' is not there; allowed"),
    (with_mine(weight_bits=4, note=["a", "b"]), "precision.mine.note: ['a', 'b'] is not a text"),
    (with_mine(weight_bits=4, scheme=("int8",)), "precision.scheme: does not name 'mine', a format of this spec"),
    ({"scheme": "int8", "int8": {"weight_bits": 7}}, "precision.int8: 'int8' is a format of the catalogue"),
    ({"scheme": ["int8", "mien"], "mine": {"weight_bits": 7}}, "precision.scheme: unknown number format 'mien'; did"),
    ({"scheme": "int8", "bits": 7}, "precision.bits: unknown key; a format of your own is a table of fields"),
]


@pytest.mark.parametrize(("precision", "expected"), FAULTS, ids=range(len(FAULTS)))
def test_faults(precision, expected):
    spec = changed(SMALL, precision=precision)
    with pytest.raises(InputError) as caught:
        read_job(spec)
    assert any(line.startswith(expected) for line in str(caught.value).splitlines()), str(caught.value)


def test_a_wrong_format_is_told_once():
    lost = changed(SMALL, precision=with_mine(weight_bits=4, weights=["a.npy", "b.npy"]), objectives__per=["weights"])
    with pytest.raises(InputError) as caught:
        read_job(lost)
    assert str(caught.value) == "precision.mine.weights: 'a.npy' is not there; allowed: a .npy or .safetensors file"
    with pytest.raises(InputError) as caught:
        read_job(changed(SMALL, precision=with_mine(weight_bits=[2, 4], group_size=-3)))
    assert str(caught.value) == "precision.mine.group_size: -3 is not allowed; allowed: an integer at least 0"


def test_what_a_group_size_of_0_means_is_told():
    from dse.jobs import assumptions

    mine = {"weight_bits": 4, "group_size": [0, 64]}
    job = read_job(changed(FREE, precision={"scheme": "mine", "mine": mine}, objectives__per=[]))
    facts = assumptions.gather(job)["precision"]
    assert facts["mine group_size=0"]["note"].startswith("group_size 0: one scale a tensor or channel, not counted")
    assert facts["mine group_size=0"]["weight_bits"] == 4
    assert facts["mine group_size=64"]["weight_bits"] == 4 + 16 / 64
    assert "note" not in facts["mine group_size=64"]


@pytest.mark.parametrize("way", [{}, {"bounds": True}, {"output": {"grid": True}}])
def test_a_field_that_varies_may_have_a_frontier_a_value(way, tmp_path):
    objectives = {"minimize": ["model_size"], "per": ["weight_bits"]}
    result = dse.explore({**changed(FREE, objectives=objectives), **way}, out=tmp_path / "x", plots=False)
    found = dict(zip(result.frontier.weight_bits.values, result.frontier.model_size.values, strict=True))
    # The smaller network, with the larger groups of weights that share scales; int8 has none.
    small = PARAMS[0.35]
    expected = {bits: small * (bits + 16 / 128) / 8 for bits in (2.0, 3.0, 4.0)} | {8.0: small * 1.0}
    assert found == pytest.approx(expected, rel=1e-14)
    assert result.manifest["per"] == ["weight_bits"]


def test_two_fields_and_the_scheme_have_frontiers_of_their_own():
    objectives = {"minimize": ["model_size"], "per": ["weight_bits", "group_size", "scheme"]}
    for bounds in (False, True):
        result = dse.explore({**changed(FREE, objectives=objectives), "bounds": bounds})
        assert result.counts["kept"] == 7
        assert set(result.frontier.width.values) == {0.35}


def test_a_compiled_scan_keeps_the_values_of_a_field_apart():
    spec = changed(FREE, objectives={"minimize": ["latency"], "per": ["weight_bits"]})
    frontier = dse.explore({**spec, "deployment": {"batch": {"start": 1, "stop": 40_000, "step": 1}}}).frontier
    assert set(frontier.weight_bits.values) == {2.0, 3.0, 4.0, 8.0}


def test_quality_is_joined_on_a_field_that_varies(tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text("weight_bits,accuracy\n2,50\n3,60\n4,70\n8,71\n")
    spec = changed(FREE, objectives={"minimize": ["model_size"], "maximize": ["accuracy"]})
    frontier = dse.explore({**spec, "quality": {"table": str(table)}}).frontier
    own = dict(zip(frontier.weight_bits.values.tolist(), frontier.accuracy.values.tolist()))
    assert own == {2.0: 50.0, 3.0: 60.0, 4.0: 70.0, 8.0: 71.0}


def test_a_field_that_does_not_vary_is_no_axis():
    with pytest.raises(InputError, match="'kv_bits' is not an axis of this spec"):
        read_job(changed(FREE, objectives={"minimize": ["model_size"], "per": ["kv_bits"]}))


COMPUTED = {
    "name": "computed",
    "network": {"model": "resnet18"},
    "precision": {
        "scheme": "mine",
        "mine": {"weight_bits": [4, 8], "activation_bits": 8, "compute": ["int8", "fp16"]},
    },
    "device": {"chip": {"class": "edge", "peak_int8": "20 TOPS", "peak_fp16": "5 TOPS", "bandwidth": "1 TB/s"}},
    "hardware": {"device": "chip"},
    "objectives": {"minimize": ["latency"], "per": ["compute"]},
    "fit": False,
}
RESNET18_MACS = 1_814_073_344  # torchvision (tests/reference/counts-convolutional.csv)


@pytest.mark.parametrize("way", [{}, {"bounds": True}, {"output": {"grid": True}}])
def test_the_format_that_is_multiplied_may_be_an_axis(way, tmp_path):
    dse.explore({**COMPUTED, **way}, out=tmp_path / "x", plots=False)
    expected = {"int8": 2 * RESNET18_MACS / 20e12, "fp16": 2 * RESNET18_MACS / 5e12}
    with (tmp_path / "x" / "frontier.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    # Fewer bits of weights are no slower here: both are kept, in each format.
    assert {(r["compute"], float(r["weight_bits"])) for r in rows} == set(itertools.product(expected, [4.0, 8.0]))
    for row in rows:
        assert float(row["latency"]) == pytest.approx(expected[row["compute"]], rel=1e-14)
        assert row["precision"] == f"mine weight_bits={row['weight_bits'].removesuffix('.0')} compute={row['compute']}"
    # The same from the files, cut again, and by the assumptions in place of the spec's own fields.
    kept = dse.load(tmp_path / "x")
    assert sorted(kept.frontier["compute"].values) == ["fp16", "fp16", "int8", "int8"]
    smallest = recut(kept, minimize=["model_size", "peak_sram"]).frontier
    assert set(zip(smallest["compute"].values, smallest.weight_bits.values, strict=True)) == {("int8", 4), ("fp16", 4)}
    fields = {"weight_bits": [4, 8], "compute": ["int8", "fp16"]}
    spec = changed(COMPUTED, objectives={"minimize": ["latency", "peak_sram"]}, precision__mine=fields)
    again = dse.explore(spec, assumptions=tmp_path / "x" / "assumptions.toml")
    # Activations of 8 bits are those that the assumptions hold: by default there are 16.
    assert set(again.frontier.peak_sram.values) == set(smallest.peak_sram.values)
    assert set(again.frontier["compute"].values) == {"int8"}


def test_values_of_a_table_are_joined_on_the_format_that_is_multiplied(tmp_path):
    table = tmp_path / "own.csv"
    table.write_text("compute,weight_bits,accuracy\nint8,4,60\nint8,8,68\nfp16,4,66\n", encoding="utf-8")
    objectives = {"minimize": ["latency"], "maximize": ["accuracy"]}
    result = dse.explore(changed(COMPUTED, quality__table=str(table), objectives=objectives))
    frontier = result.frontier
    found = [frontier[n].values.tolist() for n in ("compute", "weight_bits", "accuracy")]
    assert found == [["int8"], [8], [68]]
    assert result.counts["undefined"] == 1 and result.manifest["quality"]["unmatched"] == 0


def test_a_plan_tells_formats_by_what_is_multiplied(tmp_path, monkeypatch, capsys):
    from dse.cli import run

    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.toml").write_text(to_toml(COMPUTED))
    assert run(["explore", "c.toml", "--dry-run"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "4 mine weight_bits=4 compute=int8 to mine weight_bits=8 compute=fp16" in told and "4 designs" in told


def test_spacing_and_files_of_weights_may_be_axes(tmp_path):
    rng = np.random.default_rng(0)
    for name, values in (("a", rng.normal(size=4096)), ("b", rng.uniform(-1, 1, 4096))):
        np.save(tmp_path / f"{name}.npy", values.astype(np.float32))
    files = [str(tmp_path / "a.npy"), str(tmp_path / "b.npy")]
    mine = {"weight_bits": 4, "weights": files, "weight_format": ["integer", "codebook"]}
    spec = changed(COMPUTED, precision__mine=mine, objectives={"minimize": ["model_size"], "maximize": ["sqnr"]})
    result = dse.explore(spec)
    # Values between two ends are quantised with less noise than those of a bell; of a codebook nothing is known.
    assert result.frontier.weights.values.tolist() == [files[1]]
    assert result.frontier.precision.values.tolist() == ["mine weight_format=integer weights=b.npy"]
    assert result.counts["undefined"] == 2


def test_noise_that_was_measured_is_held_so_that_the_file_may_go(tmp_path):
    file = tmp_path / "w.npy"
    np.save(file, np.random.default_rng(0).normal(size=4096).astype(np.float32))
    mine = {"weight_bits": [3, 4], "weights": str(file)}
    objectives = {"minimize": ["model_size"], "maximize": ["sqnr"]}
    spec = changed(COMPUTED, precision__mine=mine, objectives=objectives)
    first = dse.explore(spec, out=tmp_path / "x", plots=False).frontier.sqnr.values
    # Overwritten, it is measured anew; gone, it is as it was.
    np.save(file, np.random.default_rng(0).uniform(-1, 1, 4096).astype(np.float32))
    assert (dse.explore(spec).frontier.sqnr.values > first + 1).all()
    file.unlink()
    held = tmp_path / "x" / "assumptions.toml"
    assert dse.explore(spec, assumptions=held).frontier.sqnr.values.tolist() == first.tolist()
    assert recut(dse.load(tmp_path / "x"), maximize=["sqnr"]).frontier.sqnr.values.tolist() == [max(first)]
    # What was not measured then needs the file.
    for other in (changed(spec, precision__mine__group_size=64), changed(spec, precision__mine__weights="v.npy")):
        with pytest.raises(InputError, match=r"precision.mine.weights: '.*.npy' is not there"):
            read_job(other, assumptions=held)
    with pytest.raises(InputError, match="is not there"):
        read_job(spec)


HOSTILE = "<img src=x onerror=alert(1)>"


def test_names_with_spaces_are_those_of_the_spec_when_its_result_is_read(tmp_path, capsys):
    from dse.cli import run

    own = {"activation_bits": 8, "compute": "int8"}
    tables = {"my format": {**own, "weight_bits": [4, 3]}, "my": {**own, "weight_bits": 8}}
    tables[HOSTILE] = {**own, "weight_bits": 2}
    precision = {"scheme": [*tables, "int8"], **tables}
    spec = {**FREE, "precision": precision, "objectives": {"minimize": ["model_size"], "per": ["precision"]}}
    first, folder = dse.explore(spec, out=tmp_path / "x", plots=False), tmp_path / "x"
    names = {"my format weight_bits=4", "my format weight_bits=3", "my", HOSTILE, "int8"}
    assert set(first.frontier.precision.values.tolist()) == names
    # The smallest network, in each: its weights of so many bits.
    sizes = dict(zip(first.frontier.precision.values.tolist(), first.frontier.model_size.values, strict=True))
    assert sizes["my format weight_bits=3"] == PARAMS[0.35] * 3 / 8 and sizes[HOSTILE] == PARAMS[0.35] * 2 / 8
    for replayed in (folder / "assumptions.toml", None):
        again = dse.explore(spec, assumptions=replayed)
        assert again.frontier.model_size.equals(first.frontier.model_size)
    cut = recut(dse.load(folder), minimize=["model_size"], per=["precision"], budgets={"model_size": "1 MB"})
    assert set(cut.frontier.precision.values.tolist()) == names - {"my", "int8"}
    assert run(["report", str(folder)]) == 0
    assert run(["frontier", str(folder), "--minimize", "model_size"]) == 0
    assert "catalogue" not in capsys.readouterr().err


def test_two_formats_of_a_spec_have_different_names():
    tables = {"a": {"weight_bits": [4, 8]}, "a weight_bits=4": {"weight_bits": 4}}
    with pytest.raises(InputError, match="'a weight_bits=4' is another format of this spec too"):
        read_job({**FREE, "precision": {"scheme": list(tables), **tables}, "objectives": {"minimize": ["model_size"]}})


def test_a_metric_does_not_take_a_name_of_a_format():
    with pytest.raises(InputError, match="'compute' of metric 'odd' is a text of number formats"):

        @dse.metric(unit="1")
        def odd(compute):
            return compute
