"""The deep autoencoder of MLPerf Tiny."""

from __future__ import annotations

from functools import partial

from dse.networks.net import Net
from dse.networks.registration import family


@family(
    domain="vision", source="Koizumi et al., DCASE 2020 task 2 baseline; Banbury et al. (MLPerf Tiny), NeurIPS 2021"
)
def autoencoder(net: Net, features_in=640, hidden=128, bottleneck=8, layers=4):
    """Deep autoencoder for anomaly detection: `layers` linear layers before and after a bottleneck, each with a norm.

    The input is a vector: five frames of 128 spectral bands in MLPerf Tiny.
    """
    x = net.image(features_in, 1.0)
    dense = partial(net.linear, norm=1)
    for side, features in (("encoder", bottleneck), ("decoder", features_in)):
        with net.scope(side):
            x = dense(x, hidden, name="first")
            x = net.repeat(layers - 1, lambda x: dense(x, x.features), x)
            x = dense(x, features, name="code") if side == "encoder" else net.linear(x, features, name="output")
    return x
