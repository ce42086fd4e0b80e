"""What a search does where nothing else is asked for; nothing heavy is loaded to know it."""

from __future__ import annotations

TRIALS = 1000
# Trials of a generation: chosen, as all that the samplers are set to, by tests/benchmarks/tune_search.py.
POPULATION = 20
SAMPLERS = ("nsga2", "nsga3", "tpe", "random", "qmc", "gp")
INNER = ("sample", "enumerate")
