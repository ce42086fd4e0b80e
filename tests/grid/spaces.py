"""Random spaces for the tests of the grid."""

import numpy as np

from dse.api import design_space

DEVICES = ["a100-sxm-80gb", "stm32u575", "rtx-4090", "cheatsheet-example", "stm32f746"]
PRECISIONS = ["fp32", "fp16", "int8", "int4", "w4a16"]


def make(network, metrics=None, counting="trainable", **axes):
    device, precision = axes.pop("device", None), axes.pop("precision", "fp32")
    return design_space(network, device, precision, metrics, counting, axes)


def some(rng, values, least=1):
    """At least `least` of the values, in any order; or now and then one alone, without a dimension."""
    values = list(values)
    number = int(rng.integers(least, len(values) + 1))
    chosen = [values[i] for i in rng.permutation(len(values))[:number]]
    return chosen[0] if number == 1 and rng.random() < 0.5 else chosen


def vision(rng, **more):
    axes = {
        "width": some(rng, [0.35, 0.5, 0.75, 1.0, 1.4]),
        "resolution": some(rng, [96, 128, 160, 224]),
        "classes": some(rng, [2, 1000]),
        "batch": some(rng, [1, 2, 13, 100]),
        "in_place_depthwise": some(rng, [0, 1]),
        "utilization": some(rng, [0.1, 0.7]),
        "carbon_intensity": some(rng, [12.3, 400.0, 711.0]),
        "device": some(rng, DEVICES),
        "precision": some(rng, PRECISIONS),
    }
    return make("mobilenet_v2", **{**axes, **more})


def resnets(rng, **more):
    axes = {
        "depth": some(rng, [18, 34, 50, 101], 2),
        "groups": some(rng, [1, 32]),
        "width_per_group": some(rng, [64, 4]),
        "resolution": some(rng, [96, 224]),
        "latency_model": some(rng, ["roofline", "per_op"]),
        "device": some(rng, DEVICES),
        "precision": some(rng, PRECISIONS),
    }
    return make("resnet", **{**axes, **more})


def decoders(rng, **more):
    axes = {
        "layers": some(rng, [1, 4, 12]),
        "d_model": 512,
        "d_head": 64,
        "heads": some(rng, [4, 8, 12]),
        "kv_heads": some(rng, [1, 4, 8]),
        "vocab": 1000,
        "gated": some(rng, [0, 1]),
        "tied": some(rng, [0, 1]),
        "phase": some(rng, ["prefill", "decode"]),
        "context": some(rng, [1, 100, 1024]),
        "latency_model": some(rng, ["roofline", "per_op"]),
        "batch": some(rng, [1, 8]),
        "device": some(rng, DEVICES),
        "precision": some(rng, PRECISIONS),
    }
    return make("decoder", **{**axes, **more})


KINDS = (vision, resnets, decoders)


def random_space(seed, **more):
    rng = np.random.default_rng(seed)
    return KINDS[seed % len(KINDS)](rng, **more)


def whole(space, value):
    """A result over all dimensions of its space."""
    return np.broadcast_to(value.over(space.dims), tuple(space.sizes.values()))


def assert_same(a, b, tolerance=0.0):
    """Equal bit for bit, NaN for NaN; or to a relative tolerance."""
    if a.dtype == object:
        assert (a == b).all()
        return
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=0, equal_nan=True)
