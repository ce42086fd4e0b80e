"""The builders of the families; importing the package records them."""

from dse.networks.families import decoder, inverted_residual, mobilenet_v2, resnet, vit

__all__ = ["decoder", "inverted_residual", "mobilenet_v2", "resnet", "vit"]
