"""Draw docs/gallery.md, its pictures and the example of the README from the sweeps in sweeps/: scripts/gallery.py"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any

import dse
from dse.plots import KINDS

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "gallery"
EXAMPLE = ROOT / "results" / "examples" / "quickstart"
EXAMPLE_FILES = ("frontier.csv", "frontier.png")
# 1200 pixels wide.
DPI = 120
SWEEPS = ("quickstart", "llm-serving", "accelerator-what-if")
# Searches: the sweep, and what follows its name on the command line.
JUDGED = ("quickstart", "--trials 300 --no-polish --judge --out results/judged")
LARGE = ("search-tinyml", "--trials 1000 --no-polish")
MCU = {"device": "stm32h743", "precision": "int8", "width": 0.35, "resolution": 160}
SERVING = {"device": "h100-nvl", "precision": "fp8", "phase": "decode", "context": 4096, "batch": 16}
TINY = "mobilenet_v2 {kind} --device stm32h743 --precision int8 --set width=0.35 --set resolution=160"
LLAMA = "llama-3.1-8b {kind} --device h100-nvl --precision fp8 --set phase=decode --set context=4096 --set batch=16"


@dataclass(frozen=True)
class Picture:
    """One picture: its kind, the commands that draw it after `dse explore` of its sweep, and a function that does."""

    kind: str
    command: str
    drawn: Callable[[], Any]
    before: str = ""


def pictures() -> list[Picture]:
    """All pictures; the sweeps are run when the first one of them is drawn."""

    @cache
    def swept(name: str) -> Any:
        return dse.explore(ROOT / "sweeps" / f"{name}.toml")

    @cache
    def searched(name: str, **asked: Any) -> Any:
        return dse.search(ROOT / "sweeps" / f"{name}.toml", polish=False, **asked)

    quick, serving, chip = (partial(swept, name) for name in SWEEPS)
    judged, large = partial(searched, JUDGED[0], trials=300, judge=True), partial(searched, LARGE[0], trials=1000)
    judge, search = (f"dse search sweeps/{name}.toml {options}\n" for name, options in (JUDGED, LARGE))
    plot = dse.plot
    return [
        Picture("frontier", "results/quickstart frontier", lambda: plot.frontier(quick())),
        Picture("frontier", "results/accelerator-what-if frontier", lambda: plot.frontier(chip())),
        Picture(
            "families", "results/quickstart families --option by=device", lambda: plot.families(quick(), by="device")
        ),
        Picture("parallel", "results/accelerator-what-if parallel", lambda: plot.parallel(chip())),
        Picture("roofline", "results/quickstart roofline", lambda: plot.roofline(quick())),
        Picture(
            "heatmap", "results/quickstart heatmap --design accuracy", lambda: plot.heatmap(quick(), design="accuracy")
        ),
        Picture("heatmap", "results/accelerator-what-if heatmap", lambda: plot.heatmap(chip())),
        Picture("sensitivity", "results/llm-serving sensitivity", lambda: plot.sensitivity(serving())),
        Picture("timeline", TINY.format(kind="timeline"), lambda: plot.timeline("mobilenet_v2", **MCU)),
        Picture("breakdown", TINY.format(kind="breakdown"), lambda: plot.breakdown("mobilenet_v2", **MCU)),
        Picture("op_roofline", LLAMA.format(kind="op_roofline"), lambda: plot.op_roofline("llama-3.1-8b", **SERVING)),
        Picture("scaling", LLAMA.format(kind="scaling"), lambda: plot.scaling("llama-3.1-8b", **SERVING)),
        Picture("hypervolume", "results/judged hypervolume", lambda: plot.hypervolume(judged()), judge),
        Picture("found", "results/judged found", lambda: plot.found(judged()), judge),
        Picture("importances", "results/search-tinyml importances", lambda: plot.importances(large()), search),
        Picture("parallel", "results/search-tinyml parallel", lambda: plot.parallel(large()), search),
        Picture("validation", "catalogue validation", plot.validation),
    ]


def write_example() -> None:
    """The result that the README shows: what `make explore` gives, without what varies from run to run."""
    with TemporaryDirectory() as folder:
        result = dse.explore(ROOT / "sweeps" / "quickstart.toml", out=Path(folder) / "quickstart")
        for name in EXAMPLE_FILES:
            copyfile(result.path / name, EXAMPLE / name)


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
    for stale in FOLDER.glob("*.png"):
        stale.unlink()
    for number, picture in enumerate(pictures(), start=1):
        figure = picture.drawn()
        figure.set_dpi(DPI)
        summary = KINDS[picture.kind].summary
        path = dse.plot.save(figure, FOLDER / f"{number:02d}-{picture.kind.replace('_', '-')}.png")
        parts += [f"## {summary}", "", "```sh", f"{picture.before}dse plot {picture.command}", "```", ""]
        parts += [f"![{summary}](gallery/{path.name})", ""]
    write_example()
    (FOLDER.parent / "gallery.md").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
