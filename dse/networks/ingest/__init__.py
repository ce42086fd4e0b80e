"""Networks described by files of others, read as points of a family."""

from dse.networks.ingest.hf_config import read_hf_config

__all__ = ["read_hf_config"]
