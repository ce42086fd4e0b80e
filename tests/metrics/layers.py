"""Networks written down layer by layer with plain integers, and every metric worked out from them by hand.

Nothing here comes from the package: the arithmetic is that of the definitions (contract of the metrics), written out.
"""

from dataclasses import dataclass


@dataclass
class Layer:
    macs: int = 0
    weights: int = 0  # read in one pass: matrix, bias, norm
    moved: int = 0  # elements in and out
    out: int = 0  # elements out of convolutions, linear layers and attention products
    cache: int = 0  # elements of the cache, read and written
    times: int = 1


def conv(c_in, c_out, kernel, side_in, side_out, groups=1):
    weights = c_in // groups * c_out * kernel**2
    out = c_out * side_out**2
    # A batch norm after each convolution: scale and shift.
    return Layer(weights * side_out**2, weights + 2 * c_out, c_in * side_in**2 + out, out)


def linear(n_in, n_out, bias=1):
    return Layer(n_in * n_out, n_in * n_out + bias * n_out, n_in + n_out, n_out)


def elementwise(elements, inputs=2):
    return Layer(moved=(inputs + 1) * elements)


def pool(elements_in, elements_out):
    return Layer(moved=elements_in + elements_out)


def resnet50():
    layers = [conv(3, 64, 7, 224, 112), pool(64 * 112**2, 64 * 56**2)]
    channels, side = 64, 56
    for planes, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for block in range(blocks):
            step = stride if block == 0 else 1
            new = side // step
            layers += [conv(channels, planes, 1, side, side), conv(planes, planes, 3, side, new)]
            layers += [conv(planes, 4 * planes, 1, new, new)]
            if block == 0:
                layers.append(conv(channels, 4 * planes, 1, side, new))
            layers.append(elementwise(4 * planes * new**2))
            channels, side = 4 * planes, new
    return [*layers, pool(2048 * 7**2, 2048), linear(2048, 1000)]


def mobilenet_v2():
    layers = [conv(3, 32, 3, 224, 112)]
    channels, side = 32, 112
    for expansion, new_channels, blocks, stride in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)
    ):  # fmt: skip
        for block in range(blocks):
            step = stride if block == 0 else 1
            new, wide = side // step, expansion * channels
            if expansion > 1:
                layers.append(conv(channels, wide, 1, side, side))
            layers += [conv(wide, wide, 3, side, new, groups=wide), conv(wide, new_channels, 1, new, new)]
            if block:
                layers.append(elementwise(new_channels * new**2))
            channels, side = new_channels, new
    return [*layers, conv(320, 1280, 1, 7, 7), pool(1280 * 7**2, 1280), linear(1280, 1000)]


def llama_2_7b(context):
    """One token of decoding, its own position among the `context` ones."""
    d, ffn, vocab, depth = 4096, 11008, 32000, 32
    norm = Layer(weights=d, moved=2 * d)
    attention = Layer(
        macs=2 * context * d, moved=2 * d, out=32 * context + d, cache=context * 2 * d + 2 * d
    )  # scores of 32 heads and values; keys and values of the context read, those of the token written
    block = [
        norm, *[linear(d, d, 0)] * 3, attention, linear(d, d, 0), elementwise(d),
        norm, *[linear(d, ffn, 0)] * 2, elementwise(ffn), linear(ffn, d, 0), elementwise(d),
    ]  # fmt: skip
    row = Layer(weights=d, moved=d)  # one row of the embedding
    return [row, *block * depth, norm, linear(d, vocab, 0)]


def total(layers, what):
    return sum(getattr(layer, what) * layer.times for layer in layers)


def metrics(layers, network, device, *, w, a, batch=1, cache_held=0, in_place=True):
    """Every metric of one design that follows from counts and figures. `w`, `a` are bits; the cache has `a` too."""
    found = {"params": network["params"], "macs": total(layers, "macs"), "activations": total(layers, "out")}
    found |= {"weights_read": total(layers, "weights"), "activation_traffic": total(layers, "moved")}
    found |= {"cache_elements": cache_held, "cache_traffic": total(layers, "cache")}
    peak = network["peak_activations"]
    peak_in_place = network.get("peak_activations_in_place", peak)
    found |= {"peak_activations": peak, "peak_activations_in_place": peak_in_place}
    found["peak_activations_simple"] = network["peak_activations_simple"]
    found["flops"] = 2 * found["macs"]
    # Memory, bytes.
    found["model_size"] = found["flash"] = found["params"] * w / 8
    found["activation_memory"] = found["activations"] * batch * a / 8
    found["peak_activation_memory"] = peak * batch * a / 8
    found["peak_sram"] = (peak_in_place if in_place else peak) * batch * a / 8
    found["kv_cache"] = cache_held * batch * a / 8
    found["memory"] = found["model_size"] + found["kv_cache"] + found["peak_activation_memory"]
    if "memory_capacity" in device:
        found["memory_free"] = 0.9 * device["memory_capacity"] - found["memory"]
    if "sram_bank" in device:
        found["sram_free"] = device["sram_bank"] - found["peak_sram"]
        found["flash_free"] = device["flash_capacity"] - found["flash"]
    # Time, seconds.
    rate, bandwidth = device["peak_ops"], device["bandwidth"]
    found["weight_bytes"] = found["weights_read"] * w / 8
    found["activation_bytes"] = (found["activation_traffic"] + found["cache_traffic"]) * batch * a / 8
    found["bytes_moved"] = found["weight_bytes"] + found["activation_bytes"]
    found["compute_time"] = found["flops"] * batch / rate
    found["weight_time"] = found["weight_bytes"] / bandwidth
    found["activation_time"] = found["activation_bytes"] / bandwidth
    found["memory_time"] = found["weight_time"] + found["activation_time"]
    found["latency"] = max(found["compute_time"], found["memory_time"])
    found["arithmetic_intensity"] = found["flops"] * batch / found["bytes_moved"]
    found["ridge_point"] = rate / bandwidth
    found["compute_bound"] = float(found["arithmetic_intensity"] >= found["ridge_point"])
    found["peak_performance"] = rate
    return found | usage(found, device, batch)


def usage(found, device, batch):
    """What follows from the latency: throughput, energy (0.7 of the thermal design power), carbon, cost."""
    latency, result = found["latency"], {}
    result["throughput"] = batch / latency
    result["achieved_ops_per_second"] = found["flops"] * batch / latency
    result["power"] = device["tdp"] * 0.7
    result["total_power"] = watts = result["power"] * device["pue"]
    result["energy"] = watts * latency / batch
    result["energy_wh"] = result["energy"] / 3600
    result["carbon"] = result["energy_wh"] / 1000 * 400 / 1000  # 400 g/kWh
    result["electricity_cost"] = result["energy_wh"] / 1000 * 0.20  # USD/kWh
    result["ops_per_watt"] = result["achieved_ops_per_second"] / watts
    result["ops_per_wh"] = found["flops"] / result["energy_wh"]
    result["inferences_per_second_per_watt"] = result["throughput"] / watts
    return result


def decoding(found, device):
    """What has a meaning for a language model that decodes."""
    return {
        "time_per_token": found["latency"],
        "tokens_per_second": 1 / found["latency"],
        "tokens_per_second_per_watt": found["throughput"] / found["total_power"],
        "energy_per_token": found["energy"],
        "carbon_per_million_tokens": found["carbon"] * 1e6,
        "cost_per_million_tokens": device["price_per_hour"] / 3600 / found["throughput"] * 1e6,
    }


def per_op_latency(layers, device, *, w, a, batch=1):
    seconds = 0.0
    for layer in layers:
        moved = layer.weights * w / 8 + (layer.moved + layer.cache) * batch * a / 8
        seconds += layer.times * max(2 * layer.macs * batch / device["peak_ops"], moved / device["bandwidth"])
    return seconds
