"""Which constants are fitted for which kind of network and device, and what is believed of them beforehand."""

from __future__ import annotations

from dataclasses import dataclass

from dse.calibration.constants import CONSTANTS
from dse.calibration.fitting import PULL
from dse.calibration.totals import TOTALS
from dse.hardware import Device

# What no measurement has told of yet: a cost of the datasheet's, and the start of a kernel or a call of a GPU.
_PRIOR = {"launch_time": 5e-6, "call_time": 1e-4}
# The form of few constants, and the networks with which rates of kinds of work can be told instead.
TOTALS_ONLY = TOTALS.removeprefix(", ")
FEWEST = 3
# The device whose compiler keeps weights on chip.
RESIDENT = "coral-edge-tpu"
# Classes of devices with a form of their own, of few constants too.
_OF_CLASS = {"mcu": "microcontroller", "phone": "phone"}
_DECODER = (
    ("matrix_cost",),
    ("weight_cost",),
    ("product_cost",),
    ("cache_cost",),
    ("stream_cost",),
    ("launch_time",),
)


@dataclass(frozen=True)
class Form:
    """Groups of constants, each with one value.

    `believed` are their values without measurements, where these are not the datasheet's; where they are `to_scale`,
    only their proportions are believed. `pull` is the weight of the belief. With `overlap` the longer of computing and
    reading counts. `resident` weights fill the on-chip memory of the device and stay there; only the others are read
    on each call. Such a form tells nothing of other devices. Where an engine is `shared`, what it reaches of the
    datasheet is a property of it: devices of a class with few rows each have its constants in common.
    """

    name: str
    groups: tuple[tuple[str, ...], ...]
    believed: tuple[float, ...] = ()
    overlap: bool = False
    to_scale: bool = False
    pull: float = PULL
    resident: bool = False
    shared: bool = False

    @property
    def prior(self) -> list[float]:
        """The value of each group that is believed without measurements."""
        return list(self.believed) or [_PRIOR.get(group[0], 1.0) for group in self.groups]

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Places of the groups of which only the longer counts."""
        place = {name: number for number, group in enumerate(self.groups) for name in group}
        both = [("matrix_cost", "weight_cost"), ("product_cost", "cache_cost")]
        return [(place[a], place[b]) for a, b in both if a in place and b in place] if self.overlap else []

    def constants(self, values: list[float], resident: float = 0.0) -> dict[str, float]:
        """Constants by name, without those of no cost, in the order of the glossary."""
        found = {name: value for group, value in zip(self.groups, values, strict=True) for name in group if value}
        found |= {"overlap": 1} if self.overlap else {}
        found |= {"resident_bytes": resident} if resident else {}
        return {name: found[name] for name in CONSTANTS if name in found}


FORMS = {
    form.name: form
    for form in (
        Form(
            "feature maps",
            (
                ("matrix_cost", "product_cost"),
                ("window_cost",),
                ("depthwise_traffic_cost",),
                ("stream_cost",),
                ("rearrange_cost",),
                ("weight_cost",),
                ("launch_time",),
            ),
        ),
        # In cycles: 1.5 a multiply-accumulate, 4 one of a depthwise convolution, 1 a byte of weights or activations.
        Form(
            "microcontroller",
            (("matrix_cost", "product_cost"), ("depthwise_cost",), ("stream_cost",), ("weight_cost",)),
            believed=(3.0, 8.0, 4.0, 4.0),
            to_scale=True,
        ),
        # Phones: a call, and multiply-accumulates at two rates; a depthwise one costs several others.
        Form(
            "phone",
            (("matrix_cost", "product_cost"), ("depthwise_cost",), ("call_time",)),
            believed=(2.0, 6.0, 1e-3),
        ),
        # What the compiler of the Edge TPU does: weights are kept on chip, and those that do not fit cross the link.
        Form(
            "resident weights",
            (("matrix_cost", "product_cost"), ("depthwise_cost",), ("weight_cost",), ("call_time",)),
            believed=(1.0, 1.0, 1.0, 1e-3),
            resident=True,
        ),
        # Where no kinds of work can be told apart: multiply-accumulates at half the peak rate, bytes at the bandwidth.
        Form(
            TOTALS_ONLY,
            (
                ("matrix_cost", "product_cost", "depthwise_cost"),
                ("window_cost", "depthwise_traffic_cost", "stream_cost", "rearrange_cost"),
                ("weight_cost",),
                ("call_time",),
            ),
            believed=(2.0, 1.0, 1.0, 1e-3),
            to_scale=True,
        ),
        # The roofline of one product, whose bytes are all read and written at one rate, and the start of its kernels.
        Form(
            "matrix product",
            (("matrix_cost",), ("weight_cost", "traffic_cost"), ("launch_time",)),
            overlap=True,
        ),
        # Matrix products reach 0.73 of the peak rate and 0.80 of the bandwidth on an A100, attention half of the rate.
        # The weight of these was chosen on llama.cpp's rows, so that it owes nothing to those of other engines: the
        # docs/validation.md tells how much it flatters llama.cpp's own.
        # Engines tuned for the devices that they run on reach like shares of the datasheet on each.
        Form(
            "decoder",
            _DECODER,
            believed=(1 / 0.73, 1 / 0.8, 2.0, 1 / 0.8, 1 / 0.8, 5e-6),
            overlap=True,
            pull=0.03,
            shared=True,
        ),
        # One sequence on an engine that reads its cache at 0.35 of the bandwidth: half of a datacentre card's and
        # nearly all of a consumer card's, so that each device is fitted alone.
        Form(
            "decoder, llama.cpp",
            _DECODER,
            believed=(1 / 0.73, 1 / 0.8, 2.0, 1 / 0.35, 1 / 0.8, 5e-6),
            overlap=True,
            pull=0.03,
        ),
        # Kernels of a training step start while others run, and weights are read while products compute: neither takes
        # time of its own.
        Form(
            "training",
            (("matrix_cost",), ("stream_cost", "rearrange_cost", "score_cost")),
            believed=(1 / 0.73, 1 / 0.8),
        ),
    )
}


def form_of(device: Device, domain: str, software: str, networks: int) -> Form:
    """The form for as many networks of a domain on a device; matrix products are a domain of their own."""
    if domain == "matrix product":
        return FORMS[domain]
    if domain.endswith("training"):
        return FORMS["training"]
    if domain == "language":
        return FORMS["decoder, llama.cpp" if software.startswith("llama.cpp") else "decoder"]
    if domain.endswith(TOTALS):
        return FORMS[TOTALS_ONLY]
    if device.device_class in _OF_CLASS:
        return FORMS[_OF_CLASS[device.device_class]]
    if networks < FEWEST:
        return FORMS[TOTALS_ONLY]
    return FORMS["resident weights" if device.name == RESIDENT else "feature maps"]
