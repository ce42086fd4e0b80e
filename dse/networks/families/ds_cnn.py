"""DS-CNN, the keyword spotter of MLPerf Tiny."""

from __future__ import annotations

from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor

# Kernel of the first convolution: time × frequency.
STEM_KERNEL = (10, 4)


@family(domain="vision", source="Zhang et al., Hello Edge, 2017, table 5; Banbury et al. (MLPerf Tiny), NeurIPS 2021")
def ds_cnn(net: Net, base_channels=64, layers=4, time_steps=49, coefficients=10, classes=12):
    """DS-CNN for keyword spotting: a convolution over time and frequency, then depthwise-separable ones.

    The input has `time_steps` × `coefficients` of one channel. Convolutions keep their biases in front of the norms.
    """
    x = net.image(1.0, time_steps, coefficients)
    x = net.conv(x, base_channels, STEM_KERNEL, 2, bias=1, name="stem")

    def separable(x: Tensor) -> Tensor:
        return net.conv(net.depthwise(x, bias=1), x.features, bias=1, name="pointwise")

    with net.scope("separable"):
        x = net.repeat(layers, separable, x)
    return net.linear(net.global_pool(x), classes, name="classifier")
