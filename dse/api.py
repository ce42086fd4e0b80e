"""The Python interface: evaluate a network, explore a spec, cut a frontier out of a Dataset."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import xarray as xr

from dse import registry
from dse.errors import Fault, InputError, unknown
from dse.grid import dataset
from dse.grid.calibrations import calibrated
from dse.grid.program import plan_of
from dse.grid.quality import with_sources
from dse.grid.space import RECIPE, Space
from dse.hardware import Device
from dse.jobs.ask import asked
from dse.jobs.calibrated import notes_of
from dse.jobs.catalogues import CURRENT, Catalogues
from dse.jobs.distribute import scan_on
from dse.jobs.replay import AssumptionsLike
from dse.jobs.result import Result, load
from dse.jobs.run import run
from dse.jobs.settings import SETTINGS
from dse.jobs.shards import Shard, find_shards, parse_shard, run_shard
from dse.jobs.shards import merge as merge_shards
from dse.jobs.spaces import Draft, resolve_draft
from dse.jobs.spec import Network, SpecLike, read_spec
from dse.networks import FAMILIES, MODELS
from dse.pareto.scanner import Progress
from dse.pareto.table import frontier

if TYPE_CHECKING:
    Names = str | Sequence[str]
    Metric = str | Callable[..., Any]
    Metrics = Metric | Sequence[Metric]
    Devices = str | Device | Sequence[str | Device] | Mapping[str, Mapping[str, Any]]

# Types of the results of `evaluate`; all arithmetic is in float64.
DTYPES: dict[str, type] = {"float64": np.float64, "float32": np.float32}

__all__ = ["evaluate", "explore", "frontier", "load", "merge"]


def evaluate(
    network: str,
    *,
    device: Devices | None = None,
    precision: Names = "fp32",
    metrics: Metrics | None = None,
    counting: str = "trainable",
    engine: str = "auto",
    dtype: str = "float64",
    recipe: str | None = None,
    calibration: str | os.PathLike[str] | None = None,
    **axes: Any,
) -> xr.Dataset:
    """Evaluate metrics of a network for every combination of the axes given.

    Parameters
    ----------
    network
        A model of the zoo ("resnet50") or a family ("mobilenet_v2").
    device, precision
        Names of the catalogues, one or several; `device` also "class:mcu" or "*", a `dse.hardware.Device` among them,
        or own devices as the table [device] of a spec holds them: {"mine": {"base": "stm32h743", "tdp": "1 W"}}.
    metrics
        Metrics by name, or your own as the functions that `dse.metric` decorates; by default all that have a meaning.
    counting
        Convention of counting parameters: "trainable", "weights" or "statistics".
    engine
        "auto", "plain" (functions on NumPy arrays) or "fused" (compiled loop nests): the results are the same.
    dtype
        "float64" or "float32", which takes half the memory: each value is then the nearest one to that in float64, in
        which all is computed.
    recipe
        Training recipe of published accuracies and losses: by default the first that knows the networks.
    calibration
        A file of own calibrations, as `dse calibrate -o` writes it, for `latency_model="calibrated"`.
    axes
        Axes of the family and deployment settings: a value, or a list of values that becomes a dimension.

    Returns
    -------
    xr.Dataset
        One variable a metric, at the dimensions that it varies along, with units; axes are coordinates. What follows
        from a calibrated latency comes with both ends of its 80 % interval (`latency_low`, `latency_high`), and the
        coordinate `calibration` says what it is fitted to. Among many
        designs one whose axes make no network is NaN. Devices and regions that came in by class or "*" and lack a
        figure that metrics asked for by name need are left out; the attribute `left_out` and a UserWarning name them.
        The attribute `notes` says where a context is beyond that of the model, and where MACs are rounded.

    Raises
    ------
    InputError
        For unknown names, values out of range, a single network that cannot be built, metrics that need a device
        where none is given or a figure that a named device lacks, and results that memory cannot hold.

    Examples
    --------
    >>> import dse
    >>> float(dse.evaluate("resnet50", metrics="macs").macs)
    4089184256.0
    """
    if dtype not in DTYPES:
        raise InputError([unknown("dtype", str(dtype), DTYPES)])
    wanted = None if metrics is None else with_sources(registry.metric_name(m) for m in _several(metrics))
    chosen = axes if recipe is None else {**axes, RECIPE: recipe}
    draft = _draft(network, device, precision, wanted, counting, chosen, calibration)
    space = draft.space
    targets = dataset.with_ends(applicable(space) if wanted is None else wanted, space)
    found = dataset.evaluate(space, targets, engine=engine, dtype=DTYPES[dtype])
    if told := draft.told_left_out():
        warnings.warn(f"left out: {told}", UserWarning, stacklevel=2)
        found.attrs["left_out"] = told
    if noted := notes_of(space, draft.catalogues):
        found.attrs["notes"] = "; ".join(noted)
    return found


def design_space(
    network: str,
    device: Any,
    precision: Any,
    metrics: Sequence[str] | None,
    counting: str,
    axes: Mapping[str, Any],
    calibration: str | os.PathLike[str] | None = None,
) -> Space:
    """The space of `evaluate`; missing figures of a device are faults only where metrics are asked for by name.

    Among the axes may be the recipe.
    """
    return _draft(network, device, precision, metrics, counting, axes, calibration).space


def _draft(
    network: str,
    device: Any,
    precision: Any,
    metrics: Sequence[str] | None,
    counting: str,
    axes: Mapping[str, Any],
    calibration: str | os.PathLike[str] | None,
) -> Draft:
    document: dict[str, Any] = {"network": {}, "deployment": {}, "counting": counting}
    document["network"]["model" if network in MODELS or network not in FAMILIES else "family"] = network
    document["precision"] = {"scheme": precision if isinstance(precision, str) else list(precision)}
    catalogues = _add_devices(document, device)
    if calibration is not None:
        catalogues = catalogues.with_calibrations(Path(calibration))
    if odd := [n for n in axes if n in Network.model_fields and n != RECIPE]:
        raise InputError([Fault(n, "is neither an axis nor a deployment setting") for n in odd])
    for name, value in axes.items():
        table = "deployment" if name in SETTINGS else "network"
        document[table][name] = value.tolist() if hasattr(value, "tolist") else value
    for name in metrics or ():
        registry.metric_record(name)
    return resolve_draft(read_spec(document), metrics or (), catalogues, one_list=True)


def _add_devices(document: dict[str, Any], device: Any) -> Catalogues:
    """Write devices into a document; the catalogues, with those among them that are objects."""
    catalogues = CURRENT
    if device is None:
        return catalogues
    if isinstance(device, Mapping):
        document["device"], named = dict(device), list(device)
    else:
        named = [device] if isinstance(device, (str, Device)) or not isinstance(device, Iterable) else list(device)
    for place, one in enumerate(named):
        if isinstance(one, Device):
            catalogues, named[place] = catalogues.with_device(one), one.name
        elif not isinstance(one, str):
            raise InputError(Fault("hardware.device", f"{one!r} is neither a name nor a Device"))
    document["hardware"] = {"device": named[0] if len(named) == 1 and _is_single(device) else named}
    return catalogues


def _is_single(device: Any) -> bool:
    return isinstance(device, (str, Device, Mapping))


def _several(metrics: Metrics) -> Sequence[Metric]:
    return [metrics] if isinstance(metrics, str) or not isinstance(metrics, Iterable) else list(metrics)


def applicable(space: Space) -> list[str]:
    """Metrics that can be computed on a space: without a device those that need none."""
    named = [n for n in registry.METRICS if registry.metric_record(n).end is None or calibrated(space)]
    if "device" in space.axes:
        return named
    return [n for n in named if not plan_of(space.first(), [n]).device_figures]


@overload
def explore(
    spec: SpecLike,
    *,
    formulas: Sequence[Callable[..., Any]] = (),
    settings: Mapping[str, Any] | None = None,
    assumptions: AssumptionsLike | None = None,
    out: str | os.PathLike[str] | None = None,
    fresh: bool = False,
    plots: bool = True,
    progress: Progress | None = None,
    shard: None = None,
    scheduler: str | None = None,
) -> Result: ...


@overload
def explore(
    spec: SpecLike,
    *,
    formulas: Sequence[Callable[..., Any]] = (),
    settings: Mapping[str, Any] | None = None,
    assumptions: AssumptionsLike | None = None,
    out: str | os.PathLike[str] | None = None,
    fresh: bool = False,
    plots: bool = True,
    progress: Progress | None = None,
    shard: tuple[int, int],
    scheduler: str | None = None,
) -> Shard: ...


def explore(
    spec: SpecLike,
    *,
    formulas: Sequence[Callable[..., Any]] = (),
    settings: Mapping[str, Any] | None = None,
    assumptions: AssumptionsLike | None = None,
    out: str | os.PathLike[str] | None = None,
    fresh: bool = False,
    plots: bool = True,
    progress: Progress | None = None,
    shard: tuple[int, int] | None = None,
    scheduler: str | None = None,
) -> Result | Shard:
    """Evaluate every design of a spec and keep the exact Pareto frontier under its budgets.

    Parameters
    ----------
    spec
        Path of a TOML file, a mapping of the same shape, or a Spec.
    formulas
        Your own functions, decorated with `dse.metric` or `dse.formula`. Decorating them is what makes them metrics
        that a spec may name; here they are checked.
    settings
        Values that replace those at dotted keys: {"budgets.peak_sram": "256 KiB"}.
    assumptions
        The assumptions.toml of an earlier result: every device, price, carbon, format and default figure comes from
        it in place of today's catalogues.
    out
        Folder to keep the result in; by default it stays in memory.
    fresh
        Compute again, and replace what the folder holds, be it of another spec. What its grid has in common with the
        new one is taken over (docs/spec.md).
    shard
        (I, N): scan the I-th of N shards only, and give a `Shard`; `dse.merge` puts all N together.
    scheduler
        Address of a Dask scheduler that shares the work out, or "local" for a process a core.

    Returns
    -------
    Result | Shard
        The result; of one shard what it found.

    Raises
    ------
    InputError
        Every fault of the spec at once; a formula that was not decorated, or an argument of one that is not known.
    """
    job, folder = asked(spec, formulas, settings, assumptions, out)
    if shard is not None:
        if scheduler is not None:
            raise InputError("shard and scheduler are both given; give one of them")
        return run_shard(job, parse_shard(shard), folder, fresh=fresh, progress=progress)
    scan = scan_on(scheduler, formulas)
    return run(job, folder, fresh=fresh, progress=progress, plots=plots, scan=scan)


def merge(
    shards: Sequence[str | os.PathLike[str] | Shard],
    *,
    out: str | os.PathLike[str] | None = None,
    fresh: bool = False,
    plots: bool = True,
) -> Result:
    """Put the shards of one job together; the result is that of one process.

    Parameters
    ----------
    shards
        What `dse.explore(..., shard=(I, N))` gave, its files, or folders that hold them: all N, each once.
    out
        Folder to keep the result in; by default it stays in memory.
    fresh
        Replace what the folder holds.

    Raises
    ------
    InputError
        For shards that are missing, stand twice, or are of another spec or of other formulas, by name.
    """
    return merge_shards(find_shards(shards), Path(out) if out is not None else None, fresh=fresh, plots=plots)
