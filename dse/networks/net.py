"""What the builder of a family writes its network with: one method a layer, recorded as rows of the op table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from dse.networks.tensors import DEPTHWISE, FRESH, IN_PLACE, Count, Op, Region, Tensor


def round_channels(channels: Count, divisor: int = 8) -> Count:
    """The nearest multiple of `divisor`, at least one of it and never below 90 % of what was asked.

    References
    ----------
    .. [1] Sandler et al., "MobileNetV2", CVPR 2018; rounding of the authors' code.

    Examples
    --------
    >>> float(round_channels(32 * 0.35)), float(round_channels(24 * 0.35))
    (16.0, 8.0)
    """
    rounded = np.maximum(divisor, np.floor((channels + divisor / 2) / divisor) * divisor)
    return rounded + divisor * (rounded < 0.9 * channels)


class Net:
    """Records the layers that a builder calls. Sizes are floats or arrays that broadcast; batch is 1."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.regions: list[Region] = []
        self.faults: list[tuple[str, Any, str]] = []
        self._count: Count = 1
        self._prefix = ""

    # What goes in.

    def image(self, channels: Count, resolution: Count) -> Tensor:
        """A square input image."""
        return Tensor(channels, resolution * resolution, resolution)

    def embedding(self, tokens: Count, entries: Count, features: Count, name: str = "embedding") -> Tensor:
        """Rows of a table of `entries` rows, one for each token."""
        out = Tensor(features, tokens)
        self._record(name, "embedding", (), out, weights=entries * features, matrix_read=out.elements)
        return out

    # Layers.

    def conv(
        self,
        x: Tensor,
        channels: Count,
        kernel: Count = 1,
        stride: int = 1,
        groups: Count = 1,
        bias: int = 0,
        norm: int = 1,
        name: str = "conv",
    ) -> Tensor:
        """Convolution with "same" padding, followed by a batch norm where `norm` is 1; activations are in place.

        `groups` must divide the channels that go in and come out: the builder requires it.
        """
        out = self._strided(x, channels, stride)
        per_group = x.features if isinstance(groups, int) and groups == 1 else x.features / groups
        self._convolve(name, "conv", x, out, per_group * channels * (kernel * kernel), bias, norm)
        return out

    def depthwise(
        self, x: Tensor, kernel: Count = 3, stride: int = 1, bias: int = 0, norm: int = 1, name: str = "depthwise"
    ) -> Tensor:
        """Depthwise convolution: one filter a channel."""
        out = self._strided(x, x.features, stride)
        self._convolve(name, "depthwise", x, out, x.features * (kernel * kernel), bias, norm, DEPTHWISE)
        return out

    def linear(self, x: Tensor, features: Count, bias: Count = 1, stored: Count = 1, name: str = "linear") -> Tensor:
        """A linear layer over the features of each position; `stored` is 0 where it reuses another one's matrix."""
        out = Tensor(features, x.positions)
        matrix = x.features * features
        kept = matrix if isinstance(stored, int) and stored == 1 else matrix * stored
        self._record(
            name, "linear", (x,), out, macs_per_position=matrix, weights=kept, matrix_read=matrix,
            biases=_times(bias, features),
        )  # fmt: skip
        return out

    def attention(
        self, query: Tensor, key: Tensor, value: Tensor, span: Count, heads: Count, name: str = "attention"
    ) -> Tensor:
        """Softmax attention of each query over `span` positions, read through the key-value cache.

        The new keys and values are appended to the cache, which holds `span` positions afterwards. Scores are
        computed for every query and position (the full square in prefill) and stay on the chip.
        """
        out = Tensor(query.features, query.positions)
        cached = span * (key.features + value.features)
        self._record(
            name, "attention", (query, key, value), out, inputs=(query,),
            macs_per_position=2 * span * query.features, scores_per_position=span * heads,
            cache_read=cached, cache_written=key.elements + value.elements, cache_held=cached,
        )  # fmt: skip
        return out

    def norm(self, x: Tensor, shift: Count = 1, features: Count | None = None, name: str = "norm") -> Tensor:
        """Layer norm (`shift` 1: scale and shift) or RMS norm (0: scale), over `features` (default: all of them)."""
        out = Tensor(x.features, x.positions, x.side)
        affine = (1 + shift) * (x.features if features is None else features)
        self._record(name, "norm", (x,), out, IN_PLACE, affine=affine)
        return out

    def add(self, x: Tensor, y: Tensor, name: str = "add") -> Tensor:
        """x + y."""
        return self._combine("add", x, y, name)

    def multiply(self, x: Tensor, y: Tensor, name: str = "multiply") -> Tensor:
        """x · y, element by element."""
        return self._combine("multiply", x, y, name)

    def pool(self, x: Tensor, stride: int, name: str = "pool") -> Tensor:
        """Pooling with "same" padding."""
        out = self._strided(x, x.features, stride)
        self._record(name, "pool", (x,), out)
        return out

    def global_pool(self, x: Tensor, name: str = "global_pool") -> Tensor:
        """The mean of each channel."""
        out = Tensor(x.features, 1.0)
        self._record(name, "pool", (x,), out)
        return out

    def select(self, x: Tensor, positions: Count) -> Tensor:
        """A view of some positions of x."""
        return Tensor(x.features, positions, view_of=x.buffer)

    # Structure.

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Prefix the names of the ops inside."""
        before, self._prefix = self._prefix, f"{self._prefix}{name}."
        try:
            yield
        finally:
            self._prefix = before

    def repeat(self, count: Count, block: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """x after `count` blocks, each with weights of its own; traced once.

        `count` may be an array: its points with 0 skip the block. The block keeps the shape of its input.
        """
        if np.ndim(count) == 0 and count <= 1:
            return block(x) if count == 1 else x
        start, before = len(self.ops), self._count
        inner = Tensor(x.features, x.positions, x.side)
        self._count = _times(before, count)
        result = block(inner)
        self._count = before
        if len(self.ops) == start:
            return x
        if not (_equal(result.features, x.features) and _equal(result.positions, x.positions)):
            raise ValueError(f"a repeated block must keep the shape of its input ({self.ops[-1].name})")
        self.regions.append(Region(start, len(self.ops), count, x.buffer, inner, result.buffer))
        return result

    def require(self, axis: str, holds: Any, problem: str) -> None:
        """State what must hold at every point; where it does not, the value of `axis` is refused."""
        if not np.all(holds):
            self.faults.append((axis, holds, problem))

    # Recording.

    def _record(
        self,
        name: str,
        kind: str,
        reads: tuple[Tensor, ...],
        writes: Tensor,
        in_place: str = FRESH,
        inputs: tuple[Tensor, ...] | None = None,
        **counts: Count,
    ) -> None:
        inputs = reads if inputs is None else inputs
        self.ops.append(Op(self._prefix + name, kind, reads, writes, inputs, in_place, self._count, **counts))

    def _convolve(
        self, name: str, kind: str, x: Tensor, out: Tensor, weights: Count, bias: int, norm: int, in_place: str = FRESH
    ) -> None:
        of_norm = 2.0 * out.features if norm else 0.0
        self._record(
            name, kind, (x,), out, in_place, macs_per_position=weights, weights=weights,
            biases=_times(bias, out.features), affine=of_norm, statistics=of_norm,
        )  # fmt: skip

    def _combine(self, kind: str, x: Tensor, y: Tensor, name: str) -> Tensor:
        out = Tensor(x.features, x.positions, x.side)
        self._record(name, kind, (x, y), out, IN_PLACE)
        return out

    def _strided(self, x: Tensor, channels: Count, stride: int) -> Tensor:
        if stride == 1:
            return Tensor(channels, x.positions, x.side)
        side = np.ceil(x.side / stride)
        return Tensor(channels, side * side, side)


def _times(count: Count, value: Count) -> Count:
    """The product, without arithmetic where it is 0 or the value itself."""
    if isinstance(count, (int, float)) and count in (0, 1):
        return value if count else 0.0
    return count * value


def _equal(a: Count, b: Count) -> bool:
    return a is b or bool(np.all(a == b))
