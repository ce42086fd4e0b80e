"""Programs of regions that are cut out of one of them all: what they compute is what programs of their own compute."""

import numpy as np
import pytest

from dse.grid.blocks import Alone
from dse.grid.engines import choose_engine
from dse.jobs.resolve import read_job
from dse.pareto import programs
from dse.pareto.programs import Programs
from dse.pareto.regions import regions
from tests.grid.spaces import make, whole

PLAIN = choose_engine("plain", 1)
HARDWARE = {"device": ["a100-sxm-80gb", "rtx-4090", "stm32u575"], "precision": ["fp16", "int8", "w4a16"]}
COLUMNS = ("latency", "energy", "throughput", "peak_sram", "memory_free", "params")
NETWORKS = [
    {"model": "mobilenet_v2", "rate": "3 /s", "width": [0.35, 1.0], "resolution": [96, 224]},
    {"model": "resnet50", "rate": "0.5 /s", "resolution": [128, 160, 192]},
]


def several():
    """Two networks as one workload, each with an axis that the other has too."""
    spec = {
        "name": "x",
        "network": NETWORKS,
        "workload": {"combine": "together"},
        "precision": {"scheme": ["fp16", "int8"]},
    }
    spec |= {"hardware": {"device": ["l4", "a100-sxm-80gb"]}, "deployment": {"batch": [1, 3, 8]}}
    return read_job({**spec, "objectives": {"minimize": ["latency", "energy"]}}).grids[0]


def requests(**axes):
    tokens = {"prompt_tokens": [100, 999, 4000], "output_tokens": [1, 64, 300]}
    return Alone(make("llama-3.1-8b", phase="request", batch=[1, 2, 5], **tokens, **axes, **HARDWARE))


GRIDS = {
    "vision": lambda: Alone(make("mobilenet_v2", width=[0.35, 1], resolution=[96, 160, 224], batch=[1, 7], **HARDWARE)),
    # Regions have networks of different numbers of ops, and settings that choose formulas.
    "ops": lambda: Alone(
        make("resnet", depth=[18, 50, 34], resolution=[96, 224], latency_model=["per_op", "roofline"],
             on_chip_reuse=[0, 1], **HARDWARE)
    ),
    # Some heads make no network, so that a region may have none at all.
    "decoder": lambda: Alone(
        make("decoder", layers=[1, 12], d_model=512, d_head=64, heads=[4, 6, 8], kv_heads=[8, 4], vocab=1000,
             phase=["prefill", "decode"], context=[1, 1024], batch=[1, 8], **HARDWARE)
    ),
    "requests": requests,
    "calibrated": lambda: requests(latency_model=["calibrated", "roofline"]),
    "several networks": several,
    "list": lambda: Alone(GRIDS["vision"]().space.designs(np.arange(90)[::-3])),
}  # fmt: skip


class Counted:
    """A grid that notes the parts that programs are made for."""

    def __init__(self, grid):
        self.grid, self.made = grid, []

    def program(self, part, columns):
        self.made.append(part)
        return self.grid.program(part, columns)


def computed(program):
    found = program.results(PLAIN.run(program))
    return {name: whole(program.space, value) for name, value in found.items()}


@pytest.mark.parametrize("kind", GRIDS)
def test_cut_out_they_compute_what_their_own_compute(kind, monkeypatch):
    grid = GRIDS[kind]()
    columns = COLUMNS if kind != "several networks" else (*COLUMNS, "mobilenet_v2.latency", "resnet50.peak_sram")
    parts = list(regions(grid.space, 5))
    # One region stands for many, and those of each setting are told apart.
    some = parts[:: max(1, len(parts) // 10)]
    found, rest = [], {}
    for shared in (2**21, 0):
        monkeypatch.setattr(programs, "SHARED", shared)
        counted = Counted(grid)
        made = Programs(counted, grid.space, columns)
        found.append([computed(made.of(region)) for region in some])
        rest[shared] = len(counted.made)
    # What is shared is made once a setting, after a look at its size; else one for each region.
    settings = len({tuple(p.space.axes[n].values[0] for n in ("phase", "latency_model", "on_chip_reuse")
                          if n in p.space.axes) for p in some})  # fmt: skip
    assert rest[2**21] <= 2 * settings < len(some) <= rest[0]
    for region, cut, own in zip(some, *found, strict=True):
        expected = computed(grid.program(region.space, columns))
        for name in columns:
            np.testing.assert_array_equal(cut[name], expected[name], f"{name} at {region.rows}")
            np.testing.assert_array_equal(own[name], expected[name])
    assert any(len(np.unique(cut["latency"])) > 1 for cut in found[0])


def test_regions_may_come_in_any_order():
    grid = GRIDS["ops"]()
    parts = list(regions(grid.space, 12))
    made = Programs(grid, grid.space, COLUMNS)
    for region in np.random.default_rng(0).permutation(np.array(parts, dtype=object))[:6]:
        expected = computed(grid.program(region.space, COLUMNS))
        for name, values in computed(made.of(region)).items():
            np.testing.assert_array_equal(values, expected[name])
