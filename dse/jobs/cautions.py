"""What is said of a network beside its numbers: contexts longer than a model was made for, counts that are rounded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dse.errors import InputError
from dse.grid.counting import REQUEST, is_request, of_networks
from dse.grid.evaluate import evaluate_values
from dse.grid.reasons import without_network
from dse.grid.space import Space
from dse.jobs.catalogues import CURRENT, Catalogues
from dse.networks.models import Model
from dse.networks.tracing import LARGEST_COUNT
from dse.pareto.regions import thinned

# Networks whose MACs are looked at: of more, both ends of every axis and values between them; of more ends than that,
# those that one axis after another leads to.
MOST_NETWORKS = 1024


def cautions(space: Space, catalogues: Catalogues = CURRENT) -> list[str]:
    """What whoever reads the metrics of a space, or of any of its designs, has to know of its network."""
    return [
        *_of_context(space, catalogues),
        *_of_file(space, catalogues),
        *_of_draft(space),
        *_of_rounding(space),
        *_of_adapters(space),
    ]


def _of_context(space: Space, catalogues: Catalogues) -> Iterator[str]:
    """That the longest context is beyond the one that is published of the model."""
    model, longest = _model(space, catalogues), _longest(space)
    known = model.published.get("context") if model and longest else None
    if known is not None and longest > known.value:
        yield (
            f"a context of {longest:,.0f} tokens is beyond the {known.value:,.0f} that {space.model} was made for "
            f"({known.source}): costs are those of the formulas, answers may be worthless"
        )


def _of_file(space: Space, catalogues: Catalogues) -> Iterator[str]:
    """What was remarked when a network was read from its own file: operators that are not known, a fixed batch."""
    model = _model(space, catalogues)
    if model is not None and model.own_family is not None and model.note:
        yield f"{model.name}: {model.note}"


def _of_draft(space: Space) -> Iterator[str]:
    """That tokens are drafted by something that takes no time."""
    tokens, params = (space.axes[n].values if n in space.axes else (0,) for n in ("draft_tokens", "draft_params"))
    if any(tokens) and not all(params):
        yield "draft_tokens without draft_params: proposing these tokens costs nothing here"


def _model(space: Space, catalogues: Catalogues) -> Model | None:
    """The model of a space; None without one, and where the file of a result that is cut again is gone."""
    try:
        return None if space.model is None else catalogues.find_model(space.model)
    except InputError:
        return None


def _longest(space: Space) -> float:
    """The most tokens in the context of any design; 0 where the network has none."""
    names = REQUEST if is_request(space) else ("context",)
    axes = [space.axes[n].values for n in names if n in space.axes]
    return float(sum(max((v for v in values if v is not None), default=0) for values in axes))


def _of_rounding(space: Space) -> Iterator[str]:
    """That MACs are so many that float64 does not hold each of them."""
    part = thinned(of_networks(space), MOST_NETWORKS).space
    if part.size > MOST_NETWORKS and not part.is_list:
        part = _with_most_macs(part)
    # Of a network that is refused no work is counted.
    refused = without_network(part).over(part.dims)
    counted = evaluate_values(part, ["macs"], engine="plain")["macs"]
    macs = np.where(refused, np.nan, counted.over(part.dims))
    yield from _of_batch(space, part, np.nanmax(macs, initial=0.0))
    if np.any(macs > LARGEST_COUNT):
        yield (
            f"{np.nanmax(macs):.4g} MACs of {space.model or space.family.name} are beyond 2^53: work of so many is "
            "rounded to the nearest float64, with a relative error of at most 1.1e-16"
        )


def _of_batch(space: Space, part: Space, macs: float) -> Iterator[str]:
    """That a batch holds so much that float64 does not hold each element of it; `macs` are the most of a sample."""
    batch = max((v for v in space.axes["batch"].values if v is not None), default=1) if "batch" in space.axes else 1
    # No sample holds more elements than it has MACs, or than memories do.
    if batch * max(macs, 2.0**40) <= LARGEST_COUNT:
        return
    held = evaluate_values(part, ["peak_activations", "cache_elements"], engine="plain")
    most = max(float(np.nanmax(v.data, initial=0.0)) for v in held.values())
    if batch * most > LARGEST_COUNT:
        yield (
            f"a batch of {batch:,.0f} holds {batch * most:.4g} elements, beyond 2^53: memory of so many is rounded to "
            "the nearest float64, with a relative error of a few 1.1e-16"
        )


def _with_most_macs(space: Space) -> Space:
    """A list of designs: some at random, two opposite corners, and each with the ends of axes that have more MACs.

    Where every axis has its effect on MACs in one direction, the most of all are among them.
    """
    sizes = np.array(list(space.sizes.values()))
    corners = np.array([np.zeros(len(sizes), dtype=int), sizes - 1])

    def listed(rows: np.ndarray) -> Space:
        return space.designs(np.ravel_multi_index(tuple(rows.T), tuple(sizes)))

    # Of each corner: itself, and with the other end of each axis in turn.
    turned = np.where(np.eye(len(sizes), dtype=bool), corners[::-1, None], corners[:, None])
    near = np.concatenate([corners[:, None], turned], axis=1)
    macs = evaluate_values(listed(near.reshape(-1, len(sizes))), ["macs"], engine="plain")["macs"]
    itself, *others = np.broadcast_to(macs.data, near.shape[0] * near.shape[1]).reshape(len(corners), -1).T
    best = np.where(np.column_stack(others) > itself[:, None], corners[::-1], corners)
    some = np.random.default_rng(0).integers(0, sizes, (MOST_NETWORKS, len(sizes)))
    return listed(np.concatenate([corners, best, some]))


def _of_adapters(space: Space) -> Iterator[str]:
    """That of queries and values only the queries of latent attention have a matrix of their own."""
    given = {
        n: space.axes[n].values for n in ("lora_rank", "lora_targets", "kv_lora_rank", "q_lora_rank") if n in space.axes
    }
    if "kv_lora_rank" not in given or None in given["kv_lora_rank"] or given["q_lora_rank"] != (None,):
        return
    if any(rank > 0 for rank in given["lora_rank"]) and "qv" in given["lora_targets"]:
        yield (
            'with lora_targets = "qv" adapters stand beside the matrices of queries alone: the values of latent '
            "attention share a matrix with the keys"
        )
