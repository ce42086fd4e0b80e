"""The interactive report: one page that holds its data and its code, and asks for nothing else.

The pictures are drawn by a few hundred lines of its own: a plotting library inlined would be several megabytes in every
result, and needs a policy that lets text become code.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

import numpy as np
import xarray as xr

from dse.plots.choice import choose_axes, follows_network
from dse.plots.frontier_data import group_rows
from dse.plots.style import readable
from dse.report.columns import column
from dse.report.summary import count_rows, lacking, search_lines, undefined_lines

# Designs that a page holds beside the frontier, and stays fluid with.
MOST = 100_000
# What tells a page from those of others.
GENERATOR = '<meta name="generator" content="dse">'
_SCRIPTS = ("data.js", "frontier.js", "names.js", "charts.js", "page.js")
HELD = "held_to_mcu"
# Coordinates that say where values come from.
_TOLD = ("compute_format", "calibration", "cost_basis", "accuracy_source", "loss_source")

Limit = Mapping[str, Any]


def page(result: Any, most: int = MOST) -> str:
    """The report of a result, as HTML.

    Parameters
    ----------
    result
        An object with `frontier`, `manifest` and `sample(most)`, such as `dse.explore` returns.
    most
        Designs that are held; of a space of more of them a sample, and always the whole frontier.
    """
    designs, limits, size = result.sample(most)
    data = _data(result, designs, limits)
    style, scripts = _file("page.css"), [_file(name) for name in _SCRIPTS]
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Inside a script nothing but its end tag and comments would be read as HTML.
    text = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    code = "\n".join(scripts)
    policy = f"default-src 'none'; script-src '{_hash(code)}'; style-src '{_hash(style)}'; base-uri 'none'; "
    policy += "form-action 'none'"
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="en"><head><meta charset="utf-8">{GENERATOR}',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(result.manifest['name'])}</title>",
            f"<style>{style}</style></head><body>",
            *_body(result.manifest, designs.sizes["design"], size),
            f'<script type="application/json" id="data">{text}</script>',
            f"<script>{code}</script>",
            "</body></html>\n",
        ]
    )


def _file(name: str) -> str:
    return (resources.files("dse.report") / "page" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def _data(result: Any, designs: xr.Dataset, limits: Sequence[Limit]) -> dict[str, Any]:
    """What the code of the page reads."""
    manifest, size = result.manifest, designs.sizes["design"]
    frontier = result.frontier
    objectives = manifest["objectives"]
    axes = [a for a in manifest["axes"] if a in designs.variables]
    metrics = [n for m in manifest["metrics"] for n in (m, f"{m}_low", f"{m}_high") if n in designs.variables]
    told = [n for n in _TOLD if n in designs.variables]
    rest = dict.fromkeys([*(li["column"] for li in limits), HELD])
    shown = dict.fromkeys([*axes, *metrics, *told])
    columns = [column(n, designs[n], size, shown=n in shown) for n in (*shown, *(r for r in rest if r not in shown))]
    chosen: dict[str, str] = {}
    if len(objectives) > 1:
        x, y, _ = choose_axes(frontier, objectives, list(group_rows(frontier, manifest["per"]).values()))
        chosen = {"x": x["metric"], "y": y["metric"]}
    else:
        only = objectives[0]["metric"]
        chosen = {"x": next((a for a in axes if manifest["axes"][a] > 1), (axes or [only])[0]), "y": only}
    return {
        "name": manifest["name"],
        "size": size,
        "objectives": objectives,
        # What a page of many columns leaves out first: axes that the name of the network tells.
        "told": [a for a in axes if follows_network(designs, a)],
        "choices": axes,
        "search": "search" in manifest,
        "per": [p for p in manifest["per"] if p in designs.variables],
        "limits": [*limits, *_open(manifest, designs, limits)],
        "axes": chosen,
        "columns": columns,
    }


def _open(manifest: Mapping[str, Any], designs: xr.Dataset, limits: Sequence[Limit]) -> Iterable[dict[str, Any]]:
    """Limits that the spec does not set, and the reader may: of every metric on its worse side, as the job has it."""
    given = {(li["column"], li["side"]) for li in limits}
    wanted = {o["metric"]: o["direction"] for o in manifest["objectives"]}
    for metric in manifest["metrics"]:
        own = designs[metric].attrs.get("direction") if metric in designs else None
        direction = wanted.get(metric, own)
        side = {"min": "max", "max": "min"}.get(str(direction))
        if side and (metric, side) not in given:
            values = designs[metric].values.astype(float)
            if np.isfinite(values).any():
                yield {"column": metric, "side": side, "value": 0.0, "given": False, "fit": "", "network": ""}


def _body(manifest: Mapping[str, Any], held: int, size: int) -> list[str]:
    """Everything of the page that is there before its code runs."""
    names = [f"{readable(o['metric'])} ({o['direction']})" for o in manifest["objectives"]]
    per = f", for each {' and '.join(map(readable, manifest['per']))}" if manifest["per"] else ""
    evaluated = "Designs, of those evaluated," if "search" in manifest else "Designs"
    aim = f"{evaluated} that no other beats in {', '.join(names)}{per}."
    scope = _scope(manifest, held, size)
    version = f"dse {manifest['versions']['dse']}, {manifest['created']}"
    return [
        f"<h1>{escape(manifest['name'])}</h1>",
        f"<p>{escape(aim)}</p><p class='quiet'>{escape(scope)} {escape(version)}.</p>",
        '<p id="count" role="status">Reading the designs …</p>',
        '<main><section><h2>Budgets</h2><div id="limits"></div>',
        '<button id="reset" type="button">As in the spec</button></section><section>',
        '<div class="bar">across <select id="x"></select> up <select id="y"></select>',
        'colour <select id="colour"></select>',
        '<span id="legend" class="bar"></span></div>',
        '<div class="stack"><canvas id="scatter"></canvas><canvas id="scatter-over"></canvas></div>',
        "<p class='quiet'>Drag over the picture or along an axis below to select, click to undo, point at a design to",
        "read it. Of designs off the frontier up to 3,000 are drawn as lines. <span id='left'></span></p>",
        '<div class="stack"><canvas id="parallel"></canvas><canvas id="parallel-over"></canvas></div>',
        '</section></main><div id="tip" hidden></div>',
        '<h2>Designs</h2><div class="bar">',
        '<label><input type="checkbox" id="only-frontier" checked> frontier only</label>',
        '<button id="csv" type="button">Save as CSV (SI units)</button><span id="rows" class="quiet"></span></div>',
        '<div class="scroll"><table id="table"></table></div>',
        '<div class="tables">',
        *_table("What was swept", ["axis", "values"], [[readable(a), f"{n:,}"] for a, n in manifest["axes"].items()]),
        *_table("What became of the designs", ["designs", "number", "break it"], count_rows(manifest)),
        "</div>",
        *[f"<p>{escape(text)}</p>" for text in _notes(manifest)],
        f"<p class='quiet'>{escape(manifest['citation'])}</p>",
    ]


def _scope(manifest: Mapping[str, Any], held: int, size: int) -> str:
    """Which designs the page holds, and what its frontiers are worth therefore."""
    exact = "frontiers under other budgets are exact."
    inexact = "Frontiers under other budgets are those of the designs in the page."
    if "search" in manifest:
        went = manifest["search"]
        what = f"What a search found, not proven to be the best: {went['trials']:,} trials of {went['sampler']} "
        share = f"{100 * size / went['space']:.3g} %"
        what += f"(seed {went['seed']}), {size:,} of {went['space']:,} designs evaluated ({share})."
        if held == manifest["counts"]["kept"] < size:
            return f"{what} The {held:,} that were kept are in this page, and no others. {inexact}"
        if held >= size:
            return f"{what} All that were evaluated are in this page, and no others. {inexact}"
        return (
            f"{what} {held:,} of those evaluated are in this page: the whole frontier that was found, and an even "
            f"random sample of the others. {inexact}"
        )
    if held >= size:
        return f"All {size:,} designs are in this page: {exact}"
    return (
        f"{held:,} of {size:,} designs are in this page: the whole frontier of the spec, and an even random sample of "
        f"all others. {inexact}"
    )


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    head = "".join(f"<th>{escape(c)}</th>" for c in columns)
    body = ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows]
    return [f"<div><h2>{escape(title)}</h2><table><tr>{head}</tr>", *body, "</table></div>"]


def _notes(manifest: Mapping[str, Any]) -> list[str]:
    notes = [f"Search: {line}." for line in search_lines(manifest)] if "search" in manifest else []
    notes += [f"Undefined: {line}." for line in undefined_lines(manifest)]
    if left := manifest.get("left_out_devices"):
        notes.append(f"Left out, for want of figures: {lacking(left)}.")
    return notes + [str(note) for note in manifest.get("notes", ())]
