"""What a config.json says of the format of its weights: no part of a shape, but what a precision is chosen by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dse.networks.ingest.config_fields import Fields

# Names of the same figures in the files of several methods.
_BITS, _GROUP = ("bits", "num_bits", "w_bit"), ("group_size", "q_group_size")
# Methods of one width, and flags that tell one.
_OF_METHOD = {"fp8": 8}
_FLAGS = {"load_in_4bit": 4, "load_in_8bit": 8}


def quantised(fields: Fields) -> str:
    """Method, bits and size of groups of the field `quantization_config`, as the fields of a precision; "" without."""
    if fields.values.get("quantization_config") is None:
        return ""
    told = {**fields.inner("quantization_config").values}
    told |= _of_first_group(told.get("config_groups"))
    method = told.get("quant_method", told.get("method"))
    name = re.sub(r"[^\w.-]+", "-", method)[:40] if isinstance(method, str) else "an own format"
    bits = _count(told, _BITS) or next((n for flag, n in _FLAGS.items() if told.get(flag) is True), None)
    bits = bits or _OF_METHOD.get(name)
    asked = {"weight_bits": bits, "group_size": _count(told, _GROUP) if bits else None}
    fit = ", ".join(f"{field} = {value}" for field, value in asked.items() if value)
    return f"weights quantised by {name}: the precision is to be chosen" + (f" ({fit})" if fit else "")


def _of_first_group(groups: Any) -> Mapping[str, Any]:
    first = next(iter(groups.values()), None) if isinstance(groups, Mapping) else None
    weights = first.get("weights") if isinstance(first, Mapping) else None
    return weights if isinstance(weights, Mapping) else {}


def _count(told: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    values = (told.get(name) for name in names)
    return next((v for v in values if isinstance(v, int) and not isinstance(v, bool) and 0 < v < 2**20), None)
