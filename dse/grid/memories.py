"""What a byte of main memory costs: a published figure of its kind or line, of a memory named, or of a technology."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dse.errors import few
from dse.grid.labelled import Labelled, places
from dse.grid.space import Axis, Space
from dse.profiles import Memory, kind_of, usual_memory

MEMORY_AXIS = "memory_profile"
# Of the kind that each device has, or the nearest of its line; of the energy profile.
AUTO, OF_PROFILE = "auto", "energy_profile"


def memory_taken(space: Space, device: str, chosen: str) -> Memory | None:
    """The memory whose energy stands for that of a device; None where that of the energy profile does."""
    if chosen == OF_PROFILE:
        return None
    return usual_memory(space.devices[device].memory_type, space.memories) if chosen == AUTO else space.memories[chosen]


def dram_energy(space: Space, profile: Axis) -> Labelled:
    """Joules of one byte of main memory, over devices, memories that are named, and energy profiles."""
    axes = (space.axes["device"], space.axes[MEMORY_AXIS], profile)
    (devices, memories, profiles), where = zip(*(places(a.dim, a.values) for a in axes), strict=True)
    table = np.empty((len(devices), len(memories), len(profiles)))
    for i, device in enumerate(devices):
        for j, chosen in enumerate(memories):
            taken = memory_taken(space, device, chosen)
            table[i, j] = [space.profiles[p].dram if taken is None else taken.energy for p in profiles]
    dims = tuple(d for d in space.dims if any(d == a.dim for a in axes))
    return Labelled(dims, np.asarray(table[tuple(w.over(dims) for w in where)]))


def memory_text(space: Space, device: str, chosen: str, profile: str) -> str:
    """What a byte of main memory of a device is charged, in words, and why where nothing of its kind is published."""
    taken, kind = memory_taken(space, device, chosen), space.devices[device].memory_type
    if taken is not None:
        text = f"{taken.name}, {taken.energy * 1e12:.4g} pJ/B, {taken.what} ({taken.source})"
        other = chosen == AUTO and kind_of(kind) != taken.kind
        return f"{text}, since nothing of {kind} is published" if other else text
    text = f"that of the energy profile {profile}, {space.profiles[profile].dram * 1e12:.4g} pJ/B"
    if chosen == OF_PROFILE:
        return text
    return f"{text}: " + (f"nothing of the line of {kind} is published" if kind else "the kind of memory is not stated")


def memory_texts(space: Space, profiles: Sequence[str]) -> list[str]:
    """The same of all devices of a space, those that are charged alike together.

    Where no kind of memory is stated and none is named, the energy profile alone tells it.
    """
    found: dict[str, dict[str, None]] = {}
    for device in space.axes["device"].values:
        for chosen in space.axes[MEMORY_AXIS].values:
            if not memory_taken(space, device, chosen) and not space.devices[device].memory_type:
                continue
            for profile in profiles:
                found.setdefault(memory_text(space, device, chosen, profile), {})[device] = None
    return [f"a byte of main memory is charged {text}: {few(devices)}" for text, devices in found.items()]
