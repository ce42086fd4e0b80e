import tomllib
from pathlib import Path

import pytest

REFERENCE = Path(__file__).parent.parent / "reference"


def read_cases(name):
    return tomllib.loads((REFERENCE / name).read_text(encoding="utf-8"))["case"]


def pytest_generate_tests(metafunc):
    for argument in ("decoder_case", "vision_case", "config_case"):
        if argument in metafunc.fixturenames:
            cases = read_cases(f"counts-{argument.removesuffix('_case')}.toml")
            metafunc.parametrize(argument, cases, ids=[case["model"] for case in cases])


@pytest.fixture
def rng():
    import numpy as np

    return np.random.default_rng(20240611)
