"""Patch-based inference against a simulation that lists the pixels of every part, and against published figures."""

import numpy as np
import pytest

from dse.errors import InputError
from dse.networks import FAMILIES, Trace, trace
from dse.networks.net import Net
from tests.networks.unrolled import Unrolled

PATCHABLE = [name for name, family in FAMILIES.items() if "patches" in family.axes]


def rows_read(op, rows, side):
    """The rows of an input of `side` that the given rows of the output are made of, one by one."""
    kernel, stride, padding = op["window"]
    before = (int(kernel) - 1) // 2 if padding is None else padding
    return {y * stride - before + k for y in rows for k in range(int(kernel))} & set(range(side))


def needed_rows(run, end, part, parts):
    """For each buffer the set of rows that one part of the output of op `end` needs."""
    output = run[end]["writes"]
    needed = {output: set(range(part * output.side // parts, (part + 1) * output.side // parts))}
    for op in reversed(run[: end + 1]):
        for buffer in op["reads"] if op["writes"] in needed else ():
            needed.setdefault(buffer, set()).update(rows_read(op, needed[op["writes"]], buffer.side))
    return needed


def live_at_each(run, sizes, in_place, start=0):
    """Live elements at each op, buffers having the given sizes."""
    last = {buffer: number for number, op in enumerate(run) for buffer in (op["writes"], *op["reads"])}
    written = {op["writes"] for op in run}
    held, found = {b for op in run for b in op["reads"]} - written, []
    for number, op in enumerate(run):
        dying = [b for b in op["reads"] if last[b] == number]
        may = op["rule"] == "in place" or (op["rule"] == "depthwise" and in_place)
        lost = dying[0] if may and dying else None
        mine = max(sizes[op["writes"]], sizes[lost] if lost else 0)
        found.append(mine + sum(sizes[b] for b in held if b is not lost))
        held = {b for b in held | {op["writes"]} if last[b] > number}
    return found


def simulated(run, parts):
    """Peak in place and not, and MACs, with the stage whose peak in place is least."""
    whole = {b: b.size for op in run for b in (op["writes"], *op["reads"])}
    best = (max(live_at_each(run, whole, True)), max(live_at_each(run, whole, False)), sum(op["macs"] for op in run))
    for end in range(len(run)):
        if run[end]["writes"].side is None or run[end]["kind"] == "linear":
            break
        if run[end]["writes"].side < parts:
            continue
        later = {b for op in run[end + 1 :] for b in op["reads"]}
        if later & {b for op in run[: end + 1] for b in (op["writes"], *op["reads"])} - {run[end]["writes"]}:
            continue
        needs = [needed_rows(run, end, part, parts) for part in range(parts)]
        peaks = []
        for in_place in (True, False):
            stage = []
            for down in needs:
                for across in needs:
                    sizes = {b: b.features * len(down.get(b, ())) * len(across.get(b, ())) for b in whole}
                    sizes[run[end]["writes"]] = 0
                    stage += [live + run[end]["writes"].size for live in live_at_each(run, sizes, in_place)[: end + 1]]
            peaks.append(max([*stage, *live_at_each(run, whole, in_place)[end + 1 :]]))
        macs = sum(op["macs"] for op in run[end + 1 :])
        for op in run[: end + 1]:
            pixels = sum(len(need.get(op["writes"], ())) for need in needs) ** 2
            macs += op["macs"] // op["writes"].side ** 2 * pixels
        if peaks[0] < best[0]:
            best = (*peaks, macs)
    return best


CASES = [
    ("mobilenet_v2", {"width": 0.35, "resolution": 47}),
    ("mobilenet_v1", {"width": 0.25, "resolution": 40}),
    ("mcunet", {"design": "in1", "resolution": 50}),
    ("mnasnet", {"width": 0.35, "resolution": 33}),
    ("mobilenet_v3", {"size": "large", "width": 0.35, "resolution": 40, "minimalistic": 1}),
    ("inverted_residual", {"width": 0.35, "resolution": 40, "depth_1": 4, "kernel_1": 5}),
]


def test_every_patchable_family_is_simulated():
    assert {name for name, _ in CASES} == set(PATCHABLE)


@pytest.mark.parametrize("parts", [2, 3, 5])
@pytest.mark.parametrize(("name", "axes"), CASES, ids=[name for name, _ in CASES])
def test_as_simulated(name, axes, parts):
    plain = Unrolled()
    own = {a: d for a, d in FAMILIES[name].defaults.items() if a in FAMILIES[name].own_axes}
    FAMILIES[name].builder(plain, **{**own, **axes})
    in_place, fresh, macs = simulated(plain.run, parts)
    table = trace(name, {**axes, "patches": parts})
    assert (table.peak(True), table.peak(False), table.total("macs")) == (in_place, fresh, macs)
    assert table.params() == trace(name, axes).params()
    assert max(table.live(True)) == in_place


def test_published_peak_of_mobilenet_v2():
    """MCUNetV2, figure 1: 1372 KiB, and 172 KiB with 4 × 4 patches, 8 times less (int8, a byte an element).

    The peak with patches is 14 % above the published one: 196 KiB, 7 times less. Behind the stage, while a projection
    of 28 × 28 positions is computed, the input of its block is kept for the sum (32 channels, 24.5 KiB), which the
    published figure, of input and output of one layer, leaves out.
    """
    whole, patches = (trace("mobilenet_v2", {"patches": parts}) for parts in (1, 4))
    kept_for_the_sum = 24.5 * 1024
    assert whole.peak() == 1372 * 1024
    assert round((patches.peak() - kept_for_the_sum) / 1024) == 172
    assert patches.peak() == 196 * 1024 and whole.peak() / patches.peak() == 7
    assert patches.ops[patches.peak_op()].name.endswith("project")
    # About a tenth more work, as the paper says.
    assert 0.05 < patches.total("macs") / whole.total("macs") - 1 < 0.12


def test_axes_of_patches_broadcast():
    parts, sides = np.array([1.0, 2.0, 4.0]).reshape(3, 1), np.array([48.0, 97.0])
    grid = trace("mcunet", {"patches": parts, "resolution": sides})
    found = [np.broadcast_to(value, (3, 2)) for value in (grid.peak(), grid.total("macs"), grid.total("weights_read"))]
    for i, part in enumerate(parts[:, 0]):
        for j, side in enumerate(sides):
            one = trace("mcunet", {"patches": part, "resolution": side})
            expected = [one.peak(), one.total("macs"), one.total("weights_read")]
            assert [value[i, j] for value in found] == expected


def test_what_is_done_again_is_one_row():
    whole, patches = (trace("mobilenet_v2", {"patches": parts, "resolution": 96}) for parts in (1, 3))
    row = patches.rows()[-1]
    assert row["kind"] == "recompute" and row["weights"] == 0 and row["live"] == 0
    for quantity in ("macs", "traffic", "weights_read"):
        assert row[quantity] > 0
        assert patches.total(quantity) == whole.total(quantity) + row[quantity]
    assert patches.total("weights") == whole.total("weights")


def test_no_stage_without_a_local_layer():
    net = Net()
    x = net.conv(net.image(3.0, 8.0, 5.0), 16.0, 3)
    net.linear(net.global_pool(x), 2.0)
    split, whole = (Trace(net.ops, net.regions, patches=parts) for parts in (3, 1))
    assert split.peak() == whole.peak() and split.total("macs") == whole.total("macs")
    with pytest.raises(InputError, match="patches"):
        trace("mobilenet_v2", {"patches": 0})
