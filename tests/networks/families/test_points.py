"""Networks of points and voxels against plain sums, and voxels that are really drawn."""

from itertools import pairwise

import numpy as np
import pytest

from dse.errors import InputError
from dse.networks import trace
from dse.networks.families.voxels import coarser, finer, neighbours


def layer(c_in, c_out, positions, norm=True):
    """Parameters with bias and batch norm, MACs."""
    return c_in * c_out + c_out + (2 * c_out if norm else 0), c_in * c_out * positions


def pointnet_by_hand(points, alignment, classes):
    def shared(*sizes):
        return [layer(a, b, points) for a, b in pairwise(sizes)]

    def dense(*sizes):
        return [layer(a, b, 1) for a, b in pairwise(sizes)]

    rows = shared(3, 64, 64) + shared(64, 64, 128, 1024) + dense(1024, 512, 256) + [layer(256, classes, 1, False)]
    for size in (3, 64) if alignment else ():
        rows += shared(size, 64, 128, 1024) + dense(1024, 512, 256) + [layer(256, size**2, 1, False)]
        rows += [(0, points * size**2)]
    return tuple(map(sum, zip(*rows, strict=True)))


@pytest.mark.parametrize("alignment", [0, 1])
@pytest.mark.parametrize("points", [1, 1000, 2048])
def test_pointnet(points, alignment):
    table = trace("pointnet", {"points": points, "alignment": alignment, "classes": 40})
    assert (table.params(), table.total("macs")) == pointnet_by_hand(points, alignment, 40)


def test_pvcnn_by_hand():
    """The network of the indoor scenes: 9 features, blocks of 64, 64, 64, 128 and 1024 channels."""
    points, grid = 8192, 32
    rows = []
    for c_in, c_out, side in ((9, 64, grid), (64, 64, grid // 2), (64, 64, grid // 2), (64, 128, grid // 2)):
        rows += [layer(c_in, c_out, points), layer(27 * c_in, c_out, side**3), layer(27 * c_out, c_out, side**3)]
    rows += [layer(128, 1024, points), layer(1024, 256, 1), layer(256, 128, 1)]
    rows += [layer(64 + 64 + 64 + 128 + 1024 + 128, 512, points), layer(512, 256, points)]
    rows += [layer(256, 13, points, False)]
    params, macs = map(sum, zip(*rows, strict=True))
    table = trace("pvcnn", {"points": points, "voxels": grid})
    assert (table.params(), table.total("macs")) == (params, macs)


def test_branches_of_pvcnn_scale_apart():
    base = trace("pvcnn", {"points": 4096, "voxels": 32}).parts()
    more_points = trace("pvcnn", {"points": 8192, "voxels": 32}).parts()
    finer_grid = trace("pvcnn", {"points": 4096, "voxels": 64}).parts()
    assert more_points["voxel_branch"]["macs"] == base["voxel_branch"]["macs"]
    assert more_points["point_branch"]["macs"] == 2 * base["point_branch"]["macs"]
    assert finer_grid["voxel_branch"]["macs"] == 8 * base["voxel_branch"]["macs"]
    assert finer_grid["point_branch"]["macs"] == base["point_branch"]["macs"]
    # Eight corners a point are read at random, whatever the grid.
    reads = [op for op in trace("pvcnn", {"points": 4096}).ops if op.name.endswith("devoxelize")]
    assert sum(op.count("inputs") for op in reads) == 8 * 4096 * (64 + 64 + 64 + 128)


@pytest.mark.parametrize("density", [0.02, 0.3])
def test_expected_voxels_are_those_of_drawn_ones(density, rng):
    side = 64
    drawn = rng.random((side,) * 3) < density
    blocks = drawn.reshape(side // 2, 2, side // 2, 2, side // 2, 2).any(axis=(1, 3, 5))
    assert blocks.mean() == pytest.approx(coarser(density), rel=0.05)
    assert drawn.sum() / blocks.sum() == pytest.approx(finer(density), rel=0.05)
    # Around a torus, so that there is no edge.
    near = np.sum([np.roll(drawn, s, (0, 1, 2)) for s in np.ndindex(3, 3, 3)], axis=0)
    middle = np.roll(drawn, (1, 1, 1), (0, 1, 2))
    assert near[middle].mean() == pytest.approx(neighbours(3, density), rel=0.05)


def test_sparse_convolution_follows_the_density():
    densities = np.array([1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0])
    table = trace("sparse_unet", {"density": densities, "voxels": 128})
    assert np.ptp(table.params()) == 0 and np.all(np.diff(table.total("macs")) > 0)
    stem = table.ops[0]
    expected = 4 * 32 * densities * 128**3 * (1 + 26 * densities)
    np.testing.assert_allclose(stem.count("macs"), expected, rtol=1e-14)
    # All voxels of a full grid: a dense convolution.
    assert stem.count("macs")[-1] == 4 * 32 * 27 * 128**3


def test_upsampling_reads_one_coarser_voxel():
    table = trace("sparse_unet", {"density": 1.0, "voxels": 32})
    (up,) = [op for op in table.ops if op.name == "up4.upsample"]
    assert up.count("macs") == 96 * 96 * 32**3 and up.weights == 96 * 96 * 8
    (down,) = [op for op in table.ops if op.name == "down1.downsample"]
    assert down.count("macs") == 32 * 32 * 8 * 16**3


@pytest.mark.parametrize(
    ("name", "axes"), [("pointnet", {"width": 0.001}), ("pvcnn", {"width": 0.001}), ("pvcnn", {"voxels": 1}),
                       ("sparse_unet", {"voxels": 8}), ("sparse_unet", {"density": 0.0})],
)  # fmt: skip
def test_shapes_that_do_not_fit(name, axes):
    with pytest.raises(InputError):
        trace(name, axes)
