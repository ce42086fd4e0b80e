"""Measured times, energies and memories, read from CSV.

A file has one measurement a line, and these columns in any order (the first seven are needed):

=========  ============================================================================================
network    a model of the zoo, a family, or a file that holds a network; empty where it has none here
device     a name of the catalogue; any, where use is skip
software   what ran it, in your words: calibrations are kept apart by it
precision  a number format
metric     latency, throughput or time_to_first_token (of phase=prefill or request); energy, peak_sram, flash_total
value      a number; empty where use is skip and nothing was measured, such as of a run that was out of memory
unit       its unit, where none stands in value: ms, 1/s, uJ, KiB
axes       values of the network's axes and of the deployment: "resolution=256 batch=64"; what a calibrated time does
           not depend on is refused
family     what is left out of a fit together, where it is not the network's own family
use        fit (the default), hold (never fitted, only predicted), skip (kept, with the reason in note)
source     where the figure is published
note       anything
totals     of an image network that has no family here what is published of it: "macs=9.31e9 params=41.6e6
           activations=12.4e6" (elements that all layers put out); then `network` is any name, and the one axis batch
=========  ============================================================================================
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from dse.calibration.constants import check_names
from dse.calibration.measured_axes import SEVERAL, faults_of_network, read_axes
from dse.calibration.totals import TOTALS, read_totals
from dse.catalogue import MOST_BYTES, check_columns, read_at_most
from dse.errors import MOST_FAULTS, Fault, InputError, unknown
from dse.networks import FAMILIES, MODELS, Family, find_model
from dse.units import quantity

NEEDED = ("network", "device", "software", "precision", "metric", "value", "unit")
COLUMNS = (*NEEDED, "axes", "family", "use", "source", "note", "totals")
USES = ("fit", "hold", "skip")
FIRST_TOKEN = "time_to_first_token"
# No figure of a device is smaller or larger, in SI units.
LEAST, MOST = 1e-15, 1e18
UNITS = {
    "latency": "s",
    "throughput": "1/s",
    "time_to_first_token": "s",
    "energy": "J",
    "peak_sram": "B",
    "flash_total": "B",
}


@dataclass(frozen=True)
class Measurement:
    """One measured figure in SI units, NaN where a row is kept without one; `line` is that of its file."""

    network: str
    device: str
    software: str
    precision: str
    metric: str
    value: float
    axes: Mapping[str, Any]
    own_family: str = ""
    use: str = "fit"
    source: str = ""
    note: str = ""
    line: int = 0
    totals: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def builder(self) -> tuple[Family, dict[str, Any]]:
        """The family of the network, and the axes that its model fixes."""
        if self.network in FAMILIES and self.network not in MODELS:
            return FAMILIES[self.network], {}
        model = find_model(self.network)
        return model.builds_from, dict(model.axes)

    @property
    def family(self) -> str:
        """The group of networks that is left out of a fit together."""
        return self.own_family or (self.network if self.totals else self.builder[0].name)

    @property
    def domain(self) -> str:
        """What is calibrated apart: vision, language, their training, matrix products; networks by their totals."""
        return f"vision{TOTALS}" if self.totals else domain_of(self.builder[0], self.phase)

    @property
    def phase(self) -> str | None:
        """The phase of the work; None of networks that have no phases, at inference."""
        return self.axes.get("phase")

    @property
    def settings(self) -> tuple[str, ...]:
        """Whether several devices share the work."""
        return ("several",) if any(float(self.axes.get(name, 1)) > 1 for name in SEVERAL) else ()

    @property
    def batch(self) -> float:
        """Samples, prompts or tokens that run together."""
        return float(self.axes.get("batch", 1))

    @property
    def seconds(self) -> float:
        """Time of a batch; only of a time or a throughput."""
        return self.batch / self.value if self.metric == "throughput" else self.value

    @property
    def is_time(self) -> bool:
        """Whether it tells the time of a batch."""
        return self.metric in ("latency", "throughput", FIRST_TOKEN)

    @property
    def parts(self) -> list[tuple[float, Measurement]]:
        """What runs one after the other, and how often: of a request the prompt, then tokens at the mean context."""
        if self.phase != "request":
            return [(1.0, self)]
        rest = {n: v for n, v in self.axes.items() if n not in ("phase", "prompt_tokens", "output_tokens")}
        prompt, output = float(self.axes["prompt_tokens"]), float(self.axes["output_tokens"])
        decode = {**rest, "phase": "decode", "context": float(int(prompt + output / 2))}
        prefill = {**rest, "phase": "prefill", "context": prompt}
        first = [(1.0, replace(self, axes=prefill))]
        return first if self.metric == FIRST_TOKEN else [*first, (output - 1, replace(self, axes=decode))]

    @property
    def label(self) -> str:
        """The network and its axes, for people."""
        return " ".join([self.network, *(f"{k}={v}" for k, v in self.axes.items())])


def domain_of(family: Family, phase: str | None = None) -> str:
    """What networks of a family are calibrated with: vision, language or matrix products; their training apart."""
    if family.name == "matrix_product":
        return "matrix product"
    kind = "language" if family.domain == "language" else "vision"
    return f"{kind} training" if phase == "train" else kind


def read_measurements(path: str | Path) -> list[Measurement]:
    """The measurements of a CSV file.

    Raises
    ------
    InputError
        Every fault of every line: columns, names, values, units, axes.
    """
    try:
        content = read_at_most(Path(path), MOST_BYTES)
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(Fault(str(path), f"cannot be read: {getattr(error, 'strerror', None) or error}")) from None
    if len(content) > MOST_BYTES:
        raise InputError(Fault(str(path), f"more than {MOST_BYTES // 2**20} MiB; a file of measurements is shorter"))
    columns, rows = _rows(path, text)
    try:
        check_columns(columns)
    except InputError as error:
        raise error.at(str(path)) from None
    faults = [Fault(str(path), f"the column {name!r} is missing") for name in NEEDED if name not in columns]
    faults += [unknown("column", name, COLUMNS, str(path)) for name in columns if name not in COLUMNS]
    if faults:
        raise InputError(faults)
    found = []
    for line, row in rows:
        try:
            found.append(_measurement(row, line))
        except InputError as error:
            faults += error.at(f"{path}: line {line}").faults
            if len(faults) >= MOST_FAULTS and line < rows[-1][0]:
                # The nearest names of a million lines would take minutes.
                faults[MOST_FAULTS - 1 :] = [Fault(str(path), f"no line after line {line} was looked at")]
                break
    if not found and not faults:
        faults.append(Fault(str(path), "has no measurements"))
    if faults:
        raise InputError(faults)
    return found


def _rows(path: object, text: str) -> tuple[list[str], list[tuple[int, dict[str, Any]]]]:
    """Names of the columns, and the rows with the numbers of their last lines.

    A quote that is never closed would swallow all rows after it: it is a fault.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        return list(reader.fieldnames or []), [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise InputError(Fault(f"{path}: line {reader.reader.line_num}", f"is not CSV: {error}")) from None


def _measurement(row: Mapping[str, Any], line: int) -> Measurement:
    if None in row or None in row.values():
        raise InputError("has more or fewer values than the file has columns")
    texts = {key: (row.get(key) or "").strip() for key in COLUMNS}
    use = texts["use"] or "fit"
    faults = check_names(None if use == "skip" else texts["device"], texts["precision"], "")
    faults += [] if texts["software"] else [Fault("software", "is empty; say what ran the network")]
    if use not in USES:
        faults.append(unknown("use", use, USES, "use"))
    if texts["metric"] not in UNITS:
        faults.append(unknown("measured metric", texts["metric"], UNITS, "metric"))
    axes, totals = read_axes(texts["axes"], faults), read_totals(texts["totals"], faults)
    if texts["totals"]:
        faults += _faults_of_totals(texts, axes)
    elif texts["network"] or use != "skip":
        faults += faults_of_network(texts["network"], axes)
    if texts["metric"] == FIRST_TOKEN and axes.get("phase") not in ("prefill", "request"):
        faults.append(Fault("axes: phase", f"{FIRST_TOKEN} is a time of phase=prefill or phase=request"))
    measured = bool(texts["value"])
    if not measured and use != "skip":
        faults.append(Fault("value", "is empty; give a number, or a row that is kept without one the use skip"))
    if measured and not texts["unit"] and texts["metric"] in UNITS and _is_bare(texts["value"]):
        faults.append(Fault("unit", f"is empty; give {UNITS[texts['metric']]}, or another of its kind"))
    if faults:
        raise InputError(faults)
    value = quantity(f"{texts['value']} {texts['unit']}", UNITS[texts["metric"]]) if measured else math.nan
    if measured and not LEAST <= value <= MOST:
        raise InputError(Fault("value", f"{value:g} {UNITS[texts['metric']]} is not from {LEAST:g} to {MOST:g}"))
    names = {key: texts[key] for key in ("network", "device", "software", "precision", "metric", "source", "note")}
    return Measurement(**names, value=value, axes=axes, own_family=texts["family"], use=use, line=line, totals=totals)


def _faults_of_totals(texts: Mapping[str, str], axes: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with a network of which only totals are told."""
    faults = [] if texts["network"] else [Fault("network", "is empty; give the network with these totals a name")]
    faults += [unknown("axis", name, ("batch",), "axes") for name in axes if name != "batch"]
    if texts["metric"] not in ("latency", "throughput"):
        faults.append(unknown("metric of a network's totals", texts["metric"], ("latency", "throughput"), "metric"))
    return faults


def _is_bare(value: str) -> bool:
    """Whether it is a number without a unit."""
    return value[-1:].isdigit() or value.endswith(".")


def usable(measurements: Sequence[Measurement]) -> list[Measurement]:
    """The measurements whose network can be counted."""
    return [m for m in measurements if m.network and m.use != "skip"]
