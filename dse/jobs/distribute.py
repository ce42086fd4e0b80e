"""The units of a job as tasks of a Dask cluster: one address, or a cluster of this machine's cores."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from multiprocessing import resource_tracker
from typing import Any

from dse import registry
from dse.errors import DseError, InputError
from dse.jobs.manifest import code_key
from dse.jobs.run import AnyScanner, Keeping, ScanUnits, scan_here
from dse.pareto.partial import Partial
from dse.pareto.scan import Gathering
from dse.pareto.scanner import Progress

LOCAL = "local"
# Tasks for each thread of the cluster, so that none waits for long at the end, and most units of a task, one after the
# other: what an interrupted run loses.
TASKS, MOST_UNITS = 8, 16
# Seconds to wait for the scheduler, and for its first worker.
PATIENCE = 30
OPTION = "--scheduler"
# What goes wrong in a cluster of our own comes back as an exception; its log tells of connections that end with it.
SILENT = logging.CRITICAL + 1


def scan_on(address: str | None, formulas: Sequence[Callable[..., Any]] = ()) -> ScanUnits:
    """What scans the units of a job on a cluster; in this process where the address is None.

    It raises InputError where nothing answers at the address.

    Parameters
    ----------
    address
        Of a Dask scheduler ("tcp://host:8786"), or "local": a cluster of a process a core, gone at the end.
    formulas
        The user's own functions, which workers must be able to import.

    Raises
    ------
    InputError
        Where a function of the user's cannot be imported by a worker.
    DseError
        Where Dask is not installed.
    """
    if address is None:
        return scan_here
    if find_spec("distributed") is None:
        raise DseError(f"{OPTION}: Dask is not installed: pip install 'dse[cluster]'")
    modules = _own_modules(formulas)

    def scan(scanner: AnyScanner, progress: Progress | None, keeping: Keeping) -> Partial:
        if any(block.keep is not None or block.source is not None for block in scanner.blocks):
            raise InputError(f"{OPTION}: one process keeps a grid; leave out output.grid, or {OPTION}")
        keeping = _ended(scanner, progress, keeping)
        if keeping.known is not None and len(keeping.known.units) == len(scanner.units):
            return keeping.known
        with _client(address) as client:
            return _scan(client, modules, scanner, progress, keeping)

    return scan


def _ended(scanner: AnyScanner, progress: Progress | None, keeping: Keeping) -> Keeping:
    """What is known, once a search that was interrupted in one process is at its end: it is not divided any more."""
    known = keeping.known
    if known is None or known.suspended is None:
        return keeping
    number, of = known.suspended.share
    # What a share is of its own is told as that of all when its tasks come in.
    only, told = (None, progress) if of == 1 else ([number], None)
    return replace(keeping, known=scanner.scan(told, only=only, known=known, checkpoint=keeping.checkpoint))


def _own_modules(formulas: Sequence[Callable[..., Any]]) -> tuple[str, ...]:
    """Modules that record metrics of the user's: workers import these before anything else."""
    records = [r.function for variants in registry.METRICS.values() for r in variants.values()]
    functions = [*formulas, *records, *(r.function for r in registry.FORMULAS.values())]
    names = dict.fromkeys(f.__module__ for f in functions if registry.is_own(f))
    for name in names:
        module = sys.modules.get(name)
        if name == "__main__" or getattr(module, "__file__", None) is None:
            raise InputError(f"{OPTION}: a metric is defined in {name}; put it into a module that workers can import")
    return tuple(names)


@contextmanager
def _client(address: str) -> Iterator[Any]:
    import dask
    from distributed import Client, LocalCluster
    from distributed.gc import disable_gc_diagnosis

    quiet = {"distributed.logging.distributed": "error", "distributed.admin.system-monitor.gil.enabled": False}
    # Nothing is served to anybody else: certificates are made for this cluster, and the web server has no pages.
    quiet |= {f"distributed.{who}.http.routes": [] for who in ("scheduler", "worker")}
    with dask.config.set(quiet):
        if address == LOCAL:
            cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
            options: dict[str, Any] = {"n_workers": cores, "threads_per_worker": 1, "processes": True}
            options |= {"security": True, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
            options |= {"scheduler_kwargs": {"dashboard": False}}
            with ExitStack() as stack:
                with _deaf_to_interruption():
                    cluster = stack.enter_context(LocalCluster(**options, silence_logs=SILENT))
                    # An interrupt that came while it is called by the collector of garbage would be lost.
                    disable_gc_diagnosis(force=True)
                yield stack.enter_context(Client(cluster))
            return
        client, what = None, ""
        try:
            client = Client(address, timeout=PATIENCE)
        except (OSError, ValueError, TypeError) as error:
            what = str(error).splitlines()[0] if str(error) else type(error).__name__
        if client is None:
            # A client that is half made closes itself when it is collected; in another client's thread it would wait
            # for that thread for ever.
            gc.collect()
            allowed = 'allowed: an address such as tcp://host:8786, or "local"'
            raise InputError(f"{OPTION}: no Dask scheduler answers at {address!r} ({what}); {allowed}")
        with client:
            yield client


@contextmanager
def _deaf_to_interruption() -> Iterator[None]:
    """Processes that are started inside do not hear Ctrl-C, which a terminal sends to all: this process ends them.

    It hears it itself at the end, since what is started by half cannot be ended in order.
    """
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield
        return
    # Its first start unblocks signals, in whichever thread that is.
    resource_tracker.ensure_running()
    heard = list[int]()
    handler = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGINT, handler)
    if heard:
        raise KeyboardInterrupt


def _scan(
    client: Any, modules: tuple[str, ...], scanner: AnyScanner, progress: Progress | None, keeping: Keeping
) -> Partial:
    """Scan the units that are not known yet, as tasks, and put what they found together as it comes in."""
    from distributed import as_completed

    found = Gathering(scanner.blocks)
    if keeping.known is not None:
        found.add(keeping.known)
    done = set() if keeping.known is None else set(keeping.known.units.tolist())
    total, before = sum(u.designs for u in scanner.units), sum(u.designs for u in scanner.units if u.number in done)
    futures = _submit(client, modules, scanner, [u.number for u in scanner.units if u.number not in done])
    try:
        for _, part in as_completed(futures, with_results=True):
            found.add(part)
            before += part.tally.enumerated
            if progress is not None:
                progress(before, total)
            if keeping.checkpoint is not None:
                keeping.checkpoint(found.partial)
    except BaseException as error:
        with suppress(Exception):
            client.cancel(futures)
        if keeping.checkpoint is not None:
            keeping.checkpoint(found.partial, True)
        raise _told(error) from None
    return found.partial()


def _submit(client: Any, modules: tuple[str, ...], scanner: AnyScanner, numbers: Sequence[int]) -> list[Any]:
    """Tasks of a few units each, in order."""
    import cloudpickle

    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        raise InputError(f"{OPTION}: the scheduler has no workers after {PATIENCE} s") from None
    threads = sum(client.nthreads().values())
    # Known to the scheduler and not to a worker alone: what dies with one is made again.
    job = client.submit(bytes, cloudpickle.dumps(scanner.in_one_thread()), pure=False)
    size = max(1, min(MOST_UNITS, len(numbers) // (TASKS * threads)))
    batches = [numbers[i : i + size] for i in range(0, len(numbers), size)]
    return [client.submit(_task, job, batch, modules, code_key(), pure=False) for batch in batches]


def _told(error: BaseException) -> BaseException:
    """An error of the cluster, as the user is told."""
    from distributed.scheduler import KilledWorker

    if isinstance(error, KilledWorker):
        return DseError(f"{OPTION}: {error.allowed_failures + 1} workers died over one task: is their memory enough?")
    return error


def _task(job: bytes, numbers: Sequence[int], modules: Sequence[str], code: str) -> Partial:
    """Scan units in a worker, in one thread: Dask has the others.

    What earlier tasks of the worker found is good to compare with. It is theirs to tell, also where one is made again.
    """
    mine = _mine(job, tuple(modules), code)
    found = mine.scanner.scan(only=numbers, known=mine.good)
    mine.good = found.points_alone()
    return mine.scanner.found_in(numbers, found)


@dataclass
class _Mine:
    """What a worker has of a job: its scanner, and good designs."""

    scanner: AnyScanner
    good: Partial | None = None


@lru_cache(maxsize=4)
def _mine(job: bytes, modules: tuple[str, ...], code: str) -> _Mine:
    """What a worker has of a job, made once in each."""
    import importlib

    import cloudpickle

    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise InputError(f"{OPTION}: a worker cannot import the module {name!r}: {error}") from None
    if code_key() != code:
        raise InputError(f"{OPTION}: workers have other formulas or catalogues than this process; install the same")
    return _Mine(cloudpickle.loads(job))
