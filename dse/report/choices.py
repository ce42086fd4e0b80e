"""Which axes of a result are choices of their own."""

from __future__ import annotations

import xarray as xr

NETWORK = "network"


def follows_network(designs: xr.Dataset, axis: str) -> bool:
    """Whether an axis is told by the name of the network: one of its shape, with one value for each of several."""
    if axis == NETWORK or NETWORK not in designs.coords:
        return False
    networks, values = (designs[n].values.astype(str) for n in (NETWORK, axis))
    found = {network: set(values[networks == network]) for network in set(networks)}
    return len(found) > 1 and all(len(own) == 1 for own in found.values()) and designs[axis].dtype.kind in "fi"
