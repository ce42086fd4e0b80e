"""Several networks: every combination rule against an enumeration by hand from single evaluations."""

from __future__ import annotations

import itertools
import tomllib

import numpy as np
import pytest
from specs import changed, to_toml

import dse
from dse.cli import run
from dse.errors import InputError
from dse.jobs.estimate import estimate
from dse.jobs.recut import recut
from dse.jobs.resolve import read_job

# A wake word and a person detector: both MobileNetV2, of one channel and of three.
WAKE = {"name": "wake-word", "family": "mobilenet_v2", "in_channels": 1, "classes": 2}
WAKE |= {"width": [0.35, 0.5], "resolution": [32, 64]}
PERSON = {"name": "person", "family": "mobilenet_v2", "classes": 2, "width": [0.35, 0.5, 0.75], "resolution": [96, 128]}
CHIPS = ["stm32u575", "esp32"]
BASE = {
    "network": [WAKE, PERSON],
    "precision": {"scheme": ["int8", "fp32"]},
    "hardware": {"device": CHIPS},
    "objectives": {"minimize": ["latency", "energy"], "per": ["device"]},
    "fit": False,
}
CAPACITY = {"stm32u575": (786 * 1024, 2048 * 1024), "esp32": (320 * 1024, 4096 * 1024)}
METRICS = ["latency", "energy", "peak_sram", "flash", "params"]


def single(network, precision, device, metrics=METRICS, **axes):
    found = dse.evaluate(network["family"], precision=precision, device=device, metrics=metrics, **axes)
    return {m: float(found[m]) for m in metrics}


def designs_of(network):
    """Every design of one network, by itself."""
    fixed = {k: v for k, v in network.items() if k in ("in_channels", "classes")}
    grids = {k: v if isinstance(v, list) else [v] for k, v in network.items() if k in ("width", "resolution")}
    for precision, device in itertools.product(BASE["precision"]["scheme"], CHIPS):
        for values in itertools.product(*grids.values()):
            axes = dict(zip(grids, values, strict=True))
            yield {**axes, "precision": precision, "device": device} | single(
                network, precision, device, **fixed, **axes
            )


@pytest.fixture(scope="module")
def alone():
    return {n["name"]: list(designs_of(n)) for n in (WAKE, PERSON)}


def best(designs, objectives, group):
    def beats(a, b):
        pairs = [(round(a[m], 15), round(b[m], 15)) for m in objectives]
        return a[group] == b[group] and all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)

    return [d for d in designs if not any(beats(o, d) for o in designs)]


def keys(designs, axes):
    return {tuple(d[a] for a in axes) for d in designs}


def rows(result, axes):
    return set(zip(*(result.frontier[a].values.tolist() for a in axes), strict=True))


# Choose.


def test_choose_is_one_frontier_over_all_networks(alone):
    objectives = {"minimize": ["latency"], "maximize": ["params"], "per": ["device"]}
    designs = [{**d, "network": n, "minus": -d["params"]} for n, own in alone.items() for d in own]
    wanted = best(designs, ("latency", "minus"), "device")
    result = dse.explore(changed(BASE, objectives=objectives))
    axes = ("network", "width", "resolution", "precision", "device")
    assert rows(result, axes) == keys(wanted, axes)
    assert {d["network"] for d in wanted} == {"wake-word", "person"}
    assert result.counts["enumerated"] == len(designs) == 2 * 2 * (4 + 6)
    assert result.manifest["axes"]["network"] == 2
    for device, name, latency in zip(*(result.frontier[n].values for n in ("device", "network", "latency"))):
        assert any((d["device"], d["network"], d["latency"]) == (device, name, latency) for d in wanted)


def test_each_network_may_have_its_own_frontier(alone):
    result = dse.explore(changed(BASE, objectives__per=["network", "device"]))
    designs = [{**d, "network": n, "group": (n, d["device"])} for n, own in alone.items() for d in own]
    axes = ("network", "width", "resolution", "precision", "device")
    assert rows(result, axes) == keys(best(designs, ("latency", "energy"), "group"), axes)


def test_budgets_of_one_network_hold_for_its_designs_alone(alone):
    networks = [WAKE, {**PERSON, "budgets": {"peak_sram": "200 KiB"}}]
    result = dse.explore(changed(BASE, network=networks))
    out = sum(d["peak_sram"] > 200 * 1024 for d in alone["person"])
    assert 0 < out < len(alone["person"])
    assert result.counts["excluded"] == {"person.peak_sram ≤ 200 KiB": out}
    assert result.counts["enumerated"] == 40
    assert sum([out, result.counts["kept"], result.counts["dominated"], result.counts["undefined"]]) == 40


def test_names_come_from_models_and_families():
    networks = [{"model": "resnet50"}, {"family": "mobilenet_v2", "width": [0.35, 1.0]}]
    document = changed(BASE, network=networks, hardware__device="a100-sxm-80gb", objectives__per=[])
    result = dse.explore(changed(document, objectives__minimize=["params"], objectives__maximize=["accuracy"]))
    assert set(result.frontier.network.values) == {"resnet50", "mobilenet_v2"}
    # A network without the axis has no value of it.
    assert np.isnan(result.frontier.width.values[result.frontier.network.values == "resnet50"]).all()


def test_a_setting_that_one_network_lacks_is_of_the_others(tmp_path):
    networks = [{"model": "resnet50"}, {"model": "llama-2-7b"}]
    document = {**BASE, "network": networks, "hardware": {"device": "a100-sxm-80gb"}, "precision": {"scheme": "fp16"}}
    document = changed(document, deployment={"phase": "decode", "context": [128, 256]}, objectives__per=["network"])
    result = dse.explore(document)
    assert result.counts["enumerated"] == 3
    assert result.manifest["per"] == ["network", "context"]
    assert result.counts["kept"] == 3
    found = dict(zip(result.frontier.context.values.tolist(), result.frontier.network.values, strict=True))
    assert {128.0, 256.0} < set(found) and found[128.0] == found[256.0] == "llama-2-7b"
    # Numbers stay numbers: NaN where the network has no context.
    assert result.frontier.context.dtype == float and np.isnan(result.frontier.context).sum() == 1
    by_context = changed(document, objectives={"minimize": ["latency", "energy"]})
    assert dse.explore(by_context, out=tmp_path / "x").counts["kept"] == 3


def test_results_with_several_networks_on_disk(tmp_path):
    kept = changed(BASE, output={"grid": True, "metrics": ["params"]})
    result = dse.explore(kept, out=tmp_path / "x")
    loaded = dse.load(tmp_path / "x")
    assert set(loaded.grid.children) == {"wake-word", "person"}
    assert dict(loaded.grid["person"].sizes) == {"width": 3, "resolution": 2, "precision": 2, "device": 2}
    assert loaded.frontier.identical(result.frontier)
    evaluated = dse.explore(BASE)
    np.testing.assert_array_equal(loaded.grid["person"].latency, evaluated.grid["person"].latency)
    assert recut(loaded, minimize=["params"]).counts == recut(evaluated, minimize=["params"]).counts
    assert dse.explore(kept, out=tmp_path / "x").state == "reused"
    facts = tomllib.loads((tmp_path / "x" / "assumptions.toml").read_text(encoding="utf-8"))
    assert facts["network"]["person"]["defaults"]["in_channels"]["value"] == 3
    assert "in_channels" not in facts["network"]["wake-word"].get("defaults", {})
    assert (tmp_path / "x" / "frontier.png").exists()


def test_plan_tells_the_axes_of_each_network():
    plan = estimate(read_job(BASE))
    assert plan["designs"] == 40
    axes = {a["name"]: a["values"] for a in plan["axes"]}
    assert axes["network"] == axes["wake-word.width"] == 2
    assert axes["person.width"] == 3


# Mix.

FIXED = [
    {**WAKE, "width": 0.35, "resolution": 64, "weight": 3},
    {**PERSON, "width": 0.5, "resolution": 96, "weight": 1},
]
MIX = changed(BASE, network=FIXED, workload={"combine": "mix"}, fit=True, output={"metrics": ["flash", "throughput"]})


def pairs(alone, wake_axes=None, person_axes=None):
    """Every pair of a design of each network in one number format on one device."""
    for w, p in itertools.product(alone["wake-word"], alone["person"]):
        if (w["precision"], w["device"]) == (p["precision"], p["device"]):
            yield w, p


def at(design, width, resolution):
    return (design["width"], design["resolution"]) == (width, resolution)


def test_mix_by_hand(alone):
    chosen = [(w, p) for w, p in pairs(alone) if at(w, 0.35, 64) and at(p, 0.5, 96)]
    assert len(chosen) == 4
    result = dse.explore(MIX)
    grid = result.grid
    assert grid.latency.dims == ("precision", "device")
    fits = 0
    for w, p in chosen:
        here = grid.sel(precision=w["precision"], device=w["device"])
        for metric in ("latency", "energy"):
            assert float(here[metric]) == pytest.approx((3 * w[metric] + p[metric]) / 4, rel=1e-14)
        assert float(here.flash) == max(w["flash"], p["flash"])
        assert float(here.throughput) == pytest.approx(4 / (3 * w["latency"] + p["latency"]), rel=1e-14)
        sram, flash = CAPACITY[w["device"]]
        fits += all(d["flash"] <= flash and d["peak_sram"] <= sram for d in (w, p))
    assert result.counts["enumerated"] == 4
    assert result.counts["kept"] + result.counts["dominated"] == fits > 0


def test_budgets_of_each_network_hold_in_a_mix(alone):
    limit = 0.02
    networks = [FIXED[0], {**FIXED[1], "budgets": {"latency": limit}}]
    result = dse.explore(changed(MIX, network=networks, fit=False))
    wanted = sum(p["latency"] > limit for w, p in pairs(alone) if at(w, 0.35, 64) and at(p, 0.5, 96))
    assert result.counts["excluded"]["person.latency ≤ 20 ms"] == wanted


def test_weights_are_normalised_and_one_by_default():
    plain = [{k: v for k, v in n.items() if k != "weight"} for n in FIXED]
    even = dse.explore(changed(MIX, network=plain)).grid
    tens = dse.explore(changed(MIX, network=[{**n, "weight": 10} for n in plain])).grid
    np.testing.assert_allclose(even.latency, tens.latency, rtol=1e-15)


# Together.

TOGETHER = changed(
    BASE,
    network=[{**WAKE, "rate": "2 /s"}, {**PERSON, "rate": "1 /s"}],
    workload={"combine": "together"},
    fit=True,
)


@pytest.mark.parametrize("arena", ["shared", "separate"])
def test_together_by_hand(alone, arena):
    designs, out = [], {"sram": 0, "flash": 0, "load": 0}
    for w, p in pairs(alone):
        sram = max(w["peak_sram"], p["peak_sram"]) if arena == "shared" else w["peak_sram"] + p["peak_sram"]
        capacity = CAPACITY[w["device"]]
        if sram > capacity[0]:
            out["sram"] += 1
        elif w["flash"] + p["flash"] > capacity[1]:
            out["flash"] += 1
        elif 2 * w["latency"] + p["latency"] > 1:
            out["load"] += 1
        else:
            joint = {f"wake-word.{a}": w[a] for a in ("width", "resolution")}
            joint |= {f"person.{a}": p[a] for a in ("width", "resolution")}
            designs.append({**joint, "precision": w["precision"], "device": w["device"]})
            designs[-1] |= {m: w[m] + p[m] for m in ("latency", "energy", "flash")}
            designs[-1] |= {"minus": -designs[-1]["flash"], "peak_sram": sram}
    objectives = {"minimize": ["latency"], "maximize": ["flash"], "per": ["device"]}
    document = changed(TOGETHER, workload__arena=arena, objectives=objectives, output={"metrics": ["peak_sram"]})
    with pytest.raises(InputError, match="flash"):
        dse.explore(changed(document, objectives__minimize=["flash"]))
    result = dse.explore(document)
    excluded = list(result.counts["excluded"].values())
    assert result.counts["enumerated"] == 4 * 6 * 4
    assert excluded == [out["sram"], out["flash"], 0, out["load"]]
    assert out["sram"] > 0
    axes = ("wake-word.width", "wake-word.resolution", "person.width", "person.resolution", "precision", "device")
    wanted = best(designs, ("latency", "minus"), "device")
    assert rows(result, axes) == keys(wanted, axes)
    assert len(wanted) > 4
    found = {tuple(d[a] for a in axes): d for d in wanted}
    for i, key in enumerate(zip(*(result.frontier[a].values.tolist() for a in axes), strict=True)):
        for metric in ("latency", "energy", "flash", "peak_sram"):
            if metric in result.frontier:
                assert float(result.frontier[metric][i]) == pytest.approx(found[key][metric], rel=1e-13)


def test_the_device_must_have_time_for_all(alone):
    slow = [{**WAKE, "rate": "10 /s"}, {**PERSON, "rate": "2 /s"}]
    result = dse.explore(changed(TOGETHER, network=slow, fit=False))
    busy = sum(10 * w["latency"] + 2 * p["latency"] > 1 for w, p in pairs(alone))
    assert 0 < busy < 96
    assert result.counts["excluded"] == {"Σ rate × latency ≤ 1": busy}
    overrun = dse.explore(
        changed(TOGETHER, network=[{**WAKE, "rate": "1e6 /s"}, {**PERSON, "rate": "1e-9 /s"}], fit=False)
    )
    assert overrun.counts["kept"] == 0
    least = min(1e6 * w["latency"] + 1e-9 * p["latency"] for w, p in pairs(alone))
    assert overrun.manifest["nearest_misses"]["Σ rate × latency ≤ 1"] == pytest.approx(least, rel=1e-14)
    with pytest.raises(InputError, match=r"network\.person\.rate: is missing, and other networks have one"):
        dse.explore(changed(TOGETHER, network=[{**WAKE, "rate": "10 /s"}, PERSON]))


def test_budgets_of_one_network_hold_together(alone):
    networks = [WAKE, {**PERSON, "budgets": {"latency": "30 ms", "params": {"min": 200_000}}}]
    result = dse.explore(changed(TOGETHER, network=networks, fit=False))
    first = sum(p["latency"] > 0.03 for w, p in pairs(alone))
    second = sum(p["latency"] <= 0.03 and p["params"] < 200_000 for w, p in pairs(alone))
    assert list(result.counts["excluded"].values()) == [first, second]
    assert (result.frontier["person.latency"].values <= 0.03).all()


def test_together_on_disk_and_cut_again(tmp_path):
    kept = changed(TOGETHER, output={"grid": True})
    result = dse.explore(kept, out=tmp_path / "x")
    loaded = dse.load(tmp_path / "x")
    assert loaded.grid.latency.dims[:2] == ("wake-word.width", "wake-word.resolution")
    np.testing.assert_array_equal(loaded.grid.latency, dse.explore(TOGETHER).grid.latency)
    assert recut(loaded).counts == result.counts
    assert loaded.frontier.identical(result.frontier)


def test_tiles_do_not_matter(monkeypatch):
    from dse.jobs import run as runs

    whole = dse.explore(TOGETHER)
    scanner = runs.Scanner
    monkeypatch.setattr(runs, "Scanner", lambda blocks: scanner(blocks, tile=5))
    assert dse.explore(TOGETHER).counts == whole.counts
    assert dse.explore(TOGETHER).frontier.identical(whole.frontier)


# Faults.

FAULTS = [
    ({"workload__combine": "mixed"}, "workload.combine: 'mixed' is not allowed; allowed: choose, mix, together"),
    ({"workload__combin": "mix"}, "workload.combin: unknown key; did you mean 'combine'?"),
    ({"workload": {"combine": "together", "arena": "one"}}, "workload.arena: 'one' is not allowed; allowed: shared"),
    ({"workload": {"arena": "separate"}}, "workload: is about several [[network]]; arena about those with"),
    ({"workload": {"combine": "mix"}}, "network.wake-word.width: a mix takes each network at one architecture"),
    ({"network": [WAKE, WAKE]}, "network: several networks are called 'wake-word'; give each a name of its own"),
    ({"network": [WAKE, {"name": "x"}]}, "network.x: is missing: give a family"),
    ({"network": [WAKE, {**PERSON, "widht": 1}]}, "network.person.widht: unknown axis of the family"),
    ({"network": [WAKE, {**PERSON, "weight": 1}]}, "network.person.weight: has a meaning for several [[network]]"),
    ({"network": [WAKE, {**PERSON, "rate": 1}]}, "network.person.rate: has a meaning for several [[network]]"),
    ({"network": [WAKE, {**PERSON, "budgets": {"flash": "3 s"}}]}, "network.person.budgets.flash: unit 's' is time"),
    ({"network": [WAKE, {**PERSON, "budgets": {"flsh": 3}}]}, "network.person.budgets.flsh: unknown metric 'flsh'"),
    ({"network": [WAKE, {**PERSON, "budgets": 3}]}, "network.person.budgets: 3 is not a table"),
    ({"network": [WAKE, 3]}, "network.1: 3 is not a table"),
    ({"network": [{**WAKE, "name": "a/b"}, PERSON]}, "network.0.name: 'a/b' is not allowed; allowed: letters"),
    ({"networks": [WAKE]}, "networks: unknown key; did you mean 'network'?"),
    ({"objectives__per": ["networks"]}, "objectives.per: 'networks' is not an axis of this spec; did you mean"),
    ({"network": {**WAKE, "weight": 2}}, "network.weight: has a meaning for several [[network]]"),
    ({"network": WAKE, "workload": {"combine": "mix"}}, "workload: is about several [[network]]"),
]


@pytest.mark.parametrize(("change", "fault"), FAULTS, ids=[f for _, f in FAULTS])
def test_faults(change, fault):
    with pytest.raises(InputError) as caught:
        read_job(changed(BASE, **change))
    assert fault in str(caught.value)


BLEND_FAULTS = [
    (
        {"network": [{**WAKE, "rate": "0 /s"}, PERSON]},
        "network.wake-word.rate: '0 /s' is not allowed; allowed: a number",
    ),
    ({"network": [{**WAKE, "rate": "2 s"}, PERSON]}, "network.wake-word.rate: unit 's' is time"),
    ({"objectives__maximize": ["accuracy"]}, "objectives: 'accuracy' has no meaning for several networks at once"),
    ({"deployment": {"latency_model": "rooflin"}}, "deployment.latency_model: unknown latency model"),
    ({"objectives__per": ["width"]}, "objectives.per: 'width' is not an axis of this spec"),
]


@pytest.mark.parametrize(("change", "fault"), BLEND_FAULTS, ids=[f for _, f in BLEND_FAULTS])
def test_faults_of_networks_together(change, fault):
    with pytest.raises(InputError) as caught:
        read_job(changed(TOGETHER, **change))
    assert str(caught.value).startswith(fault)
    assert len(str(caught.value).splitlines()) == 1


def test_what_is_wrong_for_all_networks_is_told_once():
    with pytest.raises(InputError) as caught:
        read_job(changed(BASE, precision__scheme="int9", hardware__device="esp33"))
    assert len(str(caught.value).splitlines()) == 2


def test_settings_name_a_network():
    job = read_job(BASE, {"network.person.width": 1.0})
    assert job.networks["person"].axes["width"].values == (1.0,)
    with pytest.raises(InputError, match=r"network.persn.width: cannot be set.*wake-word, person"):
        read_job(BASE, {"network.persn.width": 1.0})


def test_a_spec_of_several_networks_as_a_file_and_back(tmp_path):
    head = {k: v for k, v in BASE.items() if k != "network"}
    text = to_toml(head) + "".join("[[network]]\n" + to_toml(n) for n in BASE["network"])
    (tmp_path / "s.toml").write_text(text)
    job = read_job(tmp_path / "s.toml")
    assert list(job.networks) == ["wake-word", "person"]
    assert read_job(job.spec).networks == job.networks
    assert job.spec.document()["network"][1]["width"] == [0.35, 0.5, 0.75]


def test_what_stays_on_chip_is_decided_for_each_network_of_a_mix():
    spec = {
        "network": [
            {"name": "small", "model": "mobilenet_v2", "weight": 0.5},
            {"name": "large", "model": "resnet50", "weight": 0.5},
        ],
        "workload": {"combine": "mix"},
        "precision": {"scheme": "int8"},
        "device": {
            "chip": {"class": "edge", "peak_int8": "4 TOPS", "bandwidth": "8 GB/s", "sram": "8 MiB", "tdp": "2 W"}
        },
        "hardware": {"device": "chip"},
        "deployment": {"on_chip_reuse": 1},
        "objectives": {"minimize": ["latency"]},
        "output": {"metrics": ["memory_time", "compute_time", "dram_bytes"]},
    }
    found = dse.explore(spec).frontier.isel(design=0)
    # All of the small network stays (3.5 MB and its activations), of the large one the activations only.
    assert float(found.dram_bytes) == 0.5 * 25_557_032
    assert float(found.memory_time) == pytest.approx(0.5 * 25_557_032 / 8e9, rel=1e-13)
    assert float(found.latency) >= float(found.compute_time)


# Metrics of one of several networks.

PAIR = {
    **BASE,
    "network": [
        {**WAKE, "width": [0.35, 0.5], "resolution": [32, 64]},
        {**PERSON, "classes": 1000, "width": [0.35, 0.5, 0.75], "resolution": [96, 128]},
    ],
    "workload": {"combine": "together"},
    "precision": {"scheme": ["int8", "fp32"]},
    "hardware": {"device": "stm32u575"},
    "objectives": {"minimize": ["latency"], "maximize": ["person.accuracy"]},
}


def accuracies_by_hand():
    """Latency of both, accuracy of the person detector, its parameters: plain arrays over all combinations."""
    ask = {"device": "stm32u575", "precision": ["int8", "fp32"], "metrics": ["latency", "accuracy", "params"]}
    wake, person = (
        dse.evaluate("mobilenet_v2", **{k: v for k, v in n.items() if k not in ("name", "family")}, **ask)
        for n in PAIR["network"]
    )
    axes = ("width", "resolution", "precision")
    a, b = (d.latency.transpose(*axes).values for d in (wake, person))
    latency = a[:, :, None, None, :] + b[None, None]
    quality = np.broadcast_to(person.accuracy.transpose(*axes).values, latency.shape)
    params = np.broadcast_to(person.params.transpose(...).values[:, None, None], b.shape)
    return latency.ravel(), quality.ravel(), np.broadcast_to(params, latency.shape).ravel()


def test_accuracy_of_one_of_several_networks():
    latency, quality, params = accuracies_by_hand()
    defined = ~np.isnan(quality)
    points = [(round(t, 12), q, p) for t, q, p in zip(latency[defined], quality[defined], params[defined])]
    result = dse.explore(changed(PAIR, output={"metrics": ["person.params", "wake-word.params"]}))
    best_ = {p for p in points if not any(o[:2] != p[:2] and o[0] <= p[0] and o[1] >= p[1] for o in points)}
    columns = (result.frontier[n].values for n in ("latency", "person.accuracy", "person.params"))
    assert {(round(t, 12), q, p) for t, q, p in zip(*columns)} == best_
    assert len(best_) > 2
    assert "accuracy" not in result.frontier
    assert {"person.accuracy", "wake-word.params"} <= set(result.grid)
    limited = dse.explore(changed(PAIR, budgets={"person.accuracy": 55}))
    assert limited.counts["excluded"] == {"person.accuracy ≥ 55 %": int((quality[defined] < 55).sum())}
    same = dse.explore(changed(PAIR, network=[PAIR["network"][0], {**PAIR["network"][1], "budgets": {"accuracy": 55}}]))
    assert same.counts == limited.counts
    assert limited.frontier["person.accuracy"].values.min() >= 55


def test_on_disk_and_cut_again(tmp_path):
    kept = dse.explore(changed(PAIR, output={"grid": True, "metrics": ["person.params"]}), out=tmp_path / "x")
    again = recut(kept, minimize=["latency"], maximize=["person.params"])
    assert again.manifest["objectives"][1] == {"metric": "person.params", "direction": "max"}
    assert recut(dse.explore(PAIR), minimize=["latency"], maximize=["person.params"]).counts == again.counts
    assert "person.accuracy" in (tmp_path / "x" / "frontier.csv").read_text().splitlines()[0].split(",")
    assert (tmp_path / "x" / "frontier.png").exists()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"objectives__maximize": ["accuracy"]}, "objectives: 'accuracy' has no meaning for several networks at once"
         " (together); name that of one network (wake-word.accuracy), or give each network a budget of it"),
        ({"objectives__maximize": ["person.acuracy"]}, "objectives.maximize: unknown metric 'acuracy'; did you mean"),
        ({"objectives__maximize": ["persn.accuracy"]}, "objectives.maximize: unknown metric 'persn.accuracy'"),
        ({"budgets": {"person.acuracy": 50}}, "budgets.person.acuracy: unknown metric 'acuracy'; did you mean"),
        ({"budgets": {"person.accuracy": "50 s"}}, "budgets.person.accuracy: unit 's' is time, but a plain number"),
        ({"workload": {"combine": "choose"}}, "objectives.maximize: 'person.accuracy': of networks to choose from a"),
    ],
)  # fmt: skip
def test_faults_of_metrics_of_one_network(change, expected):
    with pytest.raises(InputError) as caught:
        read_job(changed(PAIR, **change))
    assert str(caught.value).startswith(expected)


@pytest.mark.parametrize("combine", ["mix", "together"])
def test_several_networks_work_in_one_phase(combine):
    networks = [{"name": "a", "model": "llama-2-7b"}, {"name": "b", "model": "llama-2-13b"}]
    spec = {
        "network": networks,
        "workload": {"combine": combine},
        "precision": {"scheme": "fp16"},
        "hardware": {"device": "a100-sxm-80gb"},
        "deployment": {"phase": ["prefill", "decode"]},
        "objectives": {"minimize": ["latency"]},
    }
    with pytest.raises(InputError) as caught:
        read_job(spec)
    assert str(caught.value) == f"deployment.phase: several networks ({combine}) work in one phase; give one"


# Axes of `per` that only some of the networks have.

MIXED = {
    "network": [
        {"name": "resnet50", "model": "resnet50"},
        {"name": "llama", "model": "llama-2-7b"},
        {"name": "mobile", "family": "mobilenet_v2", "width": [0.5, 1.0]},
    ],
    "precision": {"scheme": ["fp16", "int8"]},
    "hardware": {"device": "l4"},
    "deployment": {"phase": "decode", "context": [128, 256], "batch": [1, 4]},
    "objectives": {"minimize": ["latency", "energy"], "per": ["network", "width"]},
    "budgets": {"latency": "30 ms"},
}
GROUPS = {
    ("resnet50", "", ""),
    ("llama", "", "128"),
    ("llama", "", "256"),
    ("mobile", "0.5", ""),
    ("mobile", "1", ""),
}


def test_designs_of_networks_with_other_axes_are_found_again():
    """The axis of one network is a number among NaN: its designs stand where they stood."""
    networks = [{"name": "net", "model": "resnet50"}, {"family": "mobilenet_v2", "resolution": [96, 224]}]
    result = dse.explore({**MIXED, "network": networks, "deployment": {}, "objectives": {"minimize": ["latency"]}})
    (fast,) = (result.design(row) for row in range(result.counts["kept"]))
    assert (fast.network, fast.axes["resolution"]) == ("mobilenet_v2", 96)


def test_no_group_that_no_network_can_be_in(tmp_path):
    from dse.plots.cloud import group_names
    from dse.plots.frontier_data import prepare

    result = dse.explore(MIXED, out=tmp_path / "x")
    assert result.manifest["per"] == ["network", "width", "context"]
    names = group_names(result.cloud, result.manifest["per"])
    possible = {n for n, flag in zip(names, result.cloud.possible.values, strict=True) if flag}
    assert possible == GROUPS
    # The 7B model takes 6.7 GB at 300 GB/s, 22 ms, in int8, and twice that in fp16: one frontier each is kept.
    numbers = {tuple(n if isinstance(n, str) else f"{n:g}".replace("nan", "") for n in row)
               for row in rows(result, ("network", "width", "context"))}  # fmt: skip
    assert numbers == GROUPS
    data = prepare(result)
    assert {p.title.partition(" (")[0] for p in data.panels} == {
        "resnet50", "llama, context 128", "llama, context 256", "mobile, width 0.5", "mobile, width 1",
    }  # fmt: skip
    # The shape of the network is told by its name.
    assert not any("layers" in p.title or "heads" in p.title for p in data.panels)
    assert all(p.feasible is not None and p.feasible.sum() > 0 for p in data.panels)
    fast = dse.explore(changed(MIXED, budgets={"latency": "2 ms"}), out=tmp_path / "fast")
    told = "No design meets the budgets for llama, 128; llama, 256."
    assert told in prepare(fast).footer
    none = dse.explore(changed(MIXED, budgets={"latency": "1 ns"}), out=tmp_path / "none")
    assert none.counts["kept"] == 0
    lines = (tmp_path / "x" / "frontier.csv").read_text().splitlines()
    header = lines[0].split(",")
    places = [header.index(n) for n in ("network", "width", "context")]
    written = [tuple(line.split(",")[i] for i in places) for line in lines[1:]]
    assert {tuple(cell.removesuffix(".0") for cell in row) for row in written} == GROUPS


@pytest.mark.parametrize("combine", ["choose", "mix", "together"])
def test_workloads_stream_as_single_networks_do(combine, monkeypatch):
    """The same frontier and counts where no tile of designs is held."""
    from dse.grid import engines

    networks = [{**n, "rate": "2 /s"} for n in (WAKE, PERSON)]
    if combine == "mix":
        networks = [{**n, "width": 0.5, "resolution": 64, "weight": k + 1.0} for k, n in enumerate((WAKE, PERSON))]
    elif combine == "choose":
        networks = [WAKE, PERSON]
    spec = changed(BASE, network=networks, workload={"combine": combine}, deployment={"batch": [1, 2, 4]})
    spec = changed(spec, budgets={"peak_sram": "300 KiB"}, fit=True)
    held = dse.explore(spec)
    monkeypatch.setattr(engines, "PLAIN_LIMIT", 1)
    monkeypatch.setattr(engines, "FEW", 1)
    found = dse.explore(spec)
    assert found.counts == held.counts and held.counts["kept"] > 0
    for name in ("latency", "energy"):
        np.testing.assert_array_equal(found.frontier[name], held.frontier[name])


def test_an_axis_of_networks_that_leave_the_frontier_is_not_shown(tmp_path, capsys):
    """Residual networks have a depth; the one that is kept has none."""
    networks = "".join(f'[[network]]\nmodel = "{m}"\n' for m in ("resnet18", "resnet101", "mobilenet_v2"))
    rest = '[precision]\nscheme = "fp16"\n[hardware]\ndevice = "rtx-4090"\n[objectives]\nminimize = "latency"\n'
    (tmp_path / "spec.toml").write_text(networks + rest)
    assert run(["explore", str(tmp_path / "spec.toml"), "--out", str(tmp_path / "x"), "--no-plots"]) == 0
    assert run(["frontier", str(tmp_path / "x")]) == 0
    assert "depth" not in capsys.readouterr().out


@pytest.mark.parametrize("combine", ["together", "mix"])
@pytest.mark.parametrize("objective", ["energy", "latency", "peak_sram"])
def test_one_network_alone_is_combined_with_none(combine, objective):
    own = {"rate": "1e-3 /s"} if combine == "together" else {"weight": 3}
    network = {**WAKE, "width": 0.5, "resolution": 32, **own}
    spec = {**BASE, "network": [network], "workload": {"combine": combine}, "objectives": {"minimize": [objective]}}
    found = dse.explore(changed(spec, precision__scheme="int8", hardware__device="esp32"))
    axes = {"in_channels": 1, "classes": 2, "width": 0.5, "resolution": 32}
    assert found.frontier[objective].item() == single(WAKE, "int8", "esp32", [objective], **axes)[objective]
