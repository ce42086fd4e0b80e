"""The calibrations that are shipped: fitted to the measurements beside this module, and written to `fitted.toml`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

from dse.calibration.batches import with_batches
from dse.calibration.calibrate import FEW, Fitted, calibrate, left_out_by
from dse.calibration.catalogue import FITTED
from dse.calibration.constants import Calibration
from dse.calibration.files import write
from dse.calibration.gate import memory_rows
from dse.calibration.measurements import Measurement, read_measurements
from dse.calibration.other_figures import energy_comparisons, memory_comparisons
from dse.calibration.pool import pooled
from dse.calibration.terms import by_totals
from dse.calibration.totals import TOTALS
from dse.calibration.unseen import unseen_devices, without_twins
from dse.calibration.unused import Accounts, accounts, not_fitted
from dse.calibration.validation import Comparison, Residuals, compare, joined, never_fitted, residuals_of
from dse.hardware import DEVICES

MEASURED = Path(__file__).with_name("measured")
HEADING = """Fitted to the measurements in measured/*.csv by `python -m dse.calibration.shipped`; do not edit.
Constants are times in units of the datasheet's; errors are relative."""

# Calibrations that are told together too, by class of device and software.
TINY_ENGINE = "/mit-han-lab"


def measurements() -> list[Measurement]:
    """All measurements that are shipped."""
    return [row for path in sorted(MEASURED.glob("*.csv")) for row in read_measurements(path)]


def fit_all(rows: Sequence[Measurement] | None = None) -> tuple[list[Fitted], list[Calibration]]:
    """What fits the shipped measurements: calibrations of devices with their rows, and those of classes.

    Devices of which many networks were measured are fitted a second time by the totals of these, for networks of which
    no more is known.
    """
    fitted = calibrate(measurements() if rows is None else rows)
    fitted += calibrate([by_totals(row) for one in fitted if has_totals(one) for row in one.rows])
    fitted = with_batches(fitted)
    return fitted, pooled(fitted)


def by_kinds_of_work(one: Fitted) -> bool:
    """Whether it is not the second fit of a device, by totals."""
    return not one.calibration.domain.endswith(TOTALS)


def has_totals(one: Fitted) -> bool:
    """Whether a device is calibrated by totals too."""
    return one.calibration.form == "feature maps" and len(one.rows) >= FEW


def validation() -> tuple[list[Comparison], Accounts]:
    """The shipped calibrations beside their measurements, and what has become of each of these."""
    rows = measurements()
    fitted, classes = fit_all(rows)
    told = list(filter(by_kinds_of_work, fitted))
    held = [m for m in rows if m.use == "hold"]
    known = [*(f.calibration for f in fitted), *classes]
    comparisons = [
        *(compare(one, fitted) for one in told),
        *pools(residuals_of(fitted)),
        *never_fitted({f"{name}: no family here": POOLS[name] for name in BY_TOTALS}, held, known),
        *without_twins(told, {name: POOLS[name] for name in IMAGE_NETWORKS}),
        *unseen_devices(told),
        *energy_comparisons(fitted, rows),
        *memory_comparisons(fitted, rows),
    ]
    of_memory = itertools.chain.from_iterable(memory_rows(rows).values())
    return comparisons, accounts(not_fitted(fitted, rows), rows, of_memory)


def _of_class(*classes: str, domain: str = "vision") -> Callable[[Measurement], bool]:
    return lambda m: m.domain == domain and DEVICES[m.device].device_class in classes


def _by(software: str, phase: str = "") -> Callable[[Measurement], bool]:
    return lambda m: m.software == software and phase in ("", m.axes.get("phase"))


# Rows that belong together, whatever their device.
POOLS: dict[str, Callable[[Measurement], bool]] = {
    "image networks on GPUs": _of_class("consumer-gpu", "datacentre-gpu"),
    "image networks on CPUs": _of_class("cpu"),
    "microcontroller engines (TinyEngine's table)": lambda m: _of_class("mcu")(m) and m.software.endswith(TINY_ENGINE),
    "microcontrollers (MLPerf Tiny)": lambda m: _of_class("mcu")(m) and not m.software.endswith(TINY_ENGINE),
    "phones (TensorFlow Lite)": _of_class("phone"),
    "image networks on GPUs, totals only": _of_class("consumer-gpu", "datacentre-gpu", domain=f"vision{TOTALS}"),
    "image networks on CPUs, totals only": _of_class("cpu", domain=f"vision{TOTALS}"),
    "detectors on edge devices, totals only": lambda m: _of_class("edge")(m) and m.family == "ssd",
    "Edge TPU": lambda m: _of_class("edge")(m) and m.family != "ssd",
    "matrix products": lambda m: m.domain == "matrix product",
    "LLM static batches (TensorRT-LLM)": _by("tensorrt-llm", "request"),
    "LLM time to first token (TensorRT-LLM)": _by("tensorrt-llm", "prefill"),
    "LLM generation (llama.cpp)": _by("llama.cpp", "decode"),
    "LLM prompts (llama.cpp)": _by("llama.cpp", "prefill"),
}
# Of which enough families were measured to leave out kin together.
IMAGE_NETWORKS = ("image networks on GPUs", "image networks on CPUs")
# Of which networks without a family were measured too.
BY_TOTALS = tuple(f"{name}{TOTALS}" for name in IMAGE_NETWORKS)


def pools(parts: Sequence[Residuals]) -> list[Comparison]:
    """Errors over all devices of a kind of measurement."""
    found = []
    for name, chosen in POOLS.items():
        kept = [(left_out_by(p.rows)[0], p.only(chosen)) for p in parts]
        ways = dict.fromkeys(by for by, p in kept if len(p.rows))
        if ways:
            found.append(joined(name, f"by {' or '.join(ways)}", [p for _, p in kept]))
    return found


if __name__ == "__main__":
    of_devices, of_classes = fit_all()
    write(FITTED, of_devices, HEADING, of_classes)
