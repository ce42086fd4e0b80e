"""Pipelines of diffusion: steps, guidance and what they do not touch."""

import numpy as np
import pytest

from dse.errors import InputError
from dse.networks import MODELS, QUANTITIES, trace
from dse.networks.ops import STORED

PARTS = {"text_encoder": 123_060_480, "unet": 859_520_964, "image_decoder": 49_490_199}


def of(name, **axes):
    return trace(MODELS[name].family, dict(MODELS[name].axes) | axes)


def test_parts_of_stable_diffusion():
    """Each part against the published count of the network alone."""
    parts = of("stable-diffusion-1.5").parts()
    assert {name: part["params"] for name, part in parts.items()} == PARTS
    xl = of("stable-diffusion-xl").parts()
    assert {name: part["params"] for name, part in xl.items()} == {
        "text_encoder": 123_060_480, "second_text_encoder": 694_659_840, "unet": 2_567_463_684,
        "image_decoder": 49_490_199,
    }  # fmt: skip


def test_work_is_linear_in_steps_and_guidance():
    steps = np.array([1.0, 2.0, 25.0, 50.0])
    for guidance in (1, 2):
        table = of("stable-diffusion-1.5", steps=steps, guidance=guidance)
        unet = 401_636_720_640
        # The text tower reads a text for each call of a step; the decoder runs once, at a quarter of 1024².
        text = guidance * of("clip_l_text").total("macs")
        decoder = of("sd_vae_decoder", resolution=512).total("macs")
        assert np.array_equal(table.total("macs"), steps * guidance * unet + text + decoder)
        for quantity in set(QUANTITIES) - STORED:
            rate = np.diff(np.broadcast_to(table.total(quantity), steps.shape)) / np.diff(steps)
            assert np.ptp(rate) == pytest.approx(0, abs=1e-9 * rate.max()), quantity
        assert table.params() == sum(PARTS.values())


def test_weights_are_read_by_every_call_and_stored_once():
    one, ten = of("stable-diffusion-1.5", steps=1, guidance=1), of("stable-diffusion-1.5", steps=10, guidance=1)
    # All of the U-Net's parameters, nine times more.
    assert ten.total("weights_read") - one.total("weights_read") == 9 * 859_520_964
    assert ten.peak() == one.peak()


def test_kernels_get_every_call():
    stacks = of("stable-diffusion-1.5", steps=7, guidance=2).per_op()
    total = np.sum(stacks["op_macs"] * stacks["op_repeat"])
    assert total == of("stable-diffusion-1.5", steps=7, guidance=2).total("macs")
    assert 14 in stacks["op_repeat"]


def test_text_stays_live_through_every_call():
    """Of many calls each reads the text again, so that it is held until the last; of one only until it is read."""
    axes = {"base_channels": 8, "heads": 2, "d_text": 4000, "resolution": 64}
    unet = {f"unet_{axis}": value for axis, value in axes.items() if axis != "resolution"}
    text = {"text_layers": 1, "text_d_model": 4000, "text_heads": 1, "text_vocab": 9, "text_positions": 0}
    common = {"resolution": 64, "context": 90, "guidance": 1, "image_decoder": 0}
    once, often = (trace("latent_diffusion", unet | text | common | {"steps": steps}) for steps in (1, 5))
    last = [op.name for op in once.ops].index("unet.out_conv")
    assert often.live()[last] - once.live()[last] >= 90 * 4000


def test_diffusion_transformer_end_to_end():
    alone = of("dit_xl_2_256")
    whole = of("dit_xl_2_256", steps=250, guidance=2, image_decoder=1)
    decoder = of("sd_vae_decoder", resolution=256).total("macs")
    assert whole.total("macs") == 500 * alone.total("macs") + decoder
    assert whole.params() == alone.params() + 49_490_199


def test_resolution_moves_tokens_and_not_weights():
    small, large = of("sd15_unet", resolution=256), of("sd15_unet", resolution=512)
    assert small.params() == large.params()

    def convolved(table):
        return sum(op.count("macs") for op in table.ops if op.kind == "conv")

    assert convolved(large) == 4 * convolved(small)


@pytest.mark.parametrize(
    ("name", "axes", "problem"),
    [
        ("sd15_unet", {"resolution": 500}, "multiple of 64"),
        ("sd15_unet", {"heads": 7}, "divide the channels"),
        ("stable-diffusion-1.5", {"unet_d_text": 1024}, "features of the text encoders together"),
        ("stable-diffusion-1.5", {"context": 78}, "77 learned positions"),
        ("dit_xl_2_256", {"patch": 3}, "divide the side of the latents"),
        ("dit_xl_2_256", {"resolution": 250}, "1/8 of the resolution"),
        ("sd_vae_decoder", {"resolution": 1020}, "1/8 of the resolution"),
    ],
)
def test_shapes_that_do_not_fit(name, axes, problem):
    with pytest.raises(InputError, match=problem):
        of(name, **axes)
