"""The phase "mixed": continuous batching with chunked prefill, in a steady state in which requests always wait.

The `batch` is the requests in flight. One of them at a time reads its prompt, `chunk_tokens` of it in a pass at most,
and in the same pass each of the others makes a token (Agrawal et al., "Taming throughput-latency tradeoff in LLM
inference with Sarathi-Serve", OSDI 2024, sec. 4). With P tokens of prompt, O of output and c of a part, a request takes
n = ceil(P / c) passes for its prompt, the last of which makes its first token, and O − 1 for the others. As many
requests must begin as end, so by Little's law there is one for every q = max(n, (n + O − 1) / batch) passes: no more
than prompts can be read, and no more than the batch holds. Of these q passes

- n have a part of a prompt (scope `joint_`), beside min(batch − 1, (O − 1) / n) tokens of other requests,
- q − n have none (scope `decode_`): the whole batch makes tokens. There are such where the batch is the limit.

The unit is one generated token with its share of the prompt, `batch` of which are made in q·batch / O passes:
`latency` is their time. Names with the prefix `chunk_` are those of a part of a prompt on its own, with the mean number
of tokens before it, `beside_` those of as many tokens as are made beside it, `decode_` of a token at the mean context.
Weights are read once for all that is in a pass. Attention of a prompt is counted as the full square, whole or in parts.
"""

from __future__ import annotations

import numpy as np

from dse.registry import metric, metrics


def parts_of_prompt(prompt_tokens, chunk_tokens):
    """Passes in which a prompt is read, as many tokens in each."""
    return np.ceil(prompt_tokens / chunk_tokens)


def tokens_beside(batch, output_tokens, prompt_passes):
    """Tokens of other requests in a pass that has a part of a prompt, on average."""
    # Never below 0; said so that it is known that times grow with those of passes.
    return np.maximum(np.minimum(batch - 1, (output_tokens - 1) / prompt_passes), 0.0)


def passes_without_prompt(passes_per_request, prompt_passes):
    """Passes without a part of a prompt, for each request that ends."""
    return np.maximum(passes_per_request - prompt_passes, 0.0)


@metric(unit="1", direction="min", domain="mixed")
def prompt_passes(prompt_tokens, chunk_tokens):
    """Passes in which a prompt is read, a part in each."""
    return parts_of_prompt(prompt_tokens, chunk_tokens)


@metric(unit="1", direction="min", domain="mixed")
def passes_per_request(prompt_passes, output_tokens, batch):
    """Passes for each request that ends: those of its prompt, or of all it needs its share in those of the batch."""
    return np.maximum(prompt_passes, (prompt_passes + output_tokens - 1) / batch)


@metric(unit="1", direction="max", domain="mixed")
def generating_sequences(output_tokens, passes_per_request):
    """Sequences of the batch that make a token in a pass, on average: few where prompts are the limit."""
    return (output_tokens - 1) / passes_per_request


WORK = """activations activation_traffic cache_traffic layer_macs depthwise_macs window_traffic depthwise_traffic
    streamed_traffic rearranged_traffic exchanged_elements routed_elements boundary_elements"""
ATTENTION = "product_macs attention_scores"
ONCE = "weights_read expert_weights_read index_bits_read exchanges routed_layers kernel_launches"


@metrics(WORK, "decode_{} chunk_{} batch output_tokens prompt_passes", phase="joint", unit="1", direction="min")
def of_tokens_and_part(token, part, batch, output_tokens, prompt_passes):
    """Of the tokens of a pass and of a part of a prompt, for each request of the batch."""
    return (token * tokens_beside(batch, output_tokens, prompt_passes) + part) / batch


@metrics(ATTENTION, "decode_{} prefill_{} batch output_tokens prompt_passes", phase="joint", unit="1", direction="min")
def of_tokens_and_share_of_square(token, prompt, batch, output_tokens, prompt_passes):
    """Of the tokens of a pass and of an even share of a whole prompt, for each request of the batch."""
    return (token * tokens_beside(batch, output_tokens, prompt_passes) + prompt / prompt_passes) / batch


@metric("macs", phase="joint", unit="1", direction="min", counted="MAC")
def joint_macs(decode_macs, chunk_macs, chunk_product_macs, prefill_product_macs, batch, output_tokens, prompt_passes):
    """Of the tokens of a pass and of a part of a prompt, for each request of the batch."""
    part = chunk_macs - chunk_product_macs + prefill_product_macs / prompt_passes
    return (decode_macs * tokens_beside(batch, output_tokens, prompt_passes) + part) / batch


@metric("repeated_cache_traffic", phase="joint", unit="1")
def joint_repeated_cache_traffic(decode_repeated_cache_traffic, batch, output_tokens, prompt_passes):
    """Of the tokens of a pass, for each request of the batch."""
    return decode_repeated_cache_traffic * tokens_beside(batch, output_tokens, prompt_passes) / batch


@metrics(ONCE, "beside_{} chunk_{}", phase="joint", unit="1", direction="min")
def once_for_both(token, part):
    """Of the larger of the two parts of a pass: of a mixture both together may touch a few more experts."""
    return np.maximum(token, part)


OF_PASSES = "joint_{} decode_{} batch output_tokens prompt_passes passes_per_request"


@metrics("macs saved_macs", OF_PASSES, phase="mixed", unit="1", direction="min", counted="MAC")
@metrics(f"{WORK} {ATTENTION} {ONCE} repeated_cache_traffic", OF_PASSES, phase="mixed", unit="1", direction="min")
@metrics("communication_time", OF_PASSES, phase="mixed", unit="s", direction="min")
@metrics("latency", OF_PASSES, phase="mixed", unit="s", direction="min", label="passes with and without a prompt")
def of_passes(joint, token, batch, output_tokens, prompt_passes, passes_per_request):
    """Of the passes in which as many tokens are made as the batch has requests."""
    alone = passes_without_prompt(passes_per_request, prompt_passes)
    return (joint * prompt_passes + token * alone) * batch / output_tokens


# Memory: the batch is full of requests at the end of their output, and one part of a prompt is worked at besides.


@metrics("cache_elements", "last_{}", phase="joint", unit="1", direction="min")
@metrics("cache_elements", "last_{}", phase="mixed", unit="1", direction="min")
@metric("cached_tokens", phase="mixed", unit="1", direction="min", domain="language", inputs="last_cached_tokens")
def when_the_last_is_made(last):
    """When the last token is made."""
    return last * 1.0


HELD = "peak_activations peak_activations_in_place peak_activations_simple"


@metrics(HELD, "last_{} chunk_{} batch", phase="joint", unit="1", direction="min")
@metrics(HELD, "last_{} chunk_{} batch", phase="mixed", unit="1", direction="min")
def with_share_of_part(token, part, batch):
    """Of a token of each request and of a part of a prompt, for each request of the batch."""
    return token + part / batch


@metric("sequence_activations", phase="mixed", unit="1", direction="min")
def mixed_sequence_activations(last_peak_activations):
    """Activations live at once of one token."""
    return last_peak_activations * 1.0


@metric("common_activations", phase="mixed", unit="1", direction="min")
def mixed_common_activations(chunk_peak_activations):
    """Activations live at once of a part of a prompt: one in a pass, whatever the batch."""
    return chunk_peak_activations * 1.0


# Times.


@metric("time_to_first_token", phase="mixed", unit="s", direction="min", domain="mixed")
def mixed_time_to_first_token(joint_latency, prompt_passes):
    """Time of the passes that read the prompt, once it is its turn: what it waits in a queue depends on arrivals."""
    return prompt_passes * joint_latency


@metric("time_per_token", phase="mixed", unit="s", direction="min", domain="mixed")
def mixed_time_per_token(joint_latency, decode_latency, batch, output_tokens, prompt_passes, passes_per_request):
    """Mean time between two tokens of one sequence, over passes with and without a part of a prompt.

    Of a single token it is that of a pass with a part.
    """
    beside = tokens_beside(batch, output_tokens, prompt_passes) * prompt_passes
    alone = passes_without_prompt(passes_per_request, prompt_passes) * batch
    none = 1.0 * np.greater_equal(1, output_tokens)
    return (joint_latency * (beside + none) + decode_latency * alone) / (beside + alone + none)
