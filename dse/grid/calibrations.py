"""Which calibration is in force for each design, what it is made of, and what it tells of engines."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

import numpy as np

from dse.calibration import AUTO, Calibration, Choice, choose, engine_of
from dse.calibration.constants import ANY, distance, spread_beyond
from dse.calibration.measurements import domain_of
from dse.grid.labelled import Labelled, along, places
from dse.grid.space import Space

SOFTWARE_AXIS = "software"


def calibrated(space: Space) -> bool:
    """Whether latency is calibrated."""
    axis = space.axes.get("latency_model")
    return axis is not None and set(axis.values) == {"calibrated"}


def calibrated_anywhere(space: Space) -> bool:
    """Whether latency is calibrated for any design: a frontier may be drawn by several models."""
    axis = space.axes.get("latency_model")
    return axis is not None and "calibrated" in axis.values and "device" in space.axes


def calibrations_chosen(space: Space) -> Labelled:
    """The calibration in force for each device, number format and software: objects of the class `Choice`."""
    known, domain = list(space.calibrations.values()), domain_of(space.family, _phase(space))
    return _by_software(space, lambda d, p, s: choose(known, space.devices[d], s, p, domain))


def _phase(space: Space) -> str | None:
    axis = space.axes.get("phase")
    return axis.values[0] if axis else None


def calibrations_used(space: Space) -> list[Calibration]:
    """The calibrations that latency is fitted to anywhere in a space, and those that tell of the engines named."""
    chosen = calibrations_chosen(space).data.flat if calibrated_anywhere(space) else ()
    named = engines(space).data.flat if has_engine(space) else ()
    found = [*(c for one in chosen for c in one.made_of), *(c for c in named if c is not None)]
    return list({c.name: c for c in found}.values())


def batches_outside(space: Space, choice: Choice) -> str:
    """Batches of a space that lie outside of those measured for a calibration, in words; "" where none does."""
    known = choice.calibration
    low, high = known.batches
    batches = space.axes["batch"].numbers
    found = np.unique(batches[(batches < low) | (batches > high)])
    if not len(found):
        return ""
    ends = f"{found[0]:g}" if len(found) == 1 else f"{found[0]:g} to {found[-1]:g}"
    return f"batch {ends}, measured at {low:g}" + (f" to {high:g}" if high > low else "")


def width_outside(space: Space, choice: Choice) -> str:
    """How wide an interval is at batches outside of those measured, in words."""
    known = choice.calibration
    if known.batch_spread == 1:
        return "nothing measured tells how much less sure that is"
    widest = float(known.spread_at(space.axes["batch"].numbers).max())
    return (
        f"a factor {widest:.2f} there, by how far predictions of batches left out moved, which nothing measured tests"
    )


def stands_for(space: Space) -> list[tuple[str, str]]:
    """The software taken where none is named, with the device that it was measured on."""
    axis = space.axes.get(SOFTWARE_AXIS)
    if axis is None or set(axis.values) != {AUTO}:
        return []
    chosen = dict.fromkeys(choice.calibration for choice in calibrations_chosen(space).data.flat)
    return list(dict.fromkeys((one.software, one.device) for one in chosen if not one.pooled))


def spreads(space: Space) -> Labelled:
    """The factor of the interval of each design: of its calibration, wider at batches beyond those measured."""
    axis = space.axes["batch"]
    batch = along(axis.dim, axis.numbers)
    known = [lambda c: c.spread, lambda c: c.batch_spread, lambda c: c.batches[0], lambda c: c.batches[1]]
    found = [constant(space, figure) for figure in known]
    dims = tuple(d for d in space.dims if d in (*found[0].dims, *batch.dims))
    spread, beyond, low, high = (figure.over(dims) for figure in found)
    return Labelled(dims, spread_beyond(spread, beyond, distance(batch.over(dims), low, high)))


# Settings that the engine decides where it is named: by which of its figures.
ENGINE_RULES = {"in_place_depthwise": "engine_in_place"}
OF_ENGINE = frozenset(("engine_code", "engine_sram"))


def has_engine(space: Space) -> bool:
    """Whether it is told what software a device runs, so that what it needs for itself counts.

    It is named, or latency is calibrated, and so by some software.
    """
    axis = space.axes.get(SOFTWARE_AXIS)
    if axis is None or "device" not in space.axes:
        return False
    return calibrated_anywhere(space) or (axis.given and set(axis.values) != {AUTO})


def engines(space: Space) -> Labelled:
    """The calibration that tells what the engine needs for itself, for each device, number format and software.

    None where there is no software, or nothing of it is known.
    """
    known, domain = tuple(space.calibrations.values()), domain_of(space.family, _phase(space))
    return _by_software(space, lambda d, p, s: engine_of(known, d, _engine(space, d, p, s), p, domain))


def follows_latency(space: Space, leaves: Container[str]) -> bool:
    """Whether inputs depend on the model of latency: of an engine that is not named, but that latency is fitted to."""
    axis = space.axes.get(SOFTWARE_AXIS)
    if axis is None or AUTO not in axis.values or not calibrated_anywhere(space):
        return False
    ruled = [n for n in ENGINE_RULES if n in leaves and not space.axes[n].given]
    return bool(ruled or any(n in leaves for n in OF_ENGINE)) and any(c is not None for c in engines(space).data.flat)


def _engine(space: Space, device: str, precision: str, software: str) -> str:
    """The software named, or where none is that to which latency is fitted; `AUTO` where it is to none."""
    if software != AUTO or not calibrated_anywhere(space):
        return software
    known, domain = tuple(space.calibrations.values()), domain_of(space.family, _phase(space))
    found = choose(known, space.devices[device], AUTO, precision, domain).calibration.software
    return AUTO if found == ANY else found


def engine_texts(space: Space) -> Labelled:
    """Where what an engine needs for itself comes from, where that is not the microcontroller itself; else ""."""
    known, domain = tuple(space.calibrations.values()), domain_of(space.family, _phase(space))

    def told(device: str, precision: str, named: str) -> str:
        software = _engine(space, device, precision, named)
        engine = engine_of(known, device, software, precision, domain)
        if space.devices[device].device_class != "mcu" or software == AUTO:
            return ""
        if engine and engine.device == device:
            return "" if named == software else f"with a calibrated latency also flash and SRAM are those of {software}"
        if engine is None:
            return f"what {software} needs for itself is not known: flash_total and peak_sram are the network's alone"
        return (
            f"flash and SRAM that {software} needs for itself are carried over from {engine.device}, where it was "
            "measured (`dse validate` tells their errors)"
        )

    return _by_software(space, told)


def _by_software(space: Space, value: Callable[[str, str, str], Any]) -> Labelled:
    """A value for each device, number format and software."""
    axes = [space.axes[n] for n in ("device", "precision", SOFTWARE_AXIS)]
    (devices, device), (precisions, precision), (softwares, software) = (places(a.dim, a.values) for a in axes)
    table = np.empty((len(devices), len(precisions), len(softwares)), dtype=object)
    for i, j, k in np.ndindex(table.shape):
        table[i, j, k] = value(devices[i], precisions[j], softwares[k])
    dims = tuple(d for d in space.dims if d in {a.dim for a in axes})
    return Labelled(dims, np.asarray(table[device.over(dims), precision.over(dims), software.over(dims)]))


def of_engine(space: Space, name: str, usual: float) -> Labelled:
    """What the engine decides or needs; `usual` for an engine of which nothing is known."""
    found = engines(space)
    values = [usual if c is None else c.constants.get(name, usual) for c in found.data.flat]
    return Labelled(found.dims, np.array(values).reshape(found.data.shape))


def is_ever_calibrated(space: Space) -> bool:
    """Whether anything that was fitted is of the kind of network that the space holds."""
    domain = domain_of(space.family, _phase(space))
    return any(one.domain == domain for one in space.calibrations.values())


def constant(space: Space, value: Callable[[Calibration], float]) -> Labelled:
    """A figure of the calibration that each design takes, over the axes that choose one."""
    chosen = calibrations_chosen(space)
    return Labelled(chosen.dims, np.array([value(c.calibration) for c in chosen.data.flat]).reshape(chosen.data.shape))
