"""What engines need of memory on microcontrollers beside what was measured: whether networks fit, and by how much.

A network is published as fitting where its measured flash and on-chip memory are within the chip's, and as not fitting
where they are not, or where a run is reported out of memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dse.calibration.constants import Calibration
from dse.calibration.figures import in_place_of, parameter_bytes, peak_bytes, predicted_figure
from dse.calibration.measurements import Measurement
from dse.hardware import DEVICES

# Each measured figure with the capacity that it is held to, as fitting is checked.
_HELD_TO = {"peak_sram": "sram_bank", "flash_total": "flash_capacity"}
_OUT_OF_MEMORY = "out of memory"


@dataclass(frozen=True)
class Gate:
    """Networks on one device with one engine: how many fit as published, how many do not, and which are told wrong.

    `by` is what their needs are told by. `timed` says whether a time was measured with the engine, so that `software`
    can name it.
    """

    device: str
    software: str
    by: str
    fit: int
    unfit: int
    wrong: tuple[str, ...]
    timed: bool = True


def memory_rows(measurements: Sequence[Measurement]) -> dict[tuple[str, str, str], list[Measurement]]:
    """Measured flash and on-chip memory by device, software and format, with runs reported out of memory."""
    groups: dict[tuple[str, str, str], list[Measurement]] = {}
    for row in measurements:
        if row.network and row.metric in _HELD_TO and (row.use == "fit" or _OUT_OF_MEMORY in row.note):
            groups.setdefault((row.device, row.software, row.precision), []).append(row)
    return groups


def carried(
    known: Iterable[Calibration], measurements: Sequence[Measurement]
) -> Iterator[tuple[list[Measurement], Calibration]]:
    """Rows of an engine on a device where it is not calibrated, with the calibration that is carried over to there.

    Of a version that is calibrated nowhere it is that of another version of the same engine.
    """
    told = [c for c in known if "engine_code" in c.constants]
    own = {(c.device, c.software, c.precision) for c in told}
    for key, rows in memory_rows(measurements).items():
        kin = [c for c in told if _engine(c.software) == _engine(key[1])]
        if key not in own and kin:
            yield rows, kin[0]


def _engine(software: str) -> str:
    """The name of an engine without its version, and its laboratory."""
    name, _, laboratory = software.partition("/")
    return f"{name.rstrip('0123456789.').rstrip('-')}/{laboratory}"


def needed(row: Measurement, engine: Calibration) -> float:
    """What a network needs of the memory that a row measures, by what is known of its engine [B]."""
    found = predicted_figure(row, engine.constants)
    return float("nan") if found is None else found


def gates(measurements: Sequence[Measurement], known: Iterable[Calibration] = ()) -> list[Gate]:
    """The gate beside what is published: each network by what its engine needs on others, or on another device."""
    found = []
    timed = {m.software for m in measurements if m.is_time and m.use == "fit"}
    for (device, software, _), rows in memory_rows(measurements).items():
        by_others = {row.label: dict(_needs(row.label, rows)) for row in rows}
        found.append(replace(_gate(device, software, OTHERS, rows, by_others), timed=software in timed))
    for rows, engine in carried(known, measurements):
        there = {r.label: {o.metric: needed(o, engine) for o in rows if o.label == r.label} for r in rows}
        device, software = rows[0].device, rows[0].software
        gate = _gate(device, software, f"{engine.software} on {engine.device}", rows, there)
        found.append(replace(gate, timed=software in timed))
    return found


OTHERS = "what it needs on other networks"


def _gate(
    device: str, software: str, by: str, rows: Sequence[Measurement], needs: Mapping[str, Mapping[str, float]]
) -> Gate:
    capacity = {metric: DEVICES[device].figure(name) for metric, name in _HELD_TO.items()}
    published, told = {}, {}
    for network in dict.fromkeys(row.label for row in rows):
        own = [row for row in rows if row.label == network]
        measured = [row for row in own if row.use == "fit"]
        published[network] = len(measured) == len(own) and all(r.value <= capacity[r.metric] for r in measured)
        told[network] = all(need <= capacity[metric] for metric, need in needs[network].items())
    wrong = tuple(network for network in published if published[network] != told[network])
    return Gate(device, software, by, sum(published.values()), len(published) - sum(published.values()), wrong)


def _needs(network: str, rows: Sequence[Measurement]) -> Iterator[tuple[str, float]]:
    """What a network needs of each memory, by what the engine takes beside other networks."""
    own = [row for row in rows if row.label == network]
    others = [row for row in rows if row.use == "fit" and row.network != own[0].network]
    sram = [m for m in others if m.metric == "peak_sram"]
    in_place = bool(sram) and in_place_of(sram)
    for row in own:
        rest = [m.value - _known(m, in_place) for m in others if m.metric == row.metric]
        yield row.metric, _known(row, in_place) + (max(0.0, float(np.median(rest))) if rest else 0.0)


def _known(row: Measurement, in_place: bool) -> float:
    return parameter_bytes(row) if row.metric == "flash_total" else peak_bytes(row, in_place)


def gate_lines(found: Sequence[Gate]) -> list[str]:
    """Each gate in words."""
    return [_in_words(gate, gate.fit + gate.unfit) for gate in found]


def _in_words(gate: Gate, networks: int) -> str:
    right = f"{networks - len(gate.wrong)} of {networks} networks as published ({gate.fit} fit, {gate.unfit} not)"
    wrong = f"; wrong: {', '.join(gate.wrong)}" if gate.wrong else ""
    untimed = "" if gate.timed else ", of which memory alone was measured, so that `software` does not name it"
    return f"(fit on {gate.device} with {gate.software}{untimed}, by {gate.by}: {right}{wrong})"
