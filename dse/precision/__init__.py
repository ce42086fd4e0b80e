"""Number formats: bits that are stored, and the rate at which a device multiplies them."""

from dse.precision.compute import FALLBACKS, compute_peak, peak_table
from dse.precision.schemes import NUMBERS, PRECISIONS, Scheme

__all__ = ["FALLBACKS", "NUMBERS", "PRECISIONS", "Scheme", "compute_peak", "peak_table"]
