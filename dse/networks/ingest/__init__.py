"""Networks described by files of others, read as points of a family."""

from dse.networks.ingest.hf_config import read_hf_config
from dse.networks.ingest.ops_table import read_ops

__all__ = ["read_hf_config", "read_ops"]
