"""What the fields of a config.json mean: decoders that read images."""

from __future__ import annotations

from dse.networks.ingest.config_fields import Fields
from dse.networks.ingest.hf_readers import READERS, Axes, reader

# What the objects inside leave out: such files hold only what differs from the defaults of the code that reads them.
_LLAMA = {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32}
TEXT = {
    "llama": {**_LLAMA, "vocab_size": 32000, "max_position_embeddings": 2048},
    "mistral": {**_LLAMA, "intermediate_size": 14336, "vocab_size": 32000, "max_position_embeddings": 131_072},
    "qwen2": {**_LLAMA, "intermediate_size": 22016, "num_key_value_heads": 32, "vocab_size": 151_936},
}
VISION = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
    "image_size": 224, "patch_size": 32, "num_channels": 3,
}  # fmt: skip


@reader(
    "llava", family="vision_language", note="one image; context counts tokens of text, those of the image come on top"
)
def _llava(c: Fields) -> Axes:
    c.only("vision_feature_select_strategy", "default", "default", "the class token is left out")
    c.only("multimodal_projector_bias", True, True, "the projector has biases")
    vision = c.inner("vision_config", VISION)
    vision.only("model_type", "clip_vision_model", "clip_vision_model", "another tower than that of CLIP")
    text = c.inner("text_config")
    kind = text.values.get("model_type", "llama")
    if not isinstance(kind, str) or kind not in TEXT:
        text.only("model_type", list(TEXT), kind, "another language model")
        return {}
    tower = {
        "vision_layers": vision.count("layers", "num_hidden_layers"),
        "vision_d_model": vision.count("d_model", "hidden_size"),
        "vision_heads": vision.count("heads", "num_attention_heads"),
        "vision_ffn": vision.count("ffn", "intermediate_size"),
        "vision_patch": vision.count("patch", "patch_size"),
        "vision_in_channels": vision.count("in_channels", "num_channels"),
        "vision_pre_norm": 1,
        "vision_patch_bias": 0,
        "resolution": vision.count("resolution", "image_size"),
    }
    language = READERS[kind].axes(c.inner("text_config", TEXT[kind]))
    return tower | {f"text_{axis}": value for axis, value in language.items()}
