"""How a network is run, trained and divided among devices."""

from __future__ import annotations

from dse.glossary.name import Name, count

# Axes by which the devices of one replica share its work.
SHARING = ("tensor_parallel", "pipeline_parallel", "expert_parallel")

DEPLOYMENT: dict[str, Name] = {
    "batch": count("deployment", "B", "units processed together by one replica", default=1),
    "in_place_depthwise": Name(
        "deployment",
        "1",
        "ip",
        "1: the engine lets a depthwise convolution overwrite its input",
        maximum=1,
        integer=True,
        default=1,
    ),
    "zero_skipping": Name(
        "deployment",
        "1",
        "skip",
        "1: the device leaves out the products of pruned weights, wherever they are; 0: only those of whole blocks",
        maximum=1,
        integer=True,
        default=0,
    ),
    "winograd": Name(
        "deployment",
        "1",
        "wino",
        "1: dense 3 x 3 convolutions of stride 1 run as Winograd F(2, 3)",
        maximum=1,
        integer=True,
        default=0,
    ),
    "context": count(
        "circumstance", "N_ctx", "tokens in the cache when the token is made (decode), or in the prompt (prefill)"
    ),
    "source_tokens": count("circumstance", "N_src", "tokens of the text that the encoder reads"),
    "phase": Name(
        "circumstance",
        "1",
        "phase",
        "which part of the work is counted",
        choices=("prefill", "decode", "request", "train", "mixed"),
    ),
    "grad_bits": Name("deployment", "bit", "b_g", "bits of one gradient", positive=True, default=32.0),
    "optimizer_bits": Name(
        "deployment", "bit", "b_o", "bits of optimizer state a trained parameter (Adam: two moments)", default=64.0
    ),
    "trainable_share": Name(
        "deployment", "1", "f_train", "share of the parameters that is trained", maximum=1, default=1.0
    ),
    # About what the authors of the experiments found to be compute-optimal (Hoffmann et al., 2022).
    "tokens_per_parameter": Name(
        "circumstance",
        "1",
        "D/N",
        "tokens that a language model was trained on, a parameter",
        positive=True,
        default=20.0,
    ),
    "lora_rank": count(
        "deployment", "r", "rank of the low-rank adapters that alone are trained; 0: none", minimum=0, default=0
    ),
    "lora_targets": Name(
        "deployment",
        "1",
        "T_lora",
        "matrices with adapters: of queries and values, or all but classifier and routers",
        choices=("qv", "all"),
        default="qv",
    ),
    "adapter_bits": Name(
        "deployment", "bit", "b_lora", "bits of one weight of an adapter", positive=True, default=16.0
    ),
    "recompute": Name(
        "deployment",
        "1",
        "ckpt",
        "1: of blocks that repeat only the inputs are stored, and the blocks computed again in the backward pass",
        maximum=1,
        integer=True,
        default=0,
    ),
    "recompute_attention": Name(
        "deployment",
        "1",
        "ckpt_a",
        "1: attention scores are not stored, and attention is computed again in the backward pass",
        maximum=1,
        integer=True,
        default=0,
    ),
    "backprop_fraction": Name(
        "deployment",
        "1",
        "f_bp",
        "share of the activations that sparse back-propagation stores",
        positive=True,
        maximum=1,
        default=1.0,
    ),
    # How several devices share the work of a replica.
    "tensor_parallel": count("deployment", "n_t", "devices that each matrix is divided among", default=1),
    "pipeline_parallel": count("deployment", "n_p", "devices that the layers are divided among, in turn", default=1),
    "expert_parallel": count(
        "deployment", "n_e", "groups of devices that the experts and the batch are divided among", default=1
    ),
    "data_parallel": count("deployment", "n_d", "replicas, each with a batch of its own", default=1),
    "micro_batches": count(
        "deployment", "m", "parts of the batch that follow each other through the stages of a pipeline", default=1
    ),
    "pipeline_chunks": count(
        "deployment", "v", "parts that each stage of a pipeline is cut into, in an interleaved schedule", default=1
    ),
    "zero_stage": count(
        "deployment",
        "z",
        "what replicas in training share out: 1 the optimizer state, 2 gradients too, 3 weights too; 0 nothing",
        minimum=0,
        maximum=3,
        default=0,
    ),
    "link_latency": Name(
        "circumstance",
        "s",
        "alpha",
        "latency of one message between devices; its default is an assumption, taken from no measurement",
        default=1e-6,
    ),
    "link_efficiency": Name(
        "circumstance",
        "1",
        "eta_l",
        "share of the bandwidth between devices that is reached",
        positive=True,
        maximum=1,
        default=1.0,
    ),
    "network_bandwidth": Name(
        "circumstance",
        "B/s",
        "BW_net",
        "bandwidth of a device, one direction, between stages and between replicas; 0: that of its link",
        default=0.0,
    ),
    "communication_overlap": Name(
        "circumstance", "1", "f_ov", "share of the communication that computing hides", maximum=1, default=0.0
    ),
}
