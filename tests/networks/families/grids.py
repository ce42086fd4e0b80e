"""A grid of axes of each family, small but with every kind of change."""

_SMALL = {"layers": [1.0, 3.0], "d_model": [16.0, 32.0], "heads": [4.0]}


def of_tower(name, axes):
    return {f"{name}_{axis}": values for axis, values in axes.items()}


GRIDS_TRANSFORMERS = {
    "clip": of_tower("vision", _SMALL | {"patch": [4.0, 8.0], "projection": [8.0]})
    | of_tower("text", {"layers": [2.0], "d_model": [8.0], "heads": [2.0], "vocab": [30.0], "projection": [8.0]})
    | {"resolution": [16.0, 33.0], "context": [1.0, 7.0]},
    "clip_resnet": {"text_layers": [2.0], "text_d_model": [8.0], "text_heads": [2.0], "text_vocab": [30.0],
                    "text_projection": [8.0], "vision_projection": [8.0], "vision_width": [0.25, 0.5],
                    "resolution": [32.0, 65.0], "context": [1.0, 7.0]},
    "resnet_clip": {"width": [0.25, 1.0], "resolution": [32.0, 65.0], "all_queries": [0.0, 1.0]},
    "dit": _SMALL | {"patch": [1.0, 2.0, 4.0], "resolution": [32.0, 64.0], "steps": [1.0, 2.0, 5.0]},
    "encoder": _SMALL | {"vocab": [50.0], "ffn": [40.0], "context": [1.0, 30.0], "projection": [6.0]},
    "encoder_decoder": _SMALL
    | {"vocab": [50.0], "tied": [0.0, 1.0], "source_tokens": [4.0, 9.0], "context": [1.0, 30.0], "phase": [0.0, 1.0]},
    "image_decoder": {"base_channels": [4.0, 8.0], "blocks": [1.0, 2.0, 4.0], "resolution": [16.0, 64.0]},
    "latent_diffusion": of_tower("text", {"layers": [2.0], "d_model": [12.0], "heads": [2.0], "vocab": [30.0]})
    | of_tower("unet", {"base_channels": [8.0, 16.0], "width_3": [2.0, 3.0], "heads": [2.0], "d_text": [12.0]})
    | {"resolution": [64.0, 128.0], "context": [3.0, 5.0], "steps": [1.0, 2.0, 20.0], "guidance": [1.0, 2.0]},
    "pointnet": {"points": [10.0, 100.0], "width": [0.3, 1.0], "in_channels": [3.0, 6.0]},
    "pvcnn": {"points": [10.0, 100.0], "voxels": [4.0, 8.0], "density": [0.5, 1.0], "width": [0.5, 1.0]},
    "sparse_unet": {"voxels": [16.0, 32.0], "density": [1.0], "width": [0.64, 1.0]},
    "swin": {"d_model": [12.0, 24.0], "heads": [3.0], "depth_1": [1.0, 2.0], "depth_3": [2.0, 6.0],
             "window": [5.0, 7.0], "resolution": [32.0, 57.0]},
    "unet": {"base_channels": [8.0, 16.0], "width_2": [1.0, 2.0], "heads": [2.0], "d_text": [12.0],
             "resolution": [64.0, 128.0], "context": [3.0, 5.0]},
    "vision_language": of_tower("vision", {"layers": [2.0], "d_model": [16.0, 24.0], "heads": [4.0], "patch": [8.0]})
    | of_tower("text", {"layers": [3.0], "d_model": [8.0, 24.0], "heads": [2.0], "vocab": [40.0], "ffn": [30.0]})
    | {"resolution": [16.0, 40.0], "context": [1.0, 7.0], "phase": [0.0, 1.0]},
}  # fmt: skip
# The same families where their structure is another one: the axes of a grid, and the structural ones.
STRUCTURED = {
    "cross-attention": ("vision_language", {"latents": [2.0, 5.0], "cross_every": [1.0, 2.0]},
                        {"connector": "resampler", "fusion": "cross_attention"}),
    "several images": ("vision_language", {"latents": [2.0, 5.0]}, {"connector": "resampler", "images": 3}),
    "resampled prefix": ("vision_language", {"resampler_width": [16.0, 20.0]}, {"connector": "resampler"}),
    "linear vision": ("vit", _SMALL | {"patch": [4.0, 8.0], "resolution": [16.0, 40.0]}, {"attention": "linear"}),
    "linear decoder": ("decoder", _SMALL | {"vocab": [50.0], "kv_heads": [1.0, 2.0], "phase": [0.0, 1.0],
                                            "context": [3.0, 30.0]}, {"attention": "linear"}),
    "streaming decoder": ("decoder", _SMALL | {"vocab": [50.0], "window": [4.0, 9.0], "sinks": [0.0, 2.0],
                                               "phase": [0.0, 1.0], "context": [3.0, 30.0]}, {"attention": "sinks"}),
    "second version": ("swin", GRIDS_TRANSFORMERS["swin"], {"version": 2}),
    "decoded diffusion": ("dit", GRIDS_TRANSFORMERS["dit"], {"image_decoder": 1, "attention": "linear"}),
}  # fmt: skip
