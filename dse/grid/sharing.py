"""Whether several devices can share a network, and into how many parts they divide it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dse.glossary import SHARING
from dse.grid.labelled import Labelled, along
from dse.grid.plan import settings_of
from dse.grid.space import Space

# Inputs that are derived from them.
DIVIDED = ("working_devices", "tensor_shards", "cache_shards")
DERIVED = ("device_count", *DIVIDED)


def shared(space: Space, name: str) -> Labelled:
    """Devices of a replica, or parts of matrices or of the cache.

    All but `device_count` are NaN where the work cannot be divided so.
    """
    tensor, pipeline, expert = (_axis(space, n) for n in SHARING)
    heads = _cache_heads(space) if name == "cache_shards" else None
    if name in ("device_count", "working_devices"):
        parts = joined(space, lambda t, p, e: t * p * e, tensor, pipeline, expert)
    elif name == "tensor_shards":
        parts = tensor
    else:
        parts = (
            joined(space, lambda t: t * 0.0 + 1, tensor) if heads is None else joined(space, np.minimum, tensor, heads)
        )
    for _, refused in refusals(space) if name != "device_count" else ():
        parts = joined(space, lambda value, wrong: np.where(wrong, np.nan, value), parts, refused)
    return parts


def refusals(space: Space) -> Iterator[tuple[str, Labelled]]:
    """Why the work of some designs cannot be divided, each reason with where."""
    family = space.family
    if "several" not in settings_of(space):
        return
    for name in SHARING:
        parts, whole = _axis(space, name), family.divided.get(name, "")
        if space.axes[name].dim is None and not (parts.data > 1).any():
            continue
        if not whole:
            problem = f"{name} cannot divide the family {family.name}"
            yield problem, joined(space, lambda n: n > 1, parts)
        elif _is_missing(space, whole):
            yield f"{name} divides {whole}, and the network has none", joined(space, lambda n: n > 1, parts)
        else:
            yield _not_divided(space, name, whole)
            for other in _ALSO.get(name, ()):
                if other in family.axes and not _is_missing(space, other):
                    yield _not_divided(space, name, other)
    yield from _of_cache(space)
    yield from _of_batch(space)


# What else an axis divides, where it is given.
_ALSO = {"tensor_parallel": ("ffn", "expert_ffn"), "pipeline_parallel": ()}


def _not_divided(space: Space, name: str, whole: str) -> tuple[str, Labelled]:
    wrong = joined(space, lambda n, of: (n > 1) & (of % n != 0), _axis(space, name), _axis(space, whole))
    return f"{name} must divide {whole}", wrong


def _of_cache(space: Space) -> Iterator[tuple[str, Labelled]]:
    heads = _cache_heads(space)
    if heads is not None:
        wrong = joined(space, lambda n, h: (h % n != 0) & (n % h != 0), _axis(space, "tensor_parallel"), heads)
        yield "tensor_parallel must divide kv_heads, or be a multiple of them", wrong


def _of_batch(space: Space) -> Iterator[tuple[str, Labelled]]:
    batch, parts, groups = (_axis(space, n) for n in ("batch", "micro_batches", "expert_parallel"))
    wrong = joined(space, lambda b, m, e: b % (m * e) != 0, batch, parts, groups)
    yield "micro_batches × expert_parallel must divide batch", wrong


def _cache_heads(space: Space) -> Labelled | None:
    """Heads of keys and values; None where these cannot be divided: latents, which belong to all heads."""
    if "kv_heads" not in space.family.axes or not _is_missing(space, "kv_lora_rank"):
        return None
    return _axis(space, "heads" if _is_missing(space, "kv_heads") else "kv_heads")


def _is_missing(space: Space, name: str) -> bool:
    return name not in space.axes or space.axes[name].values[0] is None


def _axis(space: Space, name: str) -> Labelled:
    axis = space.axes[name]
    return along(axis.dim, axis.numbers)


def joined(space: Space, function: Callable[..., Any], *values: Labelled) -> Labelled:
    """A function of values, over the dimensions of all of them in the order of the space."""
    dims = tuple(d for d in space.dims if any(d in v.dims for v in values))
    return Labelled(dims, np.asarray(function(*(v.over(dims) for v in values))))
