"""Networks as tables of ops: families (builders), published models, and the trace of either."""

from dse.networks import families as _families  # recorded by importing
from dse.networks.models import MODELS, Model, Published, find_model, load_model, model_toml
from dse.networks.ops import KINDS, QUANTITIES, Op
from dse.networks.registration import FAMILIES, Family, family, find_family
from dse.networks.tensors import Tensor
from dse.networks.tracing import Trace, trace

__all__ = [
    "FAMILIES",
    "KINDS",
    "MODELS",
    "QUANTITIES",
    "Family",
    "Model",
    "Op",
    "Published",
    "Tensor",
    "Trace",
    "family",
    "find_family",
    "find_model",
    "load_model",
    "model_toml",
    "trace",
]

del _families
