"""Grids say of each design what it says alone: a few random ones here, and those that once did not."""

import numpy as np
import pytest

import dse
from dse.errors import InputError
from dse.networks import FAMILIES, MODELS, trace
from dse.networks.execution import cases
from dse.networks.tensors import Region, Tensor
from tests.networks.grids_and_points import checked, differences

COUNTS = ["params", "macs", "peak_activations", "peak_activations_in_place"]
# An axis of the name of the dimension of lists; parts of an image whose channels vary; counts of many regions; strides
# that vary; blocks that some designs skip; counts below 0, and of no value, of what makes no network; convolutions that
# some group; matrices of each head, of which there is one; more experts active than there are; adapters that some
# designs have no matrices for.
ONCE_WRONG = [
    ("mcunet", {"design": ["in2", "in3"], "resolution": [96, 160]}),
    ("mcunet-in2", {"design": ["in2", "in0"], "width": [0.5, 1.0], "patches": [1, 2]}),
    ("mobilenet_v2", {"patches": [3], "in_channels": [3, 64, 200]}),
    ("sdxl_unet", {"attention": ["softmax", "linear", "window"], "blocks": [2, 16, 3], "width_2": [2, 1, 3]}),
    ("swin_s", {"patch": [2, 4], "in_channels": [3, 64]}),
    ("inverted_residual", {"in_channels": [3, 200], "width_6": [0.5, 1.0], "kernel_6": [3, 6], "depth_3": [1, 2, 4]}),
    ("phi-3-mini-4k", {"layers": [33, 3]}),
    ("regnet_x_3_2gf", {"initial_width": [3, 88]}),
    ("llama-2-7b", {"kv_lora_rank": [3], "heads": [64, 32, 1]}),
    ("resnet50", {"separable": [0, 1], "groups": [1, 32], "patches": [1, 2]}),
    ("deepseek-v2", {"experts": [8, 1], "phase": ["prefill"]}),
    ("deepseek-v3", {"lora_rank": [0, 4], "lora_targets": ["qv", "all"], "layers": [4, 5]}),
    *[
        (family, {"patches": [1, 3], "in_channels": [3, 64]})
        for family in ("mobilenet_v1", "mobilenet_v3", "mnasnet", "mcunet", "inverted_residual")
    ],
]


@pytest.mark.no_cover
@pytest.mark.parametrize(("name", "axes"), ONCE_WRONG, ids=[name for name, _ in ONCE_WRONG])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_once_wrong(name, axes):
    assert list(differences(name, axes, np.random.default_rng(0))) == []


@pytest.mark.no_cover
@pytest.mark.parametrize("family", FAMILIES)
def test_random_grid(family):
    assert checked(7, family, points=2) == []


def test_a_list_with_an_axis_called_design():
    """The frontier of a grid over the axis keeps it as a coordinate."""
    data = dse.evaluate("mcunet", design=["in0", "in2", "in3"], resolution=[96, 160], metrics=["params", "macs"])
    assert data.macs.sizes == {"design": 3, "resolution": 2}
    found = dse.frontier(data, minimize=["macs"], maximize=["params"])
    best = {(str(d), int(r)) for d, r in zip(found.design.values, found.resolution.values, strict=True)}
    # All networks have more work at a larger resolution, and none more parameters.
    assert best and all(resolution == 96 for _, resolution in best)
    for design, resolution in best:
        alone = trace("mcunet", {"design": design, "resolution": resolution})
        assert alone.total("macs") in found.macs.values[found.design.values == design]


def test_cases_of_more_regions_than_a_number_holds():
    """40 regions of 1 to 16 executions have more combinations than any number has values."""
    rng = np.random.default_rng(0)
    counts = [rng.integers(1, 17, size=(4, 1) if n % 2 else (1, 5)).astype(float) for n in range(40)]
    regions = [Region(n, n + 1, c, *[Tensor(1.0, 1.0)] * 4) for n, c in enumerate(counts)]
    seen = np.zeros((4, 5))
    for times, where in cases(regions, None):
        for count, expected in zip(counts, times, strict=True):
            assert np.all(np.broadcast_to(count, (4, 5))[where] == expected)
        seen += where
    assert np.all(seen == 1)


def test_a_tower_that_lacks_what_it_needs():
    """Of the second text encoder all that has no default is given, or nothing."""
    with pytest.raises(InputError, match="second_text_d_model: is missing") as caught:
        trace("latent_diffusion", {"second_text_layers": 3.0, **MODELS["stable-diffusion-1.5"].axes})
    assert [fault.where.rpartition(" ")[2] for fault in caught.value.faults] == [
        f"second_text_{axis}" for axis in ("d_model", "heads", "vocab")
    ]


def test_a_request_beyond_the_learned_positions():
    """Of 1 and 30 tokens the mean context fits 16 positions, and its end does not: no metric has a value, or counts."""
    request = {"phase": "request", "prompt_tokens": 1, "output_tokens": [15, 16, 30]}
    sizes = {"layers": 2, "d_model": 8, "heads": 2, "vocab": 50, "positions": [0, 16]}
    wanted = ["macs", "latency", "time_per_token"]
    found = dse.evaluate("decoder", device="a100-sxm-80gb", metrics=wanted, engine="plain", **sizes, **request)
    for metric in wanted:
        undefined = np.isnan(found[metric].transpose("positions", "output_tokens").values)
        assert undefined.tolist() == [[False, False, False], [False, True, True]], metric
        assert "context: 17 is not allowed: there are 16 learned positions" in found[metric].attrs["reason"]
    with pytest.raises(InputError, match="31 is not allowed: there are 16 learned positions"):
        dse.evaluate("decoder", metrics=["macs"], **sizes | {"positions": 16}, **request | {"output_tokens": 30})
