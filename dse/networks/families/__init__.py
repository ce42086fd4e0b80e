"""The builders of the families; importing the package records them."""

from dse.networks.families import decoder, mobilenet_v2, resnet

__all__ = ["decoder", "mobilenet_v2", "resnet"]
