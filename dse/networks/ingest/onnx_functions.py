"""Functions of an ONNX file: what they come to once each call stands for the nodes of its function."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

# Bytes of nodes that functions may come to, constants in them included.
MOST_BYTES = 2**28

Key = tuple[str, str, str]


def check_functions(model: Any, most_nodes: int) -> None:
    """Raise ValueError where calls of functions come to more nodes or bytes than may be, or call themselves.

    A few lines of functions that call one another twice come to more nodes than any memory holds: they are counted
    before anything is put in their place.
    """
    functions = {(f.domain, f.name, f.overload): f.node for f in model.functions}
    nodes, size = _total(model.graph.node, functions, {}, set())
    if nodes > most_nodes:
        raise ValueError(f"its functions come to {nodes:,} nodes; at most {most_nodes:,}")
    if size > MOST_BYTES:
        raise ValueError(f"its functions come to {size:,} bytes; at most {MOST_BYTES:,}")


def _total(
    nodes: Iterable[Any], functions: dict[Key, Any], known: dict[Key, tuple[int, int]], within: set[Key]
) -> tuple[int, int]:
    """Nodes and bytes, calls and graphs inside nodes followed; `within` are the functions that these stand in."""
    count = size = 0
    for node in nodes:
        key = (node.domain, node.op_type, node.overload)
        if key in functions:
            own = _called(key, functions, known, within)
        else:
            own = (1, node.ByteSize())
            for attribute in node.attribute:
                for graph in (attribute.g, *attribute.graphs):
                    inner = _total(graph.node, functions, known, within)
                    own = (own[0] + inner[0], own[1] + inner[1])
        count, size = count + own[0], size + own[1]
    return count, size


def _called(
    key: Key, functions: dict[Key, Any], known: dict[Key, tuple[int, int]], within: set[Key]
) -> tuple[int, int]:
    if key in within:
        raise ValueError(f"the function {key[1]!r:.80} calls itself")
    if key not in known:
        known[key] = _total(functions[key], functions, known, within | {key})
    return known[key]
