"""Exact Pareto frontiers under budgets."""
