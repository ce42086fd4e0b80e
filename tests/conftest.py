"""What all tests share."""

import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def kernel_folder(tmp_path_factory):
    """Generated kernels go to a folder of the test session, shared by its workers, never to the user's."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    patch = pytest.MonkeyPatch()
    patch.setenv("DSE_CACHE_DIR", str(shared / "dse-cache"))
    yield
    patch.undo()
