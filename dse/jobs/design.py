"""One design, and what plots show of it: its ops, its memory over time, and what is around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from dse import registry
from dse.errors import InputError, shown, unknown
from dse.grid import profile
from dse.grid.blocks import Alone, Grid
from dse.grid.dataset import evaluate
from dse.grid.inputs import compute_peak, leaf
from dse.grid.plan import variants_of
from dse.grid.program import MODEL_AXIS
from dse.grid.space import NETWORK, Space
from dse.jobs import what_if
from dse.jobs.axes import axis_text
from dse.networks import MODELS
from dse.pareto.cut import MCU, Cut
from dse.units import value_text

if TYPE_CHECKING:
    from dse.jobs.result import Result


# Everything that fits its device.
ANYTHING = Cut(())


@dataclass(frozen=True)
class Design:
    """One design of a space.

    Attributes
    ----------
    grid
        All designs that it is one of.
    place
        Where it stands along each dimension of several values.
    cut
        Budgets and fit that designs are held to.
    name
        What it is called: of a result the name of the job, else that of the network.
    """

    grid: Grid
    place: Mapping[str, int] = field(default_factory=dict)
    cut: Cut = ANYTHING
    name: str = ""

    @property
    def space(self) -> Space:
        """The axes of all designs that it is one of."""
        return self.grid.space

    @cached_property
    def point(self) -> Space:
        """The design alone; InputError where it is several networks as one workload."""
        if not isinstance(self.grid, Alone):
            raise InputError(f"{self.name}: a design is several networks as one workload; this shows a single network")
        space = self.space
        for dim in space.dims:
            space = space.isel(dim, slice(self.place.get(dim, 0), self.place.get(dim, 0) + 1))
        return space.first()

    @property
    def axes(self) -> dict[str, Any]:
        """Its values along the axes that were given."""
        place = {n: self.place.get(str(a.dim), 0) for n, a in self.space.axes.items() if a.given}
        return {n: self.space.axes[n].values[i] for n, i in place.items()}

    @property
    def told(self) -> dict[str, str]:
        """Those of its axes that its names do not tell, with units: a model's name stands for its own shape."""
        shape = self.space.network_axes() if self.space.model or NETWORK in self.space.axes else {}
        fixed = {n for n, a in shape.items() if a.kind == "architecture" and a.dim is None}
        if (model := self.space.model) and model in MODELS:
            own = MODELS[model].axes
            fixed -= {n for n in fixed if shape[n].given and own.get(n) != self.axes[n]}
        return {n: axis_text(n, v) for n, v in self.axes.items() if n not in {*fixed, NETWORK}}

    @property
    def network(self) -> str:
        """The model or family."""
        return str(self.axes.get(NETWORK) or self.space.model or self.space.family.name)

    @property
    def per(self) -> str:
        """Which pass of the network is shown op by op, in words; "" where there is but one."""
        return profile.pass_text(self.point)

    @property
    def domain(self) -> str:
        """What the network is for: "vision", "language", ..."""
        return self.space.family.domain

    @property
    def compute_format(self) -> str:
        """The format that the device computes in; "" of several networks as one workload."""
        if not isinstance(self.grid, Alone):
            return ""
        return str(compute_peak(self.point)[1].data)

    @cached_property
    def ops(self) -> xr.Dataset:
        """Work, bytes, time and energy of each op; see `dse.grid.profile.ops`."""
        return profile.ops(self.point)

    @cached_property
    def modelled(self) -> tuple[str, float] | None:
        """The latency model and the latency [s] by it; None by the roofline, which `ops` are of, or where undefined."""
        model, usual = self.axes.get(MODEL_AXIS), variants_of("latency")[0]
        if model is None or model == usual:
            return None
        latency = float(self.metrics(["latency"])["latency"])
        return (str(model), latency) if np.isfinite(latency) else None

    @cached_property
    def memory(self) -> xr.Dataset:
        """What is live while each op runs; see `dse.grid.profile.memory`."""
        return profile.memory(self.point)

    @property
    def capacity(self) -> tuple[str, float]:
        """The memory of the device that activations have to fit, its figure's name and bytes; NaN where not stated."""
        device = self.point.devices[self.point.axes["device"].values[0]]
        name = "sram_bank" if device.device_class == MCU else "memory_capacity"
        return name, float(leaf(self.point, name).data)

    def metrics(self, names: Sequence[str]) -> xr.Dataset:
        """Metrics of the design."""
        return evaluate(self.point, names, engine="plain")

    def sensitivity(self, metrics: Sequence[str] = ()) -> xr.Dataset:
        """What 10 % more of each hardware figure does; see `dse.jobs.what_if.sensitivity`."""
        return what_if.sensitivity(self.point, metrics)

    def scaling(self) -> xr.Dataset:
        """Throughput and latency by batch and context; see `dse.jobs.what_if.scaling`."""
        return what_if.scaling(self.point)

    def around(self, axes: Sequence[str], metrics: Sequence[str]) -> xr.Dataset:
        """Metrics over two axes of its space, all others as they are; see `dse.jobs.what_if.slice_of`."""
        space = self.space
        for axis in axes:
            if axis not in self.numeric_dims:
                raise InputError(unknown("axis of several values", axis, self.numeric_dims))
        for dim in space.dims:
            if dim not in axes:
                space = space.isel(dim, slice(self.place.get(dim, 0), self.place.get(dim, 0) + 1))
        return what_if.slice_of(self.grid, space, self.cut, axes, metrics)

    @property
    def numeric_dims(self) -> tuple[str, ...]:
        """Axes of several values."""
        return tuple(d for d in self.space.dims if self.space.sizes[d] > 1)

    @property
    def metric(self) -> str:
        """The metric to show where none is named: the first objective, or latency."""
        return self.cut.objectives[0].metric if self.cut.objectives else "latency"


def design_of(result: Result, which: int | str | None = None) -> Design:
    """A design on the frontier of a result.

    Parameters
    ----------
    which
        The number of its row, from 0; or a metric, for the design that is best by it. By default the best by the
        first objective.

    Raises
    ------
    InputError
        For an empty frontier, and for a row or metric that it does not have.
    """
    frontier = result.frontier
    if frontier.sizes["design"] == 0:
        raise InputError(f"{result.name}: no design is on the frontier")
    row = _row(frontier, result.manifest["objectives"], which)
    job = result.job()
    chosen = frontier.isel(design=row)
    grid = next(g for g in job.grids if g.name in ("", str(chosen.coords.get(NETWORK, xr.DataArray("")).item())))
    place = {dim: int(index[0]) for dim, index in places_along(grid.space, frontier.isel(design=[row])).items()}
    return Design(grid, place, job.cut_of(grid), result.name)


def _row(frontier: xr.Dataset, objectives: Sequence[Mapping[str, str]], which: int | str | None) -> int:
    size = frontier.sizes["design"]
    if isinstance(which, int):
        if not 0 <= which < size:
            raise InputError(f"design {which}: the frontier has the designs 0 to {size - 1}")
        return which
    name = objectives[0]["metric"] if which is None else which
    if name not in frontier.data_vars:
        raise InputError(unknown("metric of the frontier", name, map(str, frontier.data_vars)))
    directions = {o["metric"]: o["direction"] for o in objectives}
    direction = directions.get(name) or (registry.metric_record(name).direction if name in registry.METRICS else None)
    values = frontier[name].values.astype(float)
    return int(np.nanargmax(values) if direction == "max" else np.nanargmin(values))


def places_along(space: Space, designs: xr.Dataset) -> dict[str, np.ndarray]:
    """Where designs of a frontier stand along each dimension of the space that they were found in, shape (n,) each."""
    places: dict[str, np.ndarray] = {}
    for axis in space.axes.values():
        if axis.dim is not None and axis.name in designs.coords and axis.dim not in places:
            order = {value_text(v): i for i, v in enumerate(axis.coordinate.tolist())}
            own = [value_text(v) for v in designs[axis.name].values.tolist()]
            if other := [value for value in own if value not in order]:
                raise InputError(f"a design of the frontier has {axis.name} {shown(other[0])}, which its spec does not")
            places[axis.dim] = np.array([order[value] for value in own], dtype=int)
    return places
