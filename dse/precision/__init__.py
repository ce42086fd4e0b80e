"""Number formats: bits that are stored, and the rate at which a device multiplies them."""

from dse.precision.compute import FALLBACKS, compute_peak, peak_table
from dse.precision.schemes import NUMBERS, PRECISIONS, TEXTS, Scheme

__all__ = ["FALLBACKS", "NUMBERS", "PRECISIONS", "TEXTS", "Scheme", "compute_peak", "peak_table"]
