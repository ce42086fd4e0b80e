"""Where the handlers of ONNX operators are recorded, and what they share."""

from __future__ import annotations

from collections.abc import Callable

from dse.errors import Fault, InputError
from dse.networks.ingest.onnx_file import Node
from dse.networks.ingest.onnx_rows import Handler, Lowering

HANDLERS: dict[tuple[str, str], Handler] = {}


def handles(*names: str, domain: str = "") -> Callable[[Handler], Handler]:
    """Record what lowers the operators of these names."""

    def record(handler: Handler) -> Handler:
        HANDLERS.update({(domain, name): handler for name in names})
        return handler

    return record


def optional(node: Node, place: int | None) -> str:
    """The input at a place, "" where there is none."""
    return node.inputs[place] if place is not None and place < len(node.inputs) else ""


def refuse(low: Lowering, node: Node, problem: str) -> InputError:
    """The fault of a node."""
    return InputError(Fault(f"{low.graph.path}: {node.name}", problem))
