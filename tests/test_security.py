"""What is read is never run, and nothing is written outside the folders that are given (see SECURITY.md)."""

from __future__ import annotations

import ast
import os
import re
import shutil
import signal
import sys
from pathlib import Path

import pytest

import dse
from dse.errors import InputError
from dse.grid import codegen, engines
from dse.jobs.result import load
from dse.jobs.spec import read_spec

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
