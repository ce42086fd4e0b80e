"""Published models as points of a family, read from `zoo/*.toml` when first asked for, and models of the user."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dse.catalogue import Catalogue, read_toml
from dse.errors import Fault, InputError, unknown
from dse.glossary import lookup
from dse.networks.registration import Family, find_family
from dse.networks.tracing import trace

# What a file may hold a model in.
SUFFIXES = (".json", ".toml", ".csv", ".onnx", ".gguf", ".safetensors")
# What a checkpoint of the Hugging Face hub has its network in; stored weights tell more than their description.
IN_FOLDERS = ("model.safetensors.index.json", "model.safetensors", "config.json")
_KEYS = ("family", "source", "note", "axes", "published")


@dataclass(frozen=True)
class Published:
    """A figure that somebody else states, exact or off by less than `rounding` (rounded or truncated there)."""

    value: float
    source: str
    rounding: float = 0.0


@dataclass(frozen=True)
class Model:
    """A published model.

    `axes` are the values of its family's axes that differ from the defaults, at which the figures in `published`
    hold: params (trainable), params_weights (no norms, no biases), active_params and active_params_without_embedding
    (what one token uses), macs, activations, peak_simple, peak_liveness, peak_in_place_depthwise, and context (the
    most tokens that the model was made for). `own_family` is that of a file that holds a whole network, and `layers`
    what that file says of them, as plain data.
    """

    name: str
    family: str
    axes: Mapping[str, Any]
    source: str
    note: str = ""
    published: Mapping[str, Published] = field(default_factory=dict)
    own_family: Family | None = None
    layers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def builds_from(self) -> Family:
        """The family that it is a point of: its own where a file holds a whole network."""
        return find_family(self.family) if self.own_family is None else self.own_family


MODELS: Mapping[str, Model] = Catalogue("model", lambda: _read_zoo())


def find_model(name: str, where: str = "") -> Model:
    """The model of a name or of a file ("model.toml", "config.json").

    Raises
    ------
    InputError
        For an unknown name, with the nearest; for a file that is not there or not right, naming file and key.
    """
    if str(name).endswith(SUFFIXES):
        try:
            return load_model(name)
        except InputError as error:
            raise (error.at(where) if where else error) from None
    if name not in MODELS:
        raise InputError(unknown("model", name, MODELS, where))
    return MODELS[name]


def load_model(path: str | Path) -> Model:
    """The one model that a file holds: a config.json, an ONNX network, a GGUF header, a table of layers
    (`dse.networks.ingest.ops_table`), or a model in the zoo's own format (see `model_toml`).

    Of a folder it is that of the first of IN_FOLDERS that it holds.

    Raises
    ------
    InputError
        For a file that is not there, cannot be read, or is not right; every fault names the file and the key.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES and path.is_dir():
        path = _in_folder(path)
    if path.suffix not in SUFFIXES:
        allowed = f"{', '.join(SUFFIXES)}, or a folder that holds one of {', '.join(IN_FOLDERS)}"
        raise InputError(Fault(str(path), f"not a kind of file that holds a model; allowed: {allowed}"))
    if path.suffix != ".toml" or is_table(read_toml(path)):
        from dse.networks.ingest import READERS  # imports this module

        model = READERS[path.suffix](path)
    else:
        models = read_models(path)
        if len(models) != 1:
            raise InputError(Fault(str(path), f"holds {len(models)} models; allowed: one"))
        (model,) = models.values()
    if model.builds_from.required and model.own_family:
        # Dynamic dimensions of the file, which the user gives.
        return model
    try:
        # Shapes that do not fit together, and counts beyond all use, are found by building the network.
        trace(model.builds_from, model.axes).params()
    except InputError as error:
        raise error.at(str(path)) from None
    return model


def _in_folder(folder: Path) -> Path:
    for name in IN_FOLDERS:
        if (folder / name).is_file():
            return folder / name
    raise InputError(Fault(str(folder), f"is a folder without a model; known in folders: {', '.join(IN_FOLDERS)}"))


def is_table(content: Mapping[str, Any]) -> bool:
    """Whether a TOML file holds a table of layers: an array of tables `[[op]]`."""
    return isinstance(content.get("op"), list) and all(isinstance(row, Mapping) for row in content["op"])


def read_models(path: Path) -> dict[str, Model]:
    """All models of a TOML file, by name; InputError names every key that is not right."""
    models: dict[str, Model] = {}
    faults: list[Fault] = []
    for name, entry in read_toml(path).items():
        try:
            models[name] = from_entry(name, entry)
        except InputError as error:
            faults += error.at(f"{path}: {name}").faults
    if faults:
        raise InputError(faults)
    return models


def model_toml(model: Model) -> str:
    """The model as a TOML file of the zoo has it: a table of its name, and one of published figures."""
    lines = [f"[{toml_text(model.name)}]", f"family = {toml_text(model.family)}", f"source = {toml_text(model.source)}"]
    lines += [f"note = {toml_text(model.note)}"] if model.note else []
    lines += [f"axes = {{ {', '.join(f'{axis} = {_value(value)}' for axis, value in model.axes.items())} }}"]
    lines += [f"[{toml_text(model.name)}.published]"] if model.published else []
    for quantity, figure in model.published.items():
        rounding = f"rounding = {figure.rounding:_}, " if figure.rounding else ""
        lines.append(f"{quantity} = {{ value = {figure.value:_}, {rounding}source = {toml_text(figure.source)} }}")
    return "\n".join(lines) + "\n"


def as_entry(model: Model) -> dict[str, Any]:
    """The model as the zoo's files have it, as plain data."""
    figures = {n: {"value": f.value, "rounding": f.rounding, "source": f.source} for n, f in model.published.items()}
    entry = {"family": model.family, "source": model.source, "note": model.note, "axes": dict(model.axes)}
    return {**entry, "published": figures}


def _value(value: Any) -> str:
    return toml_text(value) if isinstance(value, str) else str(value)


def toml_text(text: str) -> str:
    """A text as TOML has it."""
    # JSON's escapes are TOML's too, but for the one character that it leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _read_zoo() -> dict[str, Model]:
    models: dict[str, Model] = {}
    for path in sorted((Path(__file__).parent / "zoo").glob("*.toml")):
        found = read_models(path)
        if twice := models.keys() & found.keys():
            raise InputError(Fault(path.name, f"models that are defined twice: {sorted(twice)}"))
        models |= found
    return models


def from_entry(name: str, entry: Any) -> Model:
    """The model that a table of the zoo's files says; InputError names every key that is not right."""
    if not isinstance(entry, Mapping):
        raise InputError(f"{entry!r:.60} is not allowed; allowed: a table with {', '.join(_KEYS)}")
    if faults := [unknown("key", key, _KEYS) for key in entry if key not in _KEYS]:
        raise InputError(faults)
    family = find_family(_entry(entry, "family", str))
    axes, published = _entry(entry, "axes", Mapping), _entry(entry, "published", Mapping, {})
    faults = [unknown("axis", axis, family.axes, "axes") for axis in axes if axis not in family.axes]
    faults += [
        Fault(f"axes.{axis}", f"{value!r:.60} is not allowed; allowed: {_allowed(axis)}")
        for axis, value in axes.items()
        if axis in family.axes and not isinstance(value, (int, float)) and value not in lookup(axis).choices
    ]
    if faults:
        raise InputError(faults)
    figures = {quantity: _published(quantity, figure) for quantity, figure in published.items()}
    source, note = _entry(entry, "source", str), _entry(entry, "note", str, "")
    return Model(name, family.name, MappingProxyType(axes), source, note, MappingProxyType(figures))


def _allowed(axis: str) -> str:
    return lookup(axis).allowed() if lookup(axis).choices else "one number"


def _entry(table: Mapping[str, Any], key: str, kind: Any, default: Any = None) -> Any:
    value = table.get(key, default)
    if value is None:
        raise InputError(Fault(key, "is missing"))
    if not isinstance(value, kind) or isinstance(value, bool):
        allowed = {str: "a text", Mapping: "a table"}.get(kind, "a number")
        raise InputError(Fault(key, f"{value!r:.60} is not allowed; allowed: {allowed}"))
    return value


def _published(quantity: str, figure: Any) -> Published:
    number = (int, float)
    try:
        table = _entry({quantity: figure}, quantity, Mapping)
        value, rounding = _entry(table, "value", number), _entry(table, "rounding", number, 0.0)
        return Published(value, _entry(table, "source", str), rounding)
    except InputError as error:
        raise error.at(f"published.{quantity}") from None
