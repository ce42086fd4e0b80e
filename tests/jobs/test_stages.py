"""Axes of every stage: kernel_1 to kernel_6 from one line."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from specs import SMALL, changed

import dse
from dse.errors import InputError
from dse.jobs.resolve import read_job

NETWORK = {"family": "inverted_residual", "kernel": {"each": [3, 5, 7]}, "resolution": 96}
SPEC = changed(
    SMALL, network=NETWORK, precision__scheme="int8", objectives={"minimize": ["macs"]}, fit=False, budgets={}
)


def depthwise_macs(kernels, side=96):
    """MACs that depend on the kernels: MobileNetV2's stages, an expansion of 6, at 96 pixels."""
    channels, side, total = 16, side // 2, 0
    stages = ((24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
    for kernel, (wide, blocks, stride) in zip(kernels, stages, strict=True):
        for block in range(blocks):
            side = side // stride if block == 0 else side
            total += 6 * channels * side**2 * kernel**2
            channels = wide
    return total


def test_one_axis_a_stage():
    space = read_job(SPEC).space
    assert space.sizes == {**{f"kernel_{i}": 3 for i in range(1, 7)}, "device": 2}
    from dse.grid.dataset import evaluate

    macs = evaluate(space, ["macs"]).macs
    base = float(macs[0, 0, 0, 0, 0, 0]) - depthwise_macs([3] * 6)
    for kernels in itertools.product([3, 7], repeat=6):
        found = macs.sel({f"kernel_{i}": k for i, k in enumerate(kernels, 1)})
        assert float(found) == base + depthwise_macs(kernels)


def test_ranges_of_every_stage():
    space = read_job(changed(SPEC, network__depth={"each": {"start": 1, "stop": 3, "step": 1}})).space
    assert all(space.axes[f"depth_{i}"].values == (1, 2, 3) for i in range(1, 7))


@pytest.mark.parametrize("value", [3, 5, [3, 5], 4])
def test_a_stage_given_twice(value):
    with pytest.raises(InputError) as caught:
        read_job(changed(SPEC, network__kernel_2=value))
    assert "network.kernel_2: is given by kernel = { each = ... } too; name every stage, or none" in str(caught.value)


def test_from_python():
    data = dse.evaluate("inverted_residual", kernel={"each": [3, 5]}, resolution=96, metrics="params")
    assert data.params.dims == tuple(f"kernel_{i}" for i in range(1, 7))
    assert np.unique(data.params).size > 1


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ({"kernel": 3}, "network.kernel: is an axis of each stage: write { each = ... }, or name the stages"),
        ({"kernel": {"each": []}}, "network.kernel: the axis has no values; give at least one"),
        ({"kernel": {"each": [3, -5]}}, "network.kernel: -5 is not allowed; allowed: an integer at least 1"),
        ({"kernel": {"each": "x"}}, "network.kernel: 'x' is not a quantity"),
        ({"kernel": {"each": [3], "start": 1}}, "network.kernel: has the keys each, start; each stands alone"),
        ({"resolution": {"each": [96]}}, "network.resolution: is not an axis of each stage of the family"
         " 'inverted_residual': those are depth, expansion, kernel, width"),
        ({"family": "mobilenet_v2", "width": {"each": [1]}}, "network.width: is not an axis of each stage of the family"
         " 'mobilenet_v2': it has no stages"),
    ],
)  # fmt: skip
def test_faults(network, expected):
    with pytest.raises(InputError) as caught:
        read_job(changed(SPEC, network={"family": "inverted_residual", "resolution": 96, **network}))
    assert str(caught.value).startswith(expected)
    assert len(caught.value.faults) == 1
