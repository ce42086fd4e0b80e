"""Every published model by the command line: each metric that applies, and what is behind the name."""

import pytest

from dse.cli import run
from dse.networks import FAMILIES, MODELS

DEFAULTED = [name for name, family in FAMILIES.items() if not family.required]


@pytest.mark.no_cover
@pytest.mark.parametrize("name", [*MODELS, *(name for name in DEFAULTED if name not in MODELS)])
def test_evaluate_and_show(name, capsys):
    assert run(["evaluate", name, "--device", "l4", "--precision", "int8"]) == 0
    told = capsys.readouterr()
    assert "latency" in told.out and not told.err
    assert run(["show", name]) == 0
    assert name in capsys.readouterr().out


@pytest.mark.parametrize("name", [name for name in FAMILIES if name not in DEFAULTED])
def test_axes_that_are_missing_are_named(name, capsys):
    assert run(["evaluate", name, "--device", "l4", "--precision", "int8"]) == 2
    told = capsys.readouterr().err
    assert all(f"{axis}: is missing" in told for axis in FAMILIES[name].required)
    assert run(["show", name]) == 0
