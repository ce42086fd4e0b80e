"""Everything that can be wrong with a spec: told in one go, a line each, with the key and what is allowed."""

from __future__ import annotations

import pytest
from specs import LANGUAGE, SMALL, changed, to_toml

import dse
from dse.errors import InputError
from dse.jobs import undefined
from dse.jobs.estimate import estimate
from dse.jobs.possible import check_networks
from dse.jobs.resolve import read_job
from dse.jobs.spec import Spec, read_spec


def faults(document) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_job(document)
    assert caught.value.exit_code == 2
    return str(caught.value).splitlines()


ONE_FAULT = [
    ({"nme": "x"}, "nme: unknown key; did you mean 'name'?"),
    (
        {"widht": 1},
        "widht: unknown key; allowed: bounds, budgets, counting, deployment, device, fit, hardware, name, "
        "network, objectives, output, precision, quality, workload; did you mean 'network.width'?",
    ),
    (
        {"hardware": {"device": "esp32", "batch": 2}},
        "hardware.batch: unknown key; allowed: calibration, device; did you mean 'deployment.batch'?",
    ),
    (
        {"network__precision": "int8"},
        "network.precision: unknown axis of the family 'mobilenet_v2' 'precision'; did you mean 'precision.scheme'?",
    ),
    (
        {"deployment__device": "esp32"},
        "deployment.device: unknown deployment setting 'device'; did you mean 'hardware.device'?",
    ),
    ({"name": "../x"}, "name: '../x' is not allowed; allowed: letters, digits"),
    ({"name": "a/b"}, "name: 'a/b' is not allowed"),
    ({"name": ".."}, "name: '..' is not allowed"),
    ({"name": 3}, "name: 3 is not a text"),
    ({"fit": "yes"}, "fit: 'yes' is not true or false"),
    ({"counting": "all"}, "counting: 'all' is not allowed; allowed: trainable, weights, statistics"),
    ({"network": 5}, "network: 5 is not a table"),
    ({"network": {}}, "network: is missing"),
    ({"network": {"famly": "resnet"}}, "network.famly: unknown key; did you mean 'family'?"),
    ({"network__model": "resnet50"}, "network: family and model are both given"),
    ({"network__family": "mobilnet_v2"}, "network.family: unknown family 'mobilnet_v2'; did you mean 'mobilenet_v2'?"),
    ({"network": {"model": "resnet51"}}, "network.model: unknown model 'resnet51'; did you mean 'resnet50'?"),
    ({"network__widht": 1}, "network.widht: unknown axis of the family 'mobilenet_v2' 'widht'; did you mean 'width'?"),
    ({"network__width": []}, "network.width: the axis has no values"),
    ({"network__width": -0.5}, "network.width: -0.5 is not allowed; allowed: a number above 0"),
    ({"network__width": float("nan")}, "network.width: nan is not a finite number"),
    ({"network__width": 1e400}, "network.width: inf is not a finite number"),
    ({"network__width": "1 KiB"}, "network.width: unit 'KiB' is information, but a plain number is needed"),
    ({"network__width": [0.5, 0.5]}, "network.width: the value 0.5 stands twice"),
    ({"network__width": [[0.5]]}, "network.width: [0.5] is not a quantity"),
    ({"network__resolution": 96.5}, "network.resolution: 96.5 is not allowed; allowed: an integer"),
    ({"network__resolution": [10**5000]}, "is not a spec: it holds an integer of thousands of digits"),
    ({"network__width": {"start": 1, "stop": 2, "stpe": 1}}, "network.width: unknown key of a range 'stpe'; did you"),
    ({"network__width": {"start": 1, "stop": 2}}, "network.width: has the keys start, stop; allowed: a value, a list"),
    ({"network__width": {"start": 1, "stop": 2, "step": 0}}, "network.width: no value from 1 to 2 in steps of 0"),
    ({"network__width": {"start": 1, "stop": 2, "step": -1}}, "network.width: no value from 1 to 2 in steps of -1"),
    ({"network__width": {"start": 1, "stop": 1e9, "step": 1e-9}}, "network.width: 1e+18 values"),
    ({"network__width": {"start": 1, "stop": 2, "num": 0}}, "network.width: num = 0; allowed: an integer from 1"),
    ({"network__width": {"start": 0, "stop": 2, "num": 3, "scale": "log"}}, "network.width: a logarithmic range"),
    ({"precision": "int8"}, "precision: 'int8' is not a table"),
    ({"precision__scheme": "int9"}, "precision.scheme: unknown number format 'int9'; did you mean 'int8'?"),
    ({"precision__scheme": []}, "precision.scheme: the axis has no values"),
    ({"precision__scheme": ["int8", "int8"]}, "precision.scheme: 'int8' stands twice"),
    ({"precision__scheme": [8]}, "precision.scheme: [8] is not allowed: give a name or a list of names"),
    ({"precision__scheem": "int8"}, "precision.scheem: unknown key; did you mean 'scheme'?"),
    ({"hardware": {}}, "hardware.device: is missing"),
    ({"hardware__device": "stm32u757"}, "hardware.device: unknown device 'stm32u757'; did you mean 'stm32u575'?"),
    ({"hardware__device": "class:mcus"}, "hardware.device: unknown class of devices 'mcus'; did you mean 'mcu'?"),
    ({"hardware__device": []}, "hardware.device: the axis has no values"),
    ({"hardware__device": ["esp32", "esp32"]}, "hardware.device: 'esp32' stands twice"),
    ({"hardware__device": "stm32f746"}, "hardware.device: 'stm32f746' lacks the figure 'tdp'; needed by energy"),
    ({"hardware__device": ["esp32", 3]}, "hardware.device: ['esp32', 3] is not allowed"),
    ({"deployment__batch": -1}, "deployment.batch: -1 is not allowed; allowed: an integer at least 1"),
    ({"deployment__batch": 1e300}, "deployment.batch: 1e+300 is beyond 2^53"),
    ({"deployment__utilisation": 1}, "deployment.utilisation: unknown deployment setting 'utilisation'; did you mean"),
    ({"deployment__context": 5}, "deployment.context: the family 'mobilenet_v2' has no context"),
    ({"deployment__latency_model": "rooflin"}, "deployment.latency_model: unknown latency model 'rooflin'; did you"),
    ({"deployment__electricity_price": "3 W"}, "deployment.electricity_price: unit 'W' is energy/time"),
    ({"objectives": {}}, "objectives: 0 objectives; give one to five"),
    ({"objectives__minimize": ["latencey"]}, "objectives.minimize: unknown metric 'latencey'; did you mean 'latency'?"),
    ({"objectives__minimize": ["energy", "energy"]}, "objectives: 'energy' stands twice among the objectives"),
    ({"objectives__minimize": ["accuracy"]}, "objectives: 'accuracy' is to be both minimised and maximised"),
    ({"objectives__minimize": [1]}, "objectives.minimize.0: 1 is not a text"),
    ({"objectives__per": ["devices"]}, "objectives.per: 'devices' is not an axis of this spec; did you mean 'device'?"),
    ({"objectives__choose": ["device"]}, "objectives: 'device' stands in both per and choose"),
    ({"budgets": "small"}, "budgets: 'small' is not a table"),
    ({"budgets__peak_srm": 1}, "budgets.peak_srm: unknown metric 'peak_srm'; did you mean 'peak_sram'?"),
    ({"budgets__flash": "3 s"}, "budgets.flash: unit 's' is time, but information is needed"),
    ({"budgets__flash": "3 KB"}, "budgets.flash: unknown unit 'KB'; write kB (1000 bytes) or KiB (1024 bytes)"),
    ({"budgets__energy": {"min": "2 J", "max": "1 J"}}, "budgets.energy: min 2 is above max 1"),
    ({"budgets__energy": {"mni": 1}}, "budgets.energy: a budget is a limit, or has the keys min and max"),
    ({"budgets__energy": float("nan")}, "budgets.energy: nan is not a finite number"),
    ({"budgets__compute_bound": 1}, "budgets.compute_bound: the metric has no better side"),
    ({"output__metrics": ["parms"]}, "output.metrics: unknown metric 'parms'; did you mean 'params'?"),
]


@pytest.mark.parametrize(
    ("change", "expected"), ONE_FAULT, ids=[f"{next(iter(c))}-{i}" for i, (c, _) in enumerate(ONE_FAULT)]
)
def test_one_fault_is_one_line(change, expected):
    told = faults(changed(SMALL, **change))
    assert len(told) == 1
    assert told[0].startswith(expected)
    assert len(told[0]) < 400


def test_faults_of_every_kind_are_told_together_in_the_order_of_the_tables():
    document = changed(
        SMALL,
        nme="x",
        network__width=-1,
        network__depht=3,
        precision__scheme="int9",
        hardware__device="esp23",
        deployment__batch=0,
        objectives__minimize=["latencey"],
        budgets__flash="3 s",
        fit=1,
        output__metrics=["params", 3],
    )
    keys = [line.split(": ")[0] for line in faults(document)]
    tables = ["network.width", "network.depht", "precision.scheme", "hardware.device", "deployment.batch"]
    assert keys == ["nme", *tables, "objectives.minimize", "budgets.flash", "fit", "output.metrics.1"]


def test_missing_axes_of_a_family_are_told_one_by_one():
    told = faults(changed(SMALL, network={"family": "decoder", "layers": 2}, objectives={"minimize": ["latency"]}))
    assert [line.split(":")[0] for line in told] == ["network.d_model", "network.heads", "network.vocab"]


def test_many_wrong_values_of_one_axis_are_told_in_short():
    told = faults(changed(SMALL, network__width=[-v for v in range(1, 1001)]))
    allowed = "allowed: a number above 0 and at most 65536"
    assert told == [f"network.width: -1 is not allowed; {allowed} (and 999 more values)"]


def test_a_device_without_a_rate_for_the_format():
    told = faults(changed(SMALL, precision__scheme="fp32", hardware__device=["gap9", "esp32"]))
    assert told == ["hardware.device: 'gap9' computes neither in fp32 nor in a wider format; needed by latency, energy"]


@pytest.mark.no_cover
def test_too_many_designs_are_refused_before_they_are_made():
    axis = {"start": 0.1, "stop": 1, "num": 1_000_000}
    circumstance = {"start": 1, "stop": 1e6, "num": 1_000_000}
    told = faults(changed(SMALL, network__width=axis, deployment__carbon_intensity=circumstance, bounds=False))
    many = "1.2e+13 designs (437 TiB of results) are too many to enumerate; at most 1e+11"
    assert told == [f"{many}: narrow the axes, or leave out bounds = false"]


def test_a_phase_that_does_not_exist():
    told = faults(changed(LANGUAGE, deployment__phase=["prefil"]))
    assert told == ["deployment.phase: 'prefil' is not allowed; allowed: one of prefill, decode, request, train, mixed"]


def test_faults_name_the_file(tmp_path):
    path = tmp_path / "spec.toml"
    path.write_text(
        'nme = "x"\n[network]\nfamily = "resnet"\n[hardware]\ndevice = "esp23"\n[objectives]\nminimize = "macs"\n'
    )
    assert faults(path) == [
        f"{path}: nme: unknown key; did you mean 'name'?",
        f"{path}: hardware.device: unknown device 'esp23'; did you mean 'esp32'?",
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a = ", "is not valid TOML: Invalid value (at end of document)"),
        (b"\x00\xff\xfe", "is not a text in UTF-8"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, "is not a spec: its values are nested too deeply"),
        (b"a = " + b"9" * 5000, "is not a spec: it holds an integer of thousands of digits"),
        (b"a = 0x" + b"f" * 5000, "is not a spec: it holds an integer of thousands of digits"),
        (b"#" * (10 * 2**20 + 1), "cannot be read: more than 10 MiB, which is more than such a file has"),
    ],
    ids=["syntax", "binary", "nested", "digits", "hexadecimal", "huge"],
)
def test_files_that_are_no_specs(tmp_path, content, expected):
    path = tmp_path / "spec.toml"
    path.write_bytes(content)
    assert faults(path) == [f"{path}: {expected}"]


def test_a_file_that_is_not_there_and_a_folder(tmp_path):
    assert faults(tmp_path / "none.toml") == [f"{tmp_path / 'none.toml'}: no such file"]
    assert faults(tmp_path) == [f"{tmp_path}: is a folder; give the TOML file of a spec"]


def test_axes_that_make_no_network_together(tmp_path):
    path = tmp_path / "spec.toml"
    network = {"family": "decoder", "layers": 2, "d_model": 64, "heads": 4, "kv_heads": 3, "vocab": 100}
    spec = {"network": network, "hardware": {"device": "l4"}, "objectives": {"minimize": ["latency"]}}
    path.write_text(to_toml(spec))
    with pytest.raises(InputError) as caught:
        dse.explore(path)
    assert str(caught.value) == f"{path}: family decoder: kv_heads: 3 is not allowed: it must divide heads"
    # Among others it is a design that is undefined.
    result = dse.explore(changed(spec, network__kv_heads=[1, 3]))
    assert (result.counts["undefined"], result.counts["kept"]) == (1, 1)
    told = "the axes make no network; the first: family decoder: kv_heads: 3 is not allowed: it must divide heads"
    with pytest.raises(InputError, match=f"no design of the space is possible: {told}"):
        dse.explore(changed(spec, network__kv_heads=[3, 5]))
    assert result.manifest["undefined_because"] == {"network": {told: 1}}
    # A plan tells it before anything is computed.
    with pytest.raises(InputError, match=f"no design of the space is possible: {told}"):
        estimate(read_job(changed(spec, network__kv_heads=[3, 5])))
    assert estimate(read_job(changed(spec, network__kv_heads=[3, 1])))["designs"] == 2


def test_of_many_designs_it_is_known_too_that_none_has_a_network(monkeypatch):
    # 12,000 networks, more than are looked at in one go; no kv_heads but 4 divide the heads.
    network = {"family": "decoder", "layers": {"start": 1, "stop": 2000, "step": 1}, "d_model": 64, "heads": 4}
    spec = {
        "network": {**network, "kv_heads": [3, 5, 6, 7, 9, 10], "vocab": 9},
        "hardware": {"device": "l4"},
        "objectives": {"minimize": ["latency"]},
    }
    told = r"no design of the space is possible: .*kv_heads: 3 is not allowed"
    with pytest.raises(InputError, match=told):
        check_networks(read_job(spec))
    check_networks(read_job(changed(spec, network__kv_heads=[3, 5, 6, 7, 4, 9])))
    # Where reasons are counted on a coarse grid alone.
    monkeypatch.setattr(undefined, "PLAIN_LIMIT", 10)
    monkeypatch.setattr(undefined, "TILE", 20)
    for bounds in (False, True):
        with pytest.raises(InputError, match=told):
            dse.explore(changed(spec, network__layers=list(range(1, 11)), bounds=bounds))


def test_of_networks_to_choose_from_one_is_enough():
    right = {"name": "a", "family": "vit", "layers": 2, "d_model": 192, "heads": 3}
    wrong = {**right, "name": "b", "heads": [5, 7]}
    spec = {
        "network": [right, wrong],
        "precision": {"scheme": "int8"},
        "hardware": {"device": "l4"},
        "objectives": {"minimize": ["latency"]},
    }
    check_networks(read_job(spec))
    with pytest.raises(InputError, match=r"network\.b: no design of the space is possible: .*heads: 5 is not allowed"):
        check_networks(read_job({**spec, "workload": {"combine": "together"}}))


def test_settings_replace_values_at_dotted_keys():
    spec = read_spec(SMALL, {"budgets.peak_sram": "1 KiB", "deployment.batch": 4, "fit": False})
    assert (spec.budgets["peak_sram"], spec.deployment["batch"], spec.fit) == ("1 KiB", 4, False)
    assert SMALL["budgets"]["peak_sram"] == "320 KiB"
    with pytest.raises(InputError, match=r"name\.x: cannot be set, since 'name' is a value and no table"):
        read_spec(SMALL, {"name.x": 1})


def test_a_spec_object_is_a_spec():
    spec = read_spec(SMALL)
    assert isinstance(spec, Spec)
    assert read_spec(spec) == spec
    assert read_spec(spec.document()) == spec
