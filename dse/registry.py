"""The index of formulas and metrics: frozen records, written by decorators that return the function untouched."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from dse import glossary, units
from dse.errors import Fault, InputError, unknown

Function = Callable[..., Any]


@dataclass(frozen=True)
class Record:
    """What is known about one formula or metric, beside its code.

    `kind` is "formula" (a sheet function), "metric" (computed by the kernel from its arguments), "count"
    (a reduction of the traced network) or "table" (looked up for each design, such as accuracy). `end` is "low" or
    "high" of what is made by itself for the interval of another metric (`metrics.interval_ends`).
    """

    name: str
    kind: str
    unit: str
    function: Function
    inputs: tuple[str, ...]
    direction: str | None = None
    variant: str | None = None
    counted: str | None = None
    label: str | None = None
    domain: str | None = None
    phase: str | None = None
    scope: str | None = None
    faces: bool = True
    undefined_in: str = ""
    plain: frozenset[str] = field(default_factory=frozenset)
    setting: str | None = None
    signed: bool = False
    shared: bool = False
    end: str | None = None

    @property
    def summary(self) -> str:
        """The first line of the docstring; of a function that serves several metrics, what the metric is and that."""
        if self.end is not None:
            usual = next(iter(METRICS[scoped(self.name)[1].removesuffix(f"_{self.end}")].values()))
            return f"{'Lower' if self.end == 'low' else 'Upper'} end of the 80 % interval: {usual.summary}"
        own = (inspect.getdoc(self.function) or "").split("\n", 1)[0].rstrip(".")
        if not self.shared:
            return own
        usual = next(iter(METRICS[scoped(self.name)[1]].values()))
        return f"{usual.summary}, {own[0].lower()}{own[1:]}"

    @property
    def required(self) -> tuple[str, ...]:
        """Arguments without a default."""
        parameters = inspect.signature(self.function).parameters.values()
        return tuple(p.name for p in parameters if p.default is inspect.Parameter.empty)

    @property
    def measure(self) -> str:
        """The unit in which people give and read the value: the counted thing where the unit is 1."""
        return self.counted or self.unit


FORMULAS: dict[str, Record] = {}
METRICS: dict[str, dict[str | None, Record]] = {}
# What a metric is in one phase of the work, where that is not what it is in the others: (name, phase) -> record.
IN_PHASE: dict[tuple[str, str], Record] = {}
# What a metric is under a setting of the deployment ("several" devices), in one phase or for one variant where that
# matters: (name, setting, phase, variant) -> record.
IN_SETTING: dict[tuple[str, str, str | None, str | None], Record] = {}


def formula(*, unit: str, plain: str = "", faces: bool = True) -> Callable[[Function], Function]:
    """Record a function of the sheet under its own name; the function itself is returned untouched.

    Parameters
    ----------
    unit
        Unit of the result, given arguments in their glossary units.
    plain
        Names of arguments that this formula takes as bare numbers, whatever their glossary unit
        (bits as an exponent).
    faces
        False for a function with loops: it is exempt from the interval, symbolic and fused faces.
    """
    units.parse_unit(unit)

    def record(function: Function) -> Function:
        name = function.__name__
        if name in FORMULAS:
            _check_replaced("formula", name, FORMULAS[name].function)
        inputs = _inputs(function)
        for argument in inputs if faces else ():
            glossary.lookup(argument, f"argument of formula {name!r}")
        FORMULAS[name] = Record(name, "formula", unit, function, inputs, faces=faces, plain=frozenset(plain.split()))
        return function

    return record


def metric(
    name: str | None = None,
    *,
    unit: str,
    direction: str | None = None,
    variant: str | None = None,
    kind: str = "metric",
    counted: str | None = None,
    label: str | None = None,
    domain: str | None = None,
    phase: str | None = None,
    setting: str | None = None,
    faces: bool = True,
    undefined_in: str = "",
    signed: bool = False,
    inputs: str = "",
) -> Callable[[Function], Function]:
    """Record a metric; its arguments are wired by name.

    Parameters
    ----------
    name
        Name of the metric; the function's own unless the metric has variants.
    direction
        "min" or "max": which way is better; None where neither is.
    variant
        Value of the axis `<name>_model` at which this function is used.
    counted
        What is counted where the unit is 1 ("MAC", "FLOP").
    domain
        The phases in which the metric has a meaning, with spaces between; "language" for any phase of a language model.
    undefined_in
        The phases in which it has none, with spaces between.
    signed
        Whether values below 0 occur. Own metrics may have any.
    phase
        The one phase in which this function stands for a metric that is defined elsewhere: "request".
    setting
        The setting under which it does: "several" where several devices share the work (see `grid.plan.SETTINGS`).
    inputs
        Names that the arguments stand for, with spaces between, where one function serves several metrics.
    """
    units.parse_unit(unit)
    if direction not in ("min", "max", None):
        raise ValueError(f"direction {direction!r}")

    def record(function: Function) -> Function:
        names = tuple(inputs.split()) or _inputs(function)
        made = Record(
            name or function.__name__, kind, unit, function, names, direction, variant, counted, label, domain, phase,
            faces=faces, undefined_in=undefined_in, setting=setting, shared=bool(inputs),
            signed=signed or is_own(function),
        )  # fmt: skip
        add_metric(made)
        return function

    return record


def add_metric(made: Record) -> None:
    """Put a metric's record at its place: its variant, or the phase or setting for which it stands."""
    if made.setting is not None:
        _add_once(IN_SETTING, (made.name, made.setting, made.phase, made.variant), made)
    elif made.phase is not None:
        _add_once(IN_PHASE, (made.name, made.phase), made)
    else:
        _add_variant(made)


def _add_once(table: dict[Any, Record], key: tuple[str | None, ...], made: Record) -> None:
    if table.setdefault(key, made) is not made:
        raise ValueError(f"metric {made.name!r} is defined twice in {', '.join(map(str, key[1:]))}")


def _add_variant(made: Record) -> None:
    variants = METRICS.get(made.name, {})
    if made.variant in variants:
        _check_replaced("metric", made.name, variants[made.variant].function)
    elif variants and None in (made.variant, *variants):
        raise InputError(f"metric {made.name!r} is defined with variants and without; give all of them one")
    if (shared := glossary.NAMES.get(made.name)) and units.parse_unit(shared.unit) != units.parse_unit(made.unit):
        raise ValueError(f"metric {made.name!r} has the unit {made.unit!r}, its glossary name {shared.unit!r}")
    if is_own(made.function):
        # Those of the package may name metrics that are defined after them; all are checked at the end.
        _check_arguments(made)
    METRICS.setdefault(made.name, {})[made.variant] = made


def metrics(names: str, inputs: str, **settings: Any) -> Callable[[Function], Function]:
    """Record one function for several metrics; `inputs` are its arguments, with {} for the name of each metric."""

    def record(function: Function) -> Function:
        for name in names.split():
            metric(name, inputs=inputs.replace("{}", name), **settings)(function)
        return function

    return record


def is_own(function: Function) -> bool:
    """Whether a function is the user's, not one of the package."""
    return function.__module__.split(".")[0] != __name__.split(".")[0]


def _check_replaced(kind: str, name: str, known: Function) -> None:
    """A user corrects an own function by defining it again; what the package defines stays."""
    if not is_own(known):
        raise InputError(f"{kind} {name!r} is one of the package; give yours another name")


def _inputs(function: Function) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)


def metric_record(
    name: str, variant: str | None = None, phase: str | None = None, settings: Iterable[str] = ()
) -> Record:
    """The record of a metric, in a phase of the work and under settings of the deployment.

    The first variant defined stands for one that is not named. Raises InputError for an unknown metric or variant, and
    for a variant that has no form under a setting where others have one.
    """
    if name not in METRICS:
        raise InputError(unknown("metric", name, METRICS))
    variants = METRICS[name]
    if variant is not None and variant not in variants:
        raise InputError(unknown(f"{name} model", variant, [v for v in variants if v]))
    if variant is None and None not in variants:
        variant = next(iter(variants))
    settings = tuple(settings)
    for setting in settings:
        if phase is not None and (name, setting, phase, None) in IN_SETTING:
            return IN_SETTING[name, setting, phase, None]
    if phase is not None and (name, phase) in IN_PHASE:
        return IN_PHASE[name, phase]
    for setting in settings:
        found = {key[3]: record for key, record in IN_SETTING.items() if key[:3] == (name, setting, None)}
        if found and variant not in found:
            raise InputError(
                f"the {name} model {variant!r} has no form for {setting}; it has {', '.join(map(str, found))}"
            )
        if found:
            return found[variant]
    return variants[variant] if variant in variants else variants[None]


# Parts of the work whose networks are traced apart: the prompt, a token at the mean context and the last token of a
# request, the forward pass of training; the pass that checks drafted tokens as one; a part of a prompt, the tokens made
# beside it, and both in one pass.
SCOPES = ("prefill", "decode", "last", "forward", "pass", "chunk", "beside", "joint")
# The same work on a single device, whole or of one of these parts: "single_latency", "single_prefill_latency".
SINGLE = "single"


def scoped(name: str) -> tuple[str, str]:
    """Scope and metric (or vector over ops) that a name such as "decode_latency" stands for; else ("", name)."""
    scope, _, rest = name.partition("_")
    if name in METRICS:
        return "", name
    if scope == SINGLE:
        part, base = scoped(rest)
        return (joined_scope(SINGLE, part), base) if base in METRICS or base.startswith("op_") else ("", name)
    if scope in SCOPES and (rest in METRICS or rest.startswith("op_")):
        return scope, rest
    return "", name


def joined_scope(outer: str, inner: str) -> str:
    """The scope of what is named with the scope `inner` in a formula of the scope `outer`."""
    if outer.partition("_")[0] != SINGLE:
        return inner or outer
    return f"{SINGLE}_{inner}" if inner else outer


def part_of(scope: str) -> str:
    """The part of the work that a scope stands for: the same on a single device."""
    return scope.removeprefix(SINGLE).removeprefix("_")


def check_wiring() -> None:
    """Fail at import when a metric's argument is neither a metric nor a glossary name that has a value."""
    everything = every_metric()
    for record in everything:
        _check_arguments(record)
    for name, only, *_ in (*IN_PHASE, *IN_SETTING):
        if name not in METRICS:
            raise ValueError(f"metric {name!r} is defined for {only!r} only")


def every_metric() -> list[Record]:
    """All records of metrics: of every variant, phase and setting."""
    variants = [r for variants in METRICS.values() for r in variants.values()]
    return [*variants, *IN_PHASE.values(), *IN_SETTING.values()]


def _check_arguments(record: Record) -> None:
    """Raise InputError where an argument of a metric is nothing that has a value."""
    for argument in record.inputs if record.kind == "metric" else ():
        base = scoped(argument)[1]
        if base in METRICS or base.startswith("op_"):
            continue
        where = f"argument of metric {record.name!r}"
        try:
            entry = glossary.lookup(argument, where)
        except InputError:
            raise InputError(unknown(where, argument, (*METRICS, *glossary.NAMES))) from None
        if entry.kind == "sheet":
            raise InputError(f"argument {argument!r} of metric {record.name!r} is a name of sheet functions only")
        if entry.kind == "format":
            raise InputError(f"argument {argument!r} of metric {record.name!r} is a text of number formats, no number")


def metric_name(given: Any) -> str:
    """The name of a metric, given by it or as the function that the decorator recorded; InputError for another."""
    if isinstance(given, str):
        return given
    found = next((r.name for r in every_metric() if r.function is given), None)
    if found is None:
        name = getattr(given, "__name__", repr(given))
        raise InputError(Fault("metrics", f"{name:.80} is no metric; give a name, or a function under @dse.metric"))
    return found


def check_recorded(functions: Iterable[Any]) -> None:
    """Raise InputError unless each is a function that a decorator of this module recorded."""
    recorded = {id(r.function): r for r in (*FORMULAS.values(), *every_metric())}
    faults = []
    for function in functions:
        if id(function) not in recorded:
            name = getattr(function, "__name__", repr(function))
            faults.append(Fault("formulas", f"{name} is not recorded; decorate it with @dse.metric or @dse.formula"))
    if faults:
        raise InputError(faults)
