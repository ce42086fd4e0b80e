"""Vectorised design-space exploration for AI efficiency: the public API, imported at first use."""

__version__ = "0.1.0"
