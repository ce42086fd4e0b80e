"""What the builder of a family writes its network with: one method a layer, recorded as rows of the op table."""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.networks.adapted import Adapted
from dse.networks.feature_maps import FeatureMaps, Padding
from dse.networks.layers import Layers
from dse.networks.ops import DEPTHWISE, FRESH, IN_PLACE, ONE_COPY, Copies
from dse.networks.tensors import Tensor
from dse.networks.terms import Count, times
from dse.networks.window import Window


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


def _filter(kernel: Count | tuple[int, int], stride: int, padding: Padding) -> tuple[Count, Window]:
    """Taps of a kernel, and the rows that it reads."""
    if isinstance(kernel, tuple):
        return kernel[0] * kernel[1], Window(max(kernel), stride, padding)
    return kernel * kernel, Window(kernel, stride, padding)


def _unless(replaced: Any, value: Any, by: int) -> Any:
    """A setting of a convolution: another one where it is replaced; None stays."""
    if value is None or np.all(replaced):
        return None if value is None else by
    return np.where(replaced, by, value)


class Net(FeatureMaps, Layers):
    """Records the layers that a builder calls. Sizes are floats or arrays that broadcast; batch is 1."""

    # What goes in.

    def embedding(
        self, tokens: Count, entries: Count, features: Count, name: str = "embedding", stored: Count = 1
    ) -> Tensor:
        """Rows of a table of `entries` rows, one for each token; `stored` is 0 where another one has the table."""
        out = Tensor(features, tokens)
        weights = times(stored, entries * features)
        self._record(name, "embedding", (), out, weights=weights, matrix_read=out.elements)
        return out

    # Layers.

    def conv(
        self,
        x: Tensor,
        channels: Count,
        kernel: Count | tuple[int, int] = 1,
        stride: int = 1,
        groups: Count = 1,
        bias: Count = 0,
        norm: Count = 1,
        padding: Padding = None,
        name: str = "conv",
    ) -> Tensor:
        """Convolution with "same" padding, followed by a batch norm where `norm` is 1; activations are in place.

        `groups` must divide the channels that go in and come out: the builder requires it. A kernel that is not
        square is a pair. `padding` is the number of pixels on each side where it is not "same". In a network made
        `separable` a dense convolution over space, but for those of the image, is a depthwise and a pointwise one.
        """
        if self.separable and np.any(replaced := self._replaces(x, kernel, groups)):
            self.separated = np.logical_or(self.separated, replaced)
            # Where it is not replaced the second one is what it was.
            own = {"kernel": _unless(replaced, kernel, 1), "stride": _unless(replaced, stride, 1)}
            own |= {"padding": _unless(replaced, padding, 0), "groups": groups, "bias": bias, "norm": norm}
            with self.scope(name):
                x = self.optional(replaced, lambda x: self.depthwise(x, kernel, stride, bias, norm, padding), x)
                return self.conv(x, channels, **own, name="pointwise")
        out = self._strided(x, channels, stride, kernel, padding)
        per_group = x.features if isinstance(groups, int) and groups == 1 else x.features / groups
        taps, window = _filter(kernel, stride, padding)
        self._convolve(name, "conv", x, out, per_group * channels * taps, bias, norm, window, groups=groups)
        return out

    def depthwise(
        self, x: Tensor, kernel: Count | tuple[int, int] = 3, stride: int = 1, bias: Count = 0, norm: Count = 1,
        padding: Padding = None, name: str = "depthwise",
    ) -> Tensor:  # fmt: skip
        """Depthwise convolution: one filter a channel."""
        out = self._strided(x, x.features, stride, kernel, padding)
        taps, window = _filter(kernel, stride, padding)
        self._convolve(name, "depthwise", x, out, x.features * taps, bias, norm, window, DEPTHWISE)
        return out

    def _replaces(self, x: Tensor, kernel: Count | tuple[int, int], groups: Count) -> Any:
        """Where a convolution is dense and over space; the first one never is replaced."""
        if x in self.inputs:
            return False
        over_space = np.any(np.not_equal(kernel, 1)) if isinstance(kernel, tuple) else np.not_equal(kernel, 1)
        return np.equal(groups, 1) & over_space

    def patches(
        self, x: Tensor, features: Count, patch: Count, bias: Count = 1, name: str = "patch_embedding"
    ) -> Tensor:
        """A vector for each whole patch of an image: a convolution whose stride is its kernel."""
        side = np.floor(x.side / patch)
        out = Tensor(features, side * side, side)
        weights = x.features * features * (patch * patch)
        self._convolve(name, "conv", x, out, weights, bias, 0, Window(patch, patch, 0))
        return out

    def linear(
        self,
        x: Tensor,
        features: Count,
        bias: Count = 1,
        stored: Count = 1,
        copies: Copies = ONE_COPY,
        norm: Count = 0,
        name: str = "linear",
    ) -> Tensor:
        """A linear layer over the features of each position, followed by a batch norm where `norm` is 1.

        `stored` is 0 where it reuses another one's matrix; `copies` are the experts, of which each position has one.
        """
        out = x.reshaped(features)
        matrix, of_norm = x.features * features, times(norm, 2 * features)
        self._record(
            name, "linear", (x,), out, copies=copies, macs_per_position=matrix, weights=times(stored, matrix),
            matrix_read=matrix, biases=times(bias, features), affine=of_norm, statistics=of_norm,
        )  # fmt: skip
        return out

    def linear_by_head(
        self, x: Tensor, heads: Count, d_in: Count, d_out: Count, d_kept: Count = 0.0, adapted: Count = None,
        name: str = "linear",
    ) -> Tensor:  # fmt: skip
        """A matrix of each head over `d_in` of its features; its other `d_kept` go along unchanged.

        `adapted` are the features of the matrix that those of all heads are parts of, as far as it is these.
        """
        out = Tensor(heads * (d_out + d_kept), x.positions)
        matrices, beside = heads * d_in * d_out, None if adapted is None else Adapted(adapted)
        self._record(name, "linear", (x,), out, macs_per_position=matrices, weights=matrices, adapted=beside)
        return out

    def attention(
        self, query: Tensor, key: Tensor, value: Tensor, span: Count, heads: Count, sinks: Count = 0,
        cached: bool = True, biases: Count = 0.0, name: str = "attention",
    ) -> Tensor:  # fmt: skip
        """Softmax attention of each query over `span` positions, read through the key-value cache.

        The new keys and values are appended to the cache, which holds `span` positions afterwards. Scores are
        computed for every query and position (the full square in prefill) and stay on the chip. Without a cache
        (`cached` False) keys and values are inputs. `sinks` is 1 where each head has a learned logit beside
        them; `biases` are other learned elements that are added to scores.
        """
        out = Tensor(query.features, query.positions)
        held = times(int(cached), span * (key.features + value.features))
        stored = times(sinks, heads) + biases
        self._record(
            name, "attention", (query, key, value), out, inputs=(query,) if cached else (query, key, value),
            macs_per_position=2 * span * query.features, scores_per_position=span * heads, biases=stored,
            cache_read=held, cache_written=times(int(cached), key.elements + value.elements), cache_held=held,
            cached_tokens=times(int(cached), span),
        )  # fmt: skip
        return out

    def latent_attention(
        self, query: Tensor, latent: Tensor, expanded: Tensor, features: Count, span: Count, heads: Count,
        name: str = "attention",
    ) -> Tensor:  # fmt: skip
        """Softmax attention over a cache of latents, which stand for the keys and values of all heads.

        `expanded` are keys and values made of the new latents: where it has positions (prefill) they are read in
        place of the cache, and where it has none (decode) queries meet the cached latents themselves. A result has
        `features`.
        """
        out = Tensor(features, query.positions)
        held = span * latent.features
        self._record(
            name, "attention", (query, latent, expanded), out, inputs=(query, expanded),
            macs_per_position=span * (query.features + features), scores_per_position=span * heads,
            cache_read=held * (expanded.positions == 0), cache_written=latent.elements, cache_held=held,
            cached_tokens=span,
        )  # fmt: skip
        return out

    def norm(self, x: Tensor, shift: Count = 1, features: Count | None = None, name: str = "norm") -> Tensor:
        """Layer norm (`shift` 1: scale and shift) or RMS norm (0: scale), over `features` (default: all of them)."""
        out = x.reshaped(x.features)
        affine = (1 + shift) * (x.features if features is None else features)
        self._record(name, "norm", (x,), out, IN_PLACE, affine=affine)
        return out

    def add(self, x: Tensor, y: Tensor, name: str = "add") -> Tensor:
        """x + y."""
        return self._combine("add", x, y, name)

    def weighted_sum(self, x: Tensor, weights: Tensor, name: str = "weighted_sum") -> Tensor:
        """Sums of several positions of x, one at each position of their `weights`."""
        out = Tensor(x.features, weights.positions)
        self._record(name, "add", (x, weights), out)
        return out

    def concat(self, x: Tensor, y: Tensor, name: str = "concat") -> Tensor:
        """The positions of x, then those of y."""
        out = Tensor(x.features, x.positions + y.positions)
        self._record(name, "concat", (x, y), out)
        return out

    def multiply(self, x: Tensor, y: Tensor, name: str = "multiply") -> Tensor:
        """x · y, element by element."""
        return self._combine("multiply", x, y, name)

    def select(self, x: Tensor, positions: Count | None = None, features: Count | None = None) -> Tensor:
        """A view of some positions, or of some features, of x; a position may be selected several times."""
        features = x.features if features is None else features
        if positions is not None:
            return Tensor(features, positions, view_of=x.buffer)
        return Tensor(features, x.positions, x.side, x.buffer, x.across, x.frames)

    # Recording.

    def _convolve(
        self, name: str, kind: str, x: Tensor, out: Tensor, weights: Count, bias: Count, norm: Count,
        window: Window, in_place: str = FRESH, groups: Count = 1,
    ) -> None:  # fmt: skip
        of_norm = times(norm, 2.0 * out.features)
        self._record(
            name, kind, (x,), out, in_place, window=window, macs_per_position=weights, weights=weights,
            biases=times(bias, out.features), affine=of_norm, statistics=of_norm, groups=groups,
        )  # fmt: skip

    def _combine(self, kind: str, x: Tensor, y: Tensor, name: str) -> Tensor:
        out = x.reshaped(x.features)
        self._record(name, kind, (x, y), out, IN_PLACE)
        return out
