"""What all tests share."""

import importlib
import ipaddress
import os
import pkgutil
import random
import sys
from contextlib import suppress

import coverage
import hypothesis
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


def pytest_configure(config):
    """No test asks for anything beyond this machine; modules are compiled to bytecode once, not by every process."""
    sys.addaudithook(_only_here)
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # Examples take as long as they take: a machine at work on other things is no fault.
    hypothesis.settings.register_profile("untimed", deadline=None)
    hypothesis.settings.load_profile("untimed")


@pytest.hookimpl(wrapper=True)
def pytest_collection(session):
    """The coverage sees every module of the package imported, and rests while tests are collected: half of the time."""
    tracing = coverage.Coverage.current()
    # The process that gives tests out to workers collects none.
    if tracing is None or session.config.pluginmanager.hasplugin("dsession"):
        return (yield)
    for module in pkgutil.walk_packages(importlib.import_module("dse").__path__, "dse."):
        # Some need a package of an extra.
        with suppress(ImportError):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    tracing.stop()
    try:
        return (yield)
    finally:
        tracing.start()


def _only_here(event, arguments):
    if event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        if not _is_here(arguments[1][0]):
            raise PermissionError(f"a test asks for {arguments[1][0]}: tests need no network")
    elif event == "socket.getaddrinfo" and not _is_here(arguments[0]):
        raise PermissionError(f"a test looks up {arguments[0]!r}: tests need no network")


def _is_here(host):
    text = host.decode() if isinstance(host, bytes) else host
    if not text or text == "localhost":
        return True
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback or text in ("0.0.0.0", "::")
    except ValueError:
        return False


@pytest.fixture(scope="session", autouse=True)
def untraced_compilation():
    """The tracer of the coverage rests while Numba compiles: none of our lines run there, and it cost a quarter."""
    from numba.core.dispatcher import Dispatcher

    compiled = Dispatcher.compile

    def untraced(self, signature):
        tracer = sys.gettrace()
        sys.settrace(None)
        try:
            return compiled(self, signature)
        finally:
            sys.settrace(tracer)

    patch = pytest.MonkeyPatch()
    patch.setattr(Dispatcher, "compile", untraced)
    yield
    patch.undo()


@pytest.fixture(scope="session", autouse=True)
def kernel_folder(tmp_path_factory):
    """Generated kernels go to a folder of the test session, shared by its workers, never to the user's."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    patch = pytest.MonkeyPatch()
    patch.setenv("DSE_CACHE_DIR", str(shared / "dse-cache"))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def validated():
    """The shipped calibrations beside their measurements: what uses it is of the group "validation", on one worker."""
    from dse.calibration.shipped import validation

    return validation()
