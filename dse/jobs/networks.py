"""The networks of a spec: one, several to choose from, a mix by weight, or all together on one device."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePath
from typing import Any

from dse import glossary, units
from dse.errors import Fault, InputError
from dse.grid.blend import LOAD, Blend, Member, rules_of
from dse.grid.blocks import Alone, Grid
from dse.grid.plan import by_recipe
from dse.grid.program import PHASE_AXIS
from dse.grid.quality import recipe_key
from dse.grid.space import NETWORK, RECIPE, Axis, Space
from dse.jobs.adapters import adapter_faults
from dse.jobs.axes import collect
from dse.jobs.catalogues import CURRENT, Catalogues
from dse.jobs.names import check_name, repeated
from dse.jobs.quality import Table
from dse.jobs.settings import RUN_AXES, takes
from dse.jobs.sharing import blend_faults
from dse.jobs.spaces import Draft, Shared, find_network, read_space, recipe_faults
from dse.jobs.spec import Network, Spec
from dse.networks import Family
from dse.pareto.cut import Budget, make_budget


@dataclass(frozen=True)
class Networks:
    """What a spec says of its networks, as far as it is right; names are "" for one alone."""

    spec: Spec
    drafts: Mapping[str, Draft]
    weights: Mapping[str, float]
    rates: Mapping[str, float]
    own_budgets: tuple[Budget, ...]

    @property
    def left_out(self) -> Mapping[str, tuple[str, ...]]:
        """Devices left out for want of figures: the same for all networks."""
        return next(iter(self.drafts.values())).left_out

    @property
    def selected(self) -> Mapping[str, Sequence[str]]:
        """Devices and regions that the spec selects, those left out among them: the same for all networks."""
        return next(iter(self.drafts.values())).selected

    @property
    def size(self) -> int:
        """Number of designs."""
        sizes = [draft.size for draft in self.drafts.values()]
        if self.spec.workload.combine == "choose" or len(sizes) == 1:
            return sum(sizes)
        size = 1
        for values in self.axes().values():
            size *= len(values) if isinstance(values, list) else 1
        return size

    def axes(self) -> dict[str, Any]:
        """Values of every axis that designs differ in or were given, under the names of the result."""
        found: dict[str, Any] = {NETWORK: list(self.drafts)} if self._is_choice else {}
        if self.recipes:
            found[RECIPE] = list(dict.fromkeys(self.recipes.values()))
        for name, draft in self.drafts.items():
            for axis, values in draft.axes.items():
                own = self._is_blend and axis in glossary.NAMES and glossary.NAMES[axis].kind == "architecture"
                full = f"{name}.{axis}" if own else axis
                if not isinstance(found.get(full), list):
                    found[full] = values
        return found

    @cached_property
    def recipes(self) -> dict[str, str]:
        """Data set and recipe of each network's accuracies where designs are judged by several; else empty."""
        asked = self.spec.objectives
        # A table of the user's own is one recipe.
        if not self._is_choice or self.spec.quality.table is not None or not by_recipe(asked.minimize + asked.maximize):
            return {}
        found = {name: recipe_key(draft.space) for name, draft in self.drafts.items() if draft.family}
        return found if len(set(found.values())) > 1 else {}

    @property
    def _is_choice(self) -> bool:
        return "" not in self.drafts and not self._is_blend

    @property
    def _is_blend(self) -> bool:
        return "" not in self.drafts and self.spec.workload.combine != "choose"

    def known_axes(self) -> list[str]:
        """Every axis of the families."""
        return [n for d in self.drafts.values() if d.family for n in d.family.axes]

    def spaces(self) -> list[Space]:
        """The space of each network; where there are several its name is an axis, and its recipe where it tells."""
        return [self._named(name, draft.space) for name, draft in self.drafts.items()]

    def _named(self, name: str, space: Space) -> Space:
        own = {NETWORK: name, RECIPE: self.recipes.get(name, "")}
        return replace(space, axes={**{n: Axis(n, (v,), None) for n, v in own.items() if v}, **space.axes})

    def grids(self, table: Table | None) -> tuple[Grid, ...]:
        """The grids that the designs are in: one a network to choose from, else a single one."""
        spaces = [table.given_to(space) if table else space for space in self.spaces()]
        if not self._is_blend:
            return tuple(Alone(space, name) for space, name in zip(spaces, self.drafts, strict=True))
        members = tuple(
            Member(space, name, self.weights.get(name, 1.0), self.rates.get(name, 0.0))
            for space, name in zip(spaces, self.drafts, strict=True)
        )
        how = self.spec.workload
        return (Blend(members, how.combine, rules_of(how.combine, how.arena)),)

    def budgets(self) -> tuple[Budget, ...]:
        """Budgets of single networks, and that the device has time for all of them."""
        if not self.rates:
            return self.own_budgets
        return (*self.own_budgets, Budget(LOAD, high=1.0, label="Σ rate × latency"))


def read_networks(
    spec: Spec, metrics: Sequence[str], faults: list[Fault], catalogues: Catalogues = CURRENT
) -> Networks:
    """Look up everything that makes the networks; faults are noted, and what is right is kept.

    `metrics` decide which figures a device must have.
    """
    several = dict(zip(_names(spec.networks, faults), spec.networks, strict=True)) or {"": spec.network}
    for path in (network.model or "" for network in several.values()):
        # What a network is called by itself the schema has looked at.
        if check_name(path, "network.model", faults):
            check_name(PurePath(path).name, "network.model", faults)
    families = {name: find_network(network, [], catalogues)[0] for name, network in several.items()}
    budgets = {name: _budgets(name, network, faults) for name, network in several.items()}
    own = tuple(b for found in budgets.values() for b in found)
    own += tuple(_dotted_budgets(spec, several, faults))
    needed = list(dict.fromkeys([*(m.rpartition(".")[2] for m in metrics), *(b.metric for b in own)]))
    kinds = [family for family in families.values() if family]
    taken = {n for n in RUN_AXES if any(takes(family, n) for family in kinds)}
    drafts: dict[str, Draft] = {}
    shared = Shared(spec, catalogues)
    told: set[str] = set()
    for name, network in several.items():
        deployment = _meant_for(families[name], taken, spec.deployment)
        alone = spec.model_copy(update={"network": network, "networks": [], "deployment": deployment})
        found: list[Fault] = []
        drafts[name] = read_space(alone, needed, found, catalogues, name, shared=shared)
        # What is wrong with the tables that all networks share is told once.
        faults += [_placed(f, name) for f in found if f.where not in told]
        told |= {f.where for f in found if not _is_own(f)}
    weights, rates = (_numbers(spec, several, key, faults) for key in ("weight", "rate"))
    networks = Networks(spec, drafts, weights, rates, own)
    faults += recipe_faults(spec, [draft.family for draft in drafts.values() if draft.family])
    if networks._is_blend:
        faults += _blend_faults(spec, networks)
    elif spec.workload.arena != "shared" or ("" in several and spec.workload.combine != "choose"):
        faults.append(Fault("workload", 'is about several [[network]]; arena about those with combine = "together"'))
    if not faults:
        faults += adapter_faults(networks.spaces(), each=networks._is_blend)
    return networks


def _names(networks: Sequence[Network], faults: list[Fault]) -> list[str]:
    names = [n.name or PurePath(n.model or n.family or "").name for n in networks]
    for name in repeated(names):
        faults.append(Fault("network", f"several networks are called {name!r}; give each a name of its own"))
    first = {name: i for i, name in reversed([*enumerate(names)])}
    return [n if n and first[n] == i else f"{i + 1}" for i, n in enumerate(names)]


def _is_own(fault: Fault) -> bool:
    return fault.where == "network" or fault.where.startswith("network.")


def _placed(fault: Fault, name: str) -> Fault:
    """The fault of one of several networks, under its name."""
    if not name or not _is_own(fault):
        return fault
    return fault.at(f"network.{name}{fault.where.removeprefix('network')}")


def _meant_for(family: Family | None, taken: Collection[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """The deployment without settings that another of the networks takes (`taken`) and this one does not."""
    foreign = {n for n in taken if family and not takes(family, n)}
    return {n: v for n, v in given.items() if n not in foreign}


def _budgets(name: str, network: Network, faults: list[Fault]) -> list[Budget]:
    """The budgets of one network."""
    table = f"network.{name}.budgets" if name else "network.budgets"
    given = network.budgets.items()
    made = [collect(faults, "", make_budget, metric, limit, f"{table}.{metric}") for metric, limit in given]
    return [replace(b, network=name) for b in made if b is not None]


def network_names(spec: Spec) -> frozenset[str]:
    """Names of the networks of a spec that has several."""
    return frozenset(_names(spec.networks, []))


def split_metric(networks: Collection[str], name: str) -> tuple[str, str]:
    """Network and metric that "person.accuracy" stands for, one of several networks; else "" and the name."""
    network, _, metric = name.rpartition(".")
    return (network, metric) if network in networks else ("", name)


def _dotted_budgets(spec: Spec, networks: Mapping[str, Network], faults: list[Fault]) -> Iterator[Budget]:
    """The budgets of single networks among those of the whole job: "person.accuracy" = 70."""
    names = network_names(spec)
    for name, limit in spec.budgets.items():
        network, metric = split_metric(names, name)
        made = collect(faults, "", make_budget, metric, limit, f"budgets.{name}") if network else None
        if made is not None:
            yield replace(made, network=network)


# Numbers of each of several networks: the unit, and how networks are combined that need it.
_UNITS = {"weight": ("1", "mix"), "rate": ("1/s", "together")}


def _numbers(spec: Spec, networks: Mapping[str, Network], key: str, faults: list[Fault]) -> dict[str, float]:
    unit, combine = _UNITS[key]
    found: dict[str, float] = {}
    for name, network in networks.items():
        given, where = getattr(network, key), f"network.{name}.{key}" if name else f"network.{key}"
        if given is None:
            continue
        if spec.workload.combine != combine or not name:
            faults.append(
                Fault(where, f'has a meaning for several [[network]] with workload.combine = "{combine}" only')
            )
        elif (value := collect(faults, where, units.quantity, given, unit)) is not None:
            if value > 0:
                found[name] = value
            else:
                faults.append(Fault(where, f"{given!r} is not allowed; allowed: a number above 0"))
    stated = {name for name, network in networks.items() if getattr(network, key) is not None}
    if 0 < len(stated) == len(found):
        # One without a rate would take no time, one without a weight would weigh 1, in silence.
        lacking = [name for name in networks if name not in stated]
        faults += [Fault(f"network.{name}.{key}", "is missing, and other networks have one") for name in lacking]
    return found


def _blend_faults(spec: Spec, networks: Networks) -> list[Fault]:
    faults = []
    combine = spec.workload.combine
    for name, values in networks.axes().items():
        network = name.rpartition(".")[0]
        if combine == "mix" and network in networks.drafts and isinstance(values, list) and len(values) > 1:
            faults.append(Fault(f"network.{name}", "a mix takes each network at one architecture; give one value"))
    phases = spec.deployment.get(PHASE_AXIS)
    if isinstance(phases, list) and len(phases) > 1:
        faults.append(Fault(f"deployment.{PHASE_AXIS}", f"several networks ({combine}) work in one phase; give one"))
    faults += list(blend_faults(next(iter(networks.drafts.values())).axes))
    if combine == "mix" and spec.workload.arena != "shared":
        faults.append(Fault("workload.arena", 'has a meaning with combine = "together" only'))
    return faults


def unblendable(spec: Spec, grids: Sequence[Grid], objectives: Sequence[str], budgets: Sequence[Budget]) -> list[Fault]:
    """Faults of metrics that have no meaning for several networks at once."""
    faults: list[Fault] = []
    networks = network_names(spec)
    asked = {"objectives": objectives, "budgets": [b.metric for b in budgets], "output.metrics": spec.output.metrics}
    for blend in grids:
        if isinstance(blend, Blend):
            for where, names in asked.items():
                for name in (n for n in names if not split_metric(networks, n)[0]):
                    try:
                        blend.bases(name)
                    except InputError as error:
                        first = blend.members[0].name
                        hint = f"name that of one network ({first}.{name}), or give each network a budget of it"
                        faults += [f.at(where).adding(f"; {hint}") for f in error.faults]
    return faults
