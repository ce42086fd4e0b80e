"""Attributes of standard operators that the inference of shapes takes as they are, without looking whether they fit."""

from __future__ import annotations

from dse.networks.ingest.onnx_file import Node
from dse.networks.ingest.onnx_weights import MOST_DIMENSIONS

# Numbers of dimensions, from the last one back where they are negative: others end the process, or take minutes.
_AXES = ("axis", "batch_axis", "time_axis")
_DIMENSIONS = ("batch_dims",)


def check_attributes(node: Node) -> None:
    """Raise ValueError for an attribute that no tensor of the network can fit."""
    allowed = dict.fromkeys(_AXES, (-MOST_DIMENSIONS, MOST_DIMENSIONS))
    allowed |= dict.fromkeys(_DIMENSIONS, (0, MOST_DIMENSIONS))
    # Places are made for so many, and so many are filled in.
    allowed["num_outputs"] = (len(node.outputs), len(node.outputs))
    for name in allowed.keys() & node.attributes.keys():
        value, (least, most) = node.attributes[name], allowed[name]
        if not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"{name} is {value!r:.40}; allowed: integers from {least} to {most}")
