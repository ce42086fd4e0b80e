"""The calibrations that are shipped: fitted to the measurements beside this module, and written to `fitted.toml`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from dse.calibration.calibrate import Fitted, calibrate
from dse.calibration.catalogue import FITTED
from dse.calibration.constants import Calibration
from dse.calibration.files import write
from dse.calibration.measurements import Measurement, read_measurements
from dse.calibration.pool import pooled
from dse.calibration.validation import Comparison, compare
from dse.calibration.validation import pooled as together
from dse.hardware import DEVICES

MEASURED = Path(__file__).with_name("measured")
HEADING = """Fitted to the measurements in measured/*.csv by `python -m dse.calibration.shipped`; do not edit.
Constants are times in units of the datasheet's; errors are relative."""

# Device classes whose calibrations are told together too.
POOLS = {"GPUs": ("consumer-gpu", "datacentre-gpu"), "CPUs": ("cpu",), "microcontrollers": ("mcu",)}


def measurements() -> list[Measurement]:
    """All measurements that are shipped."""
    return [row for path in sorted(MEASURED.glob("*.csv")) for row in read_measurements(path)]


def fit_all() -> tuple[list[Fitted], list[Calibration]]:
    """What fits the shipped measurements: calibrations of devices with their rows, and those of classes."""
    fitted = calibrate(measurements())
    return fitted, pooled(fitted)


def validation() -> tuple[list[Comparison], list[str]]:
    """The shipped calibrations beside their measurements, and what of these is not used, in words."""
    fitted, _ = fit_all()
    comparisons = [compare(one) for one in fitted]
    for name, classes in POOLS.items():
        parts = [f for f in fitted if DEVICES[f.calibration.device].device_class in classes]
        if len(parts) > 1:
            comparisons.append(together(f"all of {name}", parts))
    skipped = [m for m in measurements() if m.use == "skip"]
    return comparisons, [f"({len(skipped)} measured times are not used: {_reasons(skipped)})"]


def _reasons(skipped: list[Measurement]) -> str:
    counts = Counter(m.note.partition(": ")[2] or m.note for m in skipped)
    return "; ".join(f"{count} {reason}" for reason, count in counts.items())


if __name__ == "__main__":
    of_devices, of_classes = fit_all()
    write(FITTED, of_devices, HEADING, of_classes)
