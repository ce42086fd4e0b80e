"""Low-rank adapters that a network has no matrices for: designs that ask for them are undefined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from dse.glossary import lookup
from dse.grid.counting import count
from dse.grid.inputs import leaf
from dse.grid.labelled import Labelled
from dse.grid.plan import make_plan
from dse.grid.sharing import joined
from dse.grid.space import Space
from dse.networks.registration import FAMILIES

RANK, TARGETS = "lora_rank", "lora_targets"
# Parameters of adapters of rank 1, by the matrices that they stand beside.
FEATURES = {target: f"adapter_features_{target}" for target in lookup(TARGETS).choices}
_MATRICES = {"qv": "of queries and values", "all": "but classifiers"}
_UNTOLD = {
    "qv": "does not show which matrices are those of queries and values",
    "all": "shows no matrices but classifiers, or not of every linear layer which matrix it has",
}


def rank_of(space: Space, counted: Mapping[str, Labelled]) -> Labelled:
    """The rank of the adapters, NaN where the network has no matrices for them.

    `counted` are counts of the space, which are not made again where they are among them.
    """
    rank = leaf(space, RANK)
    for _, refused in refusals(space, counted):
        rank = joined(space, lambda value, wrong: np.where(wrong, np.nan, value), rank, refused)
    return rank


def refusals(space: Space, counted: Mapping[str, Labelled] | None = None) -> Iterator[tuple[str, Labelled]]:
    """Designs with adapters that the network has no matrices for, each reason with where."""
    if not np.any(space.axes[RANK].numbers):
        return
    chosen = space.axes[TARGETS].numbers
    if counted is None or not set(FEATURES.values()) <= set(counted):
        counted = count(space, make_plan(FEATURES.values()))
    for number, (target, name) in enumerate(FEATURES.items()):
        # Only where networks have none: there may be a dimension more than ranks have.
        if number not in chosen or not (counted[name].data == 0).any():
            continue
        refused = joined(
            space,
            lambda rank, targets, features, number=number: (rank > 0) & (targets == number) & (features == 0),
            leaf(space, RANK),
            leaf(space, TARGETS),
            counted[name],
        )
        if refused.data.any():
            yield _told(space, target, counted), refused


def _told(space: Space, target: str, counted: Mapping[str, Labelled]) -> str:
    others = [t for t, name in FEATURES.items() if t != target and target != "all" and (counted[name].data > 0).any()]
    hint = f' (try {TARGETS} = "{others[0]}")' if others else ""
    if FAMILIES.get(space.family.name) is not space.family:
        return f"the file of this network ({space.model or space.family.name}) {_UNTOLD[target]}{hint}"
    return f"this network ({space.model or space.family.name}) has no matrices {_MATRICES[target]}{hint}"
