"""What all tests share."""

import os
import random

import pytest


def pytest_addoption(parser):
    parser.addoption("--shuffle", type=int, help="run files, and the tests in each, in the random order of this seed")


def pytest_collection_modifyitems(config, items):
    seed = config.getoption("--shuffle")
    if seed is not None:
        rng, files = random.Random(seed), {}
        for item in items:
            files.setdefault(item.path, []).append(item)
        order = list(files)
        rng.shuffle(order)
        items[:] = [item for path in order for item in rng.sample(files[path], len(files[path]))]


@pytest.fixture(scope="session", autouse=True)
def kernel_folder(tmp_path_factory):
    """Generated kernels go to a folder of the test session, shared by its workers, never to the user's."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    patch = pytest.MonkeyPatch()
    patch.setenv("DSE_CACHE_DIR", str(shared / "dse-cache"))
    yield
    patch.undo()
