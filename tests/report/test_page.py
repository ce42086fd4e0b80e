"""The interactive report: what stands in the file, and what it does in a browser, compared with the library."""

from __future__ import annotations

import csv
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

import dse
from dse.plots.names import shortened
from dse.report.columns import column
from dse.report.html import page as make_page
from tests.report.browser import opened

SPEC = {
    "name": "small",
    "network": {"family": "mobilenet_v2", "width": [0.35, 0.5, 0.75, 1.0, 1.4], "resolution": [96, 128, 160, 192, 224]},
    "precision": {"scheme": ["fp32", "int8"]},
    "hardware": {"device": ["stm32u575", "esp32", "gap9"]},
    "objectives": {"minimize": ["latency", "energy"], "maximize": ["accuracy"], "per": ["device"]},
    "budgets": {"peak_sram": "512 KiB", "flash": "4 MiB"},
    "output": {"metrics": ["macs"]},
}
NAMES = [
    (["a-board-with-a-long-name", "short"], 11),
    (["board-of-kind-1-of-the-maker", "board-of-kind-2-of-the-maker"], 9),
    ([f"mine weights-{i} activations-8" for i in range(7)], 14),
    (["abcdefgh1", "abcdefgh2"], 20),
]
HOSTILE = "</script><img src=x onerror=alert(1)>&\"'"


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return dse.explore(SPEC, out=tmp_path_factory.mktemp("report") / "small")


def frontier_size(**changes):
    return dse.explore({**SPEC, **changes}).counts


def test_a_result_keeps_its_report(result, tmp_path):
    assert "report.html" in result.manifest["files"]
    assert (result.path / "report.html").read_text(encoding="utf-8") == make_page(result)
    without = dse.explore(SPEC, out=tmp_path / "none", plots=False)
    assert not (without.path / "report.html").exists()


def test_nothing_is_asked_for(result):
    text = make_page(result)
    assert "default-src 'none'" in text
    # Sources that the data cite are text.
    code = re.sub(r'id="data">.*?</script>', "", text, flags=re.DOTALL)
    assert not re.search(r"https?:|//[a-z]|url\(|@import|<link|<iframe|\bsrc=", code)


def test_names_are_escaped(result):
    frontier = result.frontier
    designs, limits, size = result.sample(1000)
    designs = designs.assign_coords(device=("design", np.full(size, HOSTILE, dtype=object)))
    hostile = SimpleNamespace(
        frontier=frontier,
        manifest={**result.manifest, "name": HOSTILE, "notes": [HOSTILE], "left_out_devices": {HOSTILE: ["tdp"]}},
        sample=lambda most: (designs, limits, size),
    )
    text = make_page(hostile)
    assert "<img" not in text and text.count("</script>") == 2
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert data["name"] == HOSTILE


def test_a_sample_is_told(result):
    text = make_page(result, most=20)
    told = re.search(r"(\d+) of 150 designs are in this page: the whole frontier of the spec", text)
    assert told and int(told[1]) >= result.counts["kept"]
    assert "All 150 designs are in this page" in make_page(result)


def test_a_search_says_what_it_saw(tmp_path):
    """It holds what was evaluated and nothing else, so its frontier is the one that was found."""
    result = dse.search(SPEC, trials=20, population=10, polish=False)
    text = make_page(result)
    assert "What a search found, not proven to be the best: 20 trials of nsga2 (seed 0)" in text
    seen = result.counts["enumerated"]
    assert f"{seen} of 150 designs evaluated ({100 * seen / 150:.3g} %). All that were evaluated are in" in text
    assert "frontier of the spec" not in text and "exact." not in text
    designs, _, size = result.sample(1000)
    assert designs.sizes["design"] == size == seen
    known = {(p["width"], p["resolution"]) for p in (t.params for t in result.study.trials)}
    assert len(known) > 5
    thinned, _, _ = result.sample(0)
    assert thinned.sizes["design"] == result.counts["kept"]
    assert f"The {result.counts['kept']} that were kept are in this page, and no others" in make_page(result, most=0)
    with opened(result.report(tmp_path / "x.html")) as (page, messages, _):
        assert int(page.get_attribute("#count", "data-frontier")) == result.counts["kept"]
        assert "on the frontier that the search found" in page.inner_text("#count") and messages == []


def test_choices_stand_before_what_the_network_tells(tmp_path):
    """And a limit stands on the side that is worse as the job has it: small is worse of a count that is maximised."""
    spec = {
        "network": [{"model": "llama-3.1-8b"}, {"model": "qwen2.5-7b"}],
        "precision": {"scheme": ["fp16", "int8"]},
        "hardware": {"device": ["h100-sxm", "a100-sxm-80gb"]},
        "deployment": {"phase": "decode", "context": 1024, "batch": [1, 8]},
        "objectives": {"minimize": ["latency"], "maximize": ["params"]},
    }
    result = dse.explore(spec)
    data = json.loads(re.search(r'id="data">(.*?)</script>', make_page(result), re.DOTALL)[1])
    with opened(result.report(tmp_path / "x.html")) as (page, messages, _):
        # Room for seven columns.
        page.set_viewport_size({"width": 950, "height": 900})
        ranked = page.evaluate(
            "() => window.page.uprights(window.page.shownColumns.filter(c => c.high > c.low)).map(c => c.name)"
        )
        left = page.inner_text("#left")
        assert {"network", "precision", "device", "batch", "latency", "params"} <= set(ranked) and messages == []
        assert "layers" not in ranked and "layers" in left
    assert {"layers", "d_model", "vocab"} <= set(data["told"])
    assert not {"network", "precision", "device", "batch"} & set(data["told"])
    assert {"network", "precision", "device", "batch"} <= set(data["choices"])
    sides = {li["column"]: li["side"] for li in data["limits"]}
    assert sides["params"] == "min" and sides["latency"] == "max"


@pytest.mark.parametrize("values", [[1.5, np.nan, 1.5, 1e-300], list(np.linspace(0, 1, 900)), [3.0] * 700])
def test_a_column_keeps_every_bit(values):
    import base64
    import zlib

    packed = column("latency", xr.DataArray(values, dims="design", attrs={"units": "s"}), len(values), shown=True)

    def read(name, dtype):
        return np.frombuffer(zlib.decompress(base64.b64decode(packed[name])), dtype=dtype)

    wide = "<u2" if packed.get("wide") else "u1"
    found = read("table", "<f8")[read("codes", wide)] if "codes" in packed else read("values", "<f8")
    np.testing.assert_array_equal(found, values)


def test_in_a_browser(result, tmp_path):
    with opened(result.path / "report.html") as (page, messages, requests):

        def count(name):
            return int(page.get_attribute("#count", f"data-{name}"))

        assert count("frontier") == result.counts["kept"]
        assert count("feasible") == result.counts["kept"] + result.counts["dominated"]

        # A slider moved by hand: the library, under the very limit that the page shows, finds as many.
        for name, share in (("latency", 400), ("peak_sram", 900), ("macs", 600)):
            page.locator(f"#limit-{name}-max").evaluate(
                "(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", share
            )
        page.wait_for_function("() => !window.page.pending")
        limits = page.evaluate(
            "() => window.page.limits.filter(l => l.active && !l.fit).map(l => [l.column.name, l.side, l.value])"
        )
        budgets = {name: {side: value} for name, side, value in limits}
        assert set(budgets) == {"latency", "peak_sram", "macs", "flash"}
        counts = frontier_size(budgets=budgets)
        assert (count("frontier"), count("feasible")) == (counts["kept"], counts["kept"] + counts["dominated"])
        assert counts["kept"] != result.counts["kept"]

        # Without the fit, budgets as in the spec.
        page.click("#reset")
        page.click("#fit")
        counts = frontier_size(fit=False)
        assert (count("frontier"), count("feasible")) == (counts["kept"], counts["kept"] + counts["dominated"])
        page.click("#reset")
        assert count("frontier") == result.counts["kept"]

        # Few values are ticked each; names are shortened as in the plots.
        ticks = page.evaluate("() => ticksOf(window.page.shownColumns.find(c => c.name === 'resolution'), 5)")
        assert ticks == [[v, str(v)] for v in (96, 128, 160, 192, 224)]
        for names, letters in NAMES:
            measured = "{ font: '', measureText: text => ({ width: text.length }) }"
            assert page.evaluate(f"([t, n]) => fitted({measured}, t, n)", [names, letters]) == shortened(names, letters)

        # The upper half of the first axis: width.
        box = page.locator("#parallel").bounding_box()
        widths = page.evaluate(
            "() => { const p = window.page.parallel, c = p.columns[0]; return [p.x(c), p.top, p.inner] }"
        )
        at, top, inner = box["x"] + widths[0], box["y"] + widths[1], widths[2]
        page.mouse.move(at, top + 1)
        page.mouse.down()
        page.mouse.move(at, top + inner * 0.8, steps=4)
        page.mouse.up()
        page.wait_for_function("() => !window.page.redrawing")
        (low, high) = page.evaluate("() => [...window.page.parallel.brushes.values()][0]")
        width = result.frontier.width.values
        assert 0 < count("selected") == int(((width >= low) & (width <= high)).sum()) < count("frontier")

        # The table has what is selected, to the last bit.
        with page.expect_download() as waiting:
            page.click("#csv")
        waiting.value.save_as(tmp_path / "x.csv")
        rows = list(csv.DictReader((tmp_path / "x.csv").open(encoding="utf-8")))
        chosen = result.frontier.isel(design=(width >= low) & (width <= high))
        assert sorted(float(r["latency"]) for r in rows) == sorted(chosen.latency.values)

        # A design under the pointer is told as a whole.
        place = page.evaluate("() => window.page.scatter.at(window.page.frontier[0])")
        box = page.locator("#scatter").bounding_box()
        page.mouse.move(box["x"] + place[0], box["y"] + place[1])
        assert "peak SRAM" in page.inner_text("#tip") and "device" in page.inner_text("#tip")
        assert messages == []
        assert [r for r in requests if not r.startswith(("file:", "blob:"))] == []


@pytest.mark.parametrize(
    "objectives",
    [
        {"minimize": ["latency"]},
        {"minimize": ["latency"], "maximize": ["accuracy"]},
        {"minimize": ["latency", "peak_sram", "flash"]},
        {"minimize": ["peak_sram", "flash", "latency"], "maximize": ["accuracy"]},
        {"minimize": ["peak_sram", "flash", "latency", "energy"], "maximize": ["accuracy"]},
    ],
)
def test_frontiers_of_one_to_five_objectives(objectives, tmp_path):
    result = dse.explore({**SPEC, "objectives": objectives})
    with opened(result.report(tmp_path / "x.html")) as (page, messages, _):
        assert int(page.get_attribute("#count", "data-frontier")) == result.counts["kept"]
        assert messages == []


def test_other_devices_are_held_to_their_main_memory(tmp_path):
    # Weights of 16 GB in fp16 fit 0.9 of 24 GB and not of 16; no SRAM or flash is asked of either.
    spec = {
        "network": {"model": "llama-3.1-8b"},
        "precision": {"scheme": ["fp16", "int8"]},
        "hardware": {"device": ["rtx-4090", "t4", "a100-sxm-80gb"]},
        "deployment": {"phase": "decode", "context": 1024, "batch": [1, 8, 64]},
        "objectives": {"minimize": ["latency"]},
    }
    result = dse.explore(spec)
    assert 0 < result.counts["excluded"]["fit: memory_free"] < result.counts["enumerated"]
    with opened(result.report(tmp_path / "x.html")) as (page, messages, _):
        feasible = result.counts["kept"] + result.counts["dominated"]
        assert int(page.get_attribute("#count", "data-feasible")) == feasible
        assert messages == []


def test_a_thinned_page_holds_the_whole_frontier(result, tmp_path):
    with opened(result.report(tmp_path / "x.html", most=10)) as (page, messages, _):
        assert int(page.get_attribute("#count", "data-frontier")) == result.counts["kept"]
        assert messages == []


def test_pointing_draws_no_picture_anew_and_sliding_one_a_frame(result, tmp_path):
    with opened(result.path / "report.html") as (page, messages, _):
        made = page.evaluate(WORK)
        assert made["pointed"] == {"pictures": 0, "tables": 0} and made["seen"] > 3
        assert made["ink"] > 0
        # Ten events of a slider within a frame, then ten of a brush.
        assert made["slid"] == {"pictures": 1, "tables": 0} and made["brushed"] == {"pictures": 1, "tables": 0}
        assert made["rested"] == 1 and messages == []


WORK = """async () => {
    const p = window.page, canvas = document.querySelector('#scatter'), box = canvas.getBoundingClientRect();
    const frame = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    const since = before => ({pictures: p.made.pictures - before.pictures, tables: p.made.tables - before.tables});
    await new Promise(done => setTimeout(done, 300));
    let before = {...p.made};
    const seen = new Set();
    for (const row of p.frontier) {
        const [x, y] = p.scatter.at(row);
        canvas.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + x, clientY: box.top + y}));
        seen.add(p.hovered);
    }
    await frame();
    const pointed = since(before), over = document.querySelector('#scatter-over');
    const data = over.getContext('2d').getImageData(0, 0, over.width, over.height).data;
    const ink = data.reduce((sum, v) => sum + (v > 0), 0);
    before = {...p.made};
    const slider = document.querySelector('#limit-latency-max');
    for (let i = 0; i < 10; i += 1) { slider.value = 900 - i; slider.dispatchEvent(new Event('input')); }
    await frame();
    const slid = since(before);
    before = {...p.made};
    for (let i = 0; i < 10; i += 1) p.brushAxes(new Map([[p.parallel.columns[0], [0.35, 0.5 + i / 10]]]));
    await frame();
    const brushed = since(before), tables = p.made.tables;
    await new Promise(done => setTimeout(done, 400));
    return {pointed, seen: seen.size, ink, slid, brushed, rested: p.made.tables - tables};
}"""


def test_hostile_names_do_nothing(tmp_path):
    spec = {**SPEC, "device": {"<img src=x onerror=alert(1)>": {"base": "esp32"}}}
    spec["hardware"] = {"device": ["<img src=x onerror=alert(1)>", "gap9"]}
    path = dse.explore({**spec, "name": "x"}).report(tmp_path / "x.html")
    with opened(path) as (page, messages, requests):
        assert page.locator("img").count() == 0 and len(requests) == 1 and messages == []
        assert "<img" in page.inner_text("#table")


HOSTILES = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(2)>",
    "\"' onmouseover=alert(3) x='",
    "<!--<script>",
    "]]>&lt;u&gt;<u>",
    "a\u2028b\u2029c",
    "{{7*7}}${alert(4)}",
    "javascript:alert(5)",
]


def test_every_name_is_text(tmp_path):
    """Of devices, number formats, networks and files, as far as a spec lets them be called so."""
    named = [name for name in HOSTILES if name.isprintable()]
    table = tmp_path / "<script>alert(1)<&'.csv"
    table.write_text("resolution,accuracy\n96,60\n128,65\n", encoding="utf-8")
    network = {"family": "mobilenet_v2", "width": [0.35, 0.5], "resolution": [96, 128]}
    spec = {
        "name": "x",
        "network": network,
        "precision": {"scheme": named, **{name: {"weight_bits": 4} for name in named}},
        "hardware": {"device": named},
        "device": {name: {"base": "esp32"} for name in named},
        "objectives": {"minimize": ["latency"], "maximize": ["accuracy"], "per": ["device", "precision"]},
        "quality": {"table": str(table)},
    }
    harmless_in_a_browser(dse.explore(spec).report(tmp_path / "x.html"), named)


def test_names_of_axes_metrics_and_notes_are_text(result, tmp_path):
    """What no spec lets through today, the page does not let through either."""
    designs, limits, size = result.sample(1000)
    axis, metric = HOSTILES[:2]
    manifest = json.loads(json.dumps(result.manifest).replace('"width"', json.dumps(axis)))
    manifest |= {"name": HOSTILES[3], "notes": HOSTILES, "citation": HOSTILES[1], "created": HOSTILES[2]}
    manifest |= {"left_out_devices": dict.fromkeys(HOSTILES, HOSTILES), "undefined_because": {metric: {HOSTILES[4]: 3}}}
    manifest["metrics"] = [metric if m == "macs" else m for m in manifest["metrics"]]
    names = {"width": axis, "macs": metric}
    attributes = {"units": HOSTILES[2], "long_name": HOSTILES[0], "direction": "min"}
    designs = designs.rename(names)
    designs[metric] = designs[metric].assign_attrs(attributes)
    hostile = SimpleNamespace(
        frontier=result.frontier.rename({k: v for k, v in names.items() if k in result.frontier}),
        manifest=manifest,
        sample=lambda most: (designs, limits, size),
    )
    path = tmp_path / "x.html"
    path.write_text(make_page(hostile), encoding="utf-8")
    harmless_in_a_browser(path, [HOSTILES[3], HOSTILES[0]])


def harmless_in_a_browser(path, shown):
    """Nothing of it runs, asks for anything or becomes an element, and it is there to be read."""
    assert path.read_text(encoding="utf-8").count("</script>") == 2
    with opened(path) as (page, messages, requests):
        page.click("#only-frontier")
        for chosen in ("x", "y", "colour"):
            for number in range(page.locator(f"#{chosen} option").count()):
                page.select_option(f"#{chosen}", index=number)
        page.wait_for_function("() => !window.page.pending && !window.page.redrawing")
        place = page.evaluate("() => window.page.scatter.at(window.page.frontier[0])")
        box = page.locator("#scatter").bounding_box()
        page.mouse.move(box["x"] + place[0], box["y"] + place[1])
        assert page.locator("script").count() == 2 and page.locator("img, iframe, object, a, u").count() == 0
        assert page.evaluate("() => [...document.querySelectorAll('*')].every(e => [...e.attributes].every(a => "
                             "!a.name.startsWith('on')))")  # fmt: skip
        assert messages == [] and len(requests) == 1
        text = page.evaluate("() => document.body.textContent")
        assert [name for name in shown if name not in text] == []


def test_the_policy_forbids_requests_and_code(result):
    """Tried from within the page, as a name that got through would."""
    asked = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    there = f"http://127.0.0.1:{server.server_port}"
    try:
        with opened(result.path / "report.html") as (page, _, _requests):
            ran = page.evaluate(ATTEMPTS, there)
            page.wait_for_timeout(500)
            assert page.url.startswith("file:")
    finally:
        server.shutdown()
        server.server_close()
    assert ran == [] and asked == []


ATTEMPTS = """async there => {
    const ran = window.ran = [], body = document.body;
    await fetch(there + '/fetch').then(() => ran.push('fetch'), () => 0);
    try { new WebSocket(there.replace('http', 'ws')) } catch (e) {}
    try { new EventSource(there + '/events') } catch (e) {}
    try { new Worker(there + '/worker') } catch (e) {}
    navigator.sendBeacon(there + '/beacon');
    const add = (name, values) => body.append(Object.assign(document.createElement(name), values));
    add('img', {src: there + '/img'});
    add('iframe', {src: there + '/iframe'});
    add('script', {src: there + '/script'});
    add('script', {textContent: 'window.ran.push("inline")'});
    add('link', {rel: 'stylesheet', href: there + '/link'});
    add('object', {data: there + '/object'});
    add('video', {src: there + '/video'});
    add('div', {innerHTML: `<img src=x onerror="window.ran.push('handler')">`});
    add('div', {innerHTML: `<p style="background:url(${there}/style)">`});
    const form = Object.assign(document.createElement('form'), {action: there + '/form', method: 'post'});
    body.append(form);
    form.submit();
    try { setTimeout('window.ran.push("timer")', 0) } catch (e) {}
    // Not here: what a debugger calls may make code.
    setTimeout(() => new Function('window.ran.push("function")')(), 0);
    await new Promise(done => setTimeout(done, 300));
    return ran;
}"""
