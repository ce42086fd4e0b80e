"""The calibrations that are shipped: fitted to the measurements beside this module, and written to `fitted.toml`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from dse.calibration.calibrate import Fitted, calibrate
from dse.calibration.catalogue import FITTED
from dse.calibration.constants import Calibration
from dse.calibration.files import write
from dse.calibration.measurements import Measurement, read_measurements
from dse.calibration.other_figures import energy_comparisons, memory_comparisons
from dse.calibration.pool import pooled
from dse.calibration.validation import Comparison, compare
from dse.calibration.validation import pooled as together
from dse.hardware import DEVICES

MEASURED = Path(__file__).with_name("measured")
HEADING = """Fitted to the measurements in measured/*.csv by `python -m dse.calibration.shipped`; do not edit.
Constants are times in units of the datasheet's; errors are relative."""

# Calibrations that are told together too, by class of device and software.
TINY_ENGINE = "/mit-han-lab"


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
    comparisons += [together(name, parts) for name, parts in pools(fitted).items()]
    comparisons += [*energy_comparisons(fitted, measurements()), *memory_comparisons(fitted, measurements())]
    skipped = [m for m in measurements() if m.use == "skip"]
    return comparisons, [f"({len(skipped)} measured figures are not used: {_reasons(skipped)})"]


def pools(fitted: Sequence[Fitted]) -> dict[str, list[Fitted]]:
    """Calibrations that belong together."""
    found: dict[str, list[Fitted]] = {}
    for one in fitted:
        device_class = DEVICES[one.calibration.device].device_class
        name = {"consumer-gpu": "GPUs", "datacentre-gpu": "GPUs", "cpu": "CPUs"}.get(device_class, device_class)
        if device_class == "mcu":
            tiny = one.calibration.software.endswith(TINY_ENGINE)
            name = "TinyEngine's table of microcontroller engines" if tiny else "MLPerf Tiny"
        found.setdefault(f"all of {name}, {one.calibration.domain}", []).append(one)
    return {name: parts for name, parts in found.items() if len(parts) > 1}


def _reasons(skipped: list[Measurement]) -> str:
    counts = Counter(m.note.partition(": ")[2] or m.note for m in skipped)
    return "; ".join(f"{count} {reason}" for reason, count in counts.items())


if __name__ == "__main__":
    of_devices, of_classes = fit_all()
    write(FITTED, of_devices, HEADING, of_classes)
