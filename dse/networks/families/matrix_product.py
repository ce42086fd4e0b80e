"""One matrix product: what kernels are measured with."""

from __future__ import annotations

from dse.networks.net import Net
from dse.networks.registration import family


@family(domain="vision", source="Dongarra et al., A set of level 3 BLAS, TOMS 1990: GEMM")
def matrix_product(net: Net, features_in=4096, hidden=4096):
    """One product of a matrix of `hidden` × `features_in` weights with as many vectors as the batch has."""
    return net.linear(net.image(features_in, 1.0), hidden, bias=0)
