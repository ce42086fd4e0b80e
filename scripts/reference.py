"""Write docs/reference/*.md, the tables of all that is recorded: python scripts/reference.py"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dse import faces, glossary
from dse.formulas import RECORDS as FORMULAS
from dse.grid.dataset import equation
from dse.hardware import DEVICES
from dse.metrics import RECORDS as METRICS
from dse.networks import FAMILIES
from dse.networks.levers import LEVERS
from dse.plots import KINDS
from dse.precision import PRECISIONS
from dse.profiles import MEMORIES, PROFILES, SCOPES
from dse.registry import metric_record
from dse.units import format_quantity

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"
_NOTE = "Written by `make docs` from what the package records; `tests/docs` fails where it is not current."
_FIGURES = (
    "peak_fp32",
    "peak_fp16",
    "peak_fp8",
    "peak_int8",
    "bandwidth",
    "memory_capacity",
    "sram",
    "flash_capacity",
    "tdp",
)

# What stands in place of an equation.
_NOT_WRITTEN = {"count": "counted in the network", "table": "looked up"}


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table of Markdown."""
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return lines + [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]


def formulas() -> list[str]:
    """Every formula of the sheet, chapter by chapter."""
    chapters: dict[str, list[Sequence[str]]] = {}
    for name, record in FORMULAS.items():
        told = f"`{faces.equation(record.function)}`" if record.faces else "(a procedure)"
        chapter = record.function.__module__.rsplit(".", 1)[-1]
        chapters.setdefault(chapter, []).append((f"`{name}`", told, record.unit, record.summary))
    lines = ["`dse calc NAME argument=value ...` computes one, `dse show NAME` tells its arguments and its source."]
    for chapter, rows in chapters.items():
        lines += ["", f"## {chapter.capitalize()}", "", *table(("formula", "equation", "unit", "what"), rows)]
    return lines


def metrics() -> list[str]:
    """Every metric, with its models where it has several."""
    rows = []
    for name, variants in METRICS.items():
        record = metric_record(name)
        models = ", ".join(f"`{v}`" for v in variants if v)
        told = record.summary + (f" (`{name}_model`: {models})" if models else "")
        made = equation(record)
        made = _NOT_WRITTEN.get(record.kind, "a procedure") if made == record.summary else f"`{made}`"
        rows.append((f"`{name}`", record.measure, record.direction or "", made, told))
    head = "Each is an objective, a budget or an output of a spec. "
    head += "`dse evaluate NETWORK --device D --explain METRIC` puts the numbers in."
    return [head, "", *table(("metric", "unit", "better", "made of", "what"), rows)]


def families() -> list[str]:
    """Every family of networks, with its axes and their defaults."""
    levers = [name for name in LEVERS if glossary.lookup(name).kind == "architecture"]
    told = (", ".join(f"`{name}`" for name in names) for names in (levers, [n for n in LEVERS if n not in levers]))
    lines = ["Every family has the axes {} as well, and in `[deployment]` {}.".format(*told)]
    lines[0] += (
        " `dse show NAME` tells what an axis may be. What is not told otherwise stands in `[network]` of a spec."
    )
    for name, family in FAMILIES.items():
        rows = []
        for axis in family.own_axes:
            entry = glossary.lookup(axis)
            default = entry.named(family.defaults[axis]) if axis in family.defaults else "**required**"
            meaning = entry.meaning + ("" if entry.kind == "architecture" else " (in `[deployment]`)")
            rows.append((f"`{axis}`", "derived" if default is None else str(default), meaning))
        lines += ["", f"## {name}", "", f"{family.summary}. Source: {family.source}.", ""]
        lines += table(("axis", "default", "what"), rows)
    return lines


def devices() -> list[str]:
    """Every device, class by class, with its figures and where they come from."""
    classes: dict[str, list[Any]] = {}
    for device in DEVICES.values():
        classes.setdefault(device.device_class, []).append(device)
    lines = [
        "An empty cell is a figure that no source gives. `dse show NAME` tells all figures, and how they were checked."
    ]
    for name, members in sorted(classes.items()):
        shown = [f for f in _FIGURES if any(f in d.figures for d in members)]
        rows = [_device(device, shown) for device in members]
        lines += ["", f"## class:{name}", "", *table(("device", "year", *shown, "source"), rows)]
    return lines


def _device(device: Any, figures: Sequence[str]) -> list[str]:
    cells = [
        format_quantity(device.figures[f], glossary.lookup(f).unit) if f in device.figures else "" for f in figures
    ]
    source = f"[source]({device.source})" if device.source.startswith("http") else device.source
    return [f"`{device.name}`", str(device.year or ""), *cells, source]


def precisions() -> list[str]:
    """Every number format."""
    rows = [
        (f"`{n}`", f"{s.weight_bits:g}", f"{s.activation_bits:g}", f"{s.kv_bits:g}", s.compute, s.note)
        for n, s in PRECISIONS.items()
    ]
    columns = ("format", "bits a weight", "bits an activation", "bits a cached value", "computes in", "what")
    return ["Bits include scales where weights share them.", "", *table(columns, rows)]


def profiles() -> list[str]:
    """Every profile of the energy of operations and bytes."""
    rows = []
    for name, profile in PROFILES.items():
        macs = ", ".join(f"{form} {joules * 1e12:.3g} pJ" for form, joules in profile.mac.items())
        sram, dram = (f"{joules * 1e12:g} pJ/B" for joules in (profile.sram, profile.dram))
        rows.append((f"`{name}`", macs, sram, dram, profile.note, profile.source))
    head = "`energy_profile` of the deployment chooses one for `operation_energy`; a table holds for one technology."
    lines = [head, "", *table(("profile", "a MAC", "on chip", "off chip", "what", "source"), rows)]
    return [*lines, "", "## Memories", "", _MEMORIES, "", *table(_MEMORY_COLUMNS, map(_memory_row, MEMORIES.values()))]


_MEMORY_COLUMNS = ("memory", "kind", "a byte", "published range", "scope", "default", "what", "source")
_MEMORIES = """What a byte of main memory takes is, by default (`memory_profile = "auto"`), that of the device's kind of
memory where one is marked below, and else that of the energy profile; a result says which. `memory_profile` names
another one, or "energy_profile". Scopes differ, and the same kind by two or three times with them."""


def _memory_row(memory: Any) -> Sequence[str]:
    low, high = (f"{joules * 1e12:g}" for joules in (memory.low, memory.high))
    ends = "" if memory.low != memory.low else f"{low} to {high} pJ/B"
    usual = "yes" if memory.usual else ""
    value = f"{memory.energy * 1e12:.4g} pJ/B"
    return (f"`{memory.name}`", memory.kind, value, ends, SCOPES[memory.scope], usual, memory.note, memory.source)


def plots() -> list[str]:
    """Every kind of plot."""
    rows = [(f"`{n}`", k.of, ", ".join(f"`{o}`" for o in k.options), k.summary) for n, k in sorted(KINDS.items())]
    return [
        "The gallery shows them: [gallery.md](../gallery.md).",
        "",
        *table(("kind", "of a", "options", "what"), rows),
    ]


PAGES: Mapping[str, Callable[[], list[str]]] = {
    page.__name__: page for page in (formulas, metrics, families, devices, precisions, profiles, plots)
}


def text(page: str) -> str:
    """A page, as it is written."""
    return "\n".join([f"# {page.capitalize()}", "", _NOTE, "", *PAGES[page]()]) + "\n"


def main() -> None:
    """Write all pages."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for page in PAGES:
        (FOLDER / f"{page}.md").write_text(text(page), encoding="utf-8")


if __name__ == "__main__":
    main()
