"""Pictures: `dse.plot.frontier(result)`, `dse.plot.timeline("resnet50", device="a100-sxm-80gb", precision="fp16")`.

Every kind of plot (`dse list plots`) is a function of this module. Kinds of results take a result, or the folder of
one; kinds of one design take a network with what `dse.evaluate` takes beside it, a result (its best design, or
`design=`), or a `Design`; the kind of measurements takes a CSV file of them, or nothing: those of the catalogue. Each
gives a matplotlib Figure, which `dse.plot.save` writes as .png, .svg or .pdf.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dse.errors import InputError, nearest, unknown
from dse.grid.blocks import Alone
from dse.jobs.design import Design
from dse.jobs.files import MANIFEST
from dse.jobs.result import Result, load
from dse.networks import FAMILIES, MODELS
from dse.networks.models import SUFFIXES
from dse.pareto.cut import Cut, Objective, make_budget
from dse.plots import DESIGN, KINDS, MEASURED, save, save_all
from dse.plots import draw as draw_kind

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The measurements that are shipped.
CATALOGUE = "catalogue"

__all__ = ["design", "draw", "save", "save_all"]


def draw(kind: str, shown: Any, *, style: str = "screen", **options: Any) -> Figure:
    """A picture of a result, a network or a design.

    Parameters
    ----------
    kind
        A name of `dse list plots`.
    shown
        A result, the folder of one, the name of a model or family (or the file of a model), or a Design; of measured
        times the CSV file that `dse validate` reads, or "catalogue" for those that the catalogue was fitted to.
    style
        "screen", or "paper": as wide as a column.
    options
        Those of the kind (`dse list plots`); of kinds of one design also `design`, a row of the result's frontier or
        a metric that it is the best by, or, of a network, what `dse.plot.design` takes.

    Raises
    ------
    InputError
        For unknown names and options, and what the kind cannot show.
    """
    if kind not in KINDS:
        raise InputError(unknown("plot", kind, KINDS))
    own = {n: options.pop(n) for n in KINDS[kind].options if n in options}
    if KINDS[kind].of == DESIGN:
        return draw_kind(kind, _design(shown, options), style=style, **own)
    if KINDS[kind].of == MEASURED:
        return draw_kind(kind, _measured(shown, **options), style=style, **own)
    if isinstance(shown, (str, os.PathLike)):
        shown = _result(kind, shown)
    return draw_kind(kind, shown, style=style, **own, **options)


def _result(kind: str, shown: str | os.PathLike[str]) -> Result:
    if _is_network(shown):
        of_network = ", ".join(sorted(n for n, k in KINDS.items() if k.of == DESIGN))
        raise InputError(f"plot {kind!r}: shows a result, and {str(shown)!r} is a network; of a network: {of_network}")
    return _loaded(shown)


def _measured(shown: str | os.PathLike[str], calibration: str | os.PathLike[str] | None = None) -> Any:
    """Measured times beside predicted ones: of the catalogue, or of a file."""
    from dse.calibration.constants import read_calibrations
    from dse.calibration.measurements import read_measurements
    from dse.validated import of_catalogue, of_rows

    if str(shown) == CATALOGUE:
        return of_catalogue()
    if Path(shown).suffix != ".csv":
        problem = (
            f"{shown}: shows measured times: give a CSV file of them, or {CATALOGUE} for those that it was fitted to"
        )
        raise InputError(problem)
    known = None if calibration is None else read_calibrations(Path(calibration))
    return of_rows(read_measurements(Path(shown)), Path(shown).name, known)


def _loaded(shown: str | os.PathLike[str]) -> Result:
    path = Path(shown)
    known = {*MODELS, *FAMILIES}
    if not path.exists() and (close := nearest(str(shown), known)):
        raise InputError(f"{shown}: is neither the folder of a result nor a network; did you mean {close!r}?")
    return load(path)


def _design(shown: Any, options: dict[str, Any]) -> Any:
    """The design that is meant, by a result or by a network."""
    if isinstance(shown, (str, os.PathLike)):
        if _is_network(shown):
            if "device" not in options:
                raise InputError(f"{shown}: give the device that it runs on; `dse list devices` names the catalogue")
            return design(str(shown), **options)
        shown = _loaded(shown)
    if isinstance(shown, Result):
        shown = shown.design(options.pop("design", None))
    if options:
        raise InputError(f"{', '.join(options)}: of a result its designs are shown as they are; choose one by design")
    return shown


def _is_network(shown: str | os.PathLike[str]) -> bool:
    if (Path(shown) / MANIFEST).exists():
        return False
    return str(shown) in MODELS or str(shown) in FAMILIES or str(shown).endswith(SUFFIXES)


def design(
    network: str,
    *,
    device: Any,
    precision: Any = "fp32",
    counting: str = "trainable",
    budgets: Mapping[str, Any] | None = None,
    metric: str = "",
    **axes: Any,
) -> Design:
    """One design, for plots: a network in a number format on a device.

    Parameters
    ----------
    network, device, precision, counting, axes
        As `dse.evaluate` takes them. Of axes with several values the design has the first; a heat map shows them all.
    budgets
        Limits by metric, which a heat map shows beside what fits the device.
    metric
        The metric that a heat map shows by default.

    Raises
    ------
    InputError
        For names, values and limits that are wrong.
    """
    from dse.api import design_space

    space = design_space(network, device, precision, None, counting, axes)
    limits = tuple(make_budget(n, limit, f"budgets.{n}") for n, limit in (budgets or {}).items())
    objectives = (Objective(metric, "min"),) if metric else ()
    return Design(Alone(space), cut=Cut(objectives, limits), name=network)


def __getattr__(name: str) -> Callable[..., Figure]:
    if name not in KINDS:
        close = None if name.startswith("_") else nearest(name, KINDS)
        hint = f"; did you mean {close!r}?" if close else ""
        raise AttributeError(f"module {__name__!r} has no kind of plot {name!r}{hint}", name=name)

    def one(shown: Any = CATALOGUE if KINDS[name].of == MEASURED else None, **options: Any) -> Figure:
        return draw(name, shown, **options)

    one.__name__ = one.__qualname__ = name
    one.__doc__ = f"{KINDS[name].summary}; see `dse.plot.draw`.\n\n{inspect.getdoc(KINDS[name].prepare)}"
    return one


def __dir__() -> list[str]:
    return sorted({*__all__, *KINDS})
