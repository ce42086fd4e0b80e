"""Layers of transformers, diffusion models and point clouds, beside those of `Net`."""

from __future__ import annotations

import numpy as np

from dse.networks.ops import FRESH
from dse.networks.recording import Recorder
from dse.networks.tensors import Tensor
from dse.networks.terms import Count, times


class Layers(Recorder):
    """Layers that more special families are written with; sizes as in `Net`."""

    # Vectors and images.

    def given(self, features: Count, positions: Count = 1.0) -> Tensor:
        """An input of the network that is no image: points, tokens of another network."""
        x = Tensor(features, positions)
        self.inputs.append(x)
        return x

    def encoding(self, features: Count, positions: Count = 1.0, name: str = "encoding") -> Tensor:
        """Values that follow from numbers alone: sines and cosines of a time, coordinates."""
        out = Tensor(features, positions)
        self._record(name, "embedding", (), out)
        return out

    def vectors(self, features: Count, positions: Count = 1.0, name: str = "vectors") -> Tensor:
        """Learned vectors that no product reads as a matrix (a class token, biases of attention): no `weights`."""
        out = Tensor(features, positions)
        self._record(name, "embedding", (), out, biases=out.elements)
        return out

    def upsample(self, x: Tensor, factor: int = 2, name: str = "upsample") -> Tensor:
        """Each pixel `factor` times in both directions."""
        side = x.side * factor
        out = Tensor(x.features, side * side, side)
        self._record(name, "resize", (x,), out)
        return out

    def merge_pixels(self, x: Tensor, side: int = 2, name: str = "merge") -> Tensor:
        """Each `side` × `side` pixels as one of that many more features; odd edges are filled up."""
        merged = np.ceil(x.side / side)
        out = Tensor(x.features * side * side, merged * merged, merged)
        self._record(name, "concat", (x,), out)
        return out

    def view(
        self, x: Tensor, positions: Count | None = None, features: Count | None = None, side: Count = None
    ) -> Tensor:
        """The buffer of x as a map of that side, or as a sequence; with other positions or features where told."""
        positions = x.positions if positions is None else positions
        return Tensor(x.features if features is None else features, positions, side, view_of=x.buffer)

    def collect(self, features: Count, positions: Count, name: str = "collect") -> Tensor:
        """A buffer that results of several calls, made later, are copied to one after the other."""
        out = Tensor(features, positions)
        self._record(name, "concat", (), out, inputs=(out,))
        return out

    # Attention.

    def linear_attention(
        self, query: Tensor, key: Tensor, value: Tensor, kv_heads: Count, cached: bool = True, resumed: Count = 1,
        name: str = "attention",
    ) -> Tensor:  # fmt: skip
        """Attention through a sum of keys times values, whose size does not depend on the positions.

        Each head of keys and values adds d_head² products a position to its sum, and each query head reads as many.
        With `cached` the sums stand where a key-value cache would: they are held and written, and read where the
        sequence goes on (`resumed` 1). The sum of keys that normalises is not counted.

        References
        ----------
        .. [1] Katharopoulos et al., "Transformers are RNNs", ICML 2020, sec. 3.2 and 3.4.
        """
        out = Tensor(query.features, query.positions)
        d_value = value.features / kv_heads
        state = key.features * d_value
        held = times(int(cached), state)
        self._record(
            name, "attention", (query, key, value), out, macs_per_position=state + query.features * d_value,
            cache_read=times(resumed, held), cache_written=held, cache_held=held,
        )  # fmt: skip
        return out

    # Points and voxels.

    def gather(self, x: Tensor, positions: Count, reads: int = 1, name: str = "gather") -> Tensor:
        """Rows at random addresses, each made of `reads` rows of x: interpolation from voxels, mean over points."""
        out = Tensor(x.features, positions)
        read = Tensor(x.features, positions * reads, view_of=x.buffer)
        self._record(name, "gather", (read,), out)
        return out

    def reduce(self, x: Tensor, positions: Count, name: str = "reduce") -> Tensor:
        """Each row of x added to one of `positions` rows at a random address."""
        out = Tensor(x.features, positions)
        self._record(name, "gather", (x,), out)
        return out

    def apply_matrix(self, x: Tensor, matrix: Tensor, name: str = "transform") -> Tensor:
        """x times a square matrix that the network has computed for this sample."""
        out = Tensor(x.features, x.positions)
        self._record(name, "linear", (x, matrix), out, macs_per_position=x.features * x.features)
        return out

    def voxel_conv(
        self, x: Tensor, channels: Count, positions: Count | None = None, kernel: Count = 3,
        occupied: Count | None = None, bias: int = 0, norm: int = 1, name: str = "conv",
    ) -> Tensor:  # fmt: skip
        """Convolution over the voxels of a cube, at `positions` (default: those of x).

        Of the kernel³ places of the kernel `occupied` hold a voxel (default: all of them); only these are multiplied.
        In a network made `separable` it is a depthwise and a pointwise one, but for those of the input of the network.
        """
        if self.separable and x not in self.inputs and np.any(np.greater(kernel, 1)):
            self.separated = True
            with self.scope(name):
                x = self._voxels(x, x.features, x.features, positions, kernel, occupied, bias, norm, "depthwise")
                return self._voxels(x, channels, x.features * channels, None, 1, None, bias, norm, "pointwise")
        return self._voxels(x, channels, x.features * channels, positions, kernel, occupied, bias, norm, name)

    def _voxels(
        self, x: Tensor, channels: Count, matrix: Count, positions: Count, kernel: Count, occupied: Count, bias: int,
        norm: int, name: str,
    ) -> Tensor:  # fmt: skip
        """A convolution over voxels whose places multiply a `matrix` each: of all channels, or one by one."""
        out = Tensor(channels, x.positions if positions is None else positions)
        of_norm, places = times(norm, 2.0 * channels), kernel * kernel * kernel
        self._record(
            name, "depthwise" if name == "depthwise" else "conv", (x,), out, FRESH,
            macs_per_position=matrix * (places if occupied is None else occupied), weights=matrix * places,
            biases=times(bias, channels), affine=of_norm, statistics=of_norm,
        )  # fmt: skip
        return out
