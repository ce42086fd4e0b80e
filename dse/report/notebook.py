"""What a notebook shows of a result: what became of the designs, and the designs that were kept."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from dse.report.summary import bounds_text, count_rows, misses, rate_text
from dse.report.tables import frontier_rows

SHOWN = 10


def summary(result: Any) -> str:
    """HTML of a result: its name, its counts, and at most `SHOWN` designs, spread evenly over the frontier.

    Parameters
    ----------
    result
        An object with `name`, `frontier`, `counts` and `manifest`, such as `dse.explore` returns.
    """
    manifest, kept = result.manifest, result.counts["kept"]
    found = bounds_text(manifest) if "bounds" in manifest else rate_text(manifest)
    parts = [f"<strong>{escape(result.name)}</strong>: {escape(found)}"]
    parts.append(_table(("designs", "number", "break it"), count_rows(manifest), right=("number", "break it")))
    if kept:
        columns, rows = frontier_rows(result.frontier, manifest["axes"], manifest["metrics"], SHOWN)
        parts.append(_table(columns, rows, right=manifest["metrics"]))
        parts += [f"{len(rows):,} of the {kept:,} designs of the frontier"] if kept > len(rows) else []
    else:
        parts.append("<br>".join(map(escape, misses(manifest))))
    return "".join(f"<div>{part}</div>" for part in parts)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str]) -> str:
    align = [' style="text-align: right"' if c in right else ' style="text-align: left"' for c in columns]
    head = "".join(f"<th{a}>{escape(c)}</th>" for c, a in zip(columns, align, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{a}>{escape(cell)}</td>" for cell, a in zip(row, align, strict=True)) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
