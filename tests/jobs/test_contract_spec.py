"""Every key of a spec: one spec that uses them all, what each of them does to the job, and what its misuse is told."""

from __future__ import annotations

import re
import tomllib

import numpy as np
import pytest
from specs import LANGUAGE, changed

import dse
from dse.errors import InputError
from dse.jobs.resolve import read_job

EXAMPLE = """
name = "person-detector"
fit = true
counting = "trainable"

[network]
family = "mobilenet_v2"
width = [0.35, 0.5, 0.75, 1.0]
resolution = { start = 96, stop = 224, step = 16 }
classes = 2

[workload]
combine = "choose"

[precision]
scheme = ["fp32", "int8", "w4a8", "mine"]

[precision.mine]
weight_bits = [2, 3, 4]
activation_bits = 8
kv_bits = 8
group_size = 64
scale_bits = 16
compute = "int8"

[hardware]
device = ["my-chip", "class:mcu"]

[device.my-chip]
base = "stm32h743"
tdp = { base = "0.05 W", peak_int8 = "0.3 W/TOPS", sram = "1 mW/KiB" }

[deployment]
batch = 1
compute_efficiency = 0.5
bandwidth_efficiency = 0.8
utilization = 0.6
pue = 1.1
carbon_intensity = "300 g/kWh"
electricity_price = "0.25 USD/kWh"
latency_model = "roofline"
software = "auto"

[objectives]
minimize = ["latency", "energy"]
maximize = ["accuracy"]
per = ["device"]
choose = ["width"]

[budgets]
peak_sram = "320 KiB"
flash = "1 MiB"
latency = { max = "100 ms" }

[quality]
table = "accuracy.csv"

[output]
metrics = ["params", "macs", "carbon"]
grid = true
"""
# What a class of detectors may reach: values of a user, joined on axes by name.
TABLE = "width,resolution,accuracy\n" + "".join(
    f"{w},{r},{50 + 20 * w + r / 20}\n" for w in (0.35, 0.5, 0.75, 1.0) for r in range(96, 225, 16)
)
# One request of a language model: the other settings of deployment.
SERVING = changed(
    LANGUAGE,
    hardware__device=["a100-sxm-80gb", "h100-sxm"],
    deployment={
        "phase": "request",
        "prompt_tokens": [128, 512],
        "output_tokens": 64,
        "batch": [1, 8],
        "region": ["USA", "WORLD"],
        "lifetime": "3 year",
        "busy_share": 0.5,
        "memory_share": 0.8,
    },
    objectives={"minimize": ["cost_per_million_tokens", "time_per_token"]},
)


@pytest.fixture
def example(tmp_path):
    (tmp_path / "accuracy.csv").write_text(TABLE)

    def made(**changes):
        document = changed(tomllib.loads(EXAMPLE), **changes)
        if "quality" in document and isinstance(document["quality"], dict) and "table" in document["quality"]:
            table = document["quality"]["table"]
            document["quality"]["table"] = str(tmp_path / table) if isinstance(table, str) else table
        return document

    return made


def test_the_whole_example(tmp_path):
    (tmp_path / "accuracy.csv").write_text(TABLE)
    path = tmp_path / "spec.toml"
    path.write_text(EXAMPLE)
    job = read_job(path)
    space = job.space
    assert (job.spec.name, space.counting, job.cut.fit) == ("person-detector", "trainable", True)
    assert space.axes["width"].values == (0.35, 0.5, 0.75, 1.0)
    assert space.axes["resolution"].values == tuple(range(96, 225, 16))
    assert space.axes["classes"].values == (2,)
    assert space.axes["precision"].values == ("fp32", "int8", "w4a8", *(f"mine weight_bits={b}" for b in (2, 3, 4)))
    mine = space.schemes["mine weight_bits=3"]
    assert (mine.weight_bits, mine.activation_bits, mine.kv_bits, mine.compute) == (3 + 16 / 64, 8, 8, "int8")
    assert space.axes["device"].values[0] == "my-chip"
    assert set(space.axes["device"].values[1:]) < {n for n, d in dse.devices.items() if d.device_class == "mcu"}
    chip, base = space.devices["my-chip"], dse.devices["stm32h743"]
    by_hand = 0.05 + 0.3e-12 * base.figure("peak_int8") + 1e-3 * base.figure("sram") / 1024
    assert chip.figure("tdp") == pytest.approx(by_hand, rel=1e-14)
    assert chip.figure("bandwidth") == base.figure("bandwidth")
    settings = {"batch": 1, "compute_efficiency": 0.5, "bandwidth_efficiency": 0.8, "utilization": 0.6, "pue": 1.1}
    settings |= {"carbon_intensity": 300, "electricity_price": 0.25, "latency_model": "roofline"}
    assert {n: space.axes[n].values for n in settings} == {n: (v,) for n, v in settings.items()}
    assert [(o.metric, o.direction) for o in job.cut.objectives] == [
        ("latency", "min"), ("energy", "min"), ("accuracy", "max"),
    ]  # fmt: skip
    assert job.cut.per == ("device",)
    assert [(b.metric, b.high) for b in job.cut.budgets] == [
        ("peak_sram", 320 * 1024),
        ("flash", 2**20),
        ("latency", 0.1),
    ]
    assert job.quality is not None
    assert job.metrics[-3:] == ("params", "macs", "carbon")
    result = dse.explore(path, out=tmp_path / "out", plots=False)
    assert (tmp_path / "out" / "grid.zarr").exists()
    counts = result.counts
    assert counts["kept"] > 0
    parts = counts["undefined"] + sum(counts["excluded"].values()) + counts["dominated"] + counts["kept"]
    assert parts == counts["enumerated"] == 4 * 9 * 6 * len(space.axes["device"].values)
    first = result.frontier.isel(design=0)
    by_table = 50 + 20 * float(first.width) + float(first.resolution) / 20
    assert float(first.accuracy) == pytest.approx(by_table, rel=1e-12)
    assert float(first.carbon) == pytest.approx(float(first.energy) / 3.6e6 * 0.3, rel=1e-12)


# A change of one key, and what it does to a metric of the first design, by hand.
EFFECTS = [
    ("network__classes", 10, "params", lambda old: old + 8 * 1281),
    ("counting", "statistics", "params", lambda old: old + 2 * 17056),
    ("deployment__utilization", 0.3, "energy", lambda old: old / 2),
    ("deployment__pue", 2.2, "energy", lambda old: old * 2),
    ("deployment__carbon_intensity", 600, "carbon", lambda old: old * 2),
    ("deployment__electricity_price", "0.5 USD/kWh", "electricity_cost", lambda old: old * 2),
    ("deployment__batch", 2, "peak_sram", lambda old: old * 2),
    ("deployment__batch", 2, "compute_time", lambda old: old * 2),
    ("deployment__compute_efficiency", 0.25, "compute_time", lambda old: old * 2),
    ("deployment__bandwidth_efficiency", 0.4, "memory_time", lambda old: old * 2),
    ("precision__scheme", "int8", "flash", lambda old: old / 4),
    ("device__my-chip__tdp", {"base": "0.1 W"}, "power", lambda old: 0.1 * 0.6),
    ("precision", {"scheme": "mine", "mine": {"weight_bits": 6, "group_size": 32, "scale_bits": 64}}, "model_size",
     lambda old: old / 32 * (6 + 64 / 32)),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value", "metric", "by_hand"), EFFECTS, ids=[f"{e[0]}-{e[2]}" for e in EFFECTS])
def test_what_a_key_does(key, value, metric, by_hand, example):
    base = {"network__width": 1.0, "network__resolution": 224, "precision": {"scheme": "fp32"}}
    base |= {"hardware__device": "my-chip", "output__metrics": [metric], "objectives__choose": []}
    before, after = (read_job(example(**{**base, **c})).space for c in ({}, {key: value}))
    from dse.grid.dataset import evaluate

    old, new = (float(evaluate(space, [metric])[metric]) for space in (before, after))
    assert new == pytest.approx(by_hand(old), rel=1e-12)
    assert new != old


def test_the_settings_of_a_request():
    result = dse.explore(SERVING)
    assert result.manifest["per"] == ["prompt_tokens", "region"]
    assert result.counts["enumerated"] == 2 * 2 * 2 * 2 * 2
    assert set(result.frontier.prompt_tokens.values.astype(str)) == {"128", "512"}
    rent = dse.explore(changed(SERVING, deployment__price_per_hour="1 USD/h", output={"metrics": ["token_throughput"]}))
    frontier = rent.frontier
    np.testing.assert_allclose(frontier.cost_per_million_tokens, 1e6 / 3600 / frontier.token_throughput, rtol=1e-12)
    assert set(frontier.cost_basis.values) == {"rent"}
    over = "deployment.price_per_hour stands over that of"
    assert any(note.startswith(over) for note in rent.manifest["notes"])
    several = dse.explore(changed(SERVING, deployment__price_per_hour=["1 USD/h", "2 USD/h"]))
    assert several.manifest["per"] == ["prompt_tokens", "region", "price_per_hour"]
    train = changed(
        SERVING, deployment={"phase": "train", "context": 128}, objectives={"minimize": ["memory"]}, fit=False
    )
    assert dse.explore(train).counts["undefined"] == 0


NOTHING = "the axis has no values; give at least one"
MISUSES = [
    # Wrong type, wrong unit, unknown name with the nearest one, empty list, impossible range: of every key.
    ("name", 5, "name: 5 is not a text"),
    ("fit", 1, "fit: 1 is not true or false"),
    ("bounds", 1, 'bounds: 1 is not allowed: give "auto", true or false'),
    ("counting", "trainabel", "counting: 'trainabel' is not allowed; allowed: trainable, weights, statistics"),
    ("network__family", 3, "network.family: 3 is not a text"),
    ("network__family", "mobilenetv2", "network.family: unknown family 'mobilenetv2'; did you mean 'mobilenet_v2'?"),
    ("network__width", "wide", "network.width: 'wide' is not a quantity"),
    ("network__width", [], f"network.width: {NOTHING}"),
    ("network__width", "1 s", "network.width: unit 's' is time, but a plain number is needed"),
    ("network__width", {"start": 1, "stop": 0.5, "step": 0.1}, "network.width: no value from 1 to 0.5 in steps of 0.1"),
    ("network__width", {"each": [1]}, "network.width: is not an axis of each stage of the family 'mobilenet_v2'"),
    ("network__resolution", 0, "network.resolution: 0 is not allowed; allowed: an integer at least 1"),
    ("network__classes", True, "network.classes: True is not a quantity"),
    ("network__clases", 2, "network.clases: unknown axis of the family 'mobilenet_v2' 'clases'; did you mean 'classes"),
    ("network__weight", 1, 'network.weight: has a meaning for several [[network]] with workload.combine = "mix" only'),
    ("network__rate", "2 /s", "network.rate: has a meaning for several [[network]] with workload.combine = \"together"),
    ("network__budgets", 3, "network.budgets: 3 is not a table"),
    ("network__budgets", {"flahs": 3}, "network.budgets.flahs: unknown metric 'flahs'; did you mean 'flash'?"),
    ("network", [], "network: is missing: give a family"),
    ("workload__combine", "choice", "workload.combine: 'choice' is not allowed; allowed: choose, mix, together"),
    ("workload__combine", "mix", "workload: is about several [[network]]"),
    ("workload__arena", "shraed", "workload.arena: 'shraed' is not allowed; allowed: shared, separate"),
    ("workload__combin", "mix", "workload.combin: unknown key; did you mean 'combine'?"),
    ("precision__scheme", 8, "precision.scheme: 8 is not allowed: give a name or a list of names"),
    ("precision__scheme", [], f"precision.scheme: {NOTHING}"),
    ("precision__scheme", ["mine", "int9"], "precision.scheme: unknown number format 'int9'; did you mean 'int8'?"),
    ("precision__mine", 4, "precision.mine: unknown key; a format of your own is a table of fields"),
    ("precision__mine__weight_bits", [], f"precision.mine.weight_bits: {NOTHING}"),
    ("precision__mine__weight_bits", "4 s", "precision.mine.weight_bits: unit 's' is time, but information is needed"),
    ("precision__mine__weight_bits", 0, "precision.mine.weight_bits: 0 is not allowed; allowed: a number above 0"),
    ("precision__mine__weight_bits", {"start": 4, "stop": 2, "step": 1}, "precision.mine.weight_bits: no value from 4"),
    ("precision__mine__activation_bits", "many", "precision.mine.activation_bits: 'many' is not a quantity"),
    ("precision__mine__kv_bits", -1, "precision.mine.kv_bits: -1 is not allowed; allowed: a number above 0"),
    ("precision__mine__group_size", 1.5, "precision.mine.group_size: 1.5 is not allowed; allowed: an integer at least"),
    ("precision__mine__group_size", 0, "precision.mine.scale_bits: has no meaning without group_size (0: one scale"),
    ("precision__mine__scale_bits", "1 W", "precision.mine.scale_bits: unit 'W' is energy/time, but information"),
    ("precision__mine__compute", "int9", "precision.mine.compute: unknown compute 'int9'; did you mean 'int8'?"),
    ("precision__mine__wieght_bits", 4, "precision.mine: unknown field of a precision scheme 'wieght_bits'; did you"),
    ("hardware__device", 3, "hardware.device: 3 is not allowed: give a name or a list of names"),
    ("hardware__device", ["my-chip", "stm32h7433"], "hardware.device: unknown device 'stm32h7433'; did you mean 'stm3"),
    ("hardware__device", ["my-chip", "class:mcuu"], "hardware.device: unknown class of devices 'mcuu'; did you mean '"),
    ("hardware__calibration", 3, "hardware.calibration: 3 is not a text"),
    ("hardware__devices", ["my-chip"], "hardware.devices: unknown key; did you mean 'device'?"),
    ("device__my-chip__base", "stm32h7433", "device.my-chip.base: unknown device 'stm32h7433'; did you mean 'stm32h74"),
    ("device__my-chip__tdp", "3 J", "device.my-chip.tdp: unit 'J' is energy, but energy/time is needed"),
    ("device__my-chip__tdp", {"base": "1 W", "srma": "1 mW/KiB"}, "device.my-chip.tdp: unknown figure of a device 'sr"),
    ("device__my-chip__bandwith", "1 GB/s", "device.my-chip: unknown field 'bandwith'; did you mean 'bandwidth'?"),
    ("deployment__batch", "two", "deployment.batch: 'two' is not a quantity"),
    ("deployment__batch", [], f"deployment.batch: {NOTHING}"),
    ("deployment__batch", {"start": 8, "stop": 1, "step": 1}, "deployment.batch: no value from 8 to 1 in steps of 1"),
    ("deployment__clases", 2, "deployment.clases: unknown deployment setting 'clases'; did you mean 'network.cla"),
    ("deployment__classes", 2, "deployment.classes: unknown deployment setting 'classes'; did you mean 'network.class"),
    ("network__batch", 2, "network.batch: unknown axis of the family 'mobilenet_v2' 'batch'; did you mean 'deployment"),
    ("network__bacth", 2, "network.bacth: unknown axis of the family 'mobilenet_v2' 'bacth'; did you mean 'deployment"),
    ("deployment__bach", 1, "deployment.bach: unknown deployment setting 'bach'; did you mean 'batch'?"),
    ("deployment__phase", "decode", "deployment.phase: the family 'mobilenet_v2' has no phase but training"),
    ("deployment__prompt_tokens", 5, "deployment.prompt_tokens: the family 'mobilenet_v2' has no prompt_tokens"),
    ("deployment__output_tokens", 5, "deployment.output_tokens: the family 'mobilenet_v2' has no output_tokens"),
    ("deployment__context", 5, "deployment.context: the family 'mobilenet_v2' has no context"),
    ("deployment__compute_efficiency", 0, "deployment.compute_efficiency: 0 is not allowed; allowed: a number above 0"),
    ("deployment__compute_efficiency", 1.5, "deployment.compute_efficiency: 1.5 is not allowed; allowed: a number ab"),
    ("deployment__compute_efficiency", "120 %", "deployment.compute_efficiency: 1.2 is not allowed; allowed: a number"),
    ("deployment__bandwidth_efficiency", [0.5, 4], "deployment.bandwidth_efficiency: 4 is not allowed; allowed: a num"),
    ("deployment__bandwidth_efficiency", "1 GB/s", "deployment.bandwidth_efficiency: unit 'GB/s' is information/time"),
    ("deployment__utilization", 1.5, "deployment.utilization: 1.5 is not allowed; allowed: a number at least 0 and"),
    ("deployment__pue", 0.9, "deployment.pue: 0.9 is not allowed; allowed: a number at least 1"),
    ("deployment__carbon_intensity", "3 kg", "deployment.carbon_intensity: unit 'kg' is mass, but"),
    ("deployment__region", "USB", "deployment.region: unknown region 'USB'"),
    ("deployment__region", "Germany", "deployment.region: unknown region 'Germany'; did you mean 'DEU' (Germany)?"),
    ("deployment__region", "austria", "deployment.region: unknown region 'austria'; did you mean 'AUT' (Austria)?"),
    ("deployment__region", [], f"deployment.region: {NOTHING}"),
    ("deployment__electricity_price", "3 W", "deployment.electricity_price: unit 'W' is energy/time, but"),
    ("deployment__price_per_hour", "3 USD", "deployment.price_per_hour: unit 'USD' is currency, but currency/time"),
    ("deployment__lifetime", "3 W", "deployment.lifetime: unit 'W' is energy/time, but time is needed"),
    ("deployment__lifetime", "3 yr", "deployment.lifetime: unknown unit 'yr'; write year"),
    ("deployment__busy_share", 2, "deployment.busy_share: 2 is not allowed; allowed: a number above 0 and at most 1"),
    ("deployment__latency_model", "per_opp", "deployment.latency_model: unknown latency model 'per_opp'; did you mean"),
    ("deployment__software", "torch-compiled", "deployment.software: unknown software 'torch-compiled'; did you mean"),
    ("deployment__memory_profile", "hbm2-oconor-2017", "deployment.memory_profile: unknown memory profile 'hbm2"),
    ("deployment__energy_profile", "horowitz", "deployment.energy_profile: unknown energy profile 'horowitz'; did you"),
    ("deployment__tensor_parallel", 2, "deployment.tensor_parallel: the family 'mobilenet_v2' cannot be divided so"),
    ("deployment__pipeline_parallel", [1, 2], "deployment.pipeline_parallel: the family 'mobilenet_v2' cannot be divi"),
    ("deployment__expert_parallel", 4, "deployment.expert_parallel: the family 'mobilenet_v2' cannot be divided so"),
    ("deployment__data_parallel", 0, "deployment.data_parallel: 0 is not allowed; allowed: an integer at least 1"),
    ("deployment__micro_batches", 1.5, "deployment.micro_batches: 1.5 is not allowed; allowed: an integer at least 1"),
    ("deployment__pipeline_chunks", 0, "deployment.pipeline_chunks: 0 is not allowed; allowed: an integer at least 1"),
    ("deployment__zero_stage", 4, "deployment.zero_stage: 4 is not allowed; allowed: an integer at least 0 and at mos"),
    ("deployment__link_latency", "1 GB/s", "deployment.link_latency: unit 'GB/s' is information/time, but time is nee"),
    ("deployment__link_efficiency", 0, "deployment.link_efficiency: 0 is not allowed; allowed: a number above 0 and"),
    ("deployment__network_bandwidth", "1 s", "deployment.network_bandwidth: unit 's' is time, but information/time is"),
    ("deployment__communication_overlap", 1.5, "deployment.communication_overlap: 1.5 is not allowed; allowed: a"),
    ("deployment__chunk_tokens", 5, "deployment.chunk_tokens: the family 'mobilenet_v2' has no chunk_tokens"),
    ("deployment__page_tokens", 16, "deployment.page_tokens: the family 'mobilenet_v2' has no cache of keys and value"),
    ("deployment__draft_tokens", 2, 'deployment.draft_tokens: has a meaning with phase = "decode" or "request" only'),
    ("deployment__draft_params", -1, "deployment.draft_params: -1 is not allowed; allowed: an integer at least 0"),
    ("deployment__acceptance", 1, "deployment.acceptance: 1 is not allowed; allowed: a number at least 0 and at most"),
    ("deployment__on_chip_reuse", 2, "deployment.on_chip_reuse: 2 is not allowed; allowed: an integer at least 0"),
    ("deployment__tokens_per_parameter", 0, "deployment.tokens_per_parameter: 0 is not allowed; allowed: a number"),
    ("deployment__source_tokens", 5, "deployment.source_tokens: the family 'mobilenet_v2' has no source_tokens"),
    ("deployment__backprop_fraction", 2, "deployment.backprop_fraction: 2 is not allowed; allowed: a number above 0"),
    ("deployment__adapter_bits", "3 W", "deployment.adapter_bits: unit 'W' is energy/time, but information is needed"),
    ("deployment__recompute_attention", 2, "deployment.recompute_attention: 2 is not allowed; allowed: an integer at"),
    ("deployment__cache_reads", "per_head", "deployment.cache_reads: 'per_head' is not allowed; allowed: one of"),
    ("deployment__in_flight", 1, 'deployment.in_flight: has a meaning with phase = "request" only'),
    ("deployment__recompute", 2, "deployment.recompute: 2 is not allowed; allowed: an integer at least 0"),
    ("deployment__lora_targets", "kv", "deployment.lora_targets: 'kv' is not allowed; allowed: one of qv, all"),
    ("deployment__winograd", 2, "deployment.winograd: 2 is not allowed; allowed: an integer at least 0 and at most 1"),
    ("deployment__zero_skipping", 0.5, "deployment.zero_skipping: 0.5 is not allowed; allowed: an integer at least 0"),
    ("deployment__lora_rank", -1, "deployment.lora_rank: -1 is not allowed; allowed: an integer at least 0"),
    ("objectives__minimize", 3, "objectives.minimize: 3 is not a list"),
    ("objectives__minimize", ["latency", "energie"], "objectives.minimize: unknown metric 'energie'; did you mean"),
    ("objectives__maximize", ["acuracy"], "objectives.maximize: unknown metric 'acuracy'; did you mean 'accuracy'?"),
    ("objectives__per", ["devic"], "objectives.per: 'devic' is not an axis of this spec; did you mean 'device'?"),
    ("objectives__ties", "some", "objectives.ties: 'some' is not allowed; allowed: exact, interval"),
    ("objectives__choose", ["widht"], "objectives.choose: 'widht' is not an axis of this spec; did you mean 'width'?"),
    ("budgets__latency", [], "budgets.latency: [] is not a quantity"),
    ("budgets__latency", "3 J", "budgets.latency: unit 'J' is energy, but time is needed"),
    ("budgets__latency", {"min": "2 s", "max": "1 s"}, "budgets.latency: min 2 is above max 1"),
    ("budgets__latancy", 1, "budgets.latancy: unknown metric 'latancy'; did you mean 'latency'?"),
    ("quality__table", 3, "quality.table: 3 is not a text"),
    ("quality__table", "acuracy.csv", r"quality.table: .*acuracy\.csv: no such file"),
    ("quality__recipe", "tf-slm", "quality: table and recipe are both given; give one of them"),
    ("network__recipe", ["tf-slim"], "network.recipe: ['tf-slim'] is not a text"),
    ("quality__tabel", "x", "quality.tabel: unknown key; did you mean 'table'?"),
    ("output__metrics", ["parms"], "output.metrics: unknown metric 'parms'; did you mean 'params'?"),
    ("output__grid", "yes", "output.grid: 'yes' is not true or false"),
    ("output__plots", True, "output.plots: unknown key; allowed: grid, metrics"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value", "expected"), MISUSES, ids=[f"{i}-{m[0]}" for i, m in enumerate(MISUSES)])
def test_misuse_is_one_line(key, value, expected, example):
    with pytest.raises(InputError) as caught:
        read_job(example(**{key: value}))
    lines = str(caught.value).splitlines()
    assert len(lines) == 1, lines
    pattern = expected if expected.startswith("quality.table: .*") else re.escape(expected)
    assert re.match(pattern, lines[0]), lines[0]
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("deployment", "expected"),
    [
        ({"phase": ["request", "decode"]}, "deployment.phase: a request is prefill and decode together; give it alone"),
        ({"phase": ["request", "decode"], "context": 5, "prompt_tokens": 3},
         "deployment.phase: a request is prefill and decode together; give it alone"),
        ({"phase": ["decode", "prefil"]}, "deployment.phase: 'prefil' is not allowed; allowed: one of prefill, decode"),
        ({"phase": 3}, "deployment.phase: 3 is not allowed; allowed: one of prefill, decode, request, train"),
        ({"phase": [["decode"]]}, "deployment.phase: ['decode'] is not allowed; allowed: one of prefill"),
        ({"phase": []}, f"deployment.phase: {NOTHING}"),
        ({"phase": "request", "prompt_tokens": 3}, "deployment.output_tokens: is missing; a request needs it"),
        ({"phase": "request", "prompt_tokens": 3, "output_tokens": 5, "context": 8}, "deployment.context: of a reques"),
        ({"phase": "decode", "prompt_tokens": 3}, 'deployment.prompt_tokens: has a meaning with phase = "request" or '),
    ],
)  # fmt: skip
def test_misuse_of_phases_is_one_line(deployment, expected):
    with pytest.raises(InputError) as caught:
        read_job(changed(LANGUAGE, deployment=deployment))
    assert len(caught.value.faults) == 1, str(caught.value)
    assert str(caught.value).startswith(expected)


NETWORKS = [{"model": "resnet50", "name": "a"}, {"model": "resnet18", "name": "b"}]


@pytest.mark.parametrize(
    ("combine", "networks", "expected"),
    [
        (
            "mix",
            [{**NETWORKS[0], "weight": 2}, NETWORKS[1]],
            "network.b.weight: is missing, and other networks have one",
        ),
        ("mix", [{**NETWORKS[0], "weight": 0}, NETWORKS[1]], "network.a.weight: 0 is not allowed; allowed: a number"),
        ("mix", [{**NETWORKS[0], "weight": "1 s"}, NETWORKS[1]], "network.a.weight: unit 's' is time, but a plain"),
        ("together", [{**NETWORKS[0], "rate": "2 s"}, NETWORKS[1]], "network.a.rate: unit 's' is time, but 1/time"),
        ("together", [{**NETWORKS[0], "rate": -1}, NETWORKS[1]], "network.a.rate: -1 is not allowed; allowed: a"),
        ("choose", [{**NETWORKS[0], "name": "a b"}, NETWORKS[1]], "network.0.name: 'a b' is not allowed; allowed:"),
        ("choose", [NETWORKS[0], {**NETWORKS[0]}], "network: several networks are called 'a'; give each a name"),
        ("choose", [NETWORKS[0], {"model": "resnet17", "name": "b"}], "network.b.model: unknown model 'resnet17'; did"),
        ("choose", [NETWORKS[0], {"model": 3, "name": "b"}], "network.b.model: 3 is not a text"),
        (
            "choose",
            [{**NETWORKS[0], "budgets": {"latency": "1 J"}}, NETWORKS[1]],
            "network.a.budgets.latency: unit 'J'",
        ),
    ],
)
def test_misuse_of_several_networks_is_one_line(combine, networks, expected):
    spec = {"network": networks, "workload": {"combine": combine}, "hardware": {"device": "l4"}, "precision": {}}
    with pytest.raises(InputError) as caught:
        read_job({**spec, "objectives": {"minimize": ["latency"]}})
    assert len(caught.value.faults) == 1, str(caught.value)
    assert str(caught.value).startswith(expected)


def test_every_key_of_a_spec_is_here():
    """A key that is added to the spec needs a line of misuse."""
    from dse.jobs.spec import Spec

    seen = {m[0].replace("__", ".") for m in MISUSES}
    for table, known in Spec.model_fields.items():
        inner = getattr(known.annotation, "model_fields", None)
        if known.alias is not None or table in ("device", "deployment", "budgets"):
            continue
        keys = [f"{table}.{k}" for k in inner if k not in ("name", "model")] if inner else [table]
        assert set(keys) <= seen, set(keys) - seen
    from dse.jobs.settings import SETTINGS

    rest = {"in_place_depthwise", "grad_bits", "optimizer_bits", "trainable_share", "memory_share"}
    assert {f"deployment.{n}" for n in SETTINGS if n not in rest} <= seen
