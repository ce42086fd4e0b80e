"""Draw docs/gallery.md and its pictures from the sweeps in sweeps/: python scripts/gallery.py"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dse
from dse.plots import KINDS

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "gallery"
# Small enough to lie in the repository, large enough to be read.
DPI = 80
SWEEPS = ("quickstart", "llm-serving", "accelerator-what-if")
MCU = {"device": "stm32h743", "precision": "int8", "width": 0.35, "resolution": 160}
SERVING = {"device": "h100-nvl", "precision": "fp8", "phase": "decode", "context": 4096, "batch": 16}
TINY = "mobilenet_v2 {kind} --device stm32h743 --precision int8 --set width=0.35 --set resolution=160"
LARGE = "llama-3.1-8b {kind} --device h100-nvl --precision fp8 --set phase=decode --set context=4096 --set batch=16"


def pictures() -> list[tuple[str, str, Callable[[], Any]]]:
    """Kind, what follows `dse plot`, and what draws it."""
    results = {name: dse.explore(ROOT / "sweeps" / f"{name}.toml") for name in SWEEPS}
    quick, serving, chip = (results[name] for name in SWEEPS)
    return [
        ("frontier", "results/quickstart frontier", lambda: dse.plot.frontier(quick)),
        ("families", "results/quickstart families --option by=device", lambda: dse.plot.families(quick, by="device")),
        ("roofline", "results/quickstart roofline", lambda: dse.plot.roofline(quick)),
        ("heatmap", "results/quickstart heatmap --design accuracy", lambda: dse.plot.heatmap(quick, design="accuracy")),
        ("heatmap", "results/accelerator-what-if heatmap", lambda: dse.plot.heatmap(chip)),
        ("sensitivity", "results/llm-serving sensitivity", lambda: dse.plot.sensitivity(serving)),
        ("timeline", TINY.format(kind="timeline"), lambda: dse.plot.timeline("mobilenet_v2", **MCU)),
        ("breakdown", TINY.format(kind="breakdown"), lambda: dse.plot.breakdown("mobilenet_v2", **MCU)),
        ("op_roofline", LARGE.format(kind="op_roofline"), lambda: dse.plot.op_roofline("llama-3.1-8b", **SERVING)),
        ("scaling", LARGE.format(kind="scaling"), lambda: dse.plot.scaling("llama-3.1-8b", **SERVING)),
        ("validation", "catalogue validation", dse.plot.validation),
    ]


def main() -> None:
    """Write the page and its pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    parts = [
        "# Gallery",
        "",
        "Written by `python scripts/gallery.py` from the sweeps in `sweeps/`, as `dse explore` keeps",
    ]
    parts += [
        "them in `results/`. `--style paper` draws each as wide as a column, `-o FILE.pdf` or `.svg` as vectors.",
        "",
    ]
    for number, (kind, command, drawn) in enumerate(pictures(), start=1):
        figure = drawn()
        figure.set_dpi(DPI)
        path = dse.plot.save(figure, FOLDER / f"{number:02d}-{kind.replace('_', '-')}.png")
        picture = f"![{KINDS[kind].summary}](gallery/{path.name})"
        parts += [f"## {KINDS[kind].summary}", "", "```sh", f"dse plot {command}", "```", "", picture, ""]
    (FOLDER.parent / "gallery.md").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
