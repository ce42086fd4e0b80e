"""Peaks of small graphs against a simulation that really runs them, and against numbers by hand."""

import numpy as np
import pytest

from dse.networks import Trace, liveness
from dse.networks.net import Net
from dse.networks.terms import largest_of
from tests.networks.unrolled import Unrolled


def skip_over_repeat(net, count):
    """The value before the blocks is needed after them; the first block may not overwrite it."""
    x = net.conv(net.image(3.0, 8.0), 16.0)
    y = net.repeat(count, lambda x: net.depthwise(x), x)
    return net.add(net.depthwise(y), x)


def in_place_skip(net, count):
    x = net.conv(net.image(3.0, 8.0), 16.0)
    y = net.repeat(count, lambda x: net.norm(x), x)
    y = net.norm(y)
    return net.linear(net.add(x, y), 5.0)


def outer_overwritten_first(net, count):
    """The value before the blocks dies in place while their result, the same memory at count 0, lives on."""
    x = net.conv(net.image(3.0, 8.0), 16.0)
    y = net.repeat(count, lambda x: net.conv(x, 16.0), x)
    z = net.depthwise(x)
    return net.add(net.conv(z, 16.0), y)


def shared_memory(net, count):
    """Every block reads a value from outside, which therefore lives through all of them."""
    memory = net.conv(net.image(3.0, 8.0), 4.0)
    x = net.conv(memory, 4.0)
    x = net.repeat(count, lambda x: net.add(net.conv(x, 4.0), memory), x)
    return net.conv(x, 9.0)


def memory_read_last(net, count):
    """The last op of a block may not overwrite a value from outside: the next execution reads it again."""
    memory = net.norm(net.image(16.0, 8.0))
    x = net.conv(net.image(1.0, 8.0), 16.0)

    def block(x):
        net.global_pool(x)
        return net.norm(memory)

    return net.global_pool(net.repeat(count, block, x))


def result_outlives_overwritten(net, count):
    """As above, with a branch that nobody reads: only the op that would overwrite shows it."""
    x = net.conv(net.image(3.0, 8.0), 16.0)
    y = net.repeat(count, lambda x: net.norm(x), x)
    net.norm(x)
    return net.norm(y)


def image_overwritten(net, count):
    """The larger buffer counts while the depthwise convolution runs, with nothing before it."""
    x = net.depthwise(net.image(16.0, 8.0), stride=2)
    return net.repeat(count, lambda x: net.norm(x), x)


def memory_read_early(net, count):
    """A value from outside lives through all of a block that reads it at its start."""
    memory = net.conv(net.image(3.0, 8.0), 4.0)
    x = net.conv(memory, 4.0)
    x = net.repeat(count, lambda x: net.conv(net.conv(net.add(net.conv(x, 4.0), memory), 40.0), 4.0), x)
    return net.conv(x, 9.0)


def input_waits(net, count):
    """The input of the blocks is kept while something else is computed before them."""
    x = net.conv(net.image(3.0, 8.0), 4.0)
    other = net.conv(net.conv(net.image(1.0, 8.0), 64.0), 4.0)
    return net.add(net.repeat(count, lambda x: net.conv(x, 4.0), x), other)


def result_waits(net, count):
    """The result of a block is kept while the block goes on."""

    def block(x):
        y = net.conv(x, 4.0)
        net.conv(x, 64.0)
        return y

    return net.repeat(count, block, net.conv(net.image(3.0, 8.0), 4.0))


def outside_into_nested(net, count):
    """Blocks inside a block start from a value from outside, which the next execution needs again."""
    start = net.conv(net.image(3.0, 8.0), 4.0)

    def block(x):
        z = net.repeat(count, lambda z: net.conv(z, 4.0), start)
        return net.conv(net.conv(net.add(x, z), 40.0), 4.0)

    return net.global_pool(net.repeat(2, block, net.conv(net.image(1.0, 8.0), 4.0)))


def nested(net, count):
    x = net.conv(net.image(3.0, 8.0), 4.0)

    def outer(x):
        y = net.conv(x, 4.0)
        z = net.repeat(count, lambda z: net.add(net.conv(net.conv(z, 6.0), 4.0), z), y)
        return net.add(net.add(z, y), x)

    x = net.repeat(2, outer, x)
    return net.conv(x, 1.0)


def downsampled(net, count):
    """At stride 2 an in-place depthwise convolution needs the larger buffer and leaves the smaller."""
    x = net.depthwise(net.conv(net.image(3.0, 8.0), 16.0), stride=2)
    x = net.repeat(count, lambda x: net.conv(net.conv(x, 40.0), 16.0), x)
    return net.conv(x, 40.0)


def gated(net, count):
    """A gate is multiplied in place; its means and itself live beside the map."""
    x = net.conv(net.image(3.0, 8.0), 16.0)

    def block(x):
        return net.scale(x, net.conv(net.conv(net.global_pool(x), 4.0), 16.0))

    return net.conv(net.repeat(count, block, x), 2.0)


def gated_twice(net, count):
    """The map that is gated is read again: the product is a buffer of its own, never that of the gate."""
    x = net.conv(net.image(3.0, 8.0), 16.0)
    gate = net.conv(net.global_pool(x), 16.0)
    y = net.scale(x, gate)
    y = net.repeat(count, lambda y: net.conv(y, 16.0), y)
    return net.add(y, x)


def side_by_side(net, count):
    """A concatenation beside its parts, one of which is read again."""
    x = net.conv(net.image(3.0, 8.0), 4.0)

    def block(x):
        left, right = net.conv(x, 2.0), net.conv(x, 2.0)
        return net.concat_features(left, net.add(right, left))

    x = net.repeat(count, block, x)
    y = net.conv(x, 6.0)
    return net.conv(net.concat_features(x, y, x), 1.0)


def split_and_shuffled(net, count):
    """Half of the channels pass: the whole map lives until they are written again."""
    x = net.conv(net.image(3.0, 8.0), 16.0)

    def block(x):
        passing, working = (net.select(x, features=x.features / 2) for _ in range(2))
        return net.concat_features(passing, net.conv(net.depthwise(net.conv(working, 8.0)), 8.0))

    return net.global_pool(net.repeat(count, block, x))


def shifted_frames(net, count):
    """The shifted share is copied, while the map is kept for the sum."""
    x = net.conv(net.image(3.0, 8.0, frames=3.0), 16.0)
    x = net.repeat(count, lambda x: net.add(net.conv(net.shift(x, 0.25), 16.0), x), x)
    return net.pool_positions(net.linear(net.global_pool(x), 5.0))


def alike_but_kept(net, count):
    """Blocks that never run hand on a value that is read behind the next blocks."""
    x = net.conv(net.image(3.0, 8.0), 4.0)
    y = net.repeat(count, lambda y: net.conv(y, 4.0), x)
    z = net.repeat(count, lambda z: net.conv(z, 4.0), y)
    return net.add(net.conv(z, 4.0), x)


def called_on_larger_results(net, count):
    """Each call reads the result of the one before in place of its own input, which was smaller."""
    x = net.conv(net.image(3.0, 8.0), 4.0)

    def block(x):
        return net.conv(net.conv(net.conv(x, 50.0), 8.0), 40.0)

    return net.call(count, block, x)


GRAPHS = [
    called_on_larger_results,
    gated,
    gated_twice,
    side_by_side,
    split_and_shuffled,
    shifted_frames,
    alike_but_kept,
    skip_over_repeat,
    in_place_skip,
    outer_overwritten_first,
    shared_memory,
    memory_read_last,
    memory_read_early,
    input_waits,
    result_waits,
    outside_into_nested,
    result_outlives_overwritten,
    image_overwritten,
    nested,
    downsampled,
]


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.__name__)
def test_peak_is_that_of_the_unrolled_graph(graph, in_place):
    counts = np.array([0.0, 1.0, 2.0, 5.0])
    plain = [Unrolled() for _ in counts]
    for unrolled, count in zip(plain, counts, strict=True):
        graph(unrolled, count)
    expected = np.array([unrolled.peak(in_place) for unrolled in plain])
    macs = np.array([unrolled.total("macs") for unrolled in plain])
    for selection in ([0, 1, 2, 3], [1, 2, 3], [2, 3], [0, 1], [1], [3]):
        net = Net()
        graph(net, counts[selection])
        table = Trace(net.ops, net.regions, (len(selection),))
        np.testing.assert_array_equal(np.broadcast_to(table.peak(in_place), len(selection)), expected[selection])
        np.testing.assert_array_equal(np.broadcast_to(table.total("macs"), len(selection)), macs[selection])
    for count, value in zip(counts, expected, strict=True):
        net = Net()
        graph(net, count)
        assert Trace(net.ops, net.regions).peak(in_place) == value


@pytest.mark.parametrize(("count", "tensors"), [(1, 2), (2, 3)])
def test_separate_input_buffer_by_hand(count, tensors):
    # Tensors of 16·8·8 = 1024 elements: the value that is kept, from the second block on its input, its output.
    net = Net()
    x = net.conv(net.image(3.0, 8.0), 16.0)
    net.add(net.repeat(np.array([count]), lambda x: net.conv(x, 16.0), x), x)
    assert Trace(net.ops, net.regions, (1,)).peak() == tensors * 1024


def test_thousands_of_live_tensors_cost_no_more_than_one(monkeypatch):
    """Each step once told the size of every buffer: the square of a file's length."""
    told = []
    monkeypatch.setattr(liveness, "largest_of", lambda sums: largest_of([told.append(len(s)) or s for s in sums]))
    net = Net()
    x = net.image(3.0, 8.0)
    kept = [net.conv(x, 4.0) for _ in range(300)]
    net.concat_features(*kept)
    # While the parts are put side by side they live, and so does the whole; the image is read no more.
    assert Trace(net.ops, net.regions).peak() == 2 * 300 * 4 * 64
    assert max(told) == 2


def test_sizes_that_vary_live_beside_sizes_that_do_not():
    width = np.array([1.0, 10.0, 100.0])
    net = Net()
    x = net.image(3.0, 8.0)
    fixed, varied = net.conv(x, 20.0), net.conv(x, width)
    net.concat_features(net.conv(fixed, 2.0), net.conv(varied, 5.0))
    # After the image is gone: 20 + 2 and the width while the first is convolved; 2, 5 and the width; 2 + 5 twice.
    held = np.max([20 + 3 + width, 20 + 2 + width, 2 + 5 + width, [14.0] * 3], axis=0)
    np.testing.assert_array_equal(Trace(net.ops, net.regions, (3,)).peak(), held * 64)


def test_a_block_keeps_its_shape():
    net = Net()
    x = net.conv(net.image(3.0, 8.0), 16.0)
    with pytest.raises(ValueError, match="shape"):
        net.repeat(2, lambda x: net.conv(x, 8.0), x)
