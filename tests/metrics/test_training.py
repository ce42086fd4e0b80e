"""Training: three times the forward pass, and memory for weights, gradients, optimizer and stored activations."""

from __future__ import annotations

import numpy as np
import pytest

import dse
from dse.errors import InputError
from dse.networks import Trace, trace
from dse.networks.net import Net
from dse.networks.training import block_macs, checkpointed_activations

TOKENS = 2048
LLAMA = {"device": "a100-sxm-80gb", "precision": "bf16", "phase": "train", "context": TOKENS}


def test_operations_of_llama_2_7b():
    macs = float(dse.evaluate("llama-2-7b", metrics="macs", **LLAMA).macs)
    d, ffn, vocab, layers = 4096, 11008, 32000, 32
    forward = TOKENS * (layers * (4 * d * d + 3 * d * ffn) + d * vocab) + layers * 2 * TOKENS * TOKENS * d
    assert macs == 3 * forward
    # The rule of thumb of six operations a parameter and token leaves attention out, and counts the embedding.
    rule = float(dse.formulas.training_flops(6738415616 - vocab * d, TOKENS))
    attention = 3 * 2 * layers * 2 * TOKENS * TOKENS * d
    norms = 6 * TOKENS * (2 * layers + 1) * d
    assert 2 * macs == pytest.approx(rule + attention - norms, rel=1e-12)


def test_memory_of_mixed_precision():
    settings = {**LLAMA, "batch": 2, "grad_bits": 16, "optimizer_bits": 96}
    data = dse.evaluate("llama-2-7b", metrics=["memory", "activations", "params"], **settings)
    params = 6738415616
    assert float(data.params) == params
    expected = params * (2 + 2 + 12) + float(data.activations) * 2 * 2
    assert float(data.memory) == pytest.approx(expected, rel=1e-15)


def test_training_a_share_saves_gradients_and_optimizer_state():
    whole, tenth = (
        float(dse.evaluate("llama-2-7b", metrics="memory", trainable_share=share, **LLAMA).memory)
        for share in (1.0, 0.1)
    )
    assert whole - tenth == pytest.approx(0.9 * 6738415616 * (32 + 64) / 8, rel=1e-12)


def test_a_vision_network():
    on = {"device": "a100-sxm-80gb", "precision": "fp32", "batch": 32}
    train = dse.evaluate("mobilenet_v2", phase="train", metrics=["macs", "memory", "compute_time"], **on)
    infer = dse.evaluate("mobilenet_v2", metrics=["macs", "compute_time"], **on)
    assert float(train.macs) == 3 * 300_774_272
    assert float(train.compute_time) == pytest.approx(3 * float(infer.compute_time), rel=1e-15)
    assert float(train.memory) == 3_504_872 * (4 + 4 + 8) + 32 * 6_679_112 * 4


def test_other_phases_have_no_meaning_for_vision():
    with pytest.raises(dse.InputError, match="the family 'mobilenet_v2' has no phase"):
        dse.evaluate("mobilenet_v2", phase="decode", device="l4")


# Fine-tuning of Llama-2-7B: d = 4096, 32 layers, ffn 11008. Adapters of rank 16 beside queries and values hold
# 16·(4096 + 4096) parameters each: 8,388,608 in all, as the authors' library counts them.
D, FFN, LAYERS, VOCAB, PARAMS = 4096, 11008, 32, 32000, 6_738_415_616
FINE = {**LLAMA, "grad_bits": 16, "optimizer_bits": 96}


def fine_tuning(metrics, **settings):
    data = dse.evaluate("llama-2-7b", metrics=metrics, **{**FINE, **settings})
    return [float(data[m]) for m in metrics]


def llama_activations():
    """Stored elements of one layer, and of all outside the layers: outputs of matrices, attention and scores."""
    layer = TOKENS * (3 * D + 2 * D + 2 * FFN + D) + 32 * TOKENS * TOKENS
    return layer, TOKENS * VOCAB


@pytest.mark.parametrize(
    ("targets", "per_layer"), [("qv", 2 * 2 * D), ("all", 4 * 2 * D + 3 * (D + FFN))], ids=["qv", "all"]
)
def test_fine_tuning_of_a_7b_model_with_adapters(targets, per_layer):
    rank, layers = 16, LAYERS
    settings = {"lora_rank": rank, "lora_targets": targets, "batch": 2}
    adapters, trained, memory, macs = fine_tuning(["adapter_params", "trained_params", "memory", "macs"], **settings)
    assert adapters == trained == rank * layers * per_layer
    if targets == "qv":
        assert adapters == 8_388_608
    layer, outside = llama_activations()
    stored = layers * layer + outside
    assert memory == PARAMS * 2 + adapters * (2 + 2 + 12) + 2 * stored * 2
    products = layers * 2 * TOKENS * TOKENS * D
    by_weights = TOKENS * (layers * (4 * D * D + 3 * D * FFN) + D * VOCAB)
    # Frozen matrices: forward, and gradients of their inputs. Adapters and both attention products: all three.
    assert macs == 2 * by_weights + 3 * products + 3 * TOKENS * rank * layers * per_layer


def test_quantised_weights_under_adapters():
    whole, narrow = (fine_tuning(["memory"], lora_rank=8, precision=p)[0] for p in ("bf16", "w4a16"))
    assert whole - narrow == pytest.approx(PARAMS * (16 - 4.125) / 8, rel=1e-12)


def test_recomputation_keeps_the_inputs_of_blocks():
    (plain, forward), (again, macs) = (fine_tuning(["activations", "macs"], recompute=r) for r in (0, 1))
    layer, outside = llama_activations()
    assert plain == LAYERS * layer + outside
    assert again == LAYERS * TOKENS * D + layer + outside
    blocks = LAYERS * (TOKENS * (4 * D * D + 3 * D * FFN) + 2 * TOKENS * TOKENS * D)
    assert macs == forward + blocks


def test_training_a_small_network_on_the_device():
    """MobileNetV2 at width 0.35 and 96 pixels, 32-bit floats, plain gradient descent: no optimizer state."""
    on = {"device": "stm32h743", "precision": "fp32", "phase": "train", "optimizer_bits": 0, "width": 0.35}
    on |= {"resolution": 96, "metrics": ["memory", "activations", "macs"]}
    whole, sparse = dse.evaluate("mobilenet_v2", **on), dse.evaluate("mobilenet_v2", backprop_fraction=0.25, **on)
    params, activations = 1_677_128, 526_816
    assert float(whole.memory) == (2 * params + activations) * 4
    assert float(whole.macs) == 3 * 11_934_128
    assert float(sparse.activations) == activations / 4
    assert float(whole.memory) - float(sparse.memory) == activations * 3 / 4 * 4


def test_only_a_share_of_the_weights_has_gradients():
    half = dse.evaluate("resnet50", metrics="macs", device="l4", phase="train", trainable_share=0.5)
    assert float(half.macs) == 4_089_184_256 * 2.5


def test_gradients_are_written_of_what_is_trained_alone():
    """All weights are read forward and backward; of frozen ones no gradient is written."""
    read = ["weights_read", "expert_weights_read"]
    forward = dse.evaluate("mixtral-8x7b", metrics=read, phase="prefill", context=8)
    on = {"phase": "train", "context": 8, "trainable_share": [0, 0.5, 1], "lora_rank": [0, 8]}
    found = dse.evaluate("mixtral-8x7b", metrics=read, **on)
    for metric in read:
        share = found[metric] / float(forward[metric])
        assert share.sel(lora_rank=0).values.tolist() == [2, 2.5, 3], metric
        assert np.all(share.sel(lora_rank=8) == 2), metric


def test_recomputation_of_a_residual_network():
    on = {"device": "l4", "phase": "train", "recompute": [0, 1]}
    data = dse.evaluate("resnet34", metrics=["activations", "block_macs"], **on)
    # All blocks of a stage but its first repeat: two 3×3 convolutions each, of which one block is computed again.
    stages = [(2, 64, 56), (3, 128, 28), (5, 256, 14), (2, 512, 7)]
    inside = sum(n * 2 * c * s * s for n, c, s in stages)
    kept = float(data.activations[0]) - inside + sum(n * c * s * s for n, c, s in stages) + 2 * 64 * 56 * 56
    assert float(data.activations[1]) == kept
    assert float(data.block_macs) == sum(n * 2 * 9 * c * c * s * s for n, c, s in stages)


def test_a_network_without_such_matrices_takes_no_adapters():
    data = dse.evaluate("mobilenet_v2", metrics=["adapter_params", "weight_macs"])
    assert (float(data.adapter_params), float(data.weight_macs)) == (0, 300_774_272)
    for axes, said in (
        ({}, "no matrices of queries and values$"),
        ({"lora_targets": ["all"]}, "no matrices but class"),
    ):
        with pytest.raises(InputError, match=said):
            dse.evaluate("mobilenet_v2", metrics=["memory"], lora_rank=[4, 8], **axes)
    with pytest.raises(InputError, match='try lora_targets = "all"'):
        dse.evaluate("vgg16", metrics=["memory"], lora_rank=8)
    hidden = dse.evaluate("vgg16", metrics=["adapter_params"], lora_rank=8, lora_targets="all")
    assert float(hidden.adapter_params) == 8 * (25_088 + 4096 + 4096 + 4096)


def test_adapters_of_latent_attention_are_those_of_the_matrices_that_are_stored():
    """DeepSeek-V2-Lite: d = 2048, 16 heads of 128 + 64, latents of 512; decode multiplies by parts of the matrices."""
    attention = (2048 + 16 * 192) + (2048 + 512 + 64) + (512 + 16 * 256) + (16 * 128 + 2048)
    experts = 3 * (2048 + 2 * 1408) + 64 * 3 * (2048 + 1408)
    found = dse.evaluate(
        "deepseek-v2-lite", metrics=["adapter_features_all"], context=8, phase=["prefill", "decode", "train"]
    )
    every = 27 * attention + 3 * (2048 + 10944) + 26 * experts
    assert np.all(found.adapter_features_all == every)


def test_adapters_that_a_network_has_no_matrices_for_are_undefined():
    """Compressed queries have no matrix "q": adapters of rank 4 beside queries and values are undefined, no others."""
    asked = {**FINE, "lora_rank": [0, 4], "lora_targets": ["qv", "all"], "context": 8}
    dependent = ["adapter_params", "trained_params", "memory", "macs"]
    found = dse.evaluate("deepseek-v3", metrics=[*dependent, "params"], **asked)
    for metric in dependent:
        assert np.isnan(found[metric].values).tolist() == [[False, False], [True, False]], metric
        assert found[metric].attrs["reason"] == (
            'this network (deepseek-v3) has no matrices of queries and values (try lora_targets = "all")'
        )
    # What is defined is what it is alone; parameters of the network do not depend on adapters.
    assert float(found.params) == 671_026_419_200
    for rank, targets in ((0, "qv"), (0, "all"), (4, "all")):
        alone = dse.evaluate("deepseek-v3", metrics=dependent, **asked | {"lora_rank": rank, "lora_targets": targets})
        for metric in dependent:
            assert float(found[metric].sel(lora_rank=rank, lora_targets=targets)) == float(alone[metric]), metric
    with pytest.raises(InputError, match="no matrices of queries and values"):
        dse.evaluate("deepseek-v3", metrics=dependent, **asked | {"lora_rank": 4, "lora_targets": "qv"})


def test_blocks_that_repeat_are_the_same_alone_and_in_a_grid():
    """A block that runs once is kept whole, at one point of a grid as in a network of its own."""
    axes = {"d_model": 64, "heads": 4, "vocab": 50, "context": 8, "phase": 0, "ffn": 96}
    depths = np.array([1.0, 2.0, 5.0])
    together = trace("decoder", axes | {"layers": depths})
    alone = [trace("decoder", axes | {"layers": layers}) for layers in (1, 2, 5)]
    for count in (block_macs, checkpointed_activations):
        assert count(together).tolist() == [float(count(one)) for one in alone]
    # Of one layer nothing is repeated; of five, all but one are computed from their inputs of 8 × 64.
    assert alone[0].total("activations") == checkpointed_activations(alone[0])
    layer = alone[1].total("activations") - alone[0].total("activations")
    kept = alone[0].total("activations") - layer + 5 * 8 * 64 + layer
    assert checkpointed_activations(alone[2]) == kept and block_macs(alone[0]) == 0


def test_calls_with_the_same_weights_are_no_blocks():
    """Two calls of three layers of 4 × 4 weights and two maps on 5 positions: three blocks that run twice each."""
    net = Net()

    def layers(x):
        return net.repeat(3, lambda x: net.linear(net.linear(x, 4.0, bias=0), 4.0, bias=0), x)

    net.call(2, layers, net.given(4.0, 5.0))
    table = Trace(net.ops, net.regions)
    assert block_macs(table) == 2 * 3 * 2 * 4 * 4 * 5 == table.total("macs")
    # The input of each of the six, and the two maps of one.
    assert checkpointed_activations(table) == 6 * 4 * 5 + 2 * 4 * 5


def test_what_is_trained_must_fit_on_chip():
    """int8 weights of 2 classes: a step holds trained weights, their gradients and state, and all activations."""
    settings = {"device": "esp32", "precision": "int8", "width": 0.35, "resolution": 96, "classes": 2}
    bits = {"grad_bits": 8, "optimizer_bits": 0}
    wanted = ["sram_free", "memory", "activations", "params", "live_bytes"]
    whole, tenth = (
        dse.evaluate("mobilenet_v2", phase="train", trainable_share=s, metrics=wanted, **settings, **bits)
        for s in (1.0, 0.1)
    )
    params, stored = float(whole.params), float(whole.activations)
    assert float(whole.live_bytes) == params + stored
    assert float(whole.sram_free) == 320 * 1024 - (params + params + stored)
    # Frozen weights stay in flash.
    assert float(tenth.sram_free) == pytest.approx(320 * 1024 - (0.1 * params + 0.1 * params + stored), rel=1e-12)


def test_what_a_step_holds_on_one_of_several_devices():
    """Of 8 that share out tensors and optimizer state: 2 bytes of gradients, 12 of state over 4 replicas."""
    wanted = ["live_bytes", "memory", "sequence_memory", "device_params"]
    axes = {"context": 512, "batch": 8, "tensor_parallel": 2, "data_parallel": 4, "zero_stage": 1}
    axes |= {"grad_bits": 16, "optimizer_bits": 96}
    found = dse.evaluate("gpt2", device="a100-sxm-80gb", precision="fp16", phase="train", metrics=wanted, **axes)
    held, activations = float(found.device_params), 8 * float(found.sequence_memory)
    assert float(found.live_bytes) == pytest.approx(held * (2 + 12 / 4) + activations, rel=1e-12)
    assert float(found.memory) == pytest.approx(float(found.live_bytes) + 2 * held, rel=1e-12)


def test_what_is_trained_must_fit_on_chip_of_one_of_several_devices():
    """4 replicas of int8 weights: 1 byte of weight, 1 of gradient and 2 of state each, shared out by the ZeRO stage."""
    axes = {"device": "esp32", "precision": "int8", "width": 0.35, "resolution": 96, "classes": 2, "phase": "train"}
    axes |= {"grad_bits": 8, "optimizer_bits": 16, "zero_stage": [0, 1, 2, 3], "data_parallel": [1, 4]}
    data = dse.evaluate("mobilenet_v2", **axes, metrics=["sram_free", "params", "activations"])
    params, stored = float(data.params), float(data.activations)
    for stage, bytes_ in enumerate((1 + 1 + 2, 1 + 1 + 2 / 4, 1 + 1 / 4 + 2 / 4, (1 + 1 + 2) / 4)):
        free = data.sram_free.sel(zero_stage=stage)
        assert float(free[0]) == pytest.approx(320 * 1024 - (4 * params + stored), rel=1e-12)
        assert float(free[1]) == pytest.approx(320 * 1024 - (bytes_ * params + stored), rel=1e-12)
    # Adapters of rank 2, in two bytes, on two devices that share each matrix; what is frozen stays in flash.
    axes = {"device": {"chip": {"class": "mcu", "peak_int8": "1 TOPS", "bandwidth": "1 GB/s", "sram": "1 GiB"}}}
    axes |= {"precision": "int8", "phase": "train", "context": 8, "lora_rank": 2, "tensor_parallel": 2}
    wanted = ["sram_free", "live_bytes", "adapter_params"]
    found = dse.evaluate("gpt2", **axes, metrics=wanted)
    expected = 2**30 - float(found.live_bytes) - 2 * float(found.adapter_params) / 2
    assert float(found.sram_free) == pytest.approx(expected, rel=1e-12)


def test_a_cache_must_fit_on_chip():
    """Two layers of one key and one value of 64 elements, one byte each, for 1,000 tokens."""
    shape = {"layers": 2, "d_model": 64, "heads": 4, "ffn": 128, "vocab": 256, "phase": "decode", "context": 1000}
    data = dse.evaluate(
        "decoder", device="stm32h743", precision="int8", metrics=["sram_free", "peak_sram", "kv_cache"], **shape
    )
    assert float(data.kv_cache) == 2 * 2 * 64 * 1000
    assert float(data.sram_free) == 512 * 1024 - float(data.peak_sram) - 256_000


def test_training_keeps_no_cache():
    given = {**LLAMA, "phase": ["train", "prefill"], "metrics": "kv_cache"}
    assert dse.evaluate("llama-2-7b", **given).kv_cache.values.tolist() == [0, 32 * 2 * 4096 * TOKENS * 2]
