"""Every input name of the formulas and metrics, once: unit, the sheet's symbol, meaning, allowed range.

An argument of a formula or metric whose name is not here (and is not a metric's) fails at import.
`kind` says where a value comes from:

==============  ===============================================================================================
sheet           only an argument of sheet functions
architecture    an axis of a network family
device          a figure of a device in the hardware catalogue
precision       a figure of a number format
deployment      how the network is run; `default` stands where a spec is silent
circumstance    like deployment, but not chosen by the designer: no frontier is drawn across its values
calibration     a constant that was fitted to measurements of a device, in the software and format that it runs
derived         joined by the grid from several of the above, or from a profile that a setting names (the peak rate
                of a device in a format, the energy of one byte)
==============  ===============================================================================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from dse.errors import InputError, unknown


@dataclass(frozen=True)
class Name:
    """One input name. Numbers below `minimum` (or at it, where `positive`) or above `maximum` are refused."""

    kind: str
    unit: str
    symbol: str
    meaning: str
    minimum: float = 0.0
    maximum: float = float("inf")
    positive: bool = False
    integer: bool = False
    default: float | str | None = None
    choices: tuple[str, ...] = ()

    def allowed(self) -> str:
        """The range in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        noun = "an integer" if self.integer else "a number"
        low = f"above {self.minimum:g}" if self.positive else f"at least {self.minimum:g}"
        return f"{noun} {low}" + (f" and at most {self.maximum:g}" if self.maximum != float("inf") else "")

    @property
    def is_share(self) -> bool:
        """Whether the value is a part of a whole, which people may also write in percent."""
        return self.unit == "1" and self.maximum <= 1 and not self.integer and not self.choices

    def named(self, value: Any) -> Any:
        """The value as a user writes it: of several choices by its name, where it is given by its place."""
        if not self.choices or value is None or isinstance(value, str):
            return value
        return self.choices[int(value)]

    def number(self, value: Any) -> float:
        """The value as arrays hold it: of several choices the place, NaN where there is none."""
        if value is None:
            return float("nan")
        return float(self.choices.index(value) if value in self.choices else value)

    def check(self, value: float) -> None:
        """Raise InputError when `value` is outside the range."""
        if not (
            self.minimum <= value <= self.maximum
            and abs(value) != float("inf")
            and not (self.positive and value <= self.minimum)
            and not (self.integer and value != round(value))
        ):
            raise InputError(f"{value:g} is not allowed; allowed: {self.allowed()}{self._in_percent(value)}")

    def _in_percent(self, value: float) -> str:
        """How a share that was meant in percent is written; nothing for what is no share."""
        # Nobody means 2 % by a 2.
        meant = value if 5 <= value <= 100 else 70
        return f' (in percent: "{meant:g} %")' if self.is_share and value > self.maximum else ""


def is_circumstance(name: str) -> bool:
    """Whether no frontier is drawn across the values of an input."""
    return name in NAMES and NAMES[name].kind == "circumstance"


def _sheet(unit: str, symbol: str, meaning: str, **rest: object) -> Name:
    return Name("sheet", unit, symbol, meaning, **rest)  # type: ignore[arg-type]


def _count(kind: str, symbol: str, meaning: str, **rest: object) -> Name:
    return Name(kind, "1", symbol, meaning, **{"minimum": 1, "integer": True, **rest})  # type: ignore[arg-type]


def _flag(symbol: str, meaning: str) -> Name:
    return Name("architecture", "1", symbol, meaning, maximum=1, integer=True)


def _cost(symbol: str, meaning: str, unit: str = "1", **rest: object) -> Name:
    # Beyond 1e18 of any unit nothing was ever measured, and times would run over.
    return Name("calibration", unit, symbol, meaning, **{"maximum": 1e18, **rest})  # type: ignore[arg-type]


def _device(unit: str, symbol: str, meaning: str, **rest: object) -> Name:
    return Name("device", unit, symbol, meaning, **rest)  # type: ignore[arg-type]


def _rate(unit: str, symbol: str, meaning: str) -> Name:
    """A figure of a device that times and energies are made of: none of it is no device."""
    return _device(unit, symbol, meaning, positive=True)


NAMES: dict[str, Name] = {
    # Layers.
    "c_in": _sheet("1", "C_in", "input channels"),
    "c_out": _sheet("1", "C_out", "output channels"),
    "k_h": _sheet("1", "K_h", "kernel height"),
    "k_w": _sheet("1", "K_w", "kernel width"),
    "k": _sheet("1", "K", "side of a square kernel"),
    "h_out": _sheet("1", "H_out", "output height"),
    "w_out": _sheet("1", "W_out", "output width"),
    "tile": _sheet("1", "m", "side of a Winograd output tile", minimum=1),
    "d_in": _sheet("1", "d_in", "input features"),
    "d_out": _sheet("1", "d_out", "output features"),
    "rank": _sheet("1", "r", "rank of a low-rank adapter"),
    "channels": _sheet("1", "C", "channels of a feature map"),
    "height": _sheet("1", "H", "height of a feature map or image"),
    "features": _sheet("1", "F", "features of a vector"),
    "tokens": _sheet("1", "N", "tokens"),
    "fraction": _sheet("1", "f", "share that is kept", maximum=1),
    "input_activations": _sheet("1", "A_in", "input elements of a layer"),
    "output_activations": _sheet("1", "A_out", "output elements of a layer"),
    # Memory.
    "params": _sheet("1", "P", "parameters"),
    "trainable_params": _sheet("1", "P_train", "parameters that are trained"),
    "activations": _sheet("1", "A", "activation elements"),
    "bits": _sheet("bit", "b", "bits of one element, scales included"),
    "latent_rank": _sheet("1", "r_kv", "rank of the compressed keys and values"),
    "rope_dim": _sheet("1", "d_rope", "rotary dimensions kept beside the compressed cache"),
    # Computation, latency.
    "macs": _sheet("1", "MAC", "multiply-accumulate operations"),
    "d_attention": _sheet("1", "d_att", "width of attention: heads times head dimension"),
    "ops": _sheet("FLOP", "OP", "operations; 1 MAC is 2"),
    "model_size": _sheet("B", "S", "bytes of the weights"),
    "activation_bytes": _sheet("B", "Q_a", "bytes of activations moved, cache included"),
    "live_bytes": _sheet("B", "Q_live", "bytes of activations that are live at once"),
    "weight_time": _sheet("s", "t_w", "time to read the weights"),
    "activation_time": _sheet("s", "t_a", "time to move the activations"),
    "compute_time": _sheet("s", "t_c", "time to compute"),
    "memory_time": _sheet("s", "t_m", "time to move weights and activations"),
    "units": _sheet("1", "n", "samples, tokens or requests"),
    "seconds": _sheet("s", "t", "time"),
    "flops_per_token": _sheet("FLOP", "F_tok", "operations for one token"),
    "bytes_moved": _sheet("B", "Q", "bytes moved"),
    "intensity": _sheet("FLOP/B", "I", "arithmetic intensity"),
    "ridge_point": _sheet("FLOP/B", "I_ridge", "intensity at which compute and memory time are equal"),
    "step_latency": _sheet("s", "t_step", "time of one denoising step"),
    "step_flops": _sheet("FLOP", "F_step", "operations of one denoising step"),
    "fixed_flops": _sheet("FLOP", "F_fix", "operations outside the denoising loop"),
    "fixed_latency": _sheet("s", "t_fix", "time outside the denoising loop"),
    # Energy, carbon, cost.
    "power_draw": _sheet("W", "P_draw", "power of the device"),
    "total_power": _sheet("W", "P_tot", "power with the site's overhead"),
    "ops_per_second": _sheet("FLOP/s", "OPS", "operations a second"),
    "ops_per_inference": _sheet("FLOP", "OP_inf", "operations of one inference"),
    "inferences_per_second": _sheet("1/s", "IPS", "inferences a second"),
    "tokens_per_second": _sheet("1/s", "TPS", "tokens a second of one sequence"),
    "energy_wh": _sheet("Wh", "E_Wh", "energy in watt-hours"),
    "energy_kwh": _sheet("kWh", "E_kWh", "energy in kilowatt-hours"),
    "price": _sheet("USD/kWh", "c_el", "price of electricity"),
    "sram_bytes": _sheet("B", "Q_sram", "bytes moved to and from on-chip memory"),
    "dram_bytes": _sheet("B", "Q_dram", "bytes moved to and from off-chip memory"),
    # Quantisation.
    "clip": _sheet("1", "s", "clipping level, in units of the tensor"),
    "inside": _sheet("1", "P_in", "probability that a magnitude is at most the clipping level", maximum=1),
    "excess": _sheet("1", "M_2", "second moment of the magnitudes' excess over the clipping level"),
    "levels": _sheet("1", "c_q", "noise divisor: 3 for signed, 12 for unsigned values"),
    "variance": _sheet("1", "sigma^2", "variance of the tensor"),
    "mse": _sheet("1", "MSE", "mean squared quantisation error"),
    # Distributed.
    "throughput_n": _sheet("1/s", "X_n", "throughput of several devices"),
    "throughput_1": _sheet("1/s", "X_1", "throughput of one device"),
    "devices": _sheet("1", "n_dev", "devices that share the work", minimum=1),
    "transfer_time": _sheet("s", "t_x", "time of communication"),
    "bytes": _sheet("B", "Q", "bytes"),
    "shards": _sheet("1", "n_sh", "devices that train the same parameters", minimum=1),
    # Conversions.
    "value": _sheet("1", "x", "a number"),
    # Axes of network families.
    "width": Name(
        "architecture",
        "1",
        "alpha",
        "multiplier of the channels of a family; width of a feature map or image in sheet functions",
        positive=True,
        maximum=65536,
    ),
    "resolution": _count("architecture", "R", "side of the square input image, pixels", maximum=65536),
    "classes": _count("architecture", "K_cls", "classes of the classifier"),
    "in_channels": _count("architecture", "C_img", "channels of the input image"),
    "depth": _count("architecture", "D", "layers in the name of a network; blocks of a stage"),
    "expansion": _count("architecture", "t", "channels inside an inverted residual for each one that goes in"),
    "groups": _count("architecture", "G", "groups of a grouped convolution"),
    "width_per_group": _count("architecture", "C_G", "channels of one group at the first stage"),
    "layers": _count("architecture", "L", "transformer layers, or alike ones of another network"),
    "d_model": _count("architecture", "d", "width of the residual stream"),
    "heads": _count("architecture", "h", "attention heads"),
    "kv_heads": _count("architecture", "h_kv", "heads of keys and values"),
    "d_head": _count("architecture", "d_h", "dimension of one attention head"),
    "ffn": _count("architecture", "d_ff", "hidden width of the feed-forward network"),
    "gated": _flag("gate", "1: gated feed-forward network (three matrices), 0: plain (two)"),
    "vocab": _count("architecture", "V", "size of the vocabulary"),
    "all_logits": Name(
        "architecture", "1", "all", "1: logits of every token, as in training; 0: of the last", maximum=1, integer=True
    ),
    "tied": _flag("tie", "1: input and output embedding share one matrix"),
    "attention": Name(
        "architecture",
        "1",
        "att",
        "which positions attention reads: all, all through a sum that does not grow (linear), the last ones (window), "
        "or the first and the last ones (sinks)",
        choices=("softmax", "linear", "window", "sinks"),
    ),
    "sinks": _count("architecture", "N_sink", "attention sinks: first tokens that stay in the cache", minimum=0),
    "local_layers": _count("architecture", "L_loc", "layers that attend to a sliding window only", minimum=0),
    "window": _count("architecture", "N_win", "tokens of the sliding window, the current one included"),
    "positions": _count("architecture", "N_pos", "learned position embeddings; 0: none", minimum=0),
    "experts": _count("architecture", "E", "experts of a layer, of which each token uses some"),
    "active_experts": _count("architecture", "k_E", "experts that each token is routed to"),
    "shared_experts": _count("architecture", "E_sh", "experts that every token uses besides", minimum=0),
    "expert_ffn": _count("architecture", "d_E", "hidden width of one expert"),
    "first_dense_layers": _count("architecture", "L_dense", "first layers, without experts", minimum=0),
    "kv_lora_rank": _count("architecture", "r_kv", "rank of the compressed keys and values that are cached"),
    "q_lora_rank": _count("architecture", "r_q", "rank of the compressed queries"),
    "d_nope": _count("architecture", "d_nope", "features of a query or key of latent attention without position"),
    "d_rope": _count("architecture", "d_R", "rotary features of a query or key of latent attention"),
    "d_value": _count("architecture", "d_v", "features of a value of latent attention"),
    "norm_bias": _flag("b_norm", "1: layer norm (scale and shift), 0: RMS norm (scale)"),
    "qkv_bias": _flag("b_qkv", "1: queries, keys and values have biases"),
    "output_bias": _flag("b_o", "1: the output projection of attention has a bias"),
    "ffn_bias": _flag("b_ff", "1: the feed-forward matrices have biases"),
    "router_bias": _flag("b_r", "1: the router of the experts has a bias"),
    "head_bias": _flag("b_head", "1: the output embedding has a bias"),
    "sink_logits": _flag("s", "1: each head has a learned logit that stands for no token"),
    "qk_norm": _flag("n_qk", "1: queries and keys are normalised, head by head"),
    "post_norm": _flag("n_post", "1: attention and feed-forward network are normalised after them too"),
    "sum_norm": _flag("n_sum", "1: norms stand after the sums of a layer, none before its branches or after the last"),
    "d_embedding": _count("architecture", "d_emb", "features of an embedding that is projected to d_model and back"),
    "decoder_layers": _count("architecture", "L_dec", "layers of the decoder beside an encoder"),
    "parallel": _flag("par", "1: attention and feed-forward network run side by side on the same input"),
    "shared_norm": _flag("n_sh", "1: both branches of a parallel block read one norm"),
    "patch": _count("architecture", "p", "side of a patch, pixels"),
    "pre_norm": _flag("n_pre", "1: tokens are normalised before the first layer"),
    "patch_bias": _flag("b_p", "1: the patch embedding has a bias"),
    "class_position": _flag("b_cls", "1: the class token has a learned position too"),
    "layer_scale": _flag("n_ls", "1: each branch of a layer is scaled by a learned vector"),
    "projection": _count("architecture", "d_proj", "features of the embedding that a tower ends in"),
    "all_queries": _flag("q_all", "1: all positions of an attention pool ask; 0: the mean of them alone"),
    "final_norm": _flag("n_fin", "1: tokens are normalised after the last layer"),
    "token_types": _count("architecture", "N_type", "learned kinds of tokens; 0: none", minimum=0),
    "pooler": _flag("pool", "1: a linear layer reads the first token"),
    "position_buckets": _count("architecture", "N_buck", "learned relative positions; 0: none", minimum=0),
    "patches": _count(
        "architecture", "p_n", "parts along each side in which the first layers are run; 1: whole feature maps"
    ),
    "kernel": _count("architecture", "K", "side of a square kernel"),
    "depth_factor": Name("architecture", "1", "beta", "multiplier of the blocks of every stage", positive=True),
    "base_channels": _count("architecture", "C_1", "channels of the first stage, from which the others follow"),
    "stem_channels": _count("architecture", "C_0", "channels of the first convolution"),
    "last_channels": _count("architecture", "C_L", "channels of the last convolution"),
    "growth": _count("architecture", "k_g", "channels that each layer of a dense block adds"),
    "blocks": _count("architecture", "n_b", "blocks of each stage"),
    "batch_norm": _flag("bn", "1: a batch norm after every convolution"),
    "conv_bias": _flag("b_c", "1: convolutions keep their biases in front of a norm"),
    "minimalistic": _flag("min", "1: 3 x 3 kernels only, and no squeeze-and-excitation"),
    "auxiliary": _flag("aux", "1: the auxiliary classifier, which only training runs, is stored"),
    "initial_width": _count("architecture", "w_0", "channels of the first block of a RegNet"),
    "width_slope": Name("architecture", "1", "w_a", "channels that each further block of a RegNet asks for"),
    "width_ratio": Name(
        "architecture", "1", "w_m", "ratio of the widths of neighbouring stages of a RegNet", minimum=1
    ),
    "size": Name("architecture", "1", "size", "which table of its paper", choices=("small", "medium", "large")),
    "version": Name("architecture", "1", "v", "version of the network", minimum=1, maximum=2),
    "design": Name(
        "architecture",
        "1",
        "design",
        "searched list of blocks, by the name that its authors gave it",
        choices=("in0", "in1", "in2", "in3", "in4", "proxyless"),
    ),
    "time_steps": _count("architecture", "N_t", "time steps of a spectrogram"),
    "coefficients": _count("architecture", "N_f", "coefficients of each time step of a spectrogram"),
    "features_in": _count("architecture", "F_in", "features of the input vector"),
    "hidden": _count("architecture", "F_h", "features of the hidden layers"),
    "bottleneck": _count("architecture", "F_z", "features of the innermost layer of an autoencoder"),
    # Levers of every network.
    "separable": _flag("sep", "1: convolutions over space are depthwise and pointwise ones, but for the first layer"),
    "sparsity": Name(
        "architecture", "1", "s", "share of the weights of convolutions and linear layers that is pruned", maximum=1
    ),
    "sparsity_pattern": Name(
        "architecture",
        "1",
        "s_p",
        "where pruned weights are: anywhere, so many of every 4, or whole blocks",
        choices=("unstructured", "n:4", "structured"),
    ),
    # Video.
    "backbone": Name(
        "architecture",
        "1",
        "net",
        "two-dimensional network that sees each frame",
        choices=("resnet18", "resnet34", "resnet50", "resnet101", "mobilenet_v2"),
    ),
    "frames": _count("architecture", "T_f", "frames of one clip"),
    "clips": _count("architecture", "n_clip", "clips of a video whose results are averaged"),
    "views": _count("architecture", "n_view", "crops of each clip whose results are averaged"),
    "shift_share": Name("architecture", "1", "s_t", "share of the channels shifted in time", maximum=1),
    # Diffusion.
    "steps": _count("architecture", "T", "denoising steps"),
    "guidance": _count("architecture", "g", "network calls a step: 2 with classifier-free guidance", maximum=2),
    "latent_channels": _count("architecture", "C_lat", "channels of the latent image"),
    "image_decoder": _flag("dec", "1: the decoder from the latent image to pixels is counted too"),
    "attention_depth": _count("architecture", "n_att", "transformer layers after a residual block", minimum=0),
    "mid_depth": _count("architecture", "n_mid", "transformer layers between encoder and decoder", minimum=0),
    "d_text": _count("architecture", "d_text", "features of a token of the text that attention reads"),
    "d_added": _count("architecture", "d_add", "features of a further condition beside the time; 0: none", minimum=0),
    # Vision and language.
    "connector": Name(
        "architecture",
        "1",
        "conn",
        "what turns visual features into tokens of the decoder",
        choices=("projector", "resampler"),
    ),
    "fusion": Name(
        "architecture",
        "1",
        "fuse",
        "how the decoder reads visual tokens: before its own, or by layers of gated cross-attention",
        choices=("prefix", "cross_attention"),
    ),
    "images": _count("architecture", "N_img", "images of one request, or tiles of one picture"),
    "latents": _count("architecture", "N_lat", "visual tokens that a resampler makes, whatever it reads"),
    "resampler_depth": _count("architecture", "L_res", "layers of the resampler"),
    "resampler_width": _count("architecture", "d_res", "features inside the resampler"),
    "adapter_heads": _count("architecture", "h_x", "attention heads of resampler and cross-attention"),
    "adapter_d_head": _count("architecture", "d_x", "dimension of one such head"),
    "cross_every": _count("architecture", "n_x", "decoder layers for each layer of cross-attention"),
    # Points and voxels.
    "points": _count("architecture", "N_pt", "points of a cloud"),
    "voxels": _count("architecture", "R_vox", "side of the voxel grid"),
    "density": Name("architecture", "1", "rho", "share of voxels that hold a point", positive=True, maximum=1),
    "alignment": _flag("T-net", "1: networks predict transforms of the points and of their features"),
    # How the network is run.
    "batch": _count("deployment", "B", "units processed together by one replica", default=1),
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
    "context": _count(
        "circumstance", "N_ctx", "tokens in the cache when the token is made (decode), or in the prompt (prefill)"
    ),
    "source_tokens": _count("circumstance", "N_src", "tokens of the text that the encoder reads"),
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
    "lora_rank": _count(
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
    "tensor_parallel": _count("deployment", "n_t", "devices that each matrix is divided among", default=1),
    "pipeline_parallel": _count("deployment", "n_p", "devices that the layers are divided among, in turn", default=1),
    "expert_parallel": _count(
        "deployment", "n_e", "groups of devices that the experts and the batch are divided among", default=1
    ),
    "data_parallel": _count("deployment", "n_d", "replicas, each with a batch of its own", default=1),
    "micro_batches": _count(
        "deployment", "m", "parts of the batch that follow each other through the stages of a pipeline", default=1
    ),
    "pipeline_chunks": _count(
        "deployment", "v", "parts that each stage of a pipeline is cut into, in an interleaved schedule", default=1
    ),
    "zero_stage": _count(
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
    # Serving.
    "cache_reads": Name(
        "deployment",
        "1",
        "R_kv",
        "how attention reads the cache where heads share keys and values: once for those that share them, or, in older "
        "engines, once for every query head (with calibrated latency)",
        choices=("shared", "per_query_head"),
        default="shared",
    ),
    "chunk_tokens": _count("deployment", "N_chunk", "tokens of a prompt that are read beside the generated ones"),
    "in_flight": Name(
        "deployment",
        "1",
        "o_fl",
        "1: requests of a batch begin and end at different times (in-flight batching): the cache holds of each half "
        "of its output on average",
        maximum=1,
        integer=True,
        default=0,
    ),
    "page_tokens": _count("deployment", "N_page", "tokens of a page of the cache; 1: no page is part empty", default=1),
    "draft_tokens": _count(
        "deployment", "k", "tokens that a draft model proposes for each pass; 0: none", minimum=0, default=0
    ),
    "draft_params": _count("deployment", "P_draft", "parameters of the draft model", minimum=0, default=0),
    "acceptance": Name(
        "circumstance", "1", "alpha_d", "probability that a drafted token is accepted", maximum=0.999, default=0.7
    ),
    "prompt_tokens": _count("circumstance", "N_in", "tokens of the prompt of a request"),
    "output_tokens": _count("circumstance", "N_out", "tokens that a request generates"),
    "compute_efficiency": Name(
        "circumstance", "1", "eta_c", "share of the peak rate that is reached", positive=True, maximum=1, default=1.0
    ),
    "bandwidth_efficiency": Name(
        "circumstance",
        "1",
        "eta_b",
        "share of the memory bandwidth that is reached",
        positive=True,
        maximum=1,
        default=1.0,
    ),
    "memory_share": Name(
        "circumstance",
        "1",
        "mu",
        "share of the main memory that a model may fill",
        positive=True,
        maximum=1,
        default=0.9,
    ),
    "utilization": Name(
        "circumstance", "1", "U", "share of the thermal design power that is drawn", maximum=1, default=0.7
    ),
    "pue": Name(
        "circumstance",
        "1",
        "PUE",
        "power usage effectiveness of the site, or the name of a published one (dse list pue)",
        minimum=1,
        default=1.2,
    ),
    "carbon_intensity": Name(
        "circumstance", "g/kWh", "CI", "carbon dioxide equivalent of a kilowatt-hour", default=400.0
    ),
    "lifetime": Name(
        "circumstance",
        "s",
        "T_life",
        "time over which the price of an owned device is written off; by default 4 years",
        positive=True,
        default=4 * 365.25 * 24 * 3600.0,
    ),
    "busy_share": Name(
        "circumstance",
        "1",
        "f_busy",
        "share of its lifetime that an owned device works",
        maximum=1,
        positive=True,
        default=1.0,
    ),
    "electricity_price": Name("circumstance", "USD/kWh", "c_el", "price of a kilowatt-hour", default=0.20),
    "on_chip_reuse": Name(
        "circumstance",
        "1",
        "reuse",
        "1: what fits the on-chip memory stays there and takes no time of the bandwidth; 0: all bytes cross it",
        maximum=1,
        integer=True,
        default=0,
    ),
    "energy_profile": Name(
        "circumstance", "1", "profile", "technology of the energy of operations and bytes", default="horowitz-45nm"
    ),
    "region": Name(
        "circumstance", "1", "region", "country or cloud region that gives carbon intensity and electricity price"
    ),
    "software": Name(
        "deployment",
        "1",
        "software",
        "software that runs the network, where times are calibrated; auto: that with the least error on the device",
        default="auto",
    ),
    "latency_model": Name("circumstance", "1", "model", "which model of latency is used"),
    # Figures of a device.
    "peak_fp64": _rate("FLOP/s", "P_fp64", "dense peak rate, 64-bit float"),
    "peak_fp32": _rate("FLOP/s", "P_fp32", "dense peak rate, 32-bit float"),
    "peak_tf32": _rate("FLOP/s", "P_tf32", "dense peak rate, tf32"),
    "peak_fp16": _rate("FLOP/s", "P_fp16", "dense peak rate, 16-bit float, fp32 accumulation"),
    "peak_bf16": _rate("FLOP/s", "P_bf16", "dense peak rate, bfloat16"),
    "peak_fp8": _rate("FLOP/s", "P_fp8", "dense peak rate, 8-bit float"),
    "peak_int8": _rate("FLOP/s", "P_int8", "dense peak rate, 8-bit integer (operations a second)"),
    "peak_fp4": _rate("FLOP/s", "P_fp4", "dense peak rate, 4-bit float"),
    "peak_int4": _rate("FLOP/s", "P_int4", "dense peak rate, 4-bit integer (operations a second)"),
    "clock": _rate("Hz", "f", "clock behind the peak rates"),
    "bandwidth": _rate("B/s", "BW", "bandwidth of the main memory"),
    "memory_capacity": _rate("B", "M", "main memory"),
    "sram": _device("B", "M_sram", "on-chip memory that a model can use"),
    "sram_bank": _device("B", "M_bank", "largest contiguous part of the on-chip memory"),
    "last_level_cache": _device("B", "M_llc", "last on-chip cache"),
    "flash_capacity": _device("B", "M_flash", "program flash"),
    "tdp": _rate("W", "TDP", "thermal design power, or maximum or active power where the note says so"),
    "idle_power": _device("W", "P_idle", "power when idle"),
    "link_bandwidth": _rate("B/s", "BW_link", "bandwidth of the link between devices, one direction"),
    "embodied_carbon": _device("kg", "C_emb", "carbon dioxide equivalent of the making of one device"),
    "device_price": _device("USD", "c_dev", "price of one device"),
    "price_per_hour": _device("USD/h", "c_h", "rent of one device for an hour"),
    "die_area": _device("mm2", "A_die", "area of the die"),
    # Figures of a number format.
    "weight_bits": Name("precision", "bit", "w", "bits of one weight, scales included", positive=True),
    "activation_bits": Name("precision", "bit", "a", "bits of one activation", positive=True),
    "kv_bits": Name("precision", "bit", "kv", "bits of one cached key or value", positive=True),
    "group_size": Name(
        "precision",
        "1",
        "G_q",
        "weights that share scales; 0: one scale a tensor or channel, not counted",
        integer=True,
        default=0,
    ),
    "scale_bits": Name("precision", "bit", "b_s", "bits of the scales and offsets that a group shares", default=16),
    # Fitted to measurements: times in units of the datasheet's (2 MAC at the peak rate, a byte at the bandwidth).
    "matrix_cost": _cost("kappa_m", "time of a multiply-accumulate of a convolution or linear layer"),
    "product_cost": _cost("kappa_p", "time of a multiply-accumulate between activations"),
    "depthwise_cost": _cost("kappa_d", "time of a multiply-accumulate of a depthwise convolution"),
    "window_cost": _cost("kappa_w", "time of a byte of the windows that layers multiply"),
    "depthwise_traffic_cost": _cost("kappa_dt", "time of a byte of inputs and outputs of depthwise convolutions"),
    "stream_cost": _cost("kappa_s", "time of a byte of inputs and outputs of layers and fused passes"),
    "rearrange_cost": _cost("kappa_r", "time of a byte that pooling, concatenation, gates and copies move, besides"),
    "score_cost": _cost("kappa_a", "time of a byte of attention scores, where kernels write them"),
    "cache_cost": _cost("kappa_kv", "time of a byte of the key-value cache"),
    "weight_cost": _cost("kappa_W", "time of a byte of the weights"),
    "overlap": _cost("o", "1: computing hides behind reading, or the reverse; 0: both add up", maximum=1, integer=True),
    "resident_bytes": _cost("Q_W0", "bytes of the weights that stay on chip from call to call", "B"),
    "launch_time": _cost("t_0", "time to start one kernel", "s"),
    "call_time": _cost("t_c0", "time of a call beside its work", "s"),
    "active_power": _cost("P_act", "power of the measured system while it runs the network", "W"),
    "engine_code": _cost("S_code", "flash of the engine and of the generated code, beside the parameters", "B"),
    "engine_sram": _cost("M_eng", "on-chip memory of the engine beside the activations live at once", "B"),
    "engine_in_place": _cost(
        "o_dw", "1: the engine's depthwise convolution overwrites its input", maximum=1, integer=True
    ),
    "latency_spread": _cost("k_80", "factor that bounds 80 % of the errors on networks not fitted", minimum=1),
    # Joined by the grid.
    "device_count": _count("derived", "n_dev", "devices of one replica", default=1),
    "working_devices": _count(
        "derived", "n_w", "devices of one replica, where the network can be divided among them", default=1
    ),
    "tensor_shards": _count(
        "derived", "n_ts", "devices that each matrix is divided among, where the network can be divided so", default=1
    ),
    "cache_shards": _count("derived", "n_kv", "devices that the heads of keys and values are divided among", default=1),
    "hourly_cost": Name(
        "derived", "USD/h", "c_dev_h", "rent of one device for an hour, or its price for each hour that it works"
    ),
    "owned_tdp": Name(
        "derived", "W", "TDP_own", "thermal design power where the device is owned; 0 where it is rented"
    ),
    "mac_energy": Name("derived", "J", "e_mac", "energy of one multiply-accumulate in the format computed in"),
    "sram_energy": Name("derived", "J/B", "e_sram", "energy of one byte of on-chip memory"),
    "dram_energy": Name("derived", "J/B", "e_dram", "energy of one byte of off-chip memory"),
    "peak_ops": Name("derived", "FLOP/s", "P", "peak rate of the device at the format that it computes in"),
}


# Networks inside a network: their axes have the name of the tower before them.
TOWERS = {
    "second_text": "second text tower",
    "text": "text tower",
    "unet": "U-Net",
    "vision": "vision tower",
}

# Dynamic dimensions of an imported network, by the names that its file gives them.
_OF_FILE = re.compile(r"dim_[a-z0-9_]+")
_OF_STAGE = re.compile(r"(.+)_([1-9]\d*)")


def stage_of(name: str) -> tuple[str, int] | None:
    """The architecture name and the stage of a name such as "kernel_3"; None for any other.

    >>> stage_of("kernel_3"), stage_of("kernel")
    (('kernel', 3), None)
    """
    match = None if name in NAMES else _OF_STAGE.fullmatch(name)
    if match is None or not (match[1] in NAMES or tower_of(match[1])) or lookup(match[1]).kind != "architecture":
        return None
    return match[1], int(match[2])


def tower_of(name: str) -> tuple[str, str] | None:
    """The tower and the architecture name of an axis such as "vision_layers"; None for any other.

    >>> tower_of("vision_layers"), tower_of("layers")
    (('vision', 'layers'), None)
    """
    for tower in () if name in NAMES else TOWERS:
        base = name.removeprefix(f"{tower}_")
        if base != name and base in NAMES and NAMES[base].kind == "architecture":
            return tower, base
    return None


def find(name: str) -> Name | None:
    """The entry of a name, or of the axis of every stage that it belongs to; None for any other name."""
    try:
        return lookup(name)
    except InputError:
        return None


def lookup(name: str, where: str = "") -> Name:
    """The entry of a name; an unknown one raises InputError with the nearest.

    An architecture name of one stage ("kernel_3") has the entry of the name without the stage, and one of a tower
    ("vision_layers") that of the name without the tower; "dim_NAME" is a dynamic dimension of an imported network.
    """
    if (of_stage := stage_of(name)) is not None:
        base, stage = of_stage
        entry = lookup(base)
        return replace(entry, symbol=f"{entry.symbol},{stage}", meaning=f"{entry.meaning} (stage {stage})")
    if (of_tower := tower_of(name)) is not None:
        tower, base = of_tower
        entry = NAMES[base]
        return replace(entry, symbol=f"{entry.symbol},{tower}", meaning=f"{entry.meaning} ({TOWERS[tower]})")
    if name in NAMES:
        return NAMES[name]
    if _OF_FILE.fullmatch(name):
        return _count("architecture", f"n_{name[4:]}", "size of a dynamic dimension of an imported network")
    raise InputError(unknown("name", name, NAMES, where))
