"""Columns of designs as a page holds them: codes of few values where that is shorter, packed."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from dse.plots.style import readable


def column(name: str, variable: xr.DataArray, size: int, *, shown: bool) -> dict[str, Any]:
    """One column: its name, title, unit and values; numbers to the last bit.

    The page writes the unit, with a prefix, at every number; so the label of an axis has none.
    """
    attrs: Mapping[str, Any] = variable.attrs
    unit = str(attrs.get("counted") or attrs.get("units", "1"))
    long = str(attrs.get("long_name", ""))
    note = long[long.rindex("(") :] if long.endswith(")") else ""
    told = {
        "name": name,
        "title": readable(name),
        "label": f"{readable(name)} {note}".strip(),
        "unit": unit,
        "shown": shown,
    }
    values = np.broadcast_to(variable.values, (size,))
    return told | (_numbers(values.astype(np.float64)) if variable.dtype.kind in "fiub" else _texts(values))


def _texts(values: np.ndarray) -> dict[str, Any]:
    labels: dict[str, int] = {}
    codes = [labels.setdefault(str(v), len(labels)) for v in values.tolist()]
    return {"labels": list(labels), **_codes(np.array(codes), len(labels))}


def _numbers(values: np.ndarray) -> dict[str, Any]:
    table, codes = np.unique(values, return_inverse=True)
    if len(table) <= 2**16 and 8 * len(table) + 2 * len(values) < 8 * len(values):
        return {"table": pack(table.astype("<f8")), **_codes(codes, len(table))}
    return {"values": pack(values.astype("<f8"))}


def _codes(codes: np.ndarray, number: int) -> dict[str, Any]:
    wide = number > 2**8
    if number > 2**16:
        raise ValueError(f"{number} different texts in one column")
    return {"codes": pack(codes.astype("<u2" if wide else "u1")), "wide": wide}


def pack(values: np.ndarray) -> str:
    """The bytes of an array, compressed, as text."""
    return base64.b64encode(zlib.compress(values.tobytes(), 6)).decode("ascii")
