"""From a spec to a job: names looked up, values parsed, every fault collected before anything is computed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from dse import glossary, registry
from dse.errors import Fault, InputError, few, nearest, unknown
from dse.grid.blend import Blend
from dse.grid.blocks import Grid
from dse.grid.inputs import RENT_AXIS
from dse.grid.quality import with_sources
from dse.grid.space import CATALOGUE_AXES, NETWORK, RECIPE, Space
from dse.jobs.axes import collect
from dse.jobs.catalogues import CURRENT, Catalogues
from dse.jobs.names import repeated
from dse.jobs.networks import Networks, network_names, read_networks, split_metric, unblendable
from dse.jobs.own_devices import SPELLINGS
from dse.jobs.quality import Table, read_table
from dse.jobs.replay import AssumptionsLike, catalogues_of
from dse.jobs.spec import KeyFault, Spec, SpecLike, check_shape
from dse.pareto.cut import Budget, Cut, Objective, check_objectives, make_budget
from dse.pareto.scanner import MOST
from dse.pareto.ties import faults_of
from dse.units import format_quantity

# Beyond this, enumerating takes hours.
MOST_DESIGNS = 10**11
# From here on bounds are quicker than enumerating, and used where the spec does not say.
LEAST_BOUNDED = 10**9
# More than there are values of any axis, and fewer than would fill the memory with nothing but groups.
MOST_FRONTIERS = 10**7


@dataclass(frozen=True)
class Job:
    """What a spec asks for, ready to run; `origin` is the file that it was read from.

    `selected` are the devices and regions that the spec selects, by axis: those of the space, and those left out of it
    for want of a figure.
    """

    spec: Spec
    grids: tuple[Grid, ...]
    cut: Cut
    metrics: tuple[str, ...]
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    own_budgets: tuple[Budget, ...] = ()
    quality: Table | None = None
    origin: str = ""
    catalogues: Catalogues = CURRENT
    selected: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def space(self) -> Space:
        """The axes of the first grid: of all where there is one network."""
        return self.grids[0].space

    @property
    def size(self) -> int:
        """Number of designs."""
        return sum(grid.space.size for grid in self.grids)

    @property
    def by_bounds(self) -> bool:
        """Whether whole boxes of designs are skipped by bounds rather than every design evaluated."""
        return _by_bounds(self.spec, self.size)

    @property
    def all_metrics(self) -> tuple[str, ...]:
        """The metrics of the job, and those of single networks, without the names of these."""
        own = [b.metric for b in self.own_budgets if b.metric in registry.METRICS]
        return tuple(dict.fromkeys([*(m.rpartition(".")[2] for m in self.metrics), *own]))

    def cut_of(self, grid: Grid) -> Cut:
        """What is asked of the designs of one grid: budgets of single networks hold where these are in it."""
        own = tuple(b for b in self.own_budgets if grid.name in ("", b.network))
        return replace(self.cut, budgets=(*self.cut.budgets, *own))

    @property
    def networks(self) -> dict[str, Space]:
        """The space of each network by its name; "" for one alone."""
        blends = [g for g in self.grids if isinstance(g, Blend)]
        members: Sequence[Any] = blends[0].members if blends else self.grids
        return {m.name: m.space for m in members}


def read_job(
    source: SpecLike,
    settings: Mapping[str, Any] | None = None,
    table: Path | None = None,
    assumptions: AssumptionsLike | None = None,
) -> Job:
    """The job of a spec: a TOML file, a mapping or a Spec, with dotted keys replaced by `settings`.

    `table` is read in place of the spec's table of quality values: the copy that a result keeps. `assumptions` are
    those of an earlier result, whose figures and defaults stand in place of today's catalogues.

    Raises
    ------
    InputError
        Every fault at once, in the order of the spec's tables: of its shape, of its names, of its values.
    """
    catalogues = catalogues_of(assumptions)
    spec, wrong, origin = check_shape(source, settings)
    wrong = [_by_name(fault, spec) for fault in wrong]
    if any(fault.where == "workload.combine" for fault in wrong):
        spec = _combined(spec)
    options = {k: v for k, v in catalogues.options.items() if k in Spec.model_fields and k not in spec.model_fields_set}
    spec = spec.model_copy(update=options)
    faults: list[Fault] = []
    if spec.quality.table is not None:
        beside = Path(origin).parent / spec.quality.table
        spec = spec.model_copy(update={"quality": spec.quality.model_copy(update={"table": str(table or beside)})})
    if spec.hardware.calibration is not None:
        path = Path(origin).parent / spec.hardware.calibration
        spec = spec.model_copy(update={"hardware": spec.hardware.model_copy(update={"calibration": str(path)})})
        catalogues = collect(faults, "", catalogues.with_calibrations, path) or catalogues
    job = _resolve(spec, faults, catalogues)
    # What is only missing because its value had the wrong shape is not told twice.
    told = [f for f in faults if not any(w.concerns(f.where) for w in wrong)]
    found = sorted((*wrong, *told), key=_order)
    if found or job is None:
        raise InputError([f.under(origin) for f in found])
    return replace(job, origin=origin)


def _combined(spec: Spec) -> Spec:
    """The spec with its networks combined as their keys tell that it was meant, so that these are no faults too."""
    together = spec.workload.arena != "shared" or any(n.rate is not None for n in spec.networks)
    meant = "together" if together else "mix" if any(n.weight is not None for n in spec.networks) else "choose"
    return spec.model_copy(update={"workload": spec.workload.model_copy(update={"combine": meant})})


def _by_name(fault: KeyFault, spec: Spec) -> KeyFault:
    """The fault of one of several networks under its name, not its number."""
    table, _, rest = fault.where.partition(".")
    number, _, key = rest.partition(".")
    if table != "network" or not (number.isascii() and number.isdigit()) or int(number) >= len(spec.networks):
        return fault
    name = spec.networks[int(number)].name
    return fault.at(".".join(filter(None, (table, name, key)))) if name else fault


def _order(fault: Fault) -> int:
    tables = list(Spec.model_fields)
    table = fault.where.split(".")[0]
    return tables.index(table) if table in tables else -1


def _resolve(spec: Spec, faults: list[Fault], catalogues: Catalogues) -> Job | None:
    """The job, or None where anything is wrong with the spec."""
    objectives, budgets = _objectives(spec, faults), _budgets(spec, faults)
    outputs = _known_metrics(spec, with_sources(spec.output.metrics), "output.metrics", faults)
    metrics = tuple(dict.fromkeys([*(o.metric for o in objectives), *(b.metric for b in budgets), *outputs]))
    networks = read_networks(spec, metrics, faults, catalogues)
    if spec.hardware.device is None:
        faults.append(Fault("hardware.device", "is missing; `dse list devices` names the catalogue"))
    per = _groups(spec, networks, faults)
    if spec.bounds is True and spec.output.grid:
        faults.append(Fault("bounds", "nothing of the grid is evaluated as a whole; leave out output.grid = true"))
    faults += [*_too_many(spec, networks.size, len(metrics)), *_too_many_frontiers(per, networks)]
    if faults:
        return None
    table = _quality(spec, networks, faults)
    if faults:
        return None
    grids = networks.grids(table)
    faults.extend(unblendable(spec, grids, [o.metric for o in objectives], budgets))
    faults.extend(faults_of(spec.objectives.ties, objectives, "objectives.ties"))
    cut = Cut(tuple(objectives), tuple(budgets), spec.fit, per, spec.objectives.ties)
    # Of those that the assumptions hold it is decided anew.
    held = {d: lacks for d, lacks in catalogues.left_out.items() if d not in catalogues.devices}
    job = Job(spec, grids, cut, metrics, {**held, **networks.left_out}, networks.budgets(), table)
    return None if faults else replace(job, catalogues=catalogues, selected=networks.selected)


def _by_bounds(spec: Spec, size: int) -> bool:
    if spec.bounds == "auto":
        return size >= LEAST_BOUNDED and not spec.output.grid
    return spec.bounds is True


def _too_many(spec: Spec, designs: int, metrics: int) -> list[Fault]:
    """What is told of a space of more designs than can be enumerated, or numbered."""
    if designs <= (MOST if _by_bounds(spec, designs) else MOST_DESIGNS):
        return []
    if designs > MOST:
        then = "narrow the axes; a search can begin with coarse steps, and go on with finer ones around what it found"
        return [Fault("", f"{designs:.4g} designs cannot be numbered; at most 2^62 (4.6e18): {then}")]
    size = format_quantity(float(designs) * 8 * metrics, "B", 3)
    why = "output.grid = true" if spec.output.grid else "bounds = false"
    problem = f"{designs:.4g} designs ({size} of results) are too many to enumerate"
    return [Fault("", f"{problem}; at most {MOST_DESIGNS:.0e}: narrow the axes, or leave out {why}")]


def _too_many_frontiers(per: Sequence[str], networks: Networks) -> list[Fault]:
    """What is told where there is one frontier for each of more combinations than anybody can look at."""
    axes = networks.axes()
    sizes = {n: len(axes[n]) for n in per if isinstance(axes.get(n), list)}
    if (frontiers := math.prod(sizes.values())) <= MOST_FRONTIERS:
        return []
    problem = f"{frontiers:.4g} frontiers, one for each combination of {', '.join(sizes)}, are too many"
    then = "name those in choose across which a frontier is to be drawn, or narrow the axes"
    return [Fault("objectives", f"{problem}; at most {MOST_FRONTIERS:,}: {then}")]


def _quality(spec: Spec, networks: Networks, faults: list[Fault]) -> Table | None:
    """The table of the user's own quality values, where the spec has one."""
    if spec.quality.table is None:
        return None
    names = dict.fromkeys(n for space in networks.spaces() for n in space.keys)
    return read_table(Path(spec.quality.table), list(names), faults)


def _objectives(spec: Spec, faults: list[Fault]) -> list[Objective]:
    given = {"min": spec.objectives.minimize, "max": spec.objectives.maximize}
    minimize = _known_metrics(spec, given["min"], "objectives.minimize", faults)
    maximize = _known_metrics(spec, given["max"], "objectives.maximize", faults)
    objectives = [*(Objective(n, "min") for n in minimize), *(Objective(n, "max") for n in maximize)]
    names = [*given["min"], *given["max"]]
    for name in repeated(names):
        both = name in given["min"] and name in given["max"]
        twice = "is to be both minimised and maximised" if both else "stands twice among the objectives"
        faults.append(Fault("objectives", f"{name!r} {twice}; give it once"))
    # Fewer than were given, or fewer than stand there twice: told above.
    if len(objectives) == len(names) == len(set(names)):
        collect(faults, "objectives", check_objectives, objectives)
    return objectives


def _known_metrics(spec: Spec, names: Sequence[str], where: str, faults: list[Fault]) -> list[str]:
    """Those among the names that are metrics, or a metric of one of several networks at once: "person.accuracy"."""
    known = []
    networks = network_names(spec)
    for name in names:
        network, metric = split_metric(networks, name)
        if metric not in registry.METRICS:
            faults.append(unknown("metric", metric, registry.METRICS, where))
        elif network and spec.workload.combine == "choose":
            problem = f"{name!r}: of networks to choose from a design has one; this is for combine = mix or together"
            faults.append(Fault(where, problem))
        else:
            known.append(name)
    return known


def _budgets(spec: Spec, faults: list[Fault]) -> list[Budget]:
    """The budgets of the whole job; those of single networks are read with these."""
    networks = network_names(spec)
    own = {n: limit for n, limit in spec.budgets.items() if not split_metric(networks, n)[0]}
    made = [collect(faults, "", make_budget, name, limit, f"budgets.{name}") for name, limit in own.items()]
    return [b for b in made if b is not None]


def _varied(spec: Spec, networks: Networks) -> list[str]:
    """Fields by which the number formats of a spec vary; where one is wrong, those that are given several values."""
    draft = next(iter(networks.drafts.values()))
    if "precision" not in draft.axes:
        tables = [table for table in spec.precision.tables.values() if isinstance(table, Mapping)]
        return list(dict.fromkeys(k for t in tables for k, v in t.items() if isinstance(v, (list, Mapping))))
    named = draft.axes["precision"]
    names = named if isinstance(named, list) else [named]
    return list(dict.fromkeys(f for n in names for f in draft.schemes[n].varied))


# Spellings of the spec.
_ALIASES = {"scheme": "precision", **SPELLINGS}


def _no_axis(name: str, given: Sequence[str], networks: Networks) -> str:
    close = nearest(name, (*given, *networks.known_axes()))
    hint = f"did you mean {close!r}?" if close in given else f"the axes given are {few(given)}"
    return f"{name!r} is not an axis of this spec; {hint}"


def _groups(spec: Spec, networks: Networks, faults: list[Fault]) -> tuple[str, ...]:
    """Axes with one frontier for each of their values: those of `per`, and circumstances not among `choose`."""
    axes = networks.axes()
    given = [*axes, *(n for n in (*spec.network.axes, *spec.deployment) if n not in axes)]
    given += [n for n in (*CATALOGUE_AXES, *_varied(spec, networks)) if n not in given]
    all_known = all(d.family for d in networks.drafts.values())
    roles: dict[str, list[str]] = {}
    for key in ("per", "choose"):
        roles[key] = [_ALIASES.get(n, n) for n in getattr(spec.objectives, key)]
        for name in roles[key]:
            if name not in given and all_known:
                faults.append(Fault(f"objectives.{key}", partial(_no_axis, name, given, networks)))
    for name in roles["per"]:
        if name in roles["choose"]:
            faults.append(Fault("objectives", f"{name!r} stands in both per and choose; give it once"))
    if RECIPE in roles["choose"] and RECIPE in axes:
        faults.append(
            Fault("objectives.choose", f"{RECIPE!r}: accuracies and losses of different recipes do not compare")
        )
    outer = {n for n in axes if glossary.is_circumstance(n)} | ({RENT_AXIS} & set(spec.deployment))
    # One frontier a network is one a recipe already.
    outer |= {RECIPE} if NETWORK not in roles["per"] else set()
    automatic = [n for n, v in axes.items() if isinstance(v, list) and n in outer]
    return tuple(dict.fromkeys([*roles["per"], *(n for n in automatic if n not in roles["choose"])]))
