"""Figures of devices and number formats, fitted constants, and what the grid joins from them."""

from __future__ import annotations

from dse.glossary.name import Name, cost, count, device, rate

# One peak for each format that devices multiply.
PEAKS: dict[str, Name] = {
    "peak_fp64": rate("FLOP/s", "P_fp64", "dense peak rate, 64-bit float"),
    "peak_fp32": rate("FLOP/s", "P_fp32", "dense peak rate, 32-bit float"),
    "peak_tf32": rate("FLOP/s", "P_tf32", "dense peak rate, tf32"),
    "peak_fp16": rate("FLOP/s", "P_fp16", "dense peak rate, 16-bit float, fp32 accumulation"),
    "peak_bf16": rate("FLOP/s", "P_bf16", "dense peak rate, bfloat16"),
    "peak_fp8": rate("FLOP/s", "P_fp8", "dense peak rate, 8-bit float"),
    "peak_int8": rate("OP/s", "P_int8", "dense peak rate, 8-bit integer (operations a second)"),
    "peak_fp4": rate("FLOP/s", "P_fp4", "dense peak rate, 4-bit float"),
    "peak_int4": rate("OP/s", "P_int4", "dense peak rate, 4-bit integer (operations a second)"),
}

HARDWARE: dict[str, Name] = {
    # Figures of a device.
    **PEAKS,
    "clock": rate("Hz", "f", "clock behind the peak rates"),
    "bandwidth": rate("B/s", "BW", "bandwidth of the main memory"),
    "memory_capacity": rate("B", "M", "main memory"),
    "sram": device("B", "M_sram", "on-chip memory that a model can use"),
    "sram_bank": device("B", "M_bank", "largest contiguous part of the on-chip memory"),
    "last_level_cache": device("B", "M_llc", "last on-chip cache"),
    "flash_capacity": device("B", "M_flash", "program flash"),
    "tdp": rate("W", "TDP", "thermal design power, or maximum or active power where the note says so"),
    "idle_power": device("W", "P_idle", "power when idle"),
    "link_bandwidth": rate("B/s", "BW_link", "bandwidth of the link between devices, one direction"),
    "embodied_carbon": device("kg", "C_emb", "carbon dioxide equivalent of the making of one device"),
    "device_price": device("USD", "c_dev", "price of one device"),
    "price_per_hour": device("USD/h", "c_h", "rent of one device for an hour"),
    "die_area": device("mm2", "A_die", "area of the die"),
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
    # Names that a number format has.
    "weight_format": Name(
        "format", "1", "", "how the values of weights are spaced", choices=("float", "integer", "codebook", "mixed")
    ),
    "compute": Name(
        "format",
        "1",
        "",
        "format that is multiplied",
        choices=tuple(n.removeprefix("peak_") for n in PEAKS),
    ),
    "weights": Name("format", "1", "", "file of weights whose quantisation noise is measured"),
    # Fitted to measurements: times in units of the datasheet's (2 MAC at the peak rate, a byte at the bandwidth).
    "matrix_cost": cost("kappa_m", "time of a multiply-accumulate of a convolution or linear layer"),
    "product_cost": cost("kappa_p", "time of a multiply-accumulate between activations"),
    "depthwise_cost": cost("kappa_d", "time of a multiply-accumulate of a depthwise convolution"),
    "window_cost": cost("kappa_w", "time of a byte of the windows that layers multiply"),
    "depthwise_traffic_cost": cost("kappa_dt", "time of a byte of inputs and outputs of depthwise convolutions"),
    "stream_cost": cost("kappa_s", "time of a byte of inputs and outputs of layers and fused passes"),
    "rearrange_cost": cost("kappa_r", "time of a byte that pooling, concatenation, gates and copies move, besides"),
    "score_cost": cost("kappa_a", "time of a byte of attention scores, where kernels write them"),
    "cache_cost": cost("kappa_kv", "time of a byte of the key-value cache"),
    "weight_cost": cost("kappa_W", "time of a byte of the weights"),
    "traffic_cost": cost("kappa_t", "time of a byte of activations that layers move together with their weights"),
    "overlap": cost("o", "1: computing hides behind reading, or the reverse; 0: both add up", maximum=1, integer=True),
    "resident_bytes": cost("Q_W0", "bytes of the weights that stay on chip from call to call", "B"),
    "launch_time": cost("t_0", "time to start one kernel", "s"),
    "call_time": cost("t_c0", "time of a call beside its work", "s"),
    "active_power": cost("P_act", "power of the measured system while it runs the network", "W"),
    "engine_code": cost("S_code", "flash of the engine and of the generated code, beside the parameters", "B"),
    "engine_sram": cost("M_eng", "on-chip memory of the engine beside the activations live at once", "B"),
    "engine_in_place": cost(
        "o_dw", "1: the engine's depthwise convolution overwrites its input", maximum=1, integer=True
    ),
    "latency_spread": cost("k_80", "factor that bounds 80 % of the errors on networks not fitted", minimum=1),
    # Joined by the grid.
    "device_count": count("derived", "n_dev", "devices of one replica", default=1),
    "working_devices": count(
        "derived", "n_w", "devices of one replica, where the network can be divided among them", default=1
    ),
    "tensor_shards": count(
        "derived", "n_ts", "devices that each matrix is divided among, where the network can be divided so", default=1
    ),
    "cache_shards": count("derived", "n_kv", "devices that the heads of keys and values are divided among", default=1),
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
