"""What is read is never run, and nothing is written outside the folders that are given (see SECURITY.md)."""

from __future__ import annotations

import ast
import base64
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import pytest

import dse
from dse.catalogue import read_at_most
from dse.cli import run
from dse.errors import InputError, harmless
from dse.grid import codegen, engines
from dse.jobs import lock as locks
from dse.jobs.result import load
from dse.jobs.spec import read_spec
from dse.networks.ingest import onnx_model
from dse.plots import save

ROOT = Path(__file__).resolve().parents[1]
SPEC = {
    "name": "x",
    "network": {"family": "mobilenet_v2", "width": [0.35, 0.5]},
    "precision": {"scheme": "int8"},
    "hardware": {"device": "esp32"},
    "objectives": {"minimize": ["latency"]},
}

# What could run what is read: the two places that do run something run what this package wrote itself.
FORBIDDEN = re.compile(
    r"^(eval|exec|compile|__import__|os\.(system|popen|exec\w*|spawn\w*)|subprocess\..*|(c|cloud)?pickle\.loads?|"
    r"pickle\..*|marshal\..*|shelve\..*|yaml\..*|runpy\..*|importlib\.import_module|import_module|"
    r"urllib\..*|requests\..*|http\..*|socket\.(create_connection|socket))$"
)
ALLOWED = {
    ("grid/codegen.py", "exec"): "a nest made of the registry's functions",
    ("grid/codegen.py", "compile"): "the same",
    ("jobs/distribute.py", "cloudpickle.loads"): "a job that this process sent to its own cluster",
    ("jobs/distribute.py", "importlib.import_module"): "the module of a metric that the caller passed as a function",
    ("cli/__init__.py", "importlib.import_module"): "one of the commands",
    ("__init__.py", "importlib.import_module"): "one of the public names",
    ("cli/list_command.py", "import_module"): "a catalogue of the package, by the table in the module",
    ("networks/families/__init__.py", "import_module"): "the families of the package",
    ("plots/__init__.py", "importlib.import_module"): "the plots of the package",
    ("bench/__init__.py", "importlib.import_module"): "the groups of the package's benchmarks",
    ("bench/filter.py", "importlib.import_module"): "a library that is compared with, by its name in the module",
    ("bench/memory.py", "subprocess.run"): "this interpreter with the module's own program, to read its memory",
    ("bench/startup.py", "subprocess.run"): "this interpreter with the module's own programs, to time their start",
}


def calls():
    for path in sorted((ROOT / "dse").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield str(path.relative_to(ROOT / "dse")), ast.unparse(node.func), node


def test_nothing_that_is_read_is_run():
    found = {(path, name) for path, name, _ in calls() if FORBIDDEN.match(name)}
    assert found - set(ALLOWED) == set()
    assert not [(path, name) for path, name, node in calls() if any(k.arg == "shell" for k in node.keywords)]


def test_arrays_are_read_without_pickles():
    loads = [(path, node) for path, name, node in calls() if name in ("np.load", "numpy.load")]
    assert len(loads) >= 2
    for path, node in loads:
        assert {k.arg: ast.unparse(k.value) for k in node.keywords}.get("allow_pickle") == "False", path


def test_an_array_that_would_run_code_is_refused(tmp_path):
    import numpy as np

    from dse.pareto.partial import read_partial
    from dse.weights import one_tensor

    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    np.save(tmp_path / "w.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "1-of-1.npz", header=np.array([Trap()], dtype=object))
    for read, path in ((one_tensor, str(tmp_path / "w.npy")), (read_partial, tmp_path / "1-of-1.npz")):
        with pytest.raises(InputError):
            read(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["../x", "a/b", "..", ".", "/etc/x", "a\\b", "a\nb", "~", "-x", "", "x" * 101, "a\0b"])
def test_names_of_jobs_and_networks_are_plain(name):
    for document in ({**SPEC, "name": name}, {**SPEC, "network": [{**SPEC["network"], "name": name}]}):
        with pytest.raises(InputError, match="name"):
            read_spec(document)


def test_hostile_names_reach_neither_code_nor_files(tmp_path, monkeypatch):
    """Names of devices and formats are free texts: they are values, and nothing else."""
    hostile = "../../x'\"; import os #<script>"
    written = []
    text = codegen._module_text
    monkeypatch.setattr(codegen, "_module_text", lambda *given: written.append(text(*given)) or written[-1])
    monkeypatch.setattr(engines, "PLAIN_LIMIT", 0)
    monkeypatch.setattr(engines, "FEW", 0)
    codegen.compiled.cache_clear()
    spec = {
        **SPEC,
        "hardware": {"device": [hostile, "esp32"]},
        "device": {hostile: {"base": "esp32", "tdp": "1 W"}},
        "precision": {"scheme": [hostile], hostile: {"weight_bits": [4, 8], "activation_bits": 8, "compute": "int8"}},
        "deployment": {"utilization": {"start": 0.1, "stop": 1.0, "num": 300}},
        "objectives": {"minimize": ["latency", "energy"], "per": ["device"], "choose": ["utilization"]},
        "output": {"grid": True},
        "fit": False,
    }
    result = dse.explore(spec, out=tmp_path / "deep" / "x", plots=False)
    codegen.compiled.cache_clear()
    assert written and not [t for t in written if "import os" in t or "script" in t]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deep"]
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["x"]
    assert hostile in set(load(result.path).frontier.device.values.tolist())
    # What is written can be read back, and gives the same.
    again = dse.explore(spec, assumptions=result.path / "assumptions.toml", out=tmp_path / "again", plots=False)
    assert again.counts == result.counts


def test_a_network_that_is_called_like_a_file_of_the_store(tmp_path):
    networks = [{**SPEC["network"], "name": "zarr.json"}, {**SPEC["network"], "name": "c", "classes": 10}]
    spec = {**SPEC, "network": networks, "output": {"grid": True}}
    assert set(dse.explore(spec, out=tmp_path / "x", plots=False).grid.children) == {"zarr.json", "c"}


def test_a_result_behind_a_link_is_replaced_where_it_lies(tmp_path):
    real, link = tmp_path / "real" / "x", tmp_path / "link"
    dse.explore(SPEC, out=real, plots=False)
    (real / "notes.txt").write_text("mine")
    link.symlink_to(real)
    assert dse.explore({**SPEC, "fit": False}, out=link, fresh=True, plots=False).counts
    assert link.is_symlink() and (real / "notes.txt").read_text() == "mine"
    assert load(real).manifest["spec"]["fit"] is False
    assert sorted(p.name for p in (*tmp_path.iterdir(), *real.parent.iterdir())) == ["link", "real", "x"]


def test_links_are_not_followed_to_what_is_no_result(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "precious").write_text("mine")
    (tmp_path / "x").symlink_to(other)
    (tmp_path / ".y.work").symlink_to(other)
    with pytest.raises(InputError, match="exists and is not a result"):
        dse.explore(SPEC, out=tmp_path / "x", plots=False, fresh=True)
    with pytest.raises(InputError, match=r"\.y\.work: is a link to another folder; remove it"):
        dse.explore(SPEC, out=tmp_path / "y", plots=False)
    assert [p.name for p in other.iterdir()] == ["precious"]


@pytest.mark.skipif(sys.platform == "win32", reason="links are those of POSIX systems")
@pytest.mark.parametrize("inside", ["lock", "result.part", "grid.zarr/latency"])
def test_links_in_a_work_folder_are_not_followed(tmp_path, inside):
    other, link = tmp_path / "other", tmp_path / ".x.work" / inside
    other.write_text("mine")
    link.parent.mkdir(parents=True)
    link.symlink_to(other)
    with pytest.raises(InputError, match=f"{inside}: is a link; remove it"):
        dse.explore(SPEC, out=tmp_path / "x", plots=False)
    assert other.read_text() == "mine" and link.is_symlink()
    shutil.rmtree(tmp_path / ".x.work")
    (tmp_path / ".x.work").mkdir()
    os.link(other, tmp_path / ".x.work" / "lock")
    with pytest.raises(InputError, match="lock: has another name too; remove it"):
        dse.explore(SPEC, out=tmp_path / "x", plots=False)
    assert other.read_text() == "mine"


def test_what_lies_beside_a_result_under_names_of_old_is_not_moved_into_it(tmp_path):
    home, spec = tmp_path / "home", {**SPEC, "fit": False}
    home.mkdir()
    (home / "thesis.txt").write_text("mine")
    (tmp_path / ".x.old").symlink_to(home)
    for fresh in (False, True):
        dse.explore(spec if fresh else SPEC, out=tmp_path / "x", plots=False, fresh=fresh)
        assert [p.name for p in home.iterdir()] == ["thesis.txt"] and (tmp_path / ".x.old").is_symlink()
        assert not (tmp_path / "x").is_symlink() and not (tmp_path / "x" / "thesis.txt").exists()
    work = tmp_path / ".x.work"
    work.mkdir()
    (work / "result.old").symlink_to(home)
    (tmp_path / "x" / "manifest.json").unlink()
    with pytest.raises(InputError, match=r"result\.old: is a link; remove it"):
        dse.explore(SPEC, out=tmp_path / "x", plots=False)
    assert [p.name for p in home.iterdir()] == ["thesis.txt"]


@pytest.mark.skipif(sys.platform == "win32", reason="owners are those of POSIX systems")
def test_the_work_folder_of_another_user_is_refused(tmp_path, monkeypatch):
    (tmp_path / ".x.work").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(InputError, match="work: is another user's; remove it"):
        dse.explore(SPEC, out=tmp_path / "x", plots=False)


def _named(table, name):
    """SPEC with a device or number format of that name."""
    own = {"device": {name: {"base": "esp32"}}, "precision": {name: {"weight_bits": 8, "activation_bits": 8}}}
    return {**SPEC, table: {**SPEC.get(table, {}), **own[table]}}


@pytest.mark.skipif(sys.platform == "win32", reason="owners are those of POSIX systems")
def test_what_a_run_has_made_is_its_own(tmp_path, monkeypatch):
    """There are file systems on which everything belongs to one user."""
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert dse.explore(SPEC, out=tmp_path / "x", plots=False).path == tmp_path / "x"


@pytest.mark.parametrize("name", ["a.lock", "grid.zarr/a.lock", "grid.zarr/study.journal.lock"])
def test_a_link_called_as_a_lock_is_a_link(tmp_path, name):
    place = tmp_path / ".x.work" / name
    place.parent.mkdir(parents=True)
    place.symlink_to(tmp_path)
    with pytest.raises(InputError, match="is a link; remove it"):
        dse.explore(SPEC, out=tmp_path / "x", plots=False)


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_work_folder_that_another_run_removes_just_now(tmp_path, monkeypatch, gone):
    """Between the steps in which the lock is had: it is made again, and nothing is told."""
    check, opened, left = locks.check_ours, locks.opened, [gone]

    def removed(step):
        def taken(path):
            if left[0]:
                left[0] -= 1
                shutil.rmtree(path)
            return step(path)

        return taken

    (tmp_path / ".x.work").mkdir()
    monkeypatch.setattr(locks, "check_ours", removed(check))
    monkeypatch.setattr(locks, "opened", removed(opened))
    with locks.take(tmp_path / ".x.work", tmp_path / "x"):
        assert left == [0] and (tmp_path / ".x.work" / "lock").is_file()


def test_a_file_in_the_place_of_a_work_folder_is_told(tmp_path):
    (tmp_path / ".x.work").write_text("mine")
    with pytest.raises(dse.DseError, match="cannot be written: File exists"):
        dse.explore(SPEC, out=tmp_path / "x", plots=False)


def test_a_pipe_beside_a_standing_search_is_not_waited_for(tmp_path):
    options = {"trials": 20, "population": 10, "out": tmp_path / "x", "plots": False}
    dse.search({**SPEC, "fit": False}, **options)
    (tmp_path / ".x.work").mkdir()
    os.mkfifo(tmp_path / ".x.work" / "study.journal")
    assert dse.search({**SPEC, "fit": False}, **options).state == "reused"


@pytest.mark.parametrize("table", ["device", "precision"])
@pytest.mark.parametrize("sign", ["\x1b", "\u202e"])
def test_names_that_would_act_on_a_terminal_are_refused(table, sign):
    with pytest.raises(InputError, match=r"the name '\\(x1b|u202e)\[31mx' holds characters that cannot be shown"):
        dse.explore(_named(table, f"{sign}[31mx"))


@pytest.mark.parametrize("table", ["device", "precision"])
@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@sum(a1)"])
def test_names_that_would_be_formulas_in_a_table_are_refused(table, name):
    with pytest.raises(InputError, match=f"the name {re.escape(repr(name))} is a formula to programs that open tables"):
        dse.explore(_named(table, name))


@pytest.mark.parametrize("name", ["\x1b[31mx.onnx", "=x.onnx"])
def test_files_of_networks_are_called_as_networks_are(tmp_path, name):
    with pytest.raises(InputError, match=r"network\.model: the name "):
        dse.explore({**SPEC, "network": {"model": str(tmp_path / name)}})


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are those of POSIX systems")
@pytest.mark.parametrize("where", ["kernels", "", ".."])
def test_kernels_are_not_kept_where_others_can_put_them(tmp_path, monkeypatch, where):
    """What lies in the folder is run: neither it nor one above it may be another user's to change."""
    folder = tmp_path / "above" / "cache"
    (folder / "kernels").mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("DSE_CACHE_DIR", str(folder))
    codegen.cache_folder.cache_clear()
    assert codegen.cache_folder() == folder / "kernels"
    (folder / where).resolve().chmod(0o777)
    codegen.cache_folder.cache_clear()
    used = codegen.cache_folder()
    assert used != folder / "kernels" and used.stat().st_mode & 0o077 == 0
    codegen.cache_folder.cache_clear()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives a folder away")
@pytest.mark.parametrize("linked", [False, True])
def test_kernels_are_not_kept_in_a_folder_of_another_user(tmp_path, monkeypatch, linked):
    theirs = tmp_path / ("theirs" if linked else "kernels")
    theirs.mkdir(mode=0o700)
    os.chown(theirs, 65534, 65534)
    if linked:
        (tmp_path / "kernels").symlink_to(theirs)
    monkeypatch.setenv("DSE_CACHE_DIR", str(tmp_path))
    codegen.cache_folder.cache_clear()
    assert codegen.cache_folder() != tmp_path / "kernels"
    codegen.cache_folder.cache_clear()


def test_code_that_somebody_put_into_a_kernel_is_not_run(tmp_path, monkeypatch):
    from dse.grid.evaluate import evaluate_values
    from tests.grid.spaces import make

    monkeypatch.setenv("DSE_CACHE_DIR", str(tmp_path))
    space = make("mobilenet_v2", width=[0.5, 1.0], device="rtx-4090")
    for _ in range(2):
        codegen.cache_folder.cache_clear()
        codegen.compiled.cache_clear()
        for name in [n for n in sys.modules if n.startswith("dse_kernel_")]:
            monkeypatch.delitem(sys.modules, name)
        evaluate_values(space, ["energy"], engine="fused")
        kernels = list((tmp_path / "kernels").glob("*.py"))
        assert kernels and not (tmp_path / "ran").exists()
        for path in kernels:
            path.write_text(path.read_text() + f"\nopen({str(tmp_path / 'ran')!r}, 'w')\n")
    codegen.cache_folder.cache_clear()
    codegen.compiled.cache_clear()


def _read_measurements(path):
    from dse.calibration.measurements import read_measurements

    return read_measurements(path)


def _read_model(path):
    from dse.networks.models import load_model

    return load_model(path)


def _read_tensor(path):
    from dse.weights import one_tensor

    return one_tensor(str(path))


def _read_partial(path):
    from dse.pareto.partial import read_partial

    return read_partial(path)


def _open_storage(path):
    from dse.search.shared import check_place

    check_place(str(path))
    check_place(f"sqlite:///{path}")


PIPES = {
    "spec.toml": read_spec, "mine.csv": _read_measurements, "net.onnx": _read_model, "config.json": _read_model,
    "net.gguf": _read_model, "net.csv": _read_model, "w.safetensors": _read_tensor, "w.npy": _read_tensor,
    "1-of-1.npz": _read_partial, "study.log": _open_storage,
}  # fmt: skip


@pytest.fixture
def impatient():
    """What waits is ended."""
    before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it waits"))
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are those of POSIX systems")
@pytest.mark.parametrize("name", PIPES)
def test_a_named_pipe_is_not_waited_for(tmp_path, name, impatient):
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match=r"named pipe|no file that could hold it"):
        PIPES[name](tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are those of POSIX systems")
def test_a_result_with_a_named_pipe_is_not_waited_for(tmp_path, impatient):
    dse.explore(SPEC, out=tmp_path / "x", plots=False)
    (tmp_path / "x" / "frontier.nc").unlink()
    os.mkfifo(tmp_path / "x" / "frontier.nc")
    with pytest.raises(InputError, match="named pipe"):
        load(tmp_path / "x")


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="open files have names in /dev/fd")
def test_a_pipe_that_is_open_is_read(impatient):
    """As a shell gives it for <(...)."""
    reading, writing = os.pipe()
    os.write(writing, b'[network]\nfamily = "resnet"\n[hardware]\ndevice = "esp32"\n')
    os.close(writing)
    assert read_spec(Path(f"/dev/fd/{reading}")).hardware.device == "esp32"
    os.close(reading)


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="open files have names in /dev/fd")
def test_a_pipe_that_is_written_to_slowly_is_read_to_its_end(impatient):
    reading, writing = os.pipe()
    content = b"x" * 3_000_000

    def write():
        # Whoever reads finds nothing there at first, and then less than it asked for.
        time.sleep(0.05)
        with os.fdopen(writing, "wb") as file:
            file.write(content)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert read_at_most(Path(f"/dev/fd/{reading}"), 4_000_000) == content
    finally:
        os.close(reading)
        writer.join()


@pytest.fixture
def result(tmp_path):
    return dse.explore({**SPEC, "objectives": {"minimize": ["latency", "memory"]}}, out=tmp_path / "x", plots=False)


@pytest.mark.parametrize("write", ["report", "plot"])
def test_a_link_in_the_place_of_a_report_or_picture_is_not_followed(result, tmp_path, write):
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    path = result.path / ("report.html" if write == "report" else "frontier.svg")
    path.symlink_to(mine)
    command = ["report", result.path] if write == "report" else ["plot", result.path, "frontier", "-o", path]
    assert run([str(word) for word in command]) == 0
    assert mine.read_text() == "mine" and not path.is_symlink() and path.stat().st_size > 1000
    assert not [p for p in result.path.iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize("write", ["report", "plot"])
def test_what_cannot_be_written_whole_leaves_what_stood(result, tmp_path, write):
    resource = pytest.importorskip("resource", reason="limits of a process need a POSIX system")
    path = tmp_path / ("r.html" if write == "report" else "p.svg")
    path.write_text("before")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(dse.DseError, match="cannot be written: File too large"):
            result.report(path) if write == "report" else save(result.plot(), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_text() == "before" and sorted(p.name for p in tmp_path.iterdir()) == sorted(["x", path.name])


def test_a_report_can_be_written_to_what_is_no_file(result, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", str(tmp_path / "pipe")], stdout=subprocess.PIPE) as reader:
        result.report(tmp_path / "pipe")
        assert reader.communicate(timeout=60)[0].startswith(b"<!doctype html>")
    assert (tmp_path / "pipe").is_fifo()


ACTING = "\x1b]0;own\x07\x9b2J\u202e\r"


@pytest.mark.parametrize(
    "spec",
    [
        {**SPEC, ACTING: 1},
        {**SPEC, "network": {**SPEC["network"], ACTING: 1}},
        {**SPEC, "budgets": {ACTING: 1}},
        {**SPEC, "deployment": {ACTING: 1}},
        {**SPEC, "device": {ACTING: {"base": "esp32", ACTING: 1}}},
        {**SPEC, "device": {"a": {"base": ACTING}}},
    ],
)
def test_errors_do_not_act_on_a_terminal(spec):
    with pytest.raises(InputError) as told:
        dse.explore(spec)
    assert ACTING not in str(told.value) and harmless(str(told.value)) == str(told.value)
    assert "\\u001b" in str(told.value) or "\\x1b" in str(told.value)


def test_what_is_printed_does_not_act_on_a_terminal(tmp_path, capsys):
    """Names of layers and files, notes of a manifest that anyone may have written."""
    table = tmp_path / "net\x1b[2J.csv"
    table.write_text(f"name,kind,inputs,c_in,c_out\nfirst\x1b]0;own\x07{chr(0x202E)},linear,8,8,4\n")
    for words in (["show", str(table)], ["show", str(table), "--json"], ["evaluate", str(table), "--device", "esp32"]):
        assert run(words) in (0, 2)
    told = "".join(capsys.readouterr())
    assert "first\\u001b]0;own\\u0007" in told and not set(told) & {"\x1b", "\x07", chr(0x202E)}


def test_every_word_is_printed_through_one_door():
    """`echo` writes out what would act on a terminal; nothing is printed beside it."""
    doors = {(path, name) for path, name, _ in calls() if name in ("print", "click.echo", "click.secho")}
    assert {(path, name) for path, name in doors if not path.startswith("bench/")} == {("cli/common.py", "click.echo")}


@pytest.mark.parametrize("name", ["Jetson\u00a0Orin", "エッジ\u3000装置", "👩\u200d💻"])
def test_names_in_any_script_are_names(name):
    own = {**SPEC, "fit": False, "hardware": {"device": name}, "device": {name: {"base": "esp32"}}}
    assert dse.explore(own).frontier.device.values[0] == name


def test_a_graph_that_is_packed_is_unpacked_to_a_limit(monkeypatch):
    """A result holds imported networks as packed text: a megabyte of it may be a thousand of zeros."""
    taken = []
    monkeypatch.setattr(onnx_model, "MOST_BYTES", 2**20)
    monkeypatch.setattr(onnx_model, "read_graph", lambda path, content: taken.append(len(content)))
    text = base64.b64encode(zlib.compress(bytes(onnx_model.MOST_BYTES + 1), 9)).decode()
    assert len(text) < 100_000
    with pytest.raises(InputError, match="onnx: is not whole, or takes more than 1 MiB without weights"):
        onnx_model.from_text(text, Path("x.onnx"))
    with pytest.raises(InputError, match="is not whole"):
        onnx_model.from_text(base64.b64encode(zlib.compress(b"x" * 1000)[:-8]).decode(), Path("x.onnx"))
    assert taken == []


def test_messages_are_short_and_harmless_whatever_is_told():
    told = str(dse.DseError("x" * 200_000 + ACTING))
    assert len(told) < 25_000 and harmless(told) == told


def test_a_report_can_be_written_to_what_is_open(result, tmp_path):
    """The shell has sent it to a file: that is written, and the name of it (/dev/stdout) stays."""
    (tmp_path / "out").symlink_to("/proc/self/fd/1")
    program = f"import dse; dse.load({str(result.path)!r}).report({str(tmp_path / 'out')!r})"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (tmp_path / "page.html").open("wb") as page:
        subprocess.run([sys.executable, "-c", program], stdout=page, env=environment, check=True)
    assert (tmp_path / "page.html").read_bytes().startswith(b"<!doctype html>") and (tmp_path / "out").is_symlink()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no file system in which nothing can be made")
def test_a_work_folder_that_cannot_be_made_is_told():
    with pytest.raises(FileNotFoundError):
        locks.take(Path("/proc/.x.work"), Path("/proc/x"))


def test_a_pipe_in_the_place_of_a_lock_is_told(tmp_path):
    (tmp_path / ".x.work").mkdir()
    os.mkfifo(tmp_path / ".x.work" / "lock")
    with pytest.raises(InputError, match="lock: is no file; remove it"):
        dse.explore(SPEC, out=tmp_path / "x", plots=False)


def test_who_may_read_a_report_stays(result, tmp_path):
    (tmp_path / "mine.html").write_text("")
    (tmp_path / "mine.html").chmod(0o600)
    result.report(tmp_path / "mine.html")
    assert (tmp_path / "mine.html").stat().st_mode & 0o777 == 0o600


def test_a_key_with_an_end_of_line_makes_no_line_of_its_own():
    with pytest.raises(InputError) as told:
        dse.explore({**SPEC, "a\nforged: line": 1})
    assert len(str(told.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["job.json", "found.npz", "study.journal"])
def test_a_pipe_in_a_work_folder_is_told(tmp_path, name):
    (tmp_path / ".x.work").mkdir()
    os.mkfifo(tmp_path / ".x.work" / name)
    with pytest.raises(InputError, match=f"{name}: is no file; remove it"):
        dse.explore(SPEC, out=tmp_path / "x", plots=False)
