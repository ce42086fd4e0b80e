"""Thousands of faults cost what is told of them: names are compared for no more, and lists and tables have an end."""

from __future__ import annotations

import difflib
import pickle

import pytest
from specs import SMALL, changed

from dse.calibration.constants import read_calibrations
from dse.calibration.measurements import read_measurements
from dse.errors import MOST_FAULTS, Fault, InputError, unknown
from dse.jobs import quality_rows, spaces
from dse.jobs.resolve import read_job
from dse.networks.ingest.ops_table import read_table

NAMES = [f"zz{i}" for i in range(1000)]
ESP = [f"esp3x{i}" for i in range(1000)]
# A name is held against those of its own table, of others, and of titles.
MOST_COMPARED = 3 * MOST_FAULTS


@pytest.fixture
def compared(monkeypatch):
    """The names that were compared with known ones, letter by letter."""
    names = []

    def closest(name, *rest, **more):
        names.append(name)
        return original(name, *rest, **more)

    original = difflib.get_close_matches
    monkeypatch.setattr(difflib, "get_close_matches", closest)
    return names


MANY = {
    "bases": {"device": {f"d{i}": {"base": n} for i, n in enumerate(ESP)}},
    "classes": {"device": {f"d{i}": {"class": n} for i, n in enumerate(ESP)}},
    "neither base nor class": {"device": {n: {"sram": 1} for n in ESP}},
    "fields": {"device": {"d": {"base": "esp32", **dict.fromkeys(NAMES, 1)}}},
    "devices": {"hardware__device": ESP},
    "formats": {"precision__scheme": NAMES},
    "fields of a format": {"precision": {"scheme": "a", "a": dict.fromkeys(NAMES, 1)}},
    "regions": {"deployment__region": NAMES},
    "software": {"deployment__software": NAMES},
    "settings": {"deployment": dict.fromkeys(NAMES, 1)},
    "axes": {"network": {"family": "mobilenet_v2", **dict.fromkeys(NAMES, 1)}},
    "families": {"network": [{"name": f"n{i}", "family": n} for i, n in enumerate(NAMES[:200])]},
    "models": {"network": [{"name": f"n{i}", "model": n} for i, n in enumerate(NAMES[:200])]},
    "budgets": {"budgets": dict.fromkeys(NAMES, 1)},
    "units": {"device": {f"d{i}": {"base": "esp32", "tdp": f"{i} xx"} for i in range(1000)}},
    "objectives": {"objectives__minimize": NAMES},
    "per": {"objectives__per": NAMES},
    "outputs": {"output__metrics": NAMES},
    "tables": {n: {} for n in NAMES},
}  # fmt: skip


@pytest.mark.parametrize("given", MANY.values(), ids=MANY)
def test_names_are_compared_for_the_faults_that_are_told(given, compared):
    with pytest.raises(InputError) as caught:
        read_job(changed(SMALL, **given))
    found = len(caught.value.faults)
    assert found >= 200
    assert not compared or len(set(compared)) < found
    del compared[:]
    told = str(caught.value).splitlines()
    assert len(told) == MOST_FAULTS + 1 and told[-1] == f"and {found - MOST_FAULTS:,} more faults"
    assert len(compared) <= MOST_COMPARED


def test_wrong_lines_of_a_quality_table(compared, tmp_path):
    (tmp_path / "own.csv").write_text("width,accuracy\n0.35,50\n" + "".join(f"{i} xx,50\n" for i in range(20_000)))
    with pytest.raises(InputError) as caught:
        read_job(changed(SMALL, quality={"table": str(tmp_path / "own.csv")}))
    told = str(caught.value).splitlines()
    assert len(compared) <= 10 and len(told) == 12
    assert told[0].endswith("line 3: width: unknown unit 'xx'; a plain number is needed, such as '8'")
    assert told[10].endswith(f"and {quality_rows.MOST_WRONG - 10:,} more lines")
    assert told[11].endswith("no line after line 1,002 was looked at")


def test_rows_of_layers_that_read_others(compared, tmp_path):
    rows = [f"layer_{i},linear,,,1,1\n" for i in range(5000)]
    wrong = [f"w{i},linear,layerx_{i},,1,1\n" for i in range(200)]
    text = ["name,kind,reads,inputs,outputs,macs\n", "l,linear,-,1,1,1\n", *rows, *wrong]
    (tmp_path / "own.csv").write_text("".join(text))
    with pytest.raises(InputError, match=r"no row after row .* was looked at") as caught:
        read_table(tmp_path / "own.csv")
    assert "unknown row 'layerx_0'; did you mean 'layer_" in str(caught.value)
    assert len(compared) <= MOST_FAULTS


ENDS = {
    "deployment.region: at most 5,000 names; these are 6,000": {"deployment__region": [f"r{i}" for i in range(6000)]},
    "hardware.device: .* at most 5,000 names; these are 6,000": {"hardware__device": [f"r{i}" for i in range(6000)]},
    "objectives.per: .* at most 5,000 names; these are 6,000": {"objectives__per": [f"r{i}" for i in range(6000)]},
    "network.attention: at most 5,000 names; these are 6,000": {
        "network": {"family": "decoder", "attention": [f"r{i}" for i in range(6000)]}
    },
    "device: a table of 6,000 keys; at most 5,000": {"device": {f"d{i}": {"base": "esp32"} for i in range(6000)}},
    "device.d: a table of 6,000 keys; at most 5,000": {"device": {"d": {f"f{i}": 1 for i in range(6000)}}},
    "network: 1,001 networks; at most 1,000": {"network": [{"family": "mobilenet_v2"}] * 1001},
    "^has more than 100,000 keys$": {
        "device": {f"d{i}": dict.fromkeys(map(str, range(300))) for i in range(400)}
    },
}  # fmt: skip


@pytest.mark.parametrize(("told", "given"), ENDS.items(), ids=range(len(ENDS)))
def test_lists_and_tables_have_an_end(told, given):
    with pytest.raises(InputError, match=told):
        read_job(changed(SMALL, **given))


def test_settings_of_single_keys_have_an_end():
    with pytest.raises(InputError, match="6,000 settings of single keys; at most 5,000"):
        read_job(SMALL, {f"budgets.b{i}": 1 for i in range(6000)})
    with pytest.raises(InputError, match="nested too deeply"):
        read_job(SMALL, {"a." * 5000 + "b": 1})


def test_a_file_of_more_keys_is_not_parsed(tmp_path, monkeypatch):
    (tmp_path / "x.toml").write_text("[[calibration]]\nx = 1\n" * 110_000)
    monkeypatch.setattr("tomllib.loads", lambda text: pytest.fail("it takes seconds"))
    for read in (read_job, read_calibrations):
        with pytest.raises(InputError, match="has more than 100,000 keys"):
            read(tmp_path / "x.toml")


def test_columns_have_an_end(tmp_path):
    header = ",".join(f"c{i}" for i in range(1001))
    (tmp_path / "x.csv").write_text(f"{header}\n{header}\n")
    for read in (read_measurements, read_table, lambda path: read_job(changed(SMALL, quality={"table": str(path)}))):
        with pytest.raises(InputError, match=r"x.csv: 1,001 columns; at most 1,000"):
            read(tmp_path / "x.csv")


def test_a_quality_table_has_an_end(tmp_path):
    with (tmp_path / "x.csv").open("wb") as file:
        file.truncate(32 * 2**20 + 1)
    with pytest.raises(InputError, match="more than 32 MiB"):
        read_job(changed(SMALL, quality={"table": str(tmp_path / "x.csv")}))
    with (tmp_path / "x.csv").open("wb") as file:
        file.truncate(32 * 2**20)
    with pytest.raises(InputError, match="is not a table in CSV"):
        read_job(changed(SMALL, quality={"table": str(tmp_path / "x.csv")}))


def test_what_networks_have_in_common_is_read_once(monkeypatch):
    read = {"own_devices": 0, "own_formats": 0, "usable_devices": 0}

    def counting(name, made):
        def counted(*arguments):
            read[name] += 1
            return made(*arguments)

        monkeypatch.setattr(spaces, name, counted)

    for name in read:
        counting(name, getattr(spaces, name))
    several = [{"name": f"n{i}", "family": "mobilenet_v2", "width": [0.35], "resolution": [96]} for i in range(3)]
    job = read_job(changed(SMALL, network=several, device={"d": {"base": "esp32"}}, hardware__device=["d", "esp32"]))
    assert list(job.networks) == ["n0", "n1", "n2"]
    assert read == {"own_devices": 1, "own_formats": 1, "usable_devices": 1}
    with pytest.raises(InputError) as caught:
        read_job(changed(SMALL, network=several, device={"d": {"base": "esp3x"}}))
    assert sum("device.d.base" in f.where for f in caught.value.faults) == 1


def test_a_fault_is_put_into_words_when_it_is_told():
    made = []

    def told():
        made.append(True)
        return "is wrong"

    fault = Fault("key", told)
    moved = InputError([fault.at("other").adding("; mend it")]).at("file.toml")
    assert not made
    assert str(moved) == "file.toml: other: is wrong; mend it" and len(made) == 1
    assert str(fault) == "key: is wrong" and str(fault) == "key: is wrong" and len(made) == 2


def test_faults_are_compared_and_handed_to_other_processes():
    fault = unknown("device", "esp3", ["esp32"], "hardware.device")
    assert fault == Fault("hardware.device", "unknown device 'esp3'; did you mean 'esp32'?")
    assert fault != Fault("hardware.device", "else") and len({fault, fault.at("hardware.device")}) == 1
    error = pickle.loads(pickle.dumps(InputError(fault)))
    assert error.faults == (fault,) and str(error) == str(fault)


def test_a_fault_and_its_copy_tell_the_same():
    with pytest.raises(InputError) as told:
        read_job({**SMALL, "device": {"mine": {"base": "a10o-sxm-80gb"}}})
    fault = next(f for f in told.value.faults if f.where.endswith("base"))
    assert fault.at("x").problem == fault.problem and "did you mean" in fault.problem
