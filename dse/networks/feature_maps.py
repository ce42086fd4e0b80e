"""What convolutional networks are written with besides convolutions: windows, pooling, gates, channels side by side."""

from __future__ import annotations

import numpy as np

from dse.networks.ops import FIRST, IN_PLACE, Copies
from dse.networks.recording import Recorder
from dse.networks.tensors import Tensor
from dse.networks.terms import Count, times
from dse.networks.window import Window

# Pixels on each side of a map; None is "same" padding: the output has one position for every `stride`.
Padding = int | None

# Weights that training needs and inference leaves alone.
UNUSED = Copies(stored=1, active=0, read=0)


class FeatureMaps(Recorder):
    """Layers of feature maps. Each checks nothing: builders require a resolution that leaves a pixel everywhere."""

    def image(
        self, channels: Count, resolution: Count, across: Count = None, frames: Count = 1, present: Count = 1
    ) -> Tensor:
        """A square input image, or one of `resolution` × `across`; a video has several `frames`.

        There is none where it is not `present` (0), as while a decoder runs.
        """
        pixels = times(present, resolution * (resolution if across is None else across))
        image = Tensor(channels, pixels * frames, resolution, None, across, frames)
        self.inputs.append(image)
        return image

    def pool(
        self, x: Tensor, stride: int, kernel: int | None = None, padding: Padding = None, ceil: bool = False,
        name: str = "pool",
    ) -> Tensor:  # fmt: skip
        """The largest or the mean of each window; with a `padding`, `ceil` keeps a last window that is not full."""
        out = self._strided(x, x.features, stride, kernel, padding, ceil)
        # Where no kernel is given the size of the map does not depend on it: 3 is that of all who leave it out.
        self._record(name, "pool", (x,), out, window=Window(3 if kernel is None else kernel, stride, padding))
        return out

    def global_pool(self, x: Tensor, name: str = "global_pool") -> Tensor:
        """The mean of each channel of each frame."""
        out = Tensor(x.features, 1.0 * x.frames)
        self._record(name, "pool", (x,), out)
        return out

    def pool_to(self, x: Tensor, side: int, name: str = "adaptive_pool") -> Tensor:
        """Mean of windows whose size is chosen such that a square of `side` remains."""
        out = Tensor(x.features, 1.0 * side * side, 1.0 * side)
        self._record(name, "pool", (x,), out)
        return out

    def pool_positions(self, x: Tensor, name: str = "max_pool") -> Tensor:
        """The largest or the mean of each feature over all positions: of points, of the frames of a video."""
        out = Tensor(x.features, 1.0)
        self._record(name, "pool", (x,), out)
        return out

    def flatten(self, x: Tensor) -> Tensor:
        """All elements as features of one position, in the same memory."""
        return Tensor(x.features * x.positions, 1.0, view_of=x.buffer)

    def concat_features(self, *parts: Tensor, name: str = "concat") -> Tensor:
        """The channels of all parts side by side, in a buffer of their own; they may be shuffled while written."""
        if len(parts) == 1:
            return parts[0]
        features = parts[0].features
        for part in parts[1:]:
            features = features + part.features
        out = parts[0].reshaped(features)
        self._record(name, "concat", parts, out)
        return out

    def batch_norm(self, x: Tensor, name: str = "norm") -> Tensor:
        """A batch norm that no convolution goes before, in place where x is read no more."""
        out, affine = x.reshaped(x.features), 2.0 * x.features
        self._record(name, "norm", (x,), out, IN_PLACE, affine=affine, statistics=affine)
        return out

    def scale(self, x: Tensor, gate: Tensor, name: str = "scale") -> Tensor:
        """x times one number for each channel, in place."""
        out = x.reshaped(x.features)
        self._record(name, "multiply", (x, gate), out, FIRST)
        return out

    def learned_scale(self, x: Tensor, entries: Count | None = None, name: str = "layer_scale") -> Tensor:
        """x times a learned number for each feature, or as many as told, in place; they are counted with the biases."""
        out = x.reshaped(x.features)
        self._record(name, "multiply", (x,), out, FIRST, biases=1.0 * (x.features if entries is None else entries))
        return out

    def shift(self, x: Tensor, share: Count, name: str = "shift") -> Tensor:
        """x with a share of its channels taken from the frames before and after.

        Nothing is computed. The channels that move are copied to a buffer of their own, read there instead of in x.
        """
        moving = Tensor(x.features * share, x.positions)
        moved = Tensor(moving.features, x.positions)
        self._record(name, "shift", (x,), moved, inputs=(moving,))
        return Tensor(x.features, x.positions, x.side, moved, x.across, x.frames)

    def unused(self, kind: str, weights: Count, biases: Count, affine: Count, name: str) -> None:
        """Weights of a layer that inference leaves out, such as one of an auxiliary classifier."""
        nothing = Tensor(0.0, 0.0)
        self._record(
            name, kind, (), nothing, copies=UNUSED, weights=weights, biases=biases, affine=affine,
            statistics=affine,
        )  # fmt: skip

    def _strided(
        self, x: Tensor, channels: Count, stride: int, kernel: Count | tuple[int, int] | None = None,
        padding: Padding = None, ceil: bool = False,
    ) -> Tensor:  # fmt: skip
        if padding is None and np.ndim(stride) == 0 and stride == 1:
            return x.reshaped(channels)
        side = _windows(x.side, stride, kernel, padding, ceil)
        across = None if x.across is None else _windows(x.across, stride, kernel, padding, ceil)
        positions = side * (side if across is None else across)
        return Tensor(channels, positions * x.frames, side, None, across, x.frames)


def _windows(side: Count, stride: int, kernel: Count, padding: Padding, ceil: bool) -> Count:
    """Positions of a window along one side."""
    if padding is None:
        return np.ceil(side / stride)
    steps = (side + 2 * padding - kernel) / stride
    if not ceil:
        return np.floor(steps) + 1
    count = np.ceil(steps) + 1
    # A window that would start behind the map and its padding is left out.
    return count - ((count - 1) * stride >= side + padding)
