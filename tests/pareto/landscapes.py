"""Grids of made-up numbers: plateaus, ties, constant axes and missing values on purpose."""

from dataclasses import dataclass

import numpy as np

from dse.grid.evaluate import evaluate_values
from dse.grid.labelled import Labelled
from dse.grid.program import Program
from dse.registry import Record
from tests.grid.spaces import make

# Axes whose values are plain numbers, numbered from 1 here.
AXES = ("width", "batch", "carbon_intensity", "electricity_price", "pue")
INPUTS = ("a", "b", "c", "d")


def total(x, y):
    return x + y


def product(x, y):
    return x * y


def larger(x, y):
    return np.maximum(x, y)


def smaller(x, y):
    return np.minimum(x, y)


def there_and_back(x, y):
    # x but for rounding, where y is not 0.
    return x / (y + 3) * (y + 3)


def steps_of(x, y):
    return np.ceil((x + 1) * (y + 2) / 3)


def difference(x, y):
    return x - y


def at_least(x, y):
    return 2.0 - np.greater_equal(x, y)


def root(x, y):
    return np.sqrt(x * x + y * y)


def first_alone(x, _):
    return x + 1.0


FUNCTIONS = (first_alone, total, product, larger, smaller, there_and_back, steps_of, difference, at_least, root)
COLUMNS = ("latency", "energy", "power", "memory_free", "sram_free", "flash_free", "throughput")


@dataclass(frozen=True)
class Landscape:
    """A grid whose inputs are small arrays and whose columns are random functions of them."""

    space: object
    values: dict
    steps: tuple
    name: str = ""

    def metric(self, column):
        return column

    def program(self, part, columns):
        own = {}
        for name, value in self.values.items():
            data = value.data
            for axis, dim in enumerate(value.dims):
                places = np.array(part.axes[dim].values, dtype=int) - 1
                data = data.take(places, axis=axis)
            own[name] = Labelled(value.dims, data)
        return Program(part, own, self.steps, tuple(columns))

    def evaluate(self, part, columns, **options):
        if not part.is_list:
            return evaluate_values(part, columns, make=self.program, **options)
        whole = self.whole(columns)
        index = tuple(np.array(part.axes[d].values, dtype=int) - 1 for d in self.space.dims)
        return {n: Labelled((part.dims[0],), column[index]) for n, column in whole.items()}

    def whole(self, columns):
        """Columns over the whole grid by NumPy alone."""
        known = {n: v.over(self.space.dims) for n, v in self.values.items()}
        with np.errstate(all="ignore"):
            for step in self.steps:
                known[step.name] = np.asarray(step.function(*(known[i] for i in step.inputs)), dtype=float)
        return {c: np.broadcast_to(known[c], tuple(self.space.sizes.values())) for c in columns}


def landscape(rng, sizes=None):
    """A random landscape: few different numbers, so that most designs tie in something."""
    sizes = sizes or [int(rng.choice([1, 2, 3, 5, 8, 9])) for _ in range(int(rng.integers(2, 5)))]
    axes = {name: list(range(1, n + 1)) for name, n in zip(AXES, sizes, strict=False)}
    space = make("mobilenet_v2", device=str(rng.choice(["rtx-4090", "stm32u575"])), **axes)
    values = {"params": Labelled((), np.array(1.0))}
    for name in INPUTS:
        dims = tuple(d for d in space.dims if rng.random() < 0.6)
        data = rng.integers(-1 if rng.random() < 0.2 else 0, 4, [space.sizes[d] for d in dims]).astype(float)
        kind = rng.random()
        if kind < 0.25:
            # A plateau that is one up to rounding.
            data = np.full(data.shape, 0.1) + rng.integers(0, 3, data.shape) * 2.0**-56
        elif kind < 0.4:
            data = np.where(rng.random(data.shape) < 0.3, np.nan, data)
        elif kind < 0.6:
            data = data * rng.choice([0.1, 0.7, 1 / 3])
        values[name] = Labelled(dims, data)
    names, steps = list(INPUTS), []
    for name in ("e", "f", *COLUMNS):
        chosen = FUNCTIONS[int(rng.integers(len(FUNCTIONS)))]
        steps.append(Record(name, "metric", "1", chosen, (str(rng.choice(names)), str(rng.choice(names)))))
        names.append(name)
    return Landscape(space, values, tuple(steps))
