"""Functions of an ONNX file: what they come to once each call stands for the nodes of its function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

MOST_FUNCTIONS = 10_000
# Functions that call one another, one within the other; modules of networks are within a dozen.
MOST_DEPTH = 100
# Memory of what functions come to, constants in them included.
MOST_BYTES = 2**28
# What a message and a text take beside their contents at most, the number that makes a name unique included.
_MESSAGE, _TEXT = 256, 64


class Total(NamedTuple):
    """What a function comes to: nodes, bytes of memory, and functions within one another."""

    nodes: int
    size: int
    depth: int


def check_functions(model: Any, most_nodes: int) -> None:
    """Raise ValueError where calls of functions come to more nodes or bytes than may be, or call themselves.

    A few lines of functions that call one another twice come to more nodes than any memory holds: they are counted
    before anything is put in their place. Each use of an input's name or of an attribute counts as the longest that
    any call gives; a graph that a call gives could hold calls with graphs in turn, and is refused: none is exported.
    """
    if len(model.functions) > MOST_FUNCTIONS:
        raise ValueError(f"it has {len(model.functions):,} functions; at most {MOST_FUNCTIONS:,}")
    total = _Counts(model.functions, model.graph.node).total(model.graph.node, ())
    if total.nodes > most_nodes:
        raise ValueError(f"its functions come to {total.nodes:,} nodes; at most {most_nodes:,}")
    if total.size > MOST_BYTES:
        raise ValueError(f"its functions come to {total.size:,} bytes; at most {MOST_BYTES:,}")


class _Counts:
    """Counts each function once."""

    def __init__(self, functions: Iterable[Any], main: Iterable[Any]) -> None:
        self.known: dict[bytes, Total] = {}
        self.functions: dict[bytes, Any] = {}
        for function in functions:
            if self.functions.setdefault(_key(function, function.name), function) is not function:
                raise ValueError(f"the function {function.name!r:.80} is defined twice")
        bodies = (main, *(f.node for f in self.functions.values()))
        calls = [n for body in bodies for n in _nodes(body) if _key(n, n.op_type) in self.functions]
        if given := next((c for c in calls for a in c.attribute if a.HasField("g") or a.graphs), None):
            raise ValueError(f"the function {given.op_type!r:.80} is given a graph, which is not supported")
        self.longest = max((len(_octets(n)) for c in calls for n in (*c.input, *c.output)), default=0)
        self.largest = max((_memory(a) for c in calls for a in c.attribute), default=0)
        for key in self.functions:
            self.called(key, ())

    def called(self, key: bytes, within: tuple[bytes, ...]) -> Total:
        """What a call of a function comes to, which stands `within` others; one at least, since it is copied."""
        function = self.functions[key]
        if key in within:
            raise ValueError(f"the function {function.name!r:.80} calls itself")
        if key not in self.known:
            found = self.total(function.node, (*within, key)) if len(within) < MOST_DEPTH else Total(0, 0, MOST_DEPTH)
            if found.depth >= MOST_DEPTH:
                raise ValueError(f"its functions call one another more than {MOST_DEPTH} deep")
            size = found.size + _memory(function) + self.put(function)
            self.known[key] = Total(max(found.nodes, 1), size, found.depth + 1)
        return self.known[key]

    def total(self, body: Iterable[Any], within: tuple[bytes, ...]) -> Total:
        """Nodes of a body, calls and graphs inside nodes followed; and the bytes of what is called."""
        nodes = size = depth = 0
        for node in _nodes(body):
            key = _key(node, node.op_type)
            own = self.called(key, within) if key in self.functions else Total(1, 0, 0)
            nodes, size, depth = nodes + own.nodes, size + own.size, max(depth, own.depth)
        return Total(nodes, size, depth)

    def put(self, function: Any) -> int:
        """Bytes at most of the names and attributes of a call that are put into a copy of a function."""
        names, attributes = len(function.input) + len(function.output) + len(function.value_info), 0
        for node in _nodes(function.node):
            names += 1 + len(node.input) + len(node.output)
            attributes += sum(bool(a.ref_attr_name) for a in node.attribute)
            names += sum(len(g.input) + len(g.initializer) + len(g.output) for g in _graphs(node))
        return names * self.longest + attributes * self.largest


def _nodes(body: Iterable[Any]) -> Iterator[Any]:
    """Nodes, and those of graphs inside them."""
    stack = [iter(body)]
    while stack:
        if (node := next(stack[-1], None)) is None:
            stack.pop()
            continue
        yield node
        stack += [iter(graph.node) for graph in _graphs(node)]


def _graphs(node: Any) -> list[Any]:
    return [graph for a in node.attribute for graph in (*([a.g] if a.HasField("g") else []), *a.graphs)]


def _key(proto: Any, name: str) -> bytes:
    """What a call and its function have in common, joined as the library that puts them in place joins it."""
    domain = "" if proto.domain == "ai.onnx" else proto.domain
    return b"::".join(map(_octets, (domain, name, *([proto.overload] if proto.overload else []))))


def _octets(text: str | bytes) -> bytes:
    """A text of the file, which may be no UTF-8."""
    return text if isinstance(text, bytes) else text.encode()


def _memory(message: Any) -> int:
    """Bytes that a message takes at most: two of a file may stand for an object of hundreds."""
    size, stack = 0, [message]
    while stack:
        size += _MESSAGE
        for field, value in stack.pop().ListFields():
            values = value if hasattr(value, "append") else [value]
            if field.message_type is not None:
                stack.extend(values)
            elif field.cpp_type == field.CPPTYPE_STRING:
                size += sum(_TEXT + len(_octets(v)) for v in values)
            else:
                size += 8 * len(values)
    return size
