"""Values of the axes of any family, for tests that hold for all of them."""

import numpy as np

from dse.networks import FAMILIES, MODELS

# Small products: whole grids of these are traced.
SAMPLES = {
    "width": [0.35, 1.0, 1.5],
    "resolution": [97.0, 160.0, 225.0],
    "classes": [2.0, 1000.0],
    "depth_factor": [0.5, 1.0, 2.2],
    "kernel": [3.0, 7.0],
    "growth": [12.0, 32.0],
    "stem_channels": [24.0, 64.0],
    "base_channels": [16.0, 48.0, 96.0],
    "depth_1": [1.0, 3.0],
    "depth_3": [1.0, 2.0, 9.0],
    "blocks": [1.0, 2.0, 5.0],
    "layers": [1.0, 2.0, 4.0],
    "minimalistic": [0.0, 1.0],
    "gated": [0.0, 1.0],
    "batch_norm": [0.0, 1.0],
    "conv_bias": [0.0, 1.0],
    "auxiliary": [0.0, 1.0],
    "frames": [1.0, 8.0],
    "clips": [1.0, 2.0],
    "shift_share": [0.0, 0.25, 0.5],
    "time_steps": [49.0, 50.0],
    "coefficients": [9.0, 10.0],
    "hidden": [16.0, 128.0],
    "bottleneck": [4.0, 200.0],
}


def models_of(family):
    return [model for model in MODELS.values() if model.family == family]


def sampled_grid(family):
    """Sampled axes as lists, and the others that its first published model gives as lists of one."""
    known = models_of(family)[0].axes
    axes = {axis: SAMPLES[axis] for axis in FAMILIES[family].axes if axis in SAMPLES}
    structural = FAMILIES[family].structural
    return {axis: [float(value)] for axis, value in known.items() if axis not in axes and axis not in structural} | axes


def random_axes(family, rng):
    """A published model, with a few of its axes sampled."""
    models = models_of(family)
    axes = dict(models[rng.integers(len(models))].axes)
    for axis in FAMILIES[family].axes:
        if axis in SAMPLES and rng.integers(3):
            axes[axis] = float(np.asarray(rng.choice(SAMPLES[axis])))
    return axes
