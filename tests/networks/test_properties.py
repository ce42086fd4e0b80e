"""What holds for every family: totals are sums of parts, work grows with width and resolution, frames add up."""

import numpy as np
import pytest

from dse.networks import FAMILIES, QUANTITIES, trace
from dse.networks.ops import STORED
from tests.networks.samples import models_of

GROWING = ("macs", "activations", "weights", "outputs")
VISION = [name for name, family in FAMILIES.items() if family.domain == "vision"]


def axes_of(family):
    return dict(models_of(family)[0].axes)


@pytest.mark.parametrize("family", FAMILIES)
def test_totals_are_sums_of_parts(family):
    table = trace(family, axes_of(family))
    for quantity in QUANTITIES:
        calls = [1 if quantity in STORED else op.calls for op in table.ops]
        parts = sum(op.count(quantity) * op.repeat * often for op, often in zip(table.ops, calls, strict=True))
        assert table.total(quantity) == pytest.approx(parts, rel=1e-14)
    assert table.peak() == max(table.live()) and table.peak() <= table.peak(in_place_depthwise=False)
    # Whatever is held, the op that runs has its output in memory.
    running = [(op, live) for op, live in zip(table.ops, table.live(), strict=True) if op.executions > 0]
    assert running and all(live >= op.count("outputs") for op, live in running)


@pytest.mark.parametrize(
    "axis", ["width", "resolution", "base_channels", "growth", "depth_factor", "classes", "frames"]
)
@pytest.mark.parametrize("family", VISION)
def test_work_and_memory_grow(family, axis):
    if axis not in FAMILIES[family].axes:
        return
    values = {"width": np.linspace(0.25, 2, 8), "depth_factor": np.linspace(0.5, 3, 8)}.get(
        axis, 64.0 * np.arange(2, 10)
    )
    table = trace(family, axes_of(family) | {axis: values})
    found = {quantity: np.broadcast_to(table.total(quantity), 8) for quantity in GROWING}
    found |= {"peak": np.broadcast_to(table.peak(), 8), "simple": np.broadcast_to(table.peak_simple(), 8)}
    for quantity, counted in found.items():
        assert np.all(np.diff(counted) >= 0), quantity
    # Classes that a network is told, and does not find out, are rows of a table.
    assert found["weights" if axis == "classes" else "macs"][-1] > found["weights" if axis == "classes" else "macs"][0]


@pytest.mark.parametrize("family", ["tsn", "tsm"])
@pytest.mark.parametrize("backbone", ["resnet50", "mobilenet_v2"])
def test_video_is_linear_in_frames_clips_and_views(family, backbone):
    base = {"backbone": backbone, "frames": 4, "width": 0.5, "resolution": 97}
    one, more = trace(family, base), trace(family, base | {"frames": 8, "clips": 3, "views": 5})
    for quantity in ("macs", "activations"):
        assert more.total(quantity) == 2 * 3 * 5 * one.total(quantity), quantity
    # All but the mean over the frames, whose one result does not grow.
    assert more.total("traffic") - 400 == 30 * (one.total("traffic") - 400)
    assert more.params() == one.params() and more.total("weights_read") == one.total("weights_read")
    image = trace({"resnet50": "resnet"}.get(backbone, backbone), {"width": 0.5, "resolution": 97, "classes": 400})
    assert one.total("macs") == 4 * image.total("macs") and one.params() == image.params()


@pytest.mark.parametrize(("backbone", "shifts"), [("resnet50", 3 + 4 + 6 + 3), ("mobilenet_v2", 1 + 2 + 3 + 2 + 2)])
def test_the_shift_is_free_but_for_what_moves(backbone, shifts):
    base = {"backbone": backbone, "width": 1.5, "resolution": 160}
    still, shifted = trace("tsn", base), trace("tsm", base | {"shift_share": np.array([0.0, 0.25, 0.5])})
    assert np.all(shifted.params() == still.params()) and np.all(shifted.total("macs") == still.total("macs"))
    moves = [op for op in shifted.ops if op.kind == "shift"]
    assert sum(op.repeat for op in moves) == shifts
    assert all(op.weights == 0 and np.all(op.count("macs") == 0) for op in moves)
    moved = sum(op.repeat * 2 * op.count("outputs") for op in moves)
    assert np.array_equal(shifted.total("traffic") - still.total("traffic"), moved)
    assert moved[0] == 0 and moved[2] == 2 * moved[1] > 0


def test_squeeze_and_excitation_by_hand():
    """RegNetX and Y of one shape: two linear maps with biases a block, and their work."""
    axes = axes_of("regnet")
    plain, gated = (trace("regnet", axes | {"gated": gate}) for gate in (0, 1))
    before, params = 32, 0
    for channels, blocks in ((48, 1), (104, 3), (208, 6), (440, 6)):
        for _ in range(blocks):
            squeezed = round(before / 4)
            params += 2 * channels * squeezed + squeezed + channels
            before = channels
    assert gated.params() - plain.params() == params
    weights = gated.total("weights") - plain.total("weights")
    # Each matrix works on one position.
    assert gated.total("macs") - plain.total("macs") == weights


def test_depthwise_separable_saves_eight_to_nine_times():
    table = trace("mobilenet_v1", {})
    for first, second in zip(table.ops, table.ops[1:], strict=False):
        if first.kind == "depthwise" and first.writes.features >= 64:
            standard = first.writes.features * second.writes.features * 9 * first.writes.positions
            assert 7.8 < standard / (first.count("macs") + second.count("macs")) < 9
