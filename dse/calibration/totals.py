"""Networks of which only totals are published: no list of operations, but how many there are of each.

A time is predicted from the multiply-accumulates, the parameters and the elements that all layers put out, as if it
were one layer: good to about twice the error of a network whose operations are known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from dse.errors import Fault, unknown

NAMES = ("macs", "params", "activations")
# What stands behind the domain of networks that are calibrated by their totals.
TOTALS = ", totals only"
# Counts of the latency formulas that totals do not tell apart: all work is that of one layer.
_UNTOLD = (
    "product_macs", "depthwise_macs", "window_traffic", "depthwise_traffic", "rearranged_traffic", "attention_scores",
    "cache_traffic", "index_bits_read", "kernel_launches", "saved_macs",
)  # fmt: skip


def read_totals(text: str, faults: list[Fault]) -> dict[str, float]:
    """Totals of a text such as "macs=9.31e9 params=41.6e6 activations=12.4e6"; faults are added to `faults`."""
    found: dict[str, float] = {}
    for part in text.split():
        name, _, value = part.partition("=")
        number = _number(value)
        if name not in NAMES:
            faults.append(unknown("total", name, NAMES, "totals"))
        elif name in found:
            faults.append(Fault(f"totals: {name}", "is given twice"))
        elif number is None:
            faults.append(Fault(f"totals: {name}", f"{value!r} is not a finite number above 0"))
        else:
            found[name] = number
    if text and not faults:
        faults += [Fault(f"totals: {name}", "is missing") for name in NAMES if name not in found]
    return found


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < math.inf else None


def counts(totals: Mapping[str, float]) -> dict[str, float]:
    """Counts of the latency formulas: what a layer puts out is written once and read once."""
    moved = 2 * totals["activations"]
    known = {"macs": totals["macs"], "layer_macs": totals["macs"], "weights_read": totals["params"]}
    return {**dict.fromkeys(_UNTOLD, 0.0), **known, "streamed_traffic": moved, "activation_traffic": moved}
