"""Calibrations for devices that were never measured: the pooled measurements of their class, and one network of theirs.

Constants are relative to the datasheet, so those of several devices are fitted as if they were of one: computing scales
with the peak rate, traffic with the bandwidth. What a device adds of its own is told by leaving it out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from dse.calibration import fitting
from dse.calibration.batches import with_batches
from dse.calibration.calibrate import LEAST_SPREAD, Fitted, errors_of, fit_groups, groups_of, spread_of, with_figures
from dse.calibration.catalogue import AUTO, choose
from dse.calibration.constants import ANY, CLASS, Calibration
from dse.calibration.fitting import Array
from dse.calibration.forms import FEWEST, FORMS, RESIDENT
from dse.calibration.measurements import Measurement
from dse.calibration.terms import predicted, problem
from dse.hardware import DEVICES

# Interval of a device of a class of which, or of whose software, no second device was measured: errors of a factor of 3
# are usual.
UNKNOWN_SPREAD = 3.0


def pooled(fitted: Iterable[Fitted]) -> list[Calibration]:
    """A calibration for each class of devices, software and domain, of each class and domain whatever the software,
    and one of all classes for each domain.

    The intervals of a class come from all devices of it, each left out in turn, and are wider than that of any device
    that was measured. Those with a software share one, whatever the software, or take that of all software where it is
    hardly wider than a measured device's. Where one device alone tells of a software, and no two others of the class
    tell how they go from device to device, it is no narrower than `UNKNOWN_SPREAD`.
    """
    fitted = [one for one in fitted if tells_of_others(one)]
    found = []
    for domain in dict.fromkeys(one.calibration.domain for one in fitted):
        of_domain = [one for one in fitted if one.calibration.domain == domain]
        for device_class in dict.fromkeys(map(_class, of_domain)):
            found += of_one_class(device_class, [one for one in of_domain if _class(one) == device_class])
        everything = Pool(of_domain, _class)
        found.append(everything.calibration(ANY, ANY, everything.spread))
    return found


def of_one_class(device_class: str, members: Sequence[Fitted]) -> list[Calibration]:
    """The calibrations of a class of devices and a domain, from those that were measured."""
    every = dict.fromkeys(one.calibration.software for one in members)
    pools = {name: Pool([m for m in members if m.calibration.software == name], _device) for name in every}
    whole = Pool(members, _device)
    known = {name: pool.known for name, pool in pools.items() if pool.known}
    shared = _spread([one for of_software in known.values() for one in of_software])
    shared = shared if _is_wider(shared, whole.widest) else whole.spread
    alone = shared if len(known) > 1 else max(shared, UNKNOWN_SPREAD)
    spreads = {name: shared if name in known else alone for name in pools}
    entries = [pool.calibration(device_class, name, spreads[name]) for name, pool in pools.items()]
    return [*entries, whole.calibration(device_class, ANY, max(whole.spread, shared))]


def tells_of_others(one: Fitted) -> bool:
    """Whether a device is like others of its class: not one that keeps its weights and is fed by a link."""
    return one.calibration.device != RESIDENT


def _class(one: Fitted) -> str:
    return DEVICES[one.calibration.device].device_class


def _device(one: Fitted) -> str:
    return one.calibration.device


def _spread(known: Sequence[tuple[Array, str]]) -> float:
    """The factor of the interval of errors, each array of one group."""
    if not known:
        return UNKNOWN_SPREAD
    return spread_of(np.concatenate([out for out, _ in known]), [group for out, group in known for _ in out])


def _is_wider(spread: float, measured: float) -> bool:
    """Whether devices differ by more than networks on one device do: else what was left out of these tells nothing."""
    return spread > measured * LEAST_SPREAD


class Pool:
    """Measured devices fitted as if they were one, by the form of most of their rows.

    `left_out` are log(predicted / measured) of each member by a fit without all of its group (a device, or a class),
    and that group; NaN where nothing is left to fit.
    """

    def __init__(self, members: Sequence[Fitted], group: Callable[[Fitted], str]) -> None:
        forms = [m.calibration.form for m in members for _ in m.rows]
        self.members, self.group = members, group
        self.form = FORMS[max(dict.fromkeys(forms), key=forms.count)]

    @cached_property
    def left_out(self) -> list[tuple[Array, str]]:
        groups = [self.group(m) for m in self.members]
        constants = {group: self._fit([m for m, g in zip(self.members, groups) if g != group]) for group in set(groups)}
        return [(self._residuals(m, constants[g]), g) for m, g in zip(self.members, groups)]

    @property
    def known(self) -> list[tuple[Array, str]]:
        """Those of `left_out` of which others tell."""
        return [(out, group) for out, group in self.left_out if not np.isnan(out).any()]

    @property
    def spread(self) -> float:
        """The factor of the interval of what was left out, and wider than that of any that was measured.

        Where devices tell of no more than the networks on them, both count: logarithms of independent errors add in
        squares.
        """
        told, widest = _spread(self.known), self.widest
        return told if _is_wider(told, widest) else math.exp(math.hypot(math.log(told), math.log(widest)))

    @property
    def widest(self) -> float:
        """The widest interval of any of them."""
        return max(m.calibration.spread for m in self.members)

    def calibration(self, device_class: str, software: str, spread: float) -> Calibration:
        """What stands for devices of a class that were never measured."""
        core = self._core(self.members)
        values = self._fit(self.members)
        assert values is not None
        out = np.concatenate([o for o, _ in self.left_out])
        rows = [row for m in self.members for row in m.rows]
        first = self.members[0].calibration
        return Calibration(
            CLASS + device_class, software, ANY, first.domain, self.form.name, self.form.constants(values.tolist()),
            spread, "device" if device_class != ANY else "class",
            errors_of(fitting.joined([m.problem for m in core]).residuals(values)), errors_of(out),
            len({m.family for m in rows}), (min(m.batch for m in rows), max(m.batch for m in rows)),
            max(m.calibration.batch_spread for m in self.members),
            ", ".join(dict.fromkeys(m.calibration.device for m in core)),
        )  # fmt: skip

    def _core(self, members: Sequence[Fitted]) -> list[Fitted]:
        return [m for m in members if m.calibration.form == self.form.name]

    def _fit(self, members: Sequence[Fitted]) -> Array | None:
        core = self._core(members)
        return fitting.fit(fitting.joined([m.problem for m in core])) if core else None

    def _residuals(self, one: Fitted, values: Array | None) -> Array:
        if values is None:
            return np.full(len(one.rows), np.nan)
        if FORMS[one.calibration.form].groups == self.form.groups:
            return one.problem.residuals(values)
        constants = self.form.constants(values.tolist())
        return np.asarray(np.log(predicted(one.rows, constants) / [m.seconds for m in one.rows]))


def calibrate_or_scale(measurements: Sequence[Measurement], known: Sequence[Calibration]) -> list[Fitted]:
    """Calibrations of measured devices; one of too few networks takes the constants of its class in proportion."""
    found = [with_figures(one, measurements) for one in _calibrated_or_scaled(measurements, known)]
    return with_batches(found)


def _calibrated_or_scaled(measurements: Sequence[Measurement], known: Sequence[Calibration]) -> Iterator[Fitted]:
    groups = groups_of(measurements).values()
    enough = [rows for rows in groups if len({m.network for m in rows}) >= FEWEST]
    yield from (_as_wide_beyond(one, known) for one in fit_groups(enough))
    for rows in (rows for rows in groups if rows not in enough):
        device = DEVICES[rows[0].device]
        choice = choose([c for c in known if c.pooled], device, AUTO, rows[0].precision, rows[0].domain)
        of_class = choice.calibration
        residuals = np.log(predicted(rows, of_class.constants) / [m.seconds for m in rows])
        after = residuals - np.median(residuals)
        none = np.full(len(rows), np.nan)
        yield Fitted(scaled(of_class, rows, residuals), rows, after, none, problem(rows, FORMS[of_class.form]))


def _as_wide_beyond(one: Fitted, known: Sequence[Calibration]) -> Fitted:
    """A calibration whose interval gets wider beyond the batches measured as the widest known of its domain does."""
    width = max((c.batch_spread for c in known if c.domain == one.calibration.domain), default=1.0)
    return replace(one, calibration=replace(one.calibration, batch_spread=width))


def scaled(of_class: Calibration, rows: Sequence[Measurement], residuals: Array) -> Calibration:
    """The calibration of a class for a device of which a few times are known: all times in one proportion."""
    factor = float(np.exp(-np.median(residuals)))
    constants = {n: v if n == "overlap" else v * factor for n, v in of_class.constants.items()}
    first = rows[0]
    return replace(
        of_class, device=first.device, software=first.software, precision=first.precision, constants=constants,
        form=f"{of_class.form}, {of_class.device} in proportion",
        fitted=errors_of(residuals + np.log(factor)),
    )  # fmt: skip
