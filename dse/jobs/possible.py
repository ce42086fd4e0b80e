"""Whether the axes of a spec make any network at all: where they do not, the spec is wrong, and no budget too tight."""

from __future__ import annotations

from dse.errors import Fault, InputError
from dse.grid.blend import Blend
from dse.grid.counting import of_networks
from dse.grid.reasons import NO_NETWORK, example, without_network
from dse.grid.space import Space
from dse.jobs.resolve import Job
from dse.pareto.regions import thinned

# Networks looked at in one go, and of how many every one is: of more a coarse grid tells, and only that there is one.
TILE, MOST = 4096, 10**7


def check_networks(job: Job) -> None:
    """Raise InputError where no design of a job has a network.

    Of several to choose from one is enough; of networks that run together, or are mixed, each is needed.
    """
    found = {name: _why_none(space) for name, space in job.networks.items()}
    wrong = [(name, why) for name, why in found.items() if why]
    if not wrong or (len(wrong) < len(found) and not isinstance(job.grids[0], Blend)):
        return
    faults = [
        Fault(f"network.{name}" if name else "network", f"no design of the space is possible: {why}")
        for name, why in wrong
    ]
    raise InputError(faults).at(job.origin)


def _why_none(space: Space) -> str:
    """What is wrong with the first network of a space that has none that can be built; "" where there is one."""
    networks = of_networks(space)
    coarse = thinned(networks, TILE).space
    wrong = without_network(coarse)
    if not wrong.data.all() or networks.size > MOST:
        return ""
    if networks.size > coarse.size and not all(without_network(t).data.all() for _, t in networks.tiles(TILE)):
        return ""
    return f"{NO_NETWORK}; the first: {example(coarse, wrong)}"
