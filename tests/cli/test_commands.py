"""Every command, run in the process: what it prints, its JSON, its exit status."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from specs import INFEASIBLE, SMALL, changed, to_toml

from dse.cli import COMMANDS, run
from dse.cli.common import parse_settings
from dse.cli.list_command import KINDS
from dse.errors import InputError


@pytest.fixture
def call(capsys, monkeypatch, tmp_path):
    """Run a command line in an empty folder: exit status, output, errors."""
    monkeypatch.chdir(tmp_path)

    def called(line: str):
        status = run(shlex.split(line))
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return called


def facts(call, line):
    status, out, err = call(f"{line} --json")
    assert (status, err) == (0, "")
    return json.loads(out)


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(to_toml(SMALL))
    return path


# Numbers by hand: MACs by the reference counts, peak rates and bandwidths by the data sheets of the catalogue.
def test_evaluate_gives_values_with_units(call):
    found = facts(call, "evaluate resnet50 --device a100-sxm-80gb --precision fp16")
    assert found["design"] == {"network": "resnet50", "precision": "fp16", "device": "a100-sxm-80gb"}
    metrics = found["metrics"]
    assert (metrics["macs"]["value"], metrics["macs"]["unit"]) == (4_089_184_256, "1")
    assert (metrics["params"]["value"], metrics["model_size"]["value"]) == (25_557_032, 51_114_064)
    assert metrics["model_size"]["unit"] == "B"
    assert metrics["compute_time"]["value"] == pytest.approx(2 * 4_089_184_256 / 312e12, rel=1e-12)
    assert metrics["weight_time"]["value"] == pytest.approx(51_114_064 / 2039e9, rel=1e-12)
    assert metrics["power"]["value"] == pytest.approx(400 * 0.7)
    assert metrics["total_power"]["value"] == pytest.approx(400 * 0.7 * 1.2)
    assert found["assumptions"]["counting"] == "trainable"
    assert found["assumptions"]["utilization"] == {"value": 0.7, "unit": "1"}
    assert found["assumptions"]["compute_format"] == "fp16"


def test_evaluate_tells_why_a_value_is_undefined(call):
    found = facts(call, "evaluate resnet50 --device a100-sxm-80gb --precision fp16")
    undefined = {n: m["reason"] for n, m in found["metrics"].items() if m["value"] is None}
    assert "not a language model" in undefined["time_per_token"]
    assert undefined["sram_free"] == "a100-sxm-80gb lacks sram_bank"


def test_evaluate_a_language_model(call):
    line = "evaluate llama-2-7b --device a100-sxm-80gb --precision fp16 --set phase=decode --set context=4096"
    found = facts(call, f"{line} --metric kv_cache --metric params")
    # 2 x 32 layers x 4096 wide x 4096 tokens x 2 bytes.
    assert {n: m["value"] for n, m in found["metrics"].items()} == {"kv_cache": 2**31, "params": 6_738_415_616}
    assert (found["design"]["phase"], found["design"]["context"]) == ("decode", 4096)


def test_evaluate_takes_units_and_integers_of_every_format(call):
    line = "evaluate mobilenet_v2 --device stm32u575 --precision int8 --set width=0.35 --set resolution=96"
    found = facts(call, f"{line} --set 'electricity_price=0.4 USD/kWh' --set carbon_intensity='0.2 kg/kWh'")
    energy = found["metrics"]["energy"]["value"]
    assert found["metrics"]["electricity_cost"]["value"] == pytest.approx(energy / 3.6e6 * 0.4)
    assert found["metrics"]["carbon"]["value"] == pytest.approx(energy / 3.6e6 * 0.2)
    # Best 8-bit clipping of Gaussian weights: 40.60 dB (Sakr et al., 2022, by the fixed point).
    assert found["metrics"]["sqnr"]["value"] == pytest.approx(40.60, abs=0.005)


def test_evaluate_beyond_floats(call):
    metric = facts(call, "evaluate resnet50 --device esp32 --set bandwidth_efficiency=1e-320 --metric latency")[
        "metrics"
    ]
    assert metric["latency"]["value"] is None
    assert metric["latency"]["reason"] == "beyond what a double can hold"


def test_evaluate_prints_a_table(call):
    status, out, _ = call(
        "evaluate resnet50 --device a100-sxm-80gb --precision fp16 --metric latency --metric time_per_token"
    )
    assert status == 0
    rows = [line.split()[:3] for line in out.splitlines() if line.startswith(("latency", "time_per_token"))]
    assert rows[0][0] == "latency"
    assert rows[0][2] == "us"
    assert rows[1][:2] == ["time_per_token", "-"]
    assert "assumed: counting trainable" in out
    assert all(line == line.rstrip() for line in out.splitlines())


def test_explain_goes_from_the_metric_to_counts_and_sources(call):
    line = "evaluate mobilenet_v2 --device esp32 --precision int8 --set width=0.35 --set resolution=96"
    status, out, _ = call(f"{line} --explain latency")
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == "latency (roofline, lower bound) = 24.86 ms"
    assert lines[1] == "    = max(compute_time, memory_time)"
    assert "    = 2 · macs" in lines
    assert "    = 2 · 11934128 = 23868256" in lines
    assert any(t.startswith("macs = 11,934,128 MAC") for t in lines)
    assert any(t.startswith("peak_ops = 960 MOP/s") and "https://" in t for t in lines)
    order = [
        next(i for i, t in enumerate(lines) if t.startswith(n)) for n in ("latency", "compute_time", "flops", "macs")
    ]
    assert order == sorted(order)
    found = facts(call, f"{line} --explain latency")
    assert found["explain"] == lines
    assert found["metrics"]["latency"]["value"] == pytest.approx(23868256 / 960e6)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("evaluate resnet51 --device esp32", "unknown model 'resnet51'; did you mean 'resnet50'?"),
        ("evaluate resnet50", "Missing option '--device'"),
        ("evaluate resnet50 --device esp23", "unknown device 'esp23'; did you mean 'esp32'?"),
        ("evaluate resnet50 --device esp32 --metric latencey", "unknown metric 'latencey'; did you mean 'latency'?"),
        (
            "evaluate resnet50 --device stm32f746 --metric energy",
            "'stm32f746' lacks the figure 'tdp'; needed by energy",
        ),
        ("evaluate resnet50 --device esp32 --precision int9", "unknown number format 'int9'; did you mean 'int8'?"),
        (
            "evaluate resnet50 --device esp32 --set batsh=2",
            "batsh: unknown axis or deployment setting 'batsh'; did you mean 'batch'?",
        ),
        (
            "evaluate llama-2-7b --device h100-sxm --set contxt=3",
            "contxt: unknown axis or deployment setting 'contxt'; did you mean 'context'?",
        ),
        (
            "evaluate resnet50 --device esp32 --set network.batch=2",
            "network.batch: axes and settings stand in one list here, without a table; did you mean 'batch'?",
        ),
        ("evaluate resnet50 --device esp32 --set model=resnet18", "model: is neither an axis nor a deployment setting"),
        (
            "evaluate resnet50 --device esp32 --set batch=20,50",
            "batch got several: `dse explore`, and dse.evaluate in Python, take lists: batch = [1, 2]",
        ),
        ("evaluate resnet50 --device esp32 --set batch", "--set batch: write key=value"),
        (
            "evaluate resnet50 --device esp32 --set batch=[1,2]",
            "one design has one value of each axis; batch got several",
        ),
        ("evaluate resnet50 --device esp32 --counting al", "'al' is not allowed; allowed: trainable"),
        ("evaluate decoder --device esp32", "layers: is missing; 'decoder' needs it: transformer layers"),
        ("calc kvcache", "unknown formula 'kvcache'; did you mean 'kv_cache'?"),
        ("calc power_draw tdp=300W", "power_draw: the argument 'utilization' is missing"),
        ("calc power_draw tdp=300W utilization=2", "utilization: 2 is not allowed"),
        ("calc power_draw tdp=300s utilization=1", "tdp: unit 's' is time, but energy/time is needed"),
        ("calc power_draw tdp=300 tdp=2 utilization=1", "tdp: is given twice"),
        ("calc throughput units=1 seconds=0", "throughput is not defined for these values"),
        ("calc sqnr_db variance=0 mse=1", "sqnr_db is not defined for these values"),
        (
            "calc optimal_clip tensor_or_distribution=gaus bits=4",
            "unknown distribution 'gaus'; did you mean 'gaussian'?",
        ),
        ("list devises", "unknown kind of things 'devises'; did you mean 'devices'?"),
        ("show kvcache", "unknown name 'kvcache'; did you mean 'kv_cache'?"),
        ("frontier nowhere", "nowhere: no such folder"),
        ("plot nowhere frontier", "nowhere: no such folder"),
        ("explore none.toml", "none.toml: no such file"),
        ("explore .", ".: is a folder; give the TOML file of a spec"),
        ("explore", "Missing argument 'SPEC'"),
        ("explore small.toml --fressh", "No such option '--fressh'. Did you mean '--fresh'?"),
        ("explroe small.toml", "unknown command 'explroe'; did you mean 'explore'?"),
        ("", "Usage: dse [OPTIONS] COMMAND"),
    ],
)
def test_wrong_input_is_told_and_ends_with_2(call, tmp_path, line, message):
    status, out, err = call(line)
    assert (status, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "value"),
    [
        # Products by hand.
        ("calc kv_cache batch=1 layers=32 kv_heads=8 d_head=128 tokens=8192 bits=16", 2**30),
        ("calc power_draw 'tdp=0.3 kW' utilization=0.7", 210.0),
        ("calc energy_per_inference total_power='200 mW' seconds='50 ms'", 0.01),
        ("calc linear_macs c_in=3 c_out=4", 12),
    ],
)
def test_calc(call, line, value):
    assert facts(call, line)["value"] == pytest.approx(value, rel=1e-12)


def test_calc_prints_equation_numbers_and_unit(call):
    _, out, _ = call("calc power_draw tdp=300W utilization=0.7")
    assert out.splitlines() == ["power_draw = tdp · utilization", "           = 300 · 0.7 = 210", "           = 210 W"]


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "calibrations"])
def test_list(call, kind):
    rows = facts(call, f"list {kind}")
    _, out, _ = call(f"list {kind}")
    names = [line.split(" ")[0] for line in out.splitlines()[1:] if not line.startswith("Axes: ")]
    assert [r["name"] for r in rows] == names
    assert len(set(names)) == len(names) > 0


@pytest.mark.parametrize("kind", ["profiles", "regions", "calibrations"])
def test_what_is_listed_is_shown(call, kind):
    for row in facts(call, f"list {kind}")[:5]:
        status, out, _ = call(f"show '{row['name']}'")
        assert (status, out.splitlines()[0].startswith(f"{row['name']} (")) == (0, True)


def test_show_an_energy_profile_and_a_region(call):
    (profile,) = facts(call, "show jouppi-7nm")
    # Jouppi et al., ISCA 2021, table 2: bf16 multiply 0.21 pJ and fp32 add 0.38 pJ.
    assert profile["figures"]["mac bf16"] == {"value": pytest.approx(0.59e-12), "unit": "J"}
    (region,) = facts(call, "show DEU")
    assert (region["what"], region["carbon_intensity"]) == ("Germany", {"value": 380.95, "unit": "g/kWh"})
    _, out, _ = call("list profiles")
    assert "bf16 0.59 pJ" in out


def test_list_gives_numbers_in_json(call):
    devices = {r["name"]: r for r in facts(call, "list devices")}
    assert devices["a100-sxm-80gb"]["peak_fp16"] == 312e12
    assert devices["a100-sxm-80gb"]["sram"] is None


def test_show_a_model(call):
    (model,) = facts(call, "show mobilenet_v2_1.0_224")
    # Published by MCUNetV2 (1372 KiB at int8 with in-place depthwise) and torchvision.
    assert model["totals"]["peak_activations_in_place"] == 1_404_928 == 1372 * 1024
    assert (model["totals"]["params"], model["totals"]["macs"]) == (3_504_872, 300_774_272)
    assert sum(row["macs"] * row["repeat"] for row in model["ops"]) == 300_774_272
    assert max(row["live"] for row in model["ops"]) == 1_404_928
    assert next(r["name"] for r in model["ops"] if r["live"] == 1_404_928) == model["totals"]["peak_at_in_place"]
    _, out, _ = call("show mobilenet_v2_1.0_224")
    assert "peak_activations_in_place  1,404,928" in out


def test_show_a_device(call):
    (device,) = facts(call, "show a100-sxm-80gb")
    assert device["figures"]["bandwidth"] == {"value": 2039e9, "unit": "B/s"}
    assert device["source"].startswith("https://")
    _, out, _ = call("show a100-sxm-80gb")
    assert "bandwidth         2.039 TB/s" in out


def test_show_everything_of_a_name(call):
    kinds = [(f["kind"], f["unit"]) for f in facts(call, "show kv_cache")]
    assert kinds == [("formula", "B"), ("metric", "B")]
    variants = [f["variant"] for f in facts(call, "show latency")]
    assert variants == ["roofline", "per_op", "calibrated"]
    (scheme,) = facts(call, "show w4a16")
    assert scheme["weight_bits"] == {"value": 4.125, "unit": "bit"}
    (family,) = facts(call, "show decoder")
    assert family["axes"]["phase"].endswith(
        "one of prefill, decode, request, train, mixed; default decode; written in [deployment]"
    )
    assert family["axes"]["layers"].endswith("required")


def test_help_of_every_command_fits_80_columns_and_has_an_example(call):
    status, out, _ = call("--help")
    assert status == 0
    for name in COMMANDS:
        assert f"  {name} " in out
        status, text, _ = call(f"{name} --help")
        assert status == 0
        assert f"dse {name} " in text.split("Options:")[0].split("\n", 1)[1]
        assert max(map(len, (text + out).splitlines())) <= 80


def test_explore_writes_a_result_and_shows_it(call, spec, tmp_path):
    status, out, err = call(f"explore {spec} --no-plots")
    assert (status, err) == (0, "")
    assert "48 designs of a closed-form model" in out
    assert "written to results/small" in out
    assert (tmp_path / "results" / "small" / "manifest.json").exists()
    status, out, _ = call(f"explore {spec} --no-plots")
    assert status == 0
    assert out.startswith("unchanged since it was computed")
    status, _, err = call(f"explore {spec} --no-plots --set fit=false")
    assert status == 2
    assert (
        err
        == "dse: results/small: holds the result of another spec; replace it with --fresh, or choose another --out\n"
    )
    assert call(f"explore {spec} --no-plots --set fit=false --fresh")[0] == 0


def test_explore_draws_plots(call, spec, tmp_path):
    assert call(f"explore {spec}")[0] == 0
    assert (tmp_path / "results/small/frontier.svg").stat().st_size > 1000
    status, out, _ = call("plot results/small frontier -o picture.png")
    assert (status, out) == (0, "written to picture.png\n")
    status, _, err = call("plot results/small frontir")
    assert (status, err) == (2, "dse: unknown plot 'frontir'; did you mean 'frontier'?\n")
    assert call("plot results/small frontier -o picture.gif")[0] == 2


def test_explore_json(call, spec):
    found = facts(call, f"explore {spec} --no-plots --out here")
    assert (found["path"], found["state"], found["counts"]["enumerated"]) == ("here", "computed", 48)


def test_dry_run_writes_nothing(call, spec, tmp_path):
    status, out, _ = call(f"explore {spec} --dry-run")
    assert status == 0
    assert "48 designs; " in out
    assert [line.split()[:3] for line in out.splitlines()[1:5]] == [
        ["width", "choose", "4"],
        ["resolution", "choose", "3"],
        ["precision", "choose", "2"],
        ["device", "per", "2"],
    ]
    plan = facts(call, f"explore {spec} --dry-run")
    assert (plan["designs"], plan["bytes"]) == (48, 48 * 5 * 8)
    assert [p.name for p in tmp_path.iterdir()] == ["small.toml"]


def test_a_dry_run_tells_the_work_of_a_language_model_by_default(call, tmp_path):
    serving = {**SMALL, "network": {"model": "llama-3.1-8b"}, "hardware": {"device": "a10"}, "budgets": {}}
    path = tmp_path / "serving.toml"
    path.write_text(to_toml({**serving, "objectives": {"minimize": ["latency"]}, "precision": {"scheme": "fp16"}}))
    of = {a["name"]: (a["role"], a["first_to_last"]) for a in facts(call, f"explore {path} --dry-run")["axes"]}
    assert (of["phase"], of["context"]) == (("fixed", "decode (default)"), ("fixed", "2,048 (default)"))
    request = "--set deployment.phase=request --set deployment.prompt_tokens=64 --set deployment.output_tokens=8"
    of = {a["name"]: a["first_to_last"] for a in facts(call, f"explore {path} --dry-run {request}")["axes"]}
    assert of["phase"] == "request" and "context" not in of
    # The context of a request follows from its tokens: no default of it is in force.
    assert call(f"explore {path} --no-plots --out asked {request}")[0] == 0
    assert "context" not in Path("asked/assumptions.toml").read_text()


def test_typed_settings(call, spec):
    line = f"explore {spec} --dry-run --set network.width=[0.5,1] --set precision.scheme=int8"
    plan = facts(call, f"{line} --set 'network.resolution={{start=96, stop=160, step=32}}' --set 'budgets.flash=1 MiB'")
    assert plan["designs"] == 2 * 3 * 2
    assert "flash ≤ 1 MiB" in plan["budgets"]


def test_every_fault_has_a_line_and_nothing_is_written(call, tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(to_toml(changed(SMALL, nme="x", network__width=-1, precision__scheme="int9")))
    status, out, err = call(f"explore {path}")
    assert (status, out) == (2, "")
    assert [line.split(": ")[2] for line in err.splitlines()] == ["nme", "network.width", "precision.scheme"]
    assert all(line.startswith(f"dse: {path}: ") for line in err.splitlines())
    assert [p.name for p in tmp_path.iterdir()] == ["bad.toml"]


def test_infeasible_is_3_with_counts_and_nearest_misses(call, tmp_path):
    path = tmp_path / "infeasible.toml"
    path.write_text(to_toml(INFEASIBLE))
    status, _, err = call(f"explore {path} --no-plots")
    assert status == 3
    # 2 x 11,934,128 / 960e6 s and 56 x 48 x 48 B: see the tests of jobs.
    assert err.splitlines() == [
        "dse: no design meets the budgets",
        "dse: latency ≤ 1 ms: excludes 8 of 8 designs; the nearest miss is 24.86 ms",
        "dse: peak_sram ≤ 100 KiB: excludes 8 of 8 designs; the nearest miss is 126 KiB",
    ]
    manifest = json.loads((tmp_path / "results/infeasible/manifest.json").read_text())
    assert (manifest["counts"]["enumerated"], manifest["counts"]["kept"]) == (8, 0)


def test_an_infeasible_search_tells_the_budget_that_excludes_most_first(call, tmp_path):
    path = tmp_path / "infeasible.toml"
    path.write_text(to_toml(INFEASIBLE))
    status, out, err = call(f"search {path} --trials 20 --judge --no-plots --set 'budgets.latency=24.862 ms'")
    assert status == 3
    assert "designs in " in out and out.splitlines()[2].endswith(" s: none is within the budgets")
    # 2 x 11,934,128 / 960e6 s = 24.8628 ms, which with four digits is the limit.
    assert "dse: latency ≤ 24.86 ms: excludes 8 of 8 designs; the nearest miss is 24.863 ms" in err.splitlines()
    status, _, err = call(f"search {path} --trials 20 --no-plots --fresh --set 'budgets.latency=30 ms'")
    assert status == 3
    assert [line.split(": ")[1] for line in err.splitlines()[1:3]] == ["peak_sram ≤ 100 KiB", "latency ≤ 30 ms"]
    status, _, err = call(f"search {path} --trials 20 --no-plots --seed 1 --set 'budgets.latency=30 ms'")
    assert status == 2
    assert "holds the result of another spec, or of a search with other options; replace it with --fresh" in err


def test_frontier_cuts_a_result_again(call, spec):
    call(f"explore {spec} --no-plots --out here --set fit=false")
    both = facts(call, "frontier here --minimize params --minimize latency")["frontier"]
    assert both == facts(call, "frontier here --minimize params,latency")["frontier"]
    found = facts(call, "frontier here --minimize params --maximize accuracy --budget 'latency<=1 s' --per precision")
    # The only budget now; fp32 and int8 apart; sorted by parameters within each.
    assert {row["precision"] for row in found["frontier"]} == {"fp32", "int8"}
    assert all(row["latency"] <= 1 for row in found["frontier"])
    assert set(found["counts"]["excluded"]) == {"latency ≤ 1 s"}
    for precision in ("fp32", "int8"):
        rows = [r for r in found["frontier"] if r["precision"] == precision]
        assert [r["accuracy"] for r in rows] == sorted(r["accuracy"] for r in rows)
    status, out, _ = call("frontier here --budget 'peak_sram<=200 KiB'")
    assert status == 0
    assert out.splitlines()[-1].endswith("of 48 designs")
    status, out, err = call("frontier here --budget 'peak_sram<=1 KiB'")
    assert (status, out) == (3, "")
    assert "peak_sram ≤ 1 KiB: excludes" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--budget peak_sram", "--budget: 'peak_sram' is no limit; write METRIC<=LIMIT"),
        ("--budget 'peak_srm<=1 KiB'", "budgets.peak_srm: unknown metric 'peak_srm'; did you mean 'peak_sram'?"),
        ("--budget 'energy<=1 J' --budget 'energy<=2 J'", "--budget: energy has two limits on the same side"),
        ("--minimize latencey,foo", "objectives.minimize: unknown metric 'latencey'"),
        ("--per devices", "objectives.per: 'devices' is not an axis of this spec; did you mean 'device'?"),
    ],
)
def test_frontier_with_wrong_options(call, spec, options, message):
    call(f"explore {spec} --no-plots --out here")
    status, out, err = call(f"frontier here {options}")
    assert (status, out) == (2, "")
    assert message in err


def test_a_setting_that_is_given_twice():
    with pytest.raises(InputError, match="--set region: is given twice; several values are a list"):
        parse_settings(["region=DEU", "region=FRA"])


def test_show_tells_what_an_axis_is(call):
    status, out, _ = call("show utilization")
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == "utilization (axis of a spec)"
    assert {"table: [deployment]", "default: 0.7", "role: circumstance: one frontier for each value"} <= set(lines)
    assert "allowed: name of a latency model: roofline, per_op, calibrated" in call("show latency_model")[1]
    # A figure of devices that is a setting too.
    told = " ".join(call("show price_per_hour")[1].split())
    assert "table: [device.NAME], an own device; or [deployment], for all devices" in told
    assert "for all devices" not in call("show tdp")[1]


def test_a_space_without_any_network_is_wrong_input(call, tmp_path):
    path = tmp_path / "vit.toml"
    wrong = changed(SMALL, network={"family": "vit", "layers": 2, "d_model": 192, "heads": [5, 7]})
    path.write_text(to_toml(wrong))
    status, out, err = call(f"explore {path} --no-plots")
    assert (status, out) == (2, "")
    assert "network: no design of the space is possible: " in err
    assert "heads: 5 is not allowed: it must divide d_model" in err
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["vit.toml"]
    assert call(f"explore {path} --dry-run") == (2, "", err)
