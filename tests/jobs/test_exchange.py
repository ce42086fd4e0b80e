"""A new result takes the place of an old one: cut short at any moment it is undone, and no file of the user moves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import traceback

import pytest
from specs import SMALL, changed

import dse
from dse.errors import DseError, InputError
from dse.jobs import exchange
from dse.jobs import folder as folders
from dse.jobs import run as runs
from dse.jobs.exchange import put, put_back
from dse.jobs.resolve import read_job

CHANGES = {"os.rename", "os.mkdir", "os.rmdir", "os.remove"}
# What is there besides: an old result of which a table was lost, and one has no counterpart.
OLD = ("manifest.json", "frontier.nc", "frontier.csv", "grid.zarr/a", "roofline.png", "report.html")
NEW = ("manifest.json", "frontier.nc", "frontier.csv", "cloud.nc", "grid.zarr/a", "grid.zarr/b", "roofline.png")
MINE = ("notes.txt", "shards/1-of-2.npz", "mine/picture.png")
LOST = "frontier.csv"


def write(folder, names, text):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text} {name}")
    if "manifest.json" in names:
        files = sorted({name.partition("/")[0] for name in names})
        known = {"name": text, "key": "", "code": "", "spec": {}, "counts": {}, "units": {}, "metrics": []}
        known |= {"objectives": [], "budgets": [], "per": [], "files": files, "plots": True}
        (folder / "manifest.json").write_text(json.dumps(known))


def content(folder):
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(params=["result", "shards", "nothing"])
def place(request, tmp_path):
    """A folder with a new result, and one with an old one or none, both with files of the user."""
    final, part = tmp_path / "x", tmp_path / ".x.work" / "result.part"
    write(part, NEW, "new")
    final.mkdir()
    if request.param == "result":
        write(final, OLD, "old")
        (final / LOST).unlink()
    if request.param != "nothing":
        write(final, MINE, "my")
    return tmp_path


def parts(place):
    return place / ".x.work" / "result.part", place / "x"


def expected(place):
    """Content of the folder afterwards."""
    mine = {n: t for n, t in content(place / "x").items() if n in MINE}
    return {**mine, **content(place / ".x.work" / "result.part")}


def killed(event, work, *arguments):
    """Whether a process that does the work is killed before its `event`-th change of files; else it has done it."""
    child = os.fork()
    if not child:
        left = [event]

        def heard(name, _):
            if name in CHANGES:
                left[0] -= 1
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(heard)
            work(*arguments)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)


def cut_short(event, monkeypatch, *arguments):
    """Whether an undoing stops before its `event`-th change of files, as if it were killed: it tidies nothing up."""
    left = [event]

    def stops(change):
        def stopping(*given, **options):
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt
            return change(*given, **options)

        return stopping

    with monkeypatch.context() as patched:
        for name in ("rename", "mkdir", "rmdir", "unlink"):
            patched.setattr(os, name, stops(getattr(os, name)))
        try:
            put_back(*arguments)
        except KeyboardInterrupt:
            return True
    return False


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes that split need a POSIX system")
def test_killed_before_every_change_and_again_while_it_is_undone(place, tmp_path_factory, monkeypatch):
    before, new, after = content(place / "x"), content(parts(place)[0]), expected(place)
    base, event, undone = tmp_path_factory.mktemp("killed"), 1, 0
    while True:
        first = base / f"{event}"
        shutil.copytree(place, first)
        if not killed(event, put, *parts(first)):
            break
        again = 1
        while True:
            second = base / f"{event}-{again}"
            shutil.copytree(first, second)
            part, final = parts(second)
            done = not cut_short(again, monkeypatch, part, final)
            put_back(part, final)
            assert content(final) in (before, after)
            if content(final) == before:
                assert content(part) == new
                undone += 1
                put(part, final)
            assert content(final) == after
            assert [p.name for p in part.parent.iterdir()] == (["result.part"] if part.exists() else [])
            again += 1
            if done:
                break
        event += 1
    assert content(first / "x") == after
    assert event > 6 and undone > 20


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "stop"])
def test_whatever_cannot_be_moved_everything_is_as_it_was(place, monkeypatch, error):
    part, final = parts(place)
    before, new, after = content(final), content(part), expected(place)
    rename, count, failed = os.rename, [0], 0

    def fails(source, target):
        count[0] -= 1
        if not count[0]:
            raise error
        rename(source, target)

    while True:
        failed += 1
        count[0] = failed
        with monkeypatch.context() as patched:
            patched.setattr(os, "rename", fails)
            try:
                put(part, final)
                break
            except type(error):
                assert content(final) == before and content(part) == new
                assert [p.name for p in part.parent.iterdir()] == ["result.part"]
    assert failed > 6 and content(final) == after


def test_an_exchange_that_cannot_be_undone_is_undone_by_the_next_run(tmp_path, monkeypatch):
    dse.explore(SMALL, out=tmp_path / "x", plots=False)
    before, rename, failed = content_of(tmp_path / "x"), os.rename, []

    def fails(source, target):
        # When some of the new files are in their places, and ever after.
        if failed or (source.parent.name, source.name) == ("result.part", "cloud.nc"):
            failed.append(source)
            raise OSError(5, "Input/output error")
        rename(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", fails)
        with pytest.raises(DseError, match="x: cannot be written: Input/output error"):
            dse.explore(changed(SMALL, fit=False), out=tmp_path / "x", plots=False, fresh=True)
    assert content_of(tmp_path / "x").keys() == {"frontier.csv", "frontier.nc"} and len(failed) == 2
    assert dse.explore(SMALL, out=tmp_path / "x", plots=False).state == "reused"
    assert content_of(tmp_path / "x") == before
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def content_of(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_a_result_that_was_removed_by_hand_does_not_come_back(tmp_path):
    write(tmp_path / ".x.work" / exchange.OLD, OLD, "old")
    write(tmp_path / ".x.work" / "result.part", NEW, "new")
    put_back(tmp_path / ".x.work" / "result.part", tmp_path / "x")
    assert [p.name for p in (tmp_path / ".x.work").iterdir()] == ["result.part"] and not (tmp_path / "x").exists()


@pytest.mark.parametrize("link", [False, True])
def test_files_of_the_user_with_names_of_the_new_result_are_refused_before_the_work(tmp_path, monkeypatch, link):
    folder, other = tmp_path / "x", tmp_path / "other"
    dse.explore(SMALL, out=folder, plots=False)
    other.write_text("mine")
    name = folder / "frontier.csv" if link else folder / "frontier.png"
    name.unlink(missing_ok=True)
    name.symlink_to(other) if link else name.write_text("mine")
    before = content_of(folder)
    monkeypatch.setattr(runs, "Scanner", None)
    told = f"{name.name}: is not of the result there, and the new result has a file of that name; move it, or choose"
    with pytest.raises(InputError, match=told):
        dse.explore(changed(SMALL, fit=False), out=folder, fresh=True)
    if not link:
        # The result stands, and only lacks its pictures.
        with pytest.raises(InputError, match=told):
            dse.explore(SMALL, out=folder)
    assert content_of(folder) == before and name.is_symlink() == link
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other", "x"]


def test_a_file_that_comes_while_the_job_is_at_work_is_not_replaced(place):
    part, final = parts(place)
    (final / "cloud.nc").write_text("mine")
    before, new = content(final), content(part)
    with pytest.raises(InputError, match=r"cloud\.nc: is not of the result there"):
        put(part, final)
    assert content(final) == before and content(part) == new


def test_the_page_that_was_written_into_a_result_is_of_it_and_another_is_not(tmp_path):
    first = dse.explore(SMALL, out=tmp_path / "x", plots=False)
    first.report(tmp_path / "x" / "report.html")
    assert exchange.own_names(tmp_path / "x") == {p.name for p in (tmp_path / "x").iterdir()}
    dse.explore(changed(SMALL, fit=False), out=tmp_path / "x", plots=False, fresh=True)
    assert not (tmp_path / "x" / "report.html").exists()
    (tmp_path / "x" / "report.html").write_text("<html>mine</html>")
    dse.explore(SMALL, out=tmp_path / "x", plots=False, fresh=True)
    assert (tmp_path / "x" / "report.html").read_text() == "<html>mine</html>"
    with pytest.raises(InputError, match=r"report\.html: is not of the result there"):
        dse.explore(SMALL, out=tmp_path / "x")


def test_a_manifest_cannot_claim_files_that_results_do_not_have(tmp_path):
    """A result may come from anybody."""
    folder, victim = tmp_path / "x", tmp_path / "victim.png"
    victim.write_text("mine")
    write(folder, ("manifest.json", "frontier.nc", "roofline.png"), "old")
    write(folder, MINE, "my")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"] += ["notes.txt", "shards", "mine", "../victim.png", "mine/picture.png", 3, ["a"], str(victim)]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert exchange.own_names(folder) == {"manifest.json", "frontier.nc", "roofline.png"}
    write(tmp_path / ".x.work" / "result.part", NEW, "new")
    put(tmp_path / ".x.work" / "result.part", folder)
    assert {n: t for n, t in content(folder).items() if n in MINE} == {n: f"my {n}" for n in MINE}
    assert victim.read_text() == "mine"


@pytest.mark.parametrize("plots", [False, True])
@pytest.mark.parametrize("grid", [False, True])
def test_every_file_of_a_result_is_among_the_names_that_are_looked_for(tmp_path, plots, grid):
    spec = changed(SMALL, output__grid=grid)
    files = dse.explore(spec, out=tmp_path / "x", plots=plots).manifest["files"]
    names = folders.names_of(read_job(spec), plots)
    assert set(files) <= names
    assert plots or set(files) == names
    assert exchange.own_names(tmp_path / "x") == set(files) == {p.name for p in (tmp_path / "x").iterdir()}
