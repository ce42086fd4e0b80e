"""Random points of the axes of each family, small enough to run every block."""


def pick(rng, *values):
    return rng.choice(values).item()


def flag(rng):
    return int(rng.integers(2))


def attention(rng):
    return pick(rng, "softmax", "linear")


def random_vit(rng):
    heads = pick(rng, 1, 2, 4)
    drawn = {
        "layers": int(rng.integers(1, 6)), "d_model": heads * int(rng.integers(1, 30)), "heads": heads,
        "patch": pick(rng, 3, 8, 16), "resolution": int(rng.integers(16, 80)), "classes": int(rng.integers(1, 99)),
        "ffn": pick(rng, 7, 500), "attention": attention(rng), "patch_bias": flag(rng), "pre_norm": flag(rng),
        "layer_scale": flag(rng), "class_position": flag(rng),
    }  # fmt: skip
    return drawn | ({"projection": 12} if flag(rng) else {})


def random_swin(rng):
    depths = {f"depth_{stage}": int(rng.integers(1, 5)) for stage in range(1, 5)}
    return depths | {
        "d_model": 6 * int(rng.integers(1, 8)), "heads": pick(rng, 1, 2, 3), "window": pick(rng, 3, 7, 8),
        "patch": pick(rng, 2, 4), "version": pick(rng, 1, 2), "resolution": int(rng.integers(16, 120)),
    }  # fmt: skip


def random_encoder(rng):
    heads, flags = pick(rng, 1, 2, 4), ("gated", "pre_norm", "post_norm", "final_norm", "pooler")
    drawn = {name: flag(rng) for name in flags} | {
        "attention": attention(rng),
        "layers": int(rng.integers(1, 6)), "d_model": heads * int(rng.integers(1, 20)), "heads": heads,
        "vocab": pick(rng, 9, 400), "ffn": pick(rng, 7, 90), "context": int(rng.integers(1, 64)),
        "positions": pick(rng, 0, 64), "token_types": pick(rng, 0, 2),
    }  # fmt: skip
    return drawn | ({"projection": 5} if flag(rng) else {})


def random_encoder_decoder(rng):
    heads = pick(rng, 1, 2, 4)
    return {
        "layers": int(rng.integers(1, 6)), "d_model": heads * int(rng.integers(1, 20)), "heads": heads,
        "d_head": pick(rng, 4, 16), "vocab": pick(rng, 9, 400), "ffn": pick(rng, 7, 90), "gated": flag(rng),
        "tied": flag(rng), "position_buckets": pick(rng, 0, 32), "source_tokens": int(rng.integers(1, 50)),
        "context": int(rng.integers(1, 30)), "phase": flag(rng), "all_logits": flag(rng),
    } | ({"decoder_layers": int(rng.integers(1, 6))} if flag(rng) else {})  # fmt: skip


def random_dit(rng):
    heads = pick(rng, 1, 2, 4)
    return {
        "layers": int(rng.integers(1, 6)), "d_model": heads * int(rng.integers(1, 20)), "heads": heads,
        "patch": pick(rng, 1, 2, 4), "resolution": pick(rng, 32, 64), "steps": int(rng.integers(1, 6)),
        "guidance": pick(rng, 1, 2), "image_decoder": flag(rng), "attention": attention(rng),
    }  # fmt: skip


def random_unet(rng):
    depths = {f"attention_depth_{stage}": int(rng.integers(0, 4)) for stage in range(1, 5)}
    widths = {f"width_{stage}": int(rng.integers(1, 4)) for stage in range(1, 4 + flag(rng))}
    by_size = {"d_head": 4} if flag(rng) else {"heads": pick(rng, 1, 2, 4)}
    return depths | widths | by_size | {
        "base_channels": 4 * int(rng.integers(1, 4)), "blocks": int(rng.integers(1, 4)),
        "mid_depth": int(rng.integers(0, 3)), "d_text": pick(rng, 6, 20), "d_added": pick(rng, 0, 9),
        "resolution": pick(rng, 64, 128), "context": pick(rng, 1, 10), "attention": attention(rng),
    }  # fmt: skip


def random_image_decoder(rng):
    return {
        "base_channels": int(rng.integers(1, 9)), "blocks": int(rng.integers(1, 4)), "resolution": pick(rng, 16, 64),
        "latent_channels": pick(rng, 4, 16),
    }  # fmt: skip


def of_tower(name, drawn, *common):
    return {f"{name}_{axis}": value for axis, value in drawn.items() if axis not in (*common, "classes")}


def random_latent_diffusion(rng):
    texts = [("text", random_encoder(rng))]
    texts += [("second_text", random_encoder(rng))] if flag(rng) else []
    axes = {}
    for name, drawn in texts:
        axes |= of_tower(name, drawn | {"positions": 0}, "context")
    width = sum(drawn["d_model"] for _, drawn in texts)
    axes |= of_tower("unet", random_unet(rng) | {"d_text": width}, "context", "resolution")
    return axes | {
        "resolution": 64, "context": int(rng.integers(1, 9)), "steps": int(rng.integers(1, 5)),
        "guidance": pick(rng, 1, 2), "image_decoder": flag(rng),
    }  # fmt: skip


def random_clip(rng):
    vision = random_vit(rng) | {"projection": 16}
    text = random_encoder(rng) | {"projection": 16}
    return of_tower("vision", vision, "resolution") | of_tower("text", text, "context") | {
        "resolution": vision["resolution"], "context": text["context"],
    }  # fmt: skip


def random_vision_language(rng):
    vision, heads, layers = random_vit(rng), pick(rng, 1, 2), int(rng.integers(1, 6))
    text = {
        "layers": layers, "d_model": heads * int(rng.integers(2, 20)), "heads": heads, "vocab": 50, "ffn": 30,
        "gated": flag(rng), "tied": flag(rng), "positions": pick(rng, 0, 40),
    }  # fmt: skip
    axes = of_tower("vision", vision, "resolution", "projection") | of_tower("text", text)
    axes |= {"resampler_width": pick(rng, 8, 24)} if flag(rng) else {}
    return axes | {
        "resolution": vision["resolution"], "connector": pick(rng, "projector", "resampler"),
        "fusion": pick(rng, "prefix", "cross_attention"), "latents": pick(rng, 1, 7),
        "resampler_depth": int(rng.integers(1, 4)), "adapter_heads": pick(rng, 1, 3), "adapter_d_head": pick(rng, 4, 9),
        "cross_every": int(rng.integers(1, layers + 1)), "context": int(rng.integers(1, 30)), "phase": flag(rng),
        "all_logits": flag(rng), "images": pick(rng, 1, 1, 3),
    }  # fmt: skip


def random_pointnet(rng):
    return {
        "points": int(rng.integers(1, 200)), "width": pick(rng, 0.1, 0.5, 1.0), "alignment": flag(rng),
        "in_channels": pick(rng, 3, 6), "classes": int(rng.integers(1, 50)),
    }  # fmt: skip


def random_pvcnn(rng):
    # Sums of powers of two are exact whatever their order.
    return {
        "points": int(rng.integers(1, 500)), "voxels": pick(rng, 4, 16), "density": pick(rng, 1.0, 0.5, 0.25),
        "width": pick(rng, 0.25, 1.0),
    }  # fmt: skip


def random_sparse_unet(rng):
    return {"voxels": pick(rng, 16, 64), "density": 1.0, "width": pick(rng, 0.25, 0.64, 1.0)}


RANDOM_TRANSFORMERS = {
    "clip": random_clip,
    "dit": random_dit,
    "encoder": random_encoder,
    "encoder_decoder": random_encoder_decoder,
    "image_decoder": random_image_decoder,
    "latent_diffusion": random_latent_diffusion,
    "pointnet": random_pointnet,
    "pvcnn": random_pvcnn,
    "sparse_unet": random_sparse_unet,
    "swin": random_swin,
    "unet": random_unet,
    "vision_language": random_vision_language,
    "vit": random_vit,
}
