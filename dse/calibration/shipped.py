"""The calibrations that are shipped: fitted to the measurements beside this module, and written to `fitted.toml`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from dse.calibration.calibrate import Fitted, calibrate, left_out_by
from dse.calibration.catalogue import FITTED
from dse.calibration.constants import Calibration
from dse.calibration.files import write
from dse.calibration.measurements import Measurement, read_measurements
from dse.calibration.other_figures import energy_comparisons, memory_comparisons
from dse.calibration.pool import pooled
from dse.calibration.unseen import unseen_devices, without_twins
from dse.calibration.validation import Comparison, Residuals, compare, joined, predict_file, residuals_of
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
    rows = measurements()
    fitted, classes = fit_all()
    comparisons = [compare(one, fitted) for one in fitted]
    comparisons += pools(residuals_of(fitted))
    held = [m for m in rows if m.use == "hold"]
    comparisons += predict_file(held, [*(f.calibration for f in fitted), *classes])[0]
    comparisons += [
        *without_twins(fitted, {name: POOLS[name] for name in IMAGE_NETWORKS}),
        *unseen_devices(fitted),
        *energy_comparisons(fitted, rows),
        *memory_comparisons(fitted, rows),
    ]
    skipped = [m for m in rows if m.use == "skip"]
    return comparisons, [f"({len(skipped)} measured figures are not used: {_reasons(skipped)})"]


def _of_class(*classes: str) -> Callable[[Measurement], bool]:
    return lambda m: m.domain == "vision" and DEVICES[m.device].device_class in classes


def _by(software: str, phase: str = "") -> Callable[[Measurement], bool]:
    return lambda m: m.software == software and phase in ("", m.axes.get("phase"))


# Rows that belong together, whatever their device.
POOLS: dict[str, Callable[[Measurement], bool]] = {
    "image networks on GPUs": _of_class("consumer-gpu", "datacentre-gpu"),
    "image networks on CPUs": _of_class("cpu"),
    "microcontroller engines (TinyEngine's table)": lambda m: _of_class("mcu")(m) and m.software.endswith(TINY_ENGINE),
    "microcontrollers (MLPerf Tiny)": lambda m: _of_class("mcu")(m) and not m.software.endswith(TINY_ENGINE),
    "phones (TensorFlow Lite)": _of_class("phone"),
    "Edge TPU": lambda m: m.device == "coral-edge-tpu",
    "matrix products": lambda m: m.domain == "matrix product",
    "LLM static batches (TensorRT-LLM)": _by("tensorrt-llm", "request"),
    "LLM time to first token (TensorRT-LLM)": _by("tensorrt-llm", "prefill"),
    "LLM generation (llama.cpp)": _by("llama.cpp", "decode"),
    "LLM prompts (llama.cpp)": _by("llama.cpp", "prefill"),
}
# Of which enough families were measured to leave out kin together.
IMAGE_NETWORKS = ("image networks on GPUs", "image networks on CPUs")


def pools(parts: Sequence[Residuals]) -> list[Comparison]:
    """Errors over all devices of a kind of measurement."""
    found = []
    for name, chosen in POOLS.items():
        kept = [(left_out_by(p.rows)[0], p.only(chosen)) for p in parts]
        ways = dict.fromkeys(by for by, p in kept if len(p.rows))
        if ways:
            found.append(joined(name, f"by {' or '.join(ways)}", [p for _, p in kept]))
    return found


def _reasons(skipped: list[Measurement]) -> str:
    counts = Counter(m.note.partition(": ")[2] or m.note for m in skipped)
    return "; ".join(f"{count} {reason}" for reason, count in counts.items())


if __name__ == "__main__":
    of_devices, of_classes = fit_all()
    write(FITTED, of_devices, HEADING, of_classes)
