"""The grid: a space of designs, the plan of what to compute on it, generated kernels, labelled results."""
