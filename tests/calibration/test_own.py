"""Own measurements: calibrated, held against, and used where designs are evaluated and explored."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

import dse
from dse.calibration.files import read_keys
from dse.calibration.measurements import COLUMNS
from dse.cli import cli
from dse.errors import InputError

# A card on which image networks take twice the time of the catalogue's calibration.
NETWORKS = ("resnet18", "resnet34", "resnet50", "mobilenet_v2", "vgg16", "densenet121")
ON = {"device": "rtx-4090", "precision": "fp16", "software": "torch-nchw", "latency_model": "calibrated", "batch": 64}


def throughput(network, **more):
    return float(dse.evaluate(network, metrics=["throughput"], **(ON | more)).throughput)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "mine.csv"
    rows = [",".join(COLUMNS)]
    for network in (*NETWORKS, "resnet101"):
        use = "hold" if network == "resnet101" else ""
        half = throughput(network) / 2
        rows.append(f"{network},rtx-4090,mine,fp16,throughput,{half:.6g},1/s,batch=64,,{use},,,")
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def calibration(measured):
    out = measured.with_suffix(".toml")
    done = CliRunner().invoke(cli, ["calibrate", str(measured), "-o", str(out)])
    assert done.exit_code == 0, done.output
    # The network that was held is told apart from those that were fitted.
    assert [line.split()[3] for line in done.output.splitlines()[1:3]] == ["6", "1"]
    return out


def test_an_own_calibration_is_used(calibration):
    for network in ("resnet50", "resnet101"):
        own = throughput(network, software="mine", calibration=calibration)
        assert own == pytest.approx(throughput(network) / 2, rel=0.1)


def test_a_spec_names_it_and_the_result_replays_without_it(calibration, tmp_path):
    spec = {
        "name": "own", "network": {"model": "resnet50"}, "precision": {"scheme": "fp16"},
        "hardware": {"device": "rtx-4090", "calibration": str(calibration)},
        "deployment": {"batch": [64, 128], "software": "mine", "latency_model": "calibrated"},
        "objectives": {"maximize": ["throughput"]},
    }  # fmt: skip
    result = dse.explore(spec, out=tmp_path / "first")
    found = result.frontier.throughput
    assert float(found.sel(design=0) if "design" in found.coords else found[0]) > 0
    assumptions = (tmp_path / "first" / "assumptions.toml").read_text()
    assert "rtx-4090, mine, fp16, vision" in assumptions
    again = dse.explore(spec, out=tmp_path / "second", assumptions=tmp_path / "first" / "assumptions.toml")
    np.testing.assert_array_equal(again.frontier.throughput, found)


def test_rows_that_were_fitted_are_told_apart(measured, calibration):
    done = CliRunner().invoke(cli, ["validate", str(measured), "--calibration", str(calibration), "--json"])
    (found,) = json.loads(done.output)["comparisons"]
    assert (found["fitted"]["rows"], found["held_out"]["rows"]) == (6, 1)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(dse.InputError, match=r"nix\.toml: cannot be read"):
        throughput("resnet50", calibration=tmp_path / "nix.toml")
    with pytest.raises(dse.InputError, match=r"nix\.toml: cannot be read"):
        dse.explore({
            "name": "x", "network": {"model": "resnet50"}, "objectives": {"minimize": ["latency"]},
            "hardware": {"device": "rtx-4090", "calibration": str(tmp_path / "nix.toml")},
        })  # fmt: skip


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"\xff\xfe", b'"', b"x" * 200_000 + b"\n1\n"])
def test_rows_beside_a_calibration_that_are_none(tmp_path, content):
    (tmp_path / "mine.rows.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"mine\.rows\.csv: does not hold the rows of a fit"):
        read_keys(tmp_path / "mine.toml")
    assert read_keys(tmp_path / "other.toml") == set()


def test_rows_of_others_beside_a_calibration_are_not_replaced(measured):
    """The file that is read may itself be called as the rows beside what is written."""
    taken = measured.with_name("own.rows.csv")
    taken.write_bytes(measured.read_bytes())
    for given in (taken, measured):
        done = CliRunner().invoke(cli, ["calibrate", str(given), "-o", str(measured.with_name("own.toml"))])
        assert isinstance(done.exception, InputError) and "is none of a fit; move it" in str(done.exception)
    assert taken.read_bytes() == measured.read_bytes() and not measured.with_name("own.toml").exists()
