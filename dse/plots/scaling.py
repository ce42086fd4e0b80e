"""How throughput and latency of one design go with the batch, and with the tokens in the context."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dse.plots import style
from dse.plots.kinds import DESIGN, plot
from dse.plots.layout import Room, Words, design_words, legend_below, panels
from dse.plots.style import Scale, make_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BATCH, _OVER = "batch of the design", "does not fit the memory"


@dataclass(frozen=True)
class Curve:
    """Values by batch: of what fits and what does not, shape (batches,) each."""

    name: str
    fits: np.ndarray
    values: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class ScalingData:
    """The whole plot: curves of two metrics over the same batches; `batch` is that of the design."""

    words: Words
    batches: np.ndarray
    scales: tuple[Scale, Scale]
    curves: tuple[Curve, ...]
    batch: int


def prepare(design: Any) -> ScalingData:
    """Throughput, and latency or time of a token, of each batch and context."""
    found = design.scaling()
    names = [str(n) for n in found.data_vars if n != "fits"]
    tokens = next((d for d in ("context", "prompt_tokens") if d in found.dims), None)
    curves = []
    for part in [found.isel({tokens: i}) for i in range(found.sizes[tokens])] if tokens else [found]:
        name = f"{style.readable(tokens)} {int(part[tokens]):,}" if tokens else "this network"
        values = [np.broadcast_to(part[n].values.astype(float), part.sizes["batch"]) for n in names]
        curves.append(Curve(name, np.asarray(part["fits"].values, dtype=bool), (values[0], values[1])))
    scales = [
        make_scale(n, _attrs(found[n].attrs), np.concatenate([c.values[i] for c in curves]))
        for i, n in enumerate(names)
    ]
    scales = [replace(s, metric="tokens" if s.metric == "token_throughput" else s.metric) for s in scales]
    largest = [int(found["batch"].values[c.fits].max()) if c.fits.any() else 0 for c in curves]
    told = [f"{c.name}: up to {n:,}" if n else f"{c.name}: none" for c, n in zip(curves, largest, strict=True)]
    note = (
        f"Largest batch that fits: {'; '.join(told)}."
        if tokens
        else f"Largest batch drawn that fits: {told[0].split(' ')[-1]}."
    )
    footer = "Time by the latency model of the design (a lower bound, unless calibrated); all else stays as it is."
    batch = int(design.axes.get("batch", 1))
    return ScalingData(
        design_words(design, footer, note), found["batch"].values, (scales[0], scales[1]), tuple(curves), batch
    )


def _attrs(attrs: Any) -> dict[str, Any]:
    return {k: v for k, v in attrs.items() if k != "long_name"}


@plot("scaling", prepare, of=DESIGN)
def draw(figure: Figure, data: ScalingData) -> None:
    """Scaling of throughput and latency of one design with the batch, and of a language model with the context."""
    from matplotlib.lines import Line2D

    marks: dict[str, Any] = {}
    colours = _colours(len(data.curves))
    several = len(data.curves) > 1
    over = any(not c.fits.all() for c in data.curves)
    entries = [*(c.name for c in data.curves if several), _BATCH, *([_OVER] if over else [])]
    inner = 2.6 if style.current().narrow else 4.2
    grid = panels(figure, data.words, inner, 2, Room(left=0.95, gap=0.9), legend=entries)
    for number, axes in enumerate(grid):
        for curve, colour in zip(data.curves, colours, strict=True):
            _draw_curve(axes, data, curve, number, colour)
            if several:
                marks[curve.name] = Line2D([], [], color=colour, marker="o", markersize=4.5)
        axes.axvline(data.batch, color=style.QUIET, linewidth=0.9, linestyle=(0, (1, 1.6)), zorder=1)
        _set_axes(axes, data, number)
    marks[_BATCH] = Line2D([], [], color=style.QUIET, linewidth=0.9, linestyle=(0, (1, 1.6)))
    if over:
        marks[_OVER] = Line2D(
            [], [], color=style.QUIET, marker="o", markerfacecolor="white", markersize=4.5, linestyle=(0, (3, 2))
        )
    legend_below(figure, marks, data.words)


def _colours(number: int) -> list[Any]:
    from matplotlib import colormaps

    return [style.PALETTE[0]] if number == 1 else [colormaps["viridis"](v) for v in np.linspace(0.0, 0.85, number)]


def _draw_curve(axes: Axes, data: ScalingData, curve: Curve, number: int, colour: Any) -> None:
    shown = data.scales[number].show(curve.values[number])
    fits = curve.fits
    axes.plot(data.batches, shown, color=colour, linestyle=(0, (3, 2)), linewidth=1.0, zorder=2)
    axes.plot(data.batches, np.where(fits, shown, np.nan), color=colour, linewidth=1.8, zorder=3)
    axes.plot(data.batches[fits], shown[fits], "o", color=colour, markersize=4.5, zorder=4)
    axes.plot(data.batches[~fits], shown[~fits], "o", color=colour, markerfacecolor="white", markersize=4.5, zorder=4)


def _set_axes(axes: Axes, data: ScalingData, number: int) -> None:
    from matplotlib import ticker

    scale = data.scales[number]
    style.set_axis(axes, "y", scale, 7)
    if not scale.log:
        axes.set_ylim(bottom=0)
    axes.set_xscale("log", base=2)
    axes.set_xlim(data.batches[0] / 1.25, data.batches[-1] * 1.25)
    axes.xaxis.set_major_locator(ticker.FixedLocator([float(b) for b in data.batches[::2]]))
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("batch")
    unit = "tokens/s" if scale.metric == "tokens" else scale.unit
    axes.set_ylabel(f"throughput ({_prefix(scale)}{unit})" if scale.metric == "tokens" else scale.label)


def _prefix(scale: Scale) -> str:
    return "" if scale.factor == 1 else f"{scale.factor:g} "
