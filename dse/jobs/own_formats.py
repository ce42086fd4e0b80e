"""Own number formats of a spec: `[precision.NAME]`, whose fields may have several values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from dse.errors import Fault, nearest, shown
from dse.jobs.axes import MOST_VALUES, axis_values, collect
from dse.jobs.catalogues import CURRENT, Catalogues
from dse.jobs.names import check_name
from dse.jobs.spec import Precision
from dse.precision import NUMBERS, TEXTS, Scheme

# What a group size of 0 means, where the user says nothing of the format.
_ONE_SCALE = "group_size 0: one scale a tensor or channel, not counted in weight_bits"


@dataclass(frozen=True)
class OwnFormats:
    """All schemes that a spec knows, the variants that each own table stands for, and the names of the others.

    The table of a format that is wrong has no variants.
    """

    schemes: Mapping[str, Scheme]
    variants: Mapping[str, tuple[str, ...]]
    catalogue: tuple[str, ...]

    def select(self, name: str) -> list[str]:
        """Names of the schemes that a name in `precision.scheme` stands for."""
        if name == "*":
            return list(self.catalogue)
        return list(self.variants[name]) if name in self.variants else [name]


def own_formats(precision: Precision, faults: list[Fault], catalogues: Catalogues = CURRENT) -> OwnFormats:
    """The formats that the spec defines beside the catalogue; a field with several values makes a variant for each.

    Of a replayed format, fields that the table leaves out are what the assumptions hold.
    """
    held = {n: s for n, s in catalogues.schemes.items() if catalogues.replayed and _is_of(n, precision.tables)}
    known = {n: s for n, s in catalogues.schemes.items() if n not in held} if held else catalogues.schemes
    schemes: dict[str, Scheme] = {}
    variants: dict[str, tuple[str, ...]] = {}
    named = [precision.scheme] if isinstance(precision.scheme, str) else precision.scheme
    for name, fields in precision.tables.items():
        where = f"precision.{name}"
        if not isinstance(fields, Mapping):
            close = nearest(name, ("scheme",))
            hint = f"did you mean {close!r}?" if close else "a format of your own is a table of fields"
            faults.append(Fault(where, f"unknown key; {hint}"))
            continue
        if not check_name(name, "precision", faults):
            continue
        if named and name not in named:
            faults.append(Fault("precision.scheme", f"does not name {name!r}, a format of this spec"))
        if name in known or name == "*":
            faults.append(Fault(where, f"{name!r} is a format of the catalogue; choose another name"))
            continue
        if "scale_bits" in fields and fields.get("group_size", 0) in (0, "0", [0]):
            problem = "has no meaning without group_size (0: one scale a tensor or channel, which is not counted)"
            faults.append(Fault(f"{where}.scale_bits", problem))
            continue
        made = _variants(name, fields, faults, held)
        for same in (scheme.name for scheme in made if scheme.name in schemes):
            faults.append(Fault(where, f"{same!r} is another format of this spec too; choose another name"))
        schemes |= {scheme.name: scheme for scheme in made}
        variants[name] = tuple(scheme.name for scheme in made)
    return OwnFormats({**known, **schemes} if schemes else known, variants, tuple(known))


def _is_of(name: str, tables: Mapping[str, Any]) -> bool:
    """Whether a format that a result holds is one of the tables, or a variant of one: names may hold spaces too."""
    words = name.split(" ")
    return any(" ".join(words[:n]) in tables for n in range(1, len(words) + 1))


def _variants(name: str, fields: Mapping[str, Any], faults: list[Fault], held: Mapping[str, Scheme]) -> list[Scheme]:
    before = len(faults)
    several: dict[str, list[Any]] = {}
    for key in (k for k in (*NUMBERS, *TEXTS) if isinstance(fields.get(k), (list, Mapping))):
        several[key] = _axis(f"precision.{name}.{key}", key, fields[key], faults)
    number = math.prod(map(len, several.values()))
    if number > MOST_VALUES:
        faults.append(Fault(f"precision.{name}", f"{number:,} variants; at most {MOST_VALUES:,}"))
    if len(faults) > before:
        return []
    varied = tuple(key for key, values in several.items() if len(values) > 1)
    told = {key: _told(several[key]) for key in varied}
    made: list[Scheme] = []
    for values in itertools.product(*several.values()):
        own = dict(zip(several, values, strict=True))
        full = " ".join([name, *(f"{key}={told[key][own[key]]}" for key in varied)])
        scheme = collect(faults, "", _make, f"precision.{name}", {**fields, **own}, held.get(full))
        if scheme is None:
            # The other variants have the same fault, or one like it.
            return []
        note = scheme.note or ("" if scheme.group_size else _ONE_SCALE)
        made.append(replace(scheme, name=full, varied=varied, note=note))
    return made


def _axis(where: str, key: str, given: Any, faults: list[Fault]) -> list[Any]:
    values = collect(faults, where, axis_values, key, given) or []
    odd = [v for v in values if key in TEXTS and not isinstance(v, str)]
    if odd:
        faults.append(Fault(where, f"{shown(odd[0])} is not a text"))
    elif len(set(values)) != len(values):
        faults.append(Fault(where, "a value stands twice; give each once"))
    elif given in ([], ()):
        faults.append(Fault(where, "the axis has no values; give at least one"))
    return [] if odd else values


def _told(values: list[Any]) -> dict[Any, str]:
    """What the name of a variant tells of each value of a field: of files their names, where these are different."""
    texts = [v if isinstance(v, str) else f"{v:g}" for v in values]
    files = [PurePath(text).name for text in texts]
    return dict(zip(values, files if len(set(files)) == len(files) else texts, strict=True))


def _held(scheme: Scheme | None) -> dict[str, Any]:
    """The fields of a format as a table writes them."""
    if scheme is None:
        return {}
    numbers = {key: scheme.field(key) for key in NUMBERS if scheme.group_size or key != "scale_bits"}
    return {**numbers, "weight_format": scheme.weight_format, "compute": scheme.compute}


def _make(name: str, fields: Mapping[str, Any], held: Scheme | None) -> Scheme:
    """A format; `held` is what an earlier result holds of it, what it measured of the same weights included."""
    given = {**_held(held), **fields}
    file = given.pop("weights", None)
    if held is not None and isinstance(file, str) and PurePath(file).name == PurePath(held.weights).name:
        # The file may be gone.
        scheme = Scheme.from_fields(name, **given)
        if (scheme.integer_bits, scheme.group_size) == (held.integer_bits, held.group_size):
            return replace(scheme, weights=file, weights_sqnr=held.weights_sqnr)
    return Scheme.from_fields(name, **{**given, "weights": file} if file is not None else given)
