"""Files of weights: what their headers tell, and the values of their tensors."""

from dse.weights.headers import read_header
from dse.weights.safetensors import once_each
from dse.weights.stored import Header, Stored
from dse.weights.tensors import is_weight_file, matrices, one_tensor, stamp, weight_file_exists

__all__ = [
    "Header", "Stored", "is_weight_file", "matrices", "once_each", "one_tensor", "read_header", "stamp",
    "weight_file_exists",
]  # fmt: skip
