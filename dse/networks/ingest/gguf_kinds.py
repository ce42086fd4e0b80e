"""Architectures of .gguf files that are decoders: what their metadata mean, and the tensors that they have.

Names of metadata and of tensors are those of the format (gguf-py, `constants.py`); shapes have the input first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

Axes = Mapping[str, Any]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Kind:
    """An architecture: axes that all its networks have, and its second norm of a block.

    `local` gives how many of so many layers have the window of the metadata (`window` where these leave it out). With
    `halves` the gate and what it multiplies are one matrix. Where it `ties`, all published networks share the matrix of
    embedding and head, though files may hold it twice: converters did of GPT-2.
    """

    axes: Axes = field(default_factory=dict)
    second_norm: str = "ffn_norm"
    local: Callable[[int], int] | None = None
    window: int | None = None
    halves: bool = False
    ties: bool = False


def _every_second(layers: int) -> int:
    return (layers + 1) // 2


_PLAIN = {"gated": 0, "norm_bias": 1}
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "falcon": Kind({**_PLAIN, "parallel": 1}, second_norm="attn_norm_2"),
        "gemma": Kind(ties=True),
        "gemma2": Kind({"post_norm": 1}, local=_every_second, window=4096, ties=True),
        # Every sixth layer attends to all.
        "gemma3": Kind({"post_norm": 1, "qk_norm": 1}, local=lambda layers: layers - layers // 6, ties=True),
        "gpt-oss": Kind({"sink_logits": 1}, second_norm="post_attention_norm", local=_every_second),
        "gpt2": Kind(_PLAIN, ties=True),
        "gptneox": Kind(_PLAIN),
        "llama": Kind(),
        "mistral3": Kind(),
        "phi2": Kind({**_PLAIN, "parallel": 1, "shared_norm": 1}),
        "phi3": Kind(local=lambda layers: layers, halves=True),
        "qwen2": Kind(),
        "qwen3": Kind({"qk_norm": 1}),
        "qwen3moe": Kind({"qk_norm": 1}),
        "smollm3": Kind(),
        "starcoder2": Kind(_PLAIN),
    }
)


def shapes(kind: Kind, axes: Axes, names: Mapping[str, Any]) -> dict[str, Shape]:
    """The shapes of all tensors that a network has; `names` tell which of two ways a file has stored some."""
    d, vocab = axes["d_model"], axes["vocab"]
    found: dict[str, Shape] = {"token_embd.weight": (d, vocab), **_norm("output_norm", axes)}
    if not axes.get("tied"):
        found |= _linear("output", (d, vocab), axes.get("head_bias"))
    if positions := axes.get("positions"):
        found["position_embd.weight"] = (d, positions)
    fused = "blk.0.attn_qkv.weight" in names
    block = dict(_block(kind, axes, fused))
    return found | {f"blk.{i}.{name}": shape for i in range(axes["layers"]) for name, shape in block.items()}


def _block(kind: Kind, axes: Axes, fused: bool) -> Iterator[tuple[str, Shape]]:
    d, heads = axes["d_model"], axes["heads"]
    head, kv = axes.get("d_head") or d // heads, axes.get("kv_heads") or heads
    yield from _norm("attn_norm", axes).items()
    if not axes.get("shared_norm"):
        yield from _norm(kind.second_norm, axes).items()
    if fused:
        yield from _linear("attn_qkv", (d, (heads + 2 * kv) * head), axes.get("qkv_bias")).items()
    else:
        for name, of in (("attn_q", heads), ("attn_k", kv), ("attn_v", kv)):
            yield from _linear(name, (d, of * head), axes.get("qkv_bias")).items()
    yield from _linear("attn_output", (heads * head, d), axes.get("output_bias")).items()
    if axes.get("qk_norm"):
        yield from (("attn_q_norm.weight", (head,)), ("attn_k_norm.weight", (head,)))
    if axes.get("post_norm"):
        yield from (*_norm("post_attention_norm", axes).items(), *_norm("post_ffw_norm", axes).items())
    if axes.get("sink_logits"):
        yield "attn_sinks.weight", (heads,)
    yield from _feed_forward(kind, axes)


def _feed_forward(kind: Kind, axes: Axes) -> Iterator[tuple[str, Shape]]:
    d, experts, bias = axes["d_model"], axes.get("experts"), axes.get("ffn_bias")
    width = axes["expert_ffn"] if experts else axes["ffn"]
    last, of_each = ("_exps", (experts,)) if experts else ("", ())
    if experts:
        yield from _linear("ffn_gate_inp", (d, experts), axes.get("router_bias")).items()
    if axes.get("gated", 1) and not kind.halves:
        yield from _linear(f"ffn_gate{last}", (d, width, *of_each), bias).items()
    yield from _linear(f"ffn_up{last}", (d, 2 * width if kind.halves else width, *of_each), bias).items()
    yield from _linear(f"ffn_down{last}", (width, d, *of_each), bias).items()


def _norm(name: str, axes: Axes) -> dict[str, Shape]:
    return _linear(name, (axes["d_model"],), axes.get("norm_bias"))


def _linear(name: str, shape: Shape, bias: Any) -> dict[str, Shape]:
    """A matrix (of experts one each), or the scale of a norm, and its bias."""
    outputs = shape[1:] or shape
    return {f"{name}.weight": shape} | ({f"{name}.bias": outputs} if bias else {})
