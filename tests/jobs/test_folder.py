"""The folder of a result: complete or not there at all, never recomputed for nothing, never anybody else's."""

from __future__ import annotations

import json
import shutil
import tomllib

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from specs import INFEASIBLE, LANGUAGE, SMALL, changed

import dse
from dse import registry
from dse.errors import DseError, InputError
from dse.jobs import datasets, result
from dse.jobs import folder as folders
from dse.jobs import manifest as manifests
from dse.jobs import run as runs

FILES = {"assumptions.toml", "cloud.nc", "frontier.csv", "frontier.nc", "manifest.json"}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return dse.explore(SMALL, out=tmp_path_factory.mktemp("results") / "small", plots=False)


def explore(spec, folder, **options):
    return dse.explore(spec, out=folder, plots=False, **options)


def test_files_and_nothing_beside_them(small):
    assert {p.name for p in small.path.iterdir()} == FILES
    assert [p.name for p in small.path.parent.iterdir()] == ["small"]


@pytest.mark.parametrize("spec", [SMALL, LANGUAGE, INFEASIBLE], ids=lambda s: s["name"])
def test_a_loaded_result_is_the_one_that_was_written(tmp_path, spec):
    written = explore(spec, tmp_path / "x")
    loaded = dse.load(tmp_path / "x")
    xr.testing.assert_identical(loaded.frontier, written.frontier)
    xr.testing.assert_identical(loaded.cloud, written.cloud)
    assert loaded.manifest == written.manifest


def test_manifest(small):
    manifest = json.loads((small.path / "manifest.json").read_text())
    counts = manifest["counts"]
    parts = [counts[k] for k in ("undefined", "skipped_by_bounds", "dominated", "kept")]
    assert sum(parts) + sum(counts["excluded"].values()) == counts["enumerated"] == 48
    assert manifest["versions"]["dse"] == dse.__version__
    assert dse.__version__ in manifest["citation"]
    assert manifest["axes"] == {"width": 4, "resolution": 3, "precision": 2, "device": 2}
    assert manifest["objectives"][-1] == {"metric": "accuracy", "direction": "max"}
    assert manifest["budgets"][0] == {"metric": "peak_sram", "text": "peak_sram ≤ 320 KiB", "max": 327680.0}
    assert set(manifest["files"]) == FILES


def test_the_spec_in_the_manifest_gives_the_same_result(small):
    again = dse.explore(small.manifest["spec"])
    xr.testing.assert_identical(again.frontier, small.frontier)
    assert again.manifest["key"] == small.manifest["key"]


def test_table(small):
    table = pd.read_csv(small.path / "frontier.csv")
    assert len(table) == small.counts["kept"]
    assert list(table.columns[:4]) == ["width", "resolution", "precision", "device"]
    assert {"latency", "energy", "accuracy", "peak_sram", "params", "accuracy_source"} <= set(table.columns)
    assert table["accuracy_source"].str.contains("published").all()
    np.testing.assert_array_equal(table["latency"], small.frontier.latency.values)
    # MobileNetV2 0.35: published, see reference counts-vision.
    assert set(table.params[table.width == 0.35]) == {1_677_128}


def test_assumptions_are_toml_with_every_figure_and_source(small):
    facts = tomllib.loads((small.path / "assumptions.toml").read_text(encoding="utf-8"))
    assert facts["counting"] == "trainable"
    assert facts["latency_model"] == "roofline"
    assert facts["defaults"]["utilization"]["value"] == 0.7
    assert facts["defaults"]["carbon_intensity"]["unit"] == "g/kWh"
    assert set(facts["device"]) == {"stm32u575", "esp32"}
    esp32 = facts["device"]["esp32"]
    assert esp32["figures"]["peak_int8"] == {"value": 960e6, "unit": "OP/s"}
    assert esp32["source"].startswith("https://")
    # Microcontrollers have no site: the default of their class is 1, not the general 1.2.
    assert esp32["pue"] == 1.0
    assert facts["precision"]["int8"]["weight_bits"] == 8
    assert facts["computes_in"]["esp32"] == {"fp32": "fp32", "int8": "int8"}


def test_assumptions_name_the_format_really_computed_in_and_phases_by_name(tmp_path):
    spec = changed(LANGUAGE, precision__scheme=["fp8", "w4a16"], hardware__device=["a100-sxm-80gb"])
    spec["deployment"] = {"context": 512}
    explore(spec, tmp_path / "x")
    facts = tomllib.loads((tmp_path / "x" / "assumptions.toml").read_text(encoding="utf-8"))
    # An A100 has no 8-bit float units.
    assert facts["computes_in"]["a100-sxm-80gb"] == {"fp8": "fp16", "w4a16": "fp16"}
    assert facts["defaults"]["phase"]["value"] == "decode"


def test_an_unchanged_spec_is_not_computed_again(tmp_path, monkeypatch):
    first = explore(SMALL, tmp_path / "x")
    with monkeypatch.context() as patched:
        patched.setattr(runs, "Scanner", None)
        again = explore(dict(reversed(SMALL.items())), tmp_path / "x")
    assert (first.state, again.state) == ("computed", "reused")
    assert again.manifest == first.manifest
    fresh = explore(SMALL, tmp_path / "x", fresh=True)
    assert fresh.state == "computed"


def test_a_changed_spec_never_overwrites_in_silence(tmp_path):
    explore(SMALL, tmp_path / "x")
    before = (tmp_path / "x" / "manifest.json").read_bytes()
    other = changed(SMALL, budgets__latency="200 ms")
    with pytest.raises(
        InputError, match=r"holds the result of another spec; replace it with --fresh, or choose .*--out"
    ):
        explore(other, tmp_path / "x")
    assert (tmp_path / "x" / "manifest.json").read_bytes() == before
    assert explore(other, tmp_path / "x", fresh=True).state == "computed"
    assert dse.load(tmp_path / "x").manifest["spec"]["budgets"]["latency"] == "200 ms"


def test_changed_formulas_are_computed_again(tmp_path, monkeypatch):
    explore(SMALL, tmp_path / "x")
    with monkeypatch.context() as patched:
        patched.setattr(manifests, "_package_key", lambda: "other formulas")
        assert explore(SMALL, tmp_path / "x").state == "recomputed"
        assert explore(SMALL, tmp_path / "x").state == "reused"


def test_a_metric_of_the_user_is_part_of_the_code(monkeypatch):
    before = manifests.code_key()
    monkeypatch.setattr(registry, "METRICS", dict(registry.METRICS))

    @dse.metric(unit="1")
    def my_ratio(latency, energy):
        """A ratio."""
        return latency / energy

    assert manifests.code_key() != before


@pytest.mark.parametrize("fresh", [False, True])
def test_what_is_not_a_result_is_never_touched(tmp_path, fresh):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "cat.jpg").write_text("meow")
    file = tmp_path / "file"
    file.write_text("text")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "manifest.json").write_text('{"name": "a web page"}')
    for path in (folder, file, foreign):
        with pytest.raises(InputError, match=r"is not a result|is not the manifest of a result"):
            explore(SMALL, path, fresh=fresh)
    assert (folder / "cat.jpg").read_text() == "meow"
    assert file.read_text() == "text"
    assert {p.name for p in tmp_path.iterdir()} == {"photos", "file", "foreign"}


def test_files_of_the_user_in_a_result_are_kept(tmp_path):
    explore(SMALL, tmp_path / "x")
    (tmp_path / "x" / "notes.txt").write_text("mine")
    (tmp_path / "x" / "mine").mkdir()
    (tmp_path / "x" / "mine" / "plot.png").write_text("picture")
    explore(changed(SMALL, fit=False), tmp_path / "x", fresh=True)
    assert (tmp_path / "x" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "x" / "mine" / "plot.png").read_text() == "picture"
    assert dse.load(tmp_path / "x").manifest["spec"]["fit"] is False
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_an_empty_folder_is_used(tmp_path):
    (tmp_path / "x").mkdir()
    assert explore(SMALL, tmp_path / "x").path == tmp_path / "x"


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), RuntimeError("NetCDF: HDF error")])
def test_what_cannot_be_written_leaves_the_old_result(tmp_path, monkeypatch, failure):
    explore(SMALL, tmp_path / "x")

    def full(*_, **__):
        raise failure

    with monkeypatch.context() as patched:
        patched.setattr(xr.Dataset, "to_netcdf", full)
        with pytest.raises(
            DseError, match=r"x: cannot be written: (No space left on device|NetCDF: HDF error)"
        ) as caught:
            explore(changed(SMALL, fit=False), tmp_path / "x", fresh=True)
    assert caught.value.exit_code == 1
    assert dse.load(tmp_path / "x").manifest["spec"]["fit"] is True
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_a_place_that_cannot_be_written_is_told_before_the_work(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(runs, "Scanner", None)
    with pytest.raises(DseError, match=r"x: cannot be written: ") as caught:
        explore(SMALL, tmp_path / "file" / "x")
    assert caught.value.exit_code == 1


def test_an_interruption_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    for module, name in ((runs, "Scanner"), (folders.assumptions, "to_toml")):
        with monkeypatch.context() as patched:
            patched.setattr(module, name, interrupted)
            with pytest.raises(KeyboardInterrupt):
                explore(SMALL, tmp_path / "x")
        assert list(tmp_path.iterdir()) == []


def test_a_failed_swap_puts_the_old_result_back(tmp_path, monkeypatch):
    explore(SMALL, tmp_path / "x")
    rename = folders.os.rename

    def no_new_name(source, target):
        if source.parent.name == "result.part":
            raise OSError(5, "Input/output error")
        rename(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(folders.os, "rename", no_new_name)
        with pytest.raises(DseError, match="Input/output error"):
            explore(SMALL, tmp_path / "x", fresh=True)
    assert dse.load(tmp_path / "x").counts["enumerated"] == 48


def test_pictures_that_were_left_out_are_drawn_later_without_computing(tmp_path, monkeypatch):
    first = explore(SMALL, tmp_path / "x")
    monkeypatch.setattr(runs, "Scanner", None)
    again = dse.explore(SMALL, out=tmp_path / "x")
    assert again.state == "reused"
    assert again.manifest["created"] == first.manifest["created"]
    assert {"frontier.png", "frontier.svg"} <= {p.name for p in (tmp_path / "x").iterdir()}


@pytest.mark.parametrize("content", ["{", "[]", "{}", "\x00"])
def test_a_broken_manifest_is_told(tmp_path, content):
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InputError, match=r"manifest\.json: (cannot be read|is not the manifest)"):
        dse.load(tmp_path)


def test_a_folder_that_is_not_there_and_a_broken_file(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        dse.load(tmp_path / "none")
    explore(SMALL, tmp_path / "x")
    (tmp_path / "x" / "frontier.nc").write_bytes(b"broken")
    with pytest.raises(InputError, match=r"frontier\.nc: is damaged"):
        dse.load(tmp_path / "x")
    manifest = json.loads((tmp_path / "x" / "manifest.json").read_text())
    (tmp_path / "x" / "manifest.json").write_text(json.dumps({**manifest, "checksums": {}}))
    with pytest.raises(InputError, match="x: cannot be read"):
        dse.load(tmp_path / "x")


def test_a_disk_without_room_is_told_before_anything_is_written(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100_000))
    with pytest.raises(DseError, match=r"no space left on the disk: about .* MiB are needed, 97\.7 KiB are free"):
        dse.explore(SMALL, out=tmp_path / "made" / "x", plots=False)
    assert list(tmp_path.iterdir()) == []


def test_a_frontier_that_memory_cannot_hold_is_refused(monkeypatch):
    monkeypatch.setattr(datasets, "available_memory", lambda: 1000.0)
    with pytest.raises(InputError, match="designs on the frontier need"):
        dse.explore(SMALL)


def test_a_result_that_is_replaced_while_it_is_read(tmp_path, monkeypatch):
    """The manifest of the old one and the tables of the new are no damage."""
    explore(SMALL, tmp_path / "x")
    read, after = result.damages, changed(SMALL, network__width=[0.35, 0.5])

    def late(folder, manifest):
        monkeypatch.setattr(result, "damages", read)
        dse.explore(after, out=tmp_path / "x", plots=False, fresh=True)
        return read(folder, manifest)

    monkeypatch.setattr(result, "damages", late)
    assert dse.load(tmp_path / "x").manifest["axes"]["width"] == 2


def test_a_result_whose_replacement_was_cut_short_is_told(tmp_path):
    explore(SMALL, tmp_path / "x")
    (tmp_path / ".x.work" / "result.old").mkdir(parents=True)
    (tmp_path / "x" / "manifest.json").rename(tmp_path / ".x.work" / "result.old" / "manifest.json")
    with pytest.raises(InputError, match="a run puts a new result in place of the old one, or was ended meanwhile"):
        dse.load(tmp_path / "x")
    assert dse.explore(SMALL, out=tmp_path / "x", plots=False).state == "reused"
    assert dse.load(tmp_path / "x").name == "small"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("checksums", []), ("checksums", {"/etc/passwd": "1"}), ("objectives", []), ("objectives", [1]), ("per", 3),
        ("objectives", [{"metric": "latency", "direction": "min", "-1": float("nan")}]), ("axes", {"width": -1}),
        ("objectives", [{"metric": "latency", "direction": "up"}]), ("versions", {}), ("notes", None), ("seconds", "1"),
        ("counts", {"kept": 1}),
        ("counts", {"enumerated": 0}), ("metrics", ["nothing"]), ("budgets", [{"metric": "none", "text": "x"}]),
        ("citation", 1), ("left_out_devices", ["a"]), ("own_formulas", {"x": 1}), ("search", {}), ("files", "all"),
    ],
)  # fmt: skip
def test_a_manifest_that_nothing_can_be_shown_of_is_refused(tmp_path, key, value):
    explore(SMALL, tmp_path / "x")
    path = tmp_path / "x" / "manifest.json"
    known = {k: v for k, v in json.loads(path.read_text()).items() if k != "checksums"}
    path.write_text(json.dumps({**known, key: value}))
    with pytest.raises(InputError, match=rf"(not the manifest of a result \({key}|\(it: |has no nothing)"):
        dse.load(tmp_path / "x")
