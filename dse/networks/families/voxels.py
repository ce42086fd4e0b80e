"""Expected numbers of occupied voxels, when points are spread evenly."""

from __future__ import annotations

import numpy as np


def neighbours(kernel, density):
    """Places of a cubic kernel that hold a voxel, around a voxel that does.

    Real surfaces have more neighbours than voxels spread evenly: this is a lower bound for them.

    >>> float(neighbours(3, 1.0)), round(float(neighbours(3, 0.001)), 6)
    (27.0, 1.026)
    """
    return 1 + (kernel * kernel * kernel - 1) * density


def coarser(density):
    """Share of voxels of twice the side that hold any of their eight.

    >>> float(coarser(1.0)), round(float(coarser(0.001)), 6)
    (1.0, 0.007972)
    """
    return 1 - np.power(1 - density, 8)


def finer(density):
    """Voxels that are occupied in a voxel of twice the side, which is."""
    return 8 * density / coarser(density)
