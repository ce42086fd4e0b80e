"""Networks given as a table of layers, in TOML (`[[op]]`) or CSV: the generic form of a network.

One row a layer, in the order of execution. Columns:

name        unique
kind        a key of `KINDS`, or input: an input of the network, of which rows read the `outputs`
reads       names of the rows whose results it reads, separated by spaces; left out: the row before; "-": none. Of a
            part of a result its elements follow the name: "split:1024". The first row reads the input of the network
repeat      times executed, each with weights of its own (1)
inputs      elements of the input of the network, where nothing else is read
outputs, macs, weights, biases, affine, statistics, scores, matrix_read, winograd_macs
            counts of one execution of one sample: statistics of batch norms, attention scores, elements of a table or
            of another row's matrix that are read where these are not its weights, and MACs as Winograd F(2, 3)

Counts may follow from the shape instead, by the formulas of the sheet: of a conv c_in, c_out, k (or k_h, k_w), h_out,
w_out, groups; of a depthwise c_out, k (or k_h, k_w), h_out, w_out; of a linear c_in, c_out, tokens; of an attention
tokens, context, heads, d_head. Counts that are given as well stand. A dense 3×3 conv may run as Winograd where it is
said to have stride = 1.

Low-rank adapters go by names, as in families, by their last part after a dot: linear rows that are head, classifier or
router have none, and those of queries and values are q and v. Elsewhere each has one matrix, whose rows and features
follow from MACs, weights and outputs.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dse import formulas
from dse.catalogue import check_columns, read_at_most, read_toml
from dse.errors import MOST_FAULTS, MOST_SEEN, Fault, InputError, shown, unknown
from dse.networks.adapted import NOTHING_ADAPTED, Adapted, is_adapted
from dse.networks.levers import KERNEL, TILE
from dse.networks.models import Model
from dse.networks.net import Net
from dse.networks.ops import DEPTHWISE, FRESH, IN_PLACE, KINDS
from dse.networks.registration import Family, with_levers
from dse.networks.tensors import Tensor

# A table of layers has some hundred KiB; anything near this size is something else.
MOST_BYTES = 16 * 2**20
COUNTS = (
    "inputs", "outputs", "macs", "weights", "biases", "affine", "statistics", "scores", "matrix_read", "winograd_macs",
)  # fmt: skip
# Those that are not 0 where they are left out.
OPTIONAL = ("matrix_read", "winograd_macs")
INPUT, NOTHING = "input", "-"
SHAPES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # Needed, and those that are 1 where they are left out.
    "conv": (("c_in", "c_out", "k_h", "k_w", "h_out", "w_out"), ("groups",)),
    "depthwise": (("c_out", "k_h", "k_w", "h_out", "w_out"), ()),
    "linear": (("c_in", "c_out"), ("tokens",)),
    "attention": (("tokens", "context", "heads", "d_head"), ()),
}
TEXTS = ("name", "kind", "reads")
COLUMNS = (
    *TEXTS, "repeat", *COUNTS, "c_in", "c_out", "k", "k_h", "k_w", "h_out", "w_out", "groups", "stride", "tokens",
    "context", "heads", "d_head",
)  # fmt: skip
RULES = {"add": IN_PLACE, "multiply": IN_PLACE, "norm": IN_PLACE, "pointwise": IN_PLACE, "depthwise": DEPTHWISE}


def read_table(path: Path) -> Model:
    """The network of a table: a model whose own family has no axes.

    Raises
    ------
    InputError
        Every fault of the file, each with row and column.
    """
    return table_model(list(_csv_rows(path) if path.suffix == ".csv" else read_toml(path)["op"]), path)


def table_model(table: Sequence[Mapping[str, Any]], path: Path) -> Model:
    """The network of the rows of a table, which are of a file; faults as `read_table` has them."""
    faults: list[Fault] = []
    if not table:
        faults.append(Fault(str(path), "holds no layers; give at least one row"))
    read: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(table, 1):
        entry = _row(row, f"{path}: row {number}", read, faults)
        read[entry["name"]] = entry
        if len(faults) >= MOST_FAULTS and number < len(table):
            # Nearest names to those of a million rows would take hours.
            faults[MOST_FAULTS - 1 :] = [Fault(str(path), f"no row after row {number} was looked at")]
            break
    if faults:
        raise InputError(faults)

    def builder(net: Net) -> Tensor:
        return _build(net, read.values())

    builder.__doc__ = f"The layers of {path.name}."
    # Rows that say the same are the same network, in whatever file.
    digest = hashlib.sha256(json.dumps([*read.values()], sort_keys=True).encode()).hexdigest()
    source = f"{path.name} (sha256 {digest[:16]})"
    family = with_levers(Family(path.stem, builder, (), MappingProxyType({}), (), "vision", source))
    layers = {"rows": [dict(row) for row in table]}
    return Model(path.stem, path.stem, MappingProxyType({}), source, own_family=family, layers=layers)


def _build(net: Net, rows: Iterable[Mapping[str, Any]]) -> Tensor:
    rows = list(rows)
    outputs: dict[str, Tensor] = {}
    adapted = _adapted(rows)
    out = Tensor(0.0, 1.0)
    for row in rows:
        counts = row["counts"]
        reads = tuple(_read(outputs[name], part) for name, part in row["reads"])
        if not reads and counts["inputs"]:
            reads = (Tensor(counts["inputs"], 1.0),)
        out = outputs[row["name"]] = Tensor(counts["outputs"], 1.0)
        if row["kind"] != INPUT:
            stored = {name: counts[name] for name in ("weights", "biases", "affine", "statistics")}
            net.row(
                row["name"], row["kind"], reads, out, RULES.get(row["kind"], FRESH), row["repeat"],
                macs_per_position=counts["macs"], scores_per_position=counts["scores"],
                tiled_macs=counts.get("winograd_macs"), matrix_read=counts.get("matrix_read"), **stored,
                adapted=adapted.get(row["name"]),
            )  # fmt: skip
    return out


def _adapted(rows: Iterable[Mapping[str, Any]]) -> dict[str, Adapted]:
    """What adapters stand beside in each linear row; nowhere anything where of one row that cannot be told."""
    linear = {row["name"]: row["counts"] for row in rows if row["kind"] == "linear"}
    found = {name: _beside(name, counts) for name, counts in linear.items()}
    told = all(found.values())
    return {name: beside if told and beside else NOTHING_ADAPTED for name, beside in found.items()}


def _beside(name: str, counts: Mapping[str, float]) -> Adapted | None:
    """The matrix of a linear row, as whole numbers make it out of its counts; None where they do not fit together."""
    if not is_adapted(name, "all"):
        return NOTHING_ADAPTED
    matrix = counts.get("matrix_read", counts["weights"])
    rows = counts["macs"] / matrix if matrix else 0.0
    d_out = counts["outputs"] / rows if rows else 0.0
    d_in = matrix / d_out if d_out else 0.0
    if not all(n > 0 and n == int(n) for n in (rows, d_out, d_in)):
        return None
    features = d_in + d_out
    return Adapted(features, features * is_adapted(name, "qv"), rows, int(counts["weights"] > 0))


def _read(whole: Tensor, part: float | None) -> Tensor:
    return whole if part is None else Tensor(part, 1.0, view_of=whole)


def _row(row: Mapping[str, Any], where: str, known: dict[str, Any], faults: list[Fault]) -> dict[str, Any]:
    """One row with its texts and counts; what is wrong is noted."""
    given = {column: value for column, value in row.items() if value not in ("", None)}
    faults += [unknown("column", str(column), COLUMNS, where) for column in given if column not in COLUMNS]
    texts = {column: str(given.get(column, "")) for column in TEXTS}
    if not texts["name"] or texts["name"] in known:
        faults.append(Fault(f"{where}: name", f"{shown(texts['name'])} is not allowed; allowed: a name, once"))
    kinds = (*KINDS, INPUT)
    if texts["kind"] not in kinds:
        faults.append(unknown("kind of layer", texts["kind"], kinds, f"{where}: kind"))
    numbers = {
        column: _number(given[column], f"{where}: {column}", faults) for column in COLUMNS[3:] if column in given
    }
    if "k" in numbers:
        numbers = {"k_h": numbers["k"], "k_w": numbers["k"]} | numbers
    before = [(name, None) for name in islice(reversed(known), 1)]
    reads = _reads(texts["reads"], known, where, faults) if "reads" in given else before
    reads = [] if texts["kind"] == INPUT else reads
    counts = {name: 0.0 for name in COUNTS if name not in OPTIONAL} | _from_shape(texts["kind"], numbers, where, faults)
    counts |= {name: numbers[name] for name in COUNTS if name in numbers}
    if texts["kind"] == "conv" and "macs" not in numbers and (tiled := _tiled(numbers)) is not None:
        counts.setdefault("winograd_macs", tiled)
    if "outputs" not in numbers and texts["kind"] in kinds and not counts["outputs"]:
        faults.append(Fault(f"{where}: outputs", "is missing: elements of the result"))
    if not reads and not counts["inputs"] and texts["kind"] not in ("embedding", INPUT) and texts["reads"] != NOTHING:
        faults.append(Fault(f"{where}: inputs", "is missing: elements of the input of the network"))
    if reads and counts["inputs"]:
        faults.append(Fault(f"{where}: inputs", "follows from the rows that are read; leave it out"))
    return {**texts, "reads": reads, "repeat": numbers.get("repeat", 1.0), "counts": counts}


def _reads(text: str, known: dict[str, Any], where: str, faults: list[Fault]) -> list[tuple[str, float | None]]:
    """The rows that are read, each with the elements of the part that is, or None for all."""
    found: list[tuple[str, float | None]] = []
    for word in [] if text == NOTHING else text.split():
        if len(faults) >= MOST_FAULTS:
            break
        name, _, part = (word, "", "") if word in known else word.rpartition(":")
        if name not in known:
            # Those before this row, of which the last are the likeliest.
            last = list(islice(reversed(known), MOST_SEEN))
            faults.append(unknown("row", word, last, f"{where}: reads"))
        else:
            found.append((name, _number(part, f"{where}: reads", faults) if part else None))
    return found


def _tiled(numbers: Mapping[str, float]) -> float | None:
    """MACs as Winograd of a convolution whose shape is given: a dense 3×3 one that is said to have stride 1."""
    shape = [numbers.get(column, 1.0) for column in ("k_h", "k_w", "stride", "groups")]
    needed = [numbers.get(column) for column in ("c_in", "c_out", "h_out", "w_out")]
    if "stride" not in numbers or shape != [KERNEL, KERNEL, 1, 1] or None in needed:
        return None
    return float(formulas.winograd_macs(*needed, TILE, KERNEL))


def _from_shape(kind: str, numbers: Mapping[str, float], where: str, faults: list[Fault]) -> dict[str, float]:
    """Outputs, MACs and weights of a layer whose shape is given."""
    needed, optional = SHAPES.get(kind, ((), ()))
    if not any(column in numbers for column in needed):
        return {}
    if missing := [column for column in needed if column not in numbers]:
        faults.append(Fault(where, f"a shape of kind {kind} lacks {', '.join(missing)}"))
        return {}
    n = {column: numbers[column] for column in needed} | {column: numbers.get(column, 1.0) for column in optional}
    if kind == "attention":
        heads, tokens = n["heads"], n["tokens"]
        return {"macs": formulas.softmax_attention_macs(**n), "outputs": tokens * heads * n["d_head"]}
    if kind == "linear":
        weights, places = formulas.linear_params(n["c_in"], n["c_out"]), n["tokens"]
    else:
        places = n["h_out"] * n["w_out"]
        sizes = {column: n[column] for column in n if column not in ("h_out", "w_out")}
        weights = (formulas.conv2d_params if kind == "conv" else formulas.depthwise_conv2d_params)(**sizes)
        if weights != int(weights):
            faults.append(Fault(f"{where}: groups", f"{n['groups']:g} does not divide the channels"))
    return {"weights": weights, "macs": weights * places, "outputs": n["c_out"] * places}


def _number(value: Any, where: str, faults: list[Fault]) -> float:
    """A count: a whole number from 0 on (shapes and `repeat` from 1 on)."""
    lowest = 0 if where.rpartition(": ")[2] in COUNTS else 1
    try:
        number = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not lowest <= number <= 2**53 or number != int(number):
        faults.append(Fault(where, f"{shown(value)} is not allowed; allowed: an integer of at least {lowest}"))
        return 1.0
    return number


def _csv_rows(path: Path) -> Iterable[dict[str, Any]]:
    try:
        content = read_at_most(path, MOST_BYTES)
        if len(content) > MOST_BYTES:
            raise InputError(Fault(str(path), f"larger than {MOST_BYTES // 2**20} MiB, so it is no table of layers"))
        text = io.StringIO(content.decode("utf-8-sig"), newline="")
        table = csv.DictReader(text, restkey="", skipinitialspace=True, strict=True)
        rows, columns = list(table), list(table.fieldnames or ())
    except OSError as error:
        raise InputError(Fault(str(path), f"cannot be read: {error.strerror}")) from None
    except (ValueError, csv.Error) as error:
        raise InputError(Fault(str(path), f"cannot be read as CSV: {error}")) from None
    try:
        check_columns(columns)
    except InputError as error:
        raise error.at(str(path)) from None
    if any("" in row for row in rows):
        raise InputError(Fault(str(path), "a row has more fields than the header names"))
    return rows
