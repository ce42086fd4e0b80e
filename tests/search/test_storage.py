"""Searches that are killed and go on, and several workers in one storage."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import optuna
import pytest
import xarray as xr
from optuna.storages.journal import JournalFileSymlinkLock

import dse
from dse.jobs.files import JOURNAL
from dse.jobs.resolve import read_job
from dse.search.driver import Driver, directions, quiet
from dse.search.journal import POPULATIONS, Journal
from dse.search.settings import Settings
from dse.search.shared import Shared, open_storage
from dse.search.storage import Nowhere
from tests.search.servers import postgresql
from tests.search.test_search import SPEC

ROOT = Path(__file__).resolve().parents[2]


def start(options: dict, pause: float = 0.0, spec: dict = SPEC) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.search.worker", json.dumps(spec), json.dumps(options), str(pause)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def told(process: subprocess.Popen) -> str:
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    return out


def test_killed_and_continued_is_as_if_never_killed(tmp_path, monkeypatch):
    options = {"trials": 100, "population": 10, "seed": 2}
    process = start({**options, "out": str(tmp_path / "x")}, pause=0.2)
    while process.stdout.readline().strip() != "40":
        assert process.poll() is None, process.stderr.read()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "x").exists()
    with (tmp_path / ".x.work" / JOURNAL).open("ab") as journal:
        journal.write(b'{"op_code":4,"worker_id":"half a popu')
    (tmp_path / ".x.work" / f"{JOURNAL}.lock").symlink_to(tmp_path / ".x.work" / JOURNAL)
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail("it waits for the lock of the one that was killed"))
    result = dse.search(SPEC, out=tmp_path / "x", plots=False, **options)
    whole = dse.search(SPEC, **options)
    assert result.state == "continued" and 40 <= result.manifest["search"]["replayed"] <= 50
    assert [t.params for t in result.study.trials] == [t.params for t in whole.study.trials]
    xr.testing.assert_identical(result.frontier, whole.frontier)
    assert result.counts == whole.counts
    assert not (tmp_path / ".x.work").exists()


def test_what_a_search_found_is_not_removed_by_an_exploration_or_another_search(tmp_path, monkeypatch):
    options = {"population": 10, "seed": 2, "trials": 40, "out": tmp_path / "x", "plots": False}
    push = Journal.push

    def stopped(journal, population):
        push(journal, population)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "push", stopped)
        with pytest.raises(KeyboardInterrupt, match="what was found is kept in"):
            dse.search(SPEC, **options)
    kept = (tmp_path / ".x.work" / JOURNAL).read_bytes()
    what = r"x: a search{} was interrupted, and what it found is kept in .*\.x\.work; go on with its own command"
    with pytest.raises(dse.InputError, match=what.format("")):
        dse.explore(SPEC, out=tmp_path / "x", plots=False)
    with pytest.raises(dse.InputError, match=what.format(" of another spec, or with other options,")):
        dse.search(SPEC, **{**options, "seed": 3})
    with pytest.raises(dse.InputError, match=what.format(" of another spec, or with other options,")):
        dse.search(SPEC, **{**options, "storage": tmp_path / "shared"})
    assert (tmp_path / ".x.work" / JOURNAL).read_bytes() == kept and not (tmp_path / "x").exists()
    assert dse.search(SPEC, **options).manifest["search"]["replayed"] == 10
    assert not (tmp_path / ".x.work").exists()


@pytest.mark.parametrize("sampler", ["nsga3", "tpe", "qmc"])
def test_more_trials_go_on_from_a_finished_search(tmp_path, sampler):
    options = {"sampler": sampler, "population": 20, "polish": False}
    dse.search(SPEC, trials=60, out=tmp_path / "x", plots=False, **options)
    more = dse.search(SPEC, trials=100, out=tmp_path / "x", plots=False, **options)
    whole = dse.search(SPEC, trials=100, **options)
    assert more.manifest["search"]["replayed"] == 60
    assert [t.params for t in more.study.trials] == [t.params for t in whole.study.trials]
    assert dse.search(SPEC, trials=100, out=tmp_path / "x", plots=False, **options).state == "reused"
    with pytest.raises(dse.InputError, match="holds the result of another spec"):
        dse.search(SPEC, trials=100, seed=9, out=tmp_path / "x", plots=False, **options)


def test_the_journal_is_a_study_of_optuna(tmp_path):
    result = dse.search(SPEC, trials=40, population=20, out=tmp_path / "x", plots=False)
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(tmp_path / "x" / JOURNAL)))
    study = optuna.load_study(study_name="small", storage=storage)
    assert len(study.trials) == 40 and study.user_attrs[POPULATIONS] == [[20, 2]]
    assert [t.values for t in study.trials] == [t.values for t in result.study.trials]
    loaded = dse.load(tmp_path / "x")
    xr.testing.assert_identical(loaded.frontier, result.frontier)
    assert loaded.search is not None


def test_studies_open_in_the_dashboard(tmp_path):
    dashboard = pytest.importorskip("optuna_dashboard")
    result = dse.search(SPEC, trials=40, population=20, out=tmp_path / "x", plots=False)
    from wsgiref.simple_server import make_server

    server = make_server("127.0.0.1", 0, dashboard.wsgi(open_storage(str(tmp_path / "x" / JOURNAL))))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        with urllib.request.urlopen(f"{url}/api/studies") as answer:
            studies = json.load(answer)
        with urllib.request.urlopen(f"{url}/dashboard/") as page:
            assert b"<html" in page.read()
        with urllib.request.urlopen(f"{url}/api/studies/0") as answer:
            trials = json.load(answer)["trials"]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert [s["study_name"] for s in studies["study_summaries"]] == ["small"]
    feasible = [all(v <= 0 for v in t.constraints.values()) for t in result.study.trials]
    # What its plots tell feasible trials by.
    assert [all(v <= 0 for v in t["constraints"]) for t in trials] == feasible and len(set(feasible)) == 2


def first_populations(url: str, workers: int) -> list[list[dict]]:
    """What workers of one seed ask first that join at the same time, before any of them has found anything."""
    job = read_job(SPEC)

    def ask(_: int) -> list[dict]:
        with quiet():
            shared = Shared(url, "together", directions(job), "stamp")
            driver = Driver(job, Settings(population=10), shared, np.empty(0, dtype=np.int64))
            return [trial.params for trial in driver._ask(10)]

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(ask, range(workers)))


def workers_have_own_random_numbers(url: str) -> None:
    storage = open_storage(url)
    with quiet():
        optuna.create_study(storage=storage, study_name="together", directions=directions(read_job(SPEC)))
    asked = first_populations(url, 4)
    assert all(asked[i] != asked[j] for i in range(4) for j in range(i))
    assert "together" in (names := [s.study_name for s in storage.get_all_studies()])
    assert not any("worker" in name for name in names), "nothing is left of how their numbers were made"
    # The first of them is as one that is alone.
    alone = Driver(read_job(SPEC), Settings(population=10), Nowhere(), np.empty(0, dtype=np.int64))
    with quiet():
        assert [t.params for t in alone._ask(10)] in asked


def two_workers(url: str, tmp_path: Path) -> None:
    """Two processes search one study: every trial of both is there, each once."""
    workers_have_own_random_numbers(url)
    options = {"trials": 200, "population": 10, "storage": url}
    workers = [start({**options, "seed": 1, "out": str(tmp_path / f"w{n}")}, 0.05) for n in (1, 2)]
    pushed = [len([line for line in told(worker).splitlines() if line.strip()]) for worker in workers]
    assert all(pushed), "both have worked"
    study = optuna.load_study(study_name="small", storage=open_storage(url))
    trials = study.get_trials(deepcopy=False)
    assert [t.number for t in trials] == list(range(len(trials)))
    assert all(t.state.is_finished() for t in trials)
    # The last population of one may come after the other has made the number full.
    assert 200 <= len(trials) <= 200 + 10 and len(trials) == sum(
        dse.load(tmp_path / f"w{n}").manifest["search"]["own"] for n in (1, 2)
    )
    exact = dse.explore(SPEC)
    for n in (1, 2):
        xr.testing.assert_identical(dse.load(tmp_path / f"w{n}").frontier, exact.frontier.load())


def test_two_workers_on_a_journal_file(tmp_path):
    two_workers(str(tmp_path / "shared.journal"), tmp_path)


def test_two_workers_on_sqlite(tmp_path):
    two_workers(f"sqlite:///{tmp_path}/shared.db", tmp_path)


def test_two_workers_on_postgresql(tmp_path):
    server = postgresql(tmp_path)
    try:
        two_workers(server.get_uri(), tmp_path)
    finally:
        server.cleanup()


def test_a_server_that_goes_away_and_comes_back(tmp_path, monkeypatch):
    server = postgresql(tmp_path)
    url = server.get_uri()
    options = {"trials": 100, "population": 10, "seed": 2, "storage": url, "out": tmp_path / "x", "plots": False}
    push, pushed = Shared.push, []

    def restarted(shared, population, *rest):
        push(shared, population, *rest)
        server.stop()
        server.start()

    def goes_away(shared, population, *rest):
        """In the midst of the fourth population."""
        pushed.append(population)
        half = 5 if len(pushed) == 4 else 10
        push(shared, population[:half], *rest)
        if half == 5:
            server.stop()
        push(shared, population[half:], *rest)

    try:
        monkeypatch.setattr(Shared, "push", goes_away)
        with pytest.raises(
            dse.DseError, match=r"^storage post.*: cannot be used: .*the same command goes on"
        ) as caught:
            dse.search(SPEC, **options)
        assert "\n" not in str(caught.value) and caught.value.exit_code == 1
        assert not (tmp_path / "x").exists() and not (tmp_path / ".x.work").exists()
        with pytest.raises(dse.DseError, match="cannot be used"):
            dse.search(SPEC, **options)
        server.start()
        monkeypatch.setattr(Shared, "push", restarted)
        result = dse.search(SPEC, **{**options, "trials": 60})
        assert result.manifest["search"]["replayed"] == 35 and result.manifest["search"]["trials"] == 60
        monkeypatch.setattr(Shared, "push", push)
        result = dse.search(SPEC, **options)
        trials = optuna.load_study(study_name="small", storage=open_storage(url)).trials
    finally:
        server.cleanup()
    assert result.manifest["search"]["replayed"] == 60
    assert [t.number for t in trials] == list(range(100)) and all(t.state.is_finished() for t in trials)
    xr.testing.assert_identical(result.frontier, dse.explore(SPEC).frontier.load())


def test_the_lock_of_a_worker_that_was_killed_is_given_up(tmp_path, monkeypatch):
    """A journal with a relative name: its lock leads nowhere, and would be held for good."""
    monkeypatch.chdir(tmp_path)
    Path("studies").mkdir()
    options = {"population": 20, "storage": "studies/shared.journal"}
    dse.search(SPEC, trials=20, **options)
    links = []
    monkeypatch.setattr("os.symlink", lambda target, link: links.append((target, link)))
    monkeypatch.setattr(JournalFileSymlinkLock, "release", lambda lock: None)
    dse.search(SPEC, trials=40, **options)
    assert links and all(Path(link).parent.joinpath(target).exists() for target, link in links)


def test_what_a_kill_left_beside_a_finished_search_goes_and_a_search_that_went_further_stays(tmp_path):
    options = {"population": 10, "seed": 2, "out": tmp_path / "x", "plots": False}
    dse.search(SPEC, trials=20, **options)
    work = tmp_path / ".x.work"
    work.mkdir()
    shutil.copyfile(tmp_path / "x" / JOURNAL, work / JOURNAL)
    assert dse.search(SPEC, trials=20, **options).state == "reused" and not work.exists()
    process = start({"population": 10, "seed": 2, "trials": 60, "out": str(tmp_path / "x")}, pause=0.2)
    while process.stdout.readline().strip() != "40":
        assert process.poll() is None, process.stderr.read()
    process.kill()
    process.communicate()
    assert dse.search(SPEC, trials=20, **options).state == "reused" and work.exists()
    assert dse.search(SPEC, trials=60, **options).manifest["search"]["replayed"] >= 40 and not work.exists()


def test_one_worker_in_a_storage_is_as_one_in_memory_and_a_seed_gives_the_same_again(tmp_path):
    """Also where it goes on: as a worker of another number, with random numbers of its own."""
    options = {"population": 10, "seed": 3}
    alone = dse.search(SPEC, trials=30, **options)
    studies = []
    for name in ("one", "two"):
        first = dse.search(SPEC, trials=30, storage=tmp_path / name, **options)
        assert [t.params for t in first.study.trials] == [t.params for t in alone.study.trials]
        studies.append(dse.search(SPEC, trials=50, storage=tmp_path / name, **options).study)
    assert [t.params for t in studies[0].trials] == [t.params for t in studies[1].trials]


def test_another_spec_in_a_storage_is_refused(tmp_path):
    url = f"sqlite:///{tmp_path}/shared.db"
    dse.search(SPEC, trials=20, population=20, storage=url)
    with pytest.raises(dse.InputError, match="holds a study 'small' of another spec"):
        dse.search({**SPEC, "budgets": {}}, trials=20, population=20, storage=url)


def test_a_server_that_does_not_answer_is_told():
    with pytest.raises(dse.DseError, match=r"^storage ") as caught:
        dse.search(SPEC, trials=20, storage="postgresql://nobody:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value) and caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("storage", "problem"),
    [
        ("none/x.journal", "none: there is no such folder"),
        ("sqlite:///none/x.db", "none: there is no such folder"),
        ("text", "holds no study of Optuna"),
        ("sqlite:///text", "file is not a database"),
        (".", "is a folder"),
        ("", "is a folder"),
        ("sqlite:///.", "is a folder"),
        ("text/x.journal", "text: there is no such folder"),
        ("locked", "Permission denied"),
        ("sqlite:///locked", "Permission denied"),
        ("oracle9://x", "oracle9"),
        ("postgresql://me:secret@host:port/x", "is no URL of a database"),
        ("sqlite:/x.db", "begins with sqlite://"),
        ("postgresql:secret@host/x", "begins with postgresql://"),
        ("postgresq://host/x", "postgresq"),
    ],
)
def test_a_wrong_storage_is_told_with_what_is_allowed(tmp_path, monkeypatch, storage, problem):
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("width,resolution\n0.5,96\n" * 9)
    Path("locked").touch()
    # Whoever runs this as the superuser may read everything.
    monkeypatch.setattr("os.access", lambda path, mode: Path(path).name != "locked")
    with pytest.raises(dse.InputError, match=r"^storage ") as caught:
        dse.search(SPEC, trials=20, storage=storage)
    told = str(caught.value)
    assert problem in told and "allowed: " in told and "secret" not in told and "\n" not in told
    assert sorted(p.name for p in tmp_path.iterdir()) == ["locked", "text"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b'"width"', b'"wodth"', "trial 0 of the study is of no design of the space"),
        (b'"values":[', b'"values":[1', "is not what its design is"),
        (b'"op_code":4', b'"op_code":99', "study.journal: is damaged, or holds no study of Optuna"),
        (b"[[10,2]]", b"[[10,2000000000]]", "study.journal: is damaged, .* its populations are not its 20 trials"),
        (b"[[10,2]]", b"{}", "study.journal: is damaged, .* its populations are not its 20 trials"),
        (rb"\"high\": ", rb"\"high\": 1", "is of no design of the space"),
        (rb"\"step\": 1", rb"\"step\": 2", "is of no design of the space"),
    ],
)
def test_a_journal_that_was_changed_is_refused_and_searched_anew_with_fresh(tmp_path, recwarn, old, new, told):
    options = {"population": 10, "seed": 2, "out": tmp_path / "x", "plots": False}
    dse.search(SPEC, trials=20, **options)
    journal = tmp_path / "x" / JOURNAL
    content = journal.read_bytes()
    assert old in content
    journal.write_bytes(content.replace(old, new))
    with pytest.raises(dse.DseError, match=told):
        dse.search(SPEC, trials=40, **options)
    # Optuna has nothing to add to that.
    assert [str(w.message) for w in recwarn] == []
    assert dse.search(SPEC, trials=40, fresh=True, **options).manifest["search"]["replayed"] == 0


def test_lists_in_the_place_of_values_are_refused(tmp_path):
    """NumPy would hold a value that is a list of all values for each of them."""
    options = {"population": 10, "out": tmp_path / "x", "plots": False}
    dse.search(SPEC, trials=20, **options)
    entries = [json.loads(line) for line in (tmp_path / "x" / JOURNAL).read_text().splitlines()]
    for entry in entries:
        if entry.get("values"):
            entry["values"] = [entry["values"]] * len(entry["values"])
    (tmp_path / "x" / JOURNAL).write_text("".join(json.dumps(e, separators=(",", ":")) + "\n" for e in entries))
    with pytest.raises(dse.DseError, match="is not what its design is"):
        dse.search(SPEC, trials=40, **options)


@pytest.mark.parametrize("damage", ["", "garbage\n", '["dse:stamp"]\n', "half", "lost"])
def test_a_journal_of_a_finished_search_that_was_damaged(tmp_path, damage):
    """It is no reason to refuse the result, nor to believe that all trials are there: the search is made again."""
    options = {"trials": 40, "population": 10, "seed": 2, "out": tmp_path / "x", "plots": False}
    first = dse.search(SPEC, **options)
    journal = tmp_path / "x" / JOURNAL
    if damage == "lost":
        journal.unlink()
    else:
        journal.write_text(journal.read_text()[: journal.stat().st_size // 2] if damage == "half" else damage)
    xr.testing.assert_identical(dse.load(tmp_path / "x").frontier, first.frontier)
    again = dse.search(SPEC, **options)
    assert any("1 damaged file (study.journal) of the standing result" in told for told in again.messages)
    assert len(again.study.trials) == 40 and again.manifest["search"]["replayed"] == (10 if damage == "half" else 0)
    xr.testing.assert_identical(again.frontier, first.frontier)


def test_a_damaged_result_of_a_search_is_made_again_of_its_journal(tmp_path):
    options = {"trials": 40, "population": 10, "seed": 2, "out": tmp_path / "x", "plots": False}
    first = dse.search(SPEC, **options)
    (tmp_path / "x" / "search.nc").write_bytes(b"")
    again = dse.search(SPEC, **options)
    assert again.manifest["search"]["replayed"] == 40 and again.counts == first.counts


@pytest.mark.parametrize(
    "left", ['["dse:stamp"]\n', '{"user_attr": ["dse:stamp"]}\n', '{"user_attr": {"dse:stamp": 1}}\n']
)
def test_what_is_no_journal_of_an_interrupted_search_is_removed(tmp_path, left):
    (tmp_path / ".x.work").mkdir()
    (tmp_path / ".x.work" / JOURNAL).write_text(left + "\n")
    found = dse.search(SPEC, trials=20, population=10, out=tmp_path / "x", plots=False)
    assert "had left was removed" in found.messages[0]


def test_a_message_about_a_journal_is_short_whatever_it_holds(tmp_path):
    """Found by the fuzzer: Optuna repeats what it cannot take, a direction of 195,000 digits."""
    study = {"op_code": 0, "worker_id": "w", "study_name": "small", "directions": [["9" * 195_000]]}
    (tmp_path / "shared.journal").write_text(json.dumps(study) + "\n")
    with pytest.raises(dse.DseError) as told:
        dse.search(SPEC, trials=20, population=10, storage=str(tmp_path / "shared.journal"))
    assert len(str(told.value)) < 1000
