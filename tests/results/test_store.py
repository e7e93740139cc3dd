"""What a store keeps, what it never gives back, and what it says when the file cannot serve."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.errors import StoreError
from pytest_cereval.models.model import FinishReason
from pytest_cereval.results import store as store_module
from pytest_cereval.results.run import RunStatus
from pytest_cereval.results.store import Store, StoredCompletion
from pytest_cereval.results.verdict import Verdict
from tests.results.attempts import a_completion, an_attempt

TASKS: list[dict[str, Any]] = [
    {"id": "task-2", "name": "b.second", "category": "code_generation"},
    {"id": "task-1", "name": "a.first", "category": "code_generation", "certificate": {"replays": 10}},
]
LEDGER: list[dict[str, Any]] = [{"function": "a.main", "path": "a.py", "line": 3, "reason": "async"}]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store.sqlite") as opened:
        opened.begin_run("run-1", {"model": "tiny"})
        yield opened


def test_a_run_comes_back_with_its_provenance_and_ending(store: Store) -> None:
    store.end_run("run-1", "finished")

    run = store.run("run-1")

    assert run.provenance == {"model": "tiny"}
    assert run.status is RunStatus.finished
    assert run.ended is not None
    assert run.started <= run.ended
    assert run.started.endswith("+00:00")


def test_a_run_that_nobody_ended_is_still_running(store: Store) -> None:
    assert (store.run("run-1").status, store.run("run-1").ended) == (RunStatus.running, None)


def test_the_latest_run_is_the_one_begun_last(store: Store) -> None:
    store.begin_run("a-later-run", {})

    assert store.latest_run_id() == "a-later-run"
    assert [each.run_id for each in store.runs()] == ["run-1", "a-later-run"]


def test_a_new_store_has_no_latest_run(tmp_path: Path) -> None:
    with Store.open(tmp_path / "new" / "store.sqlite") as new:
        assert new.latest_run_id() is None


def test_the_provenance_of_one_run_can_be_completed(store: Store) -> None:
    store.begin_run("run-2", {"model": "other"})

    store.update_provenance("run-1", {"model": "tiny", "loads": 1})

    assert store.run("run-1").provenance == {"model": "tiny", "loads": 1}
    assert store.run("run-2").provenance == {"model": "other"}
    with pytest.raises(StoreError, match="holds no run 'run-9'"):
        store.update_provenance("run-9", {})


def test_a_run_is_begun_once(store: Store) -> None:
    with pytest.raises(StoreError, match="already holds a run 'run-1'"):
        store.begin_run("run-1", {})


def test_an_unknown_run_is_refused_with_those_that_are_there(store: Store) -> None:
    with pytest.raises(StoreError, match="holds no run 'run-9'") as caught:
        store.end_run("run-9", "finished")

    assert caught.value.next_step == "choose one of the latest: 'run-1'"


def test_tasks_and_ledger_keep_their_order_and_content(store: Store) -> None:
    store.save_tasks("run-1", TASKS, LEDGER)

    assert store.tasks("run-1") == TASKS
    assert store.ledger("run-1") == LEDGER


def test_equal_tasks_of_two_runs_are_stored_once(store: Store) -> None:
    store.begin_run("run-2", {})
    store.save_tasks("run-1", TASKS, LEDGER)
    store.save_tasks("run-2", TASKS, LEDGER)

    with sqlite3.connect(store.path) as reader:
        (documents,) = reader.execute("SELECT count(*) FROM documents").fetchone()
    reader.close()

    assert documents == len(TASKS) + 1
    assert store.tasks("run-2") == TASKS


def test_a_task_that_changed_does_not_rewrite_an_earlier_run(store: Store) -> None:
    store.begin_run("run-2", {})
    store.save_tasks("run-1", TASKS, [])
    store.save_tasks("run-2", [{**TASKS[0], "certificate": {"replays": 99}}], [])

    assert store.tasks("run-1") == TASKS


def test_saving_tasks_again_replaces_them(store: Store) -> None:
    store.save_tasks("run-1", TASKS, LEDGER)
    store.save_tasks("run-1", TASKS[:1], [])

    assert store.tasks("run-1") == TASKS[:1]
    assert store.ledger("run-1") == []


def test_attempts_come_in_task_order_whatever_order_they_ended_in(store: Store) -> None:
    store.save_tasks("run-1", TASKS, [])
    for task_id, sample in (("task-1", 0), ("task-2", 1), ("unlisted", 0), ("task-2", 0)):
        store.save_attempt(an_attempt(task_id=task_id, sample=sample))

    order = [(each.task_id, each.sample) for each in store.attempts("run-1")]

    assert order == [("task-2", 0), ("task-2", 1), ("task-1", 0), ("unlisted", 0)]


def test_an_attempt_saved_again_takes_the_place_of_the_first(store: Store) -> None:
    store.save_attempt(an_attempt(verdict=Verdict.INVALID))
    store.save_attempt(an_attempt(verdict=Verdict.PASS))

    assert [each.verdict for each in store.attempts("run-1")] == [Verdict.PASS]


def test_an_attempt_comes_back_equal_even_with_half_a_surrogate_pair(store: Store) -> None:
    attempt = an_attempt(candidate="x = '\ud83d'\x00", detail="\x1b[31m")

    store.save_attempt(attempt)

    assert store.attempts("run-1") == [attempt]


def test_an_attempt_of_a_run_that_was_never_begun_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="could not save the attempt at task 'task-1'") as caught:
        store.save_attempt(an_attempt(run_id="run-9"))

    assert "begin the run" in caught.value.next_step


def test_evidence_that_is_no_json_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="the attempt at task 'task-1' cannot be kept as JSON"):
        store.save_attempt(an_attempt(evidence={"seen": {1, 2}}))
    with pytest.raises(StoreError, match="cannot be kept as JSON"):
        store.save_attempt(an_attempt(evidence={"seen": float("nan")}))


def _save(store: Store, run_id: str, text: str, *, task: str = "t", sample: int = 0, **changes: object) -> None:
    store.save_completion(run_id, task, sample, "p", "m", a_completion(text=text, **changes))


def test_the_newest_completion_of_any_run_is_found(store: Store) -> None:
    store.begin_run("run-2", {})
    _save(store, "run-2", "second")
    _save(store, "run-1", "third")

    found = store.find_completion("t", 0, "p", "m")

    assert found == a_completion(text="third")


def test_a_completion_saved_again_in_the_same_run_replaces_the_first(store: Store) -> None:
    _save(store, "run-1", "first")
    _save(store, "run-1", "second")

    assert store.find_completion("t", 0, "p", "m") == a_completion(text="second")


@pytest.mark.parametrize("question", [("u", 0, "p", "m"), ("t", 1, "p", "m"), ("t", 0, "q", "m"), ("t", 0, "p", "n")])
def test_a_completion_answers_only_its_own_question(store: Store, question: tuple[str, int, str, str]) -> None:
    _save(store, "run-1", "answer")

    assert store.find_completion(*question) is None


@pytest.mark.parametrize(
    "changes", [{"finish_reason": "error"}, {"finish_reason": "timeout"}, {"text": ""}, {"text": " \n"}]
)
def test_a_failed_or_empty_completion_is_kept_but_never_reused(store: Store, changes: dict[str, str]) -> None:
    store.save_completion("run-1", "t", 0, "p", "m", {**a_completion(text="good"), **changes})
    assert store.find_completion("t", 0, "p", "m") is None

    store.begin_run("run-2", {})
    _save(store, "run-2", "good")
    store.save_completion("run-1", "t", 0, "p", "m", {**a_completion(text="good"), **changes})

    assert store.find_completion("t", 0, "p", "m") == a_completion(text="good")


def test_a_completion_cut_by_the_token_limit_is_reused(store: Store) -> None:
    _save(store, "run-1", "half an ans", finish_reason=FinishReason.length)

    assert store.find_completion("t", 0, "p", "m") is not None


def test_a_runs_answers_come_in_the_order_of_its_tasks_empty_ones_too(store: Store) -> None:
    store.save_tasks("run-1", [{"id": "b"}, {"id": "a"}], [])
    told = [("a", 1, ""), ("b", 0, "x"), ("a", 0, "y")]
    store.save_completions("run-1", [StoredCompletion(t, n, "p", "m", a_completion(text=text)) for t, n, text in told])

    found = store.completions("run-1")

    assert [(each.task_id, each.sample, each.completion["text"]) for each in found] == [
        ("b", 0, "x"),
        ("a", 0, "y"),
        ("a", 1, ""),
    ]
    assert store.find_completion("a", 1, "p", "m") is None
    assert store.completions("another") == []


def test_many_answers_are_kept_together_or_not_at_all(store: Store) -> None:
    good, bad = a_completion(text="x"), {**a_completion(text="y"), "wall_s": float("nan")}
    rows = [StoredCompletion("t", number, "p", "m", each) for number, each in enumerate((good, bad))]

    with pytest.raises(StoreError, match="cannot be kept as JSON"):
        store.save_completions("run-1", rows)

    assert store.completions("run-1") == []


def test_several_threads_can_save_at_the_same_time(store: Store) -> None:
    def save_many(worker: int) -> None:
        for number in range(20):
            store.save_attempt(an_attempt(task_id=f"{worker}-{number}"))

    threads = [threading.Thread(target=save_many, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(store.attempts("run-1")) == 80


def test_two_runs_may_create_the_same_store_at_the_same_moment(tmp_path: Path) -> None:
    together = threading.Barrier(6)
    faults: list[BaseException] = []

    def open_and_begin(number: int) -> None:
        together.wait()
        try:
            with Store.open(tmp_path / "store.sqlite") as store:
                store.begin_run(str(number), {})
        except StoreError as error:
            faults.append(error)

    threads = [threading.Thread(target=open_and_begin, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert faults == []
    with Store.open(tmp_path / "store.sqlite") as store:
        assert len(store.runs()) == 6


_KILLED_WRITER = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job may have been told to ignore it
from typing import Any
from pytest_cereval.results.store import Store, StoredCompletion
from tests.results.attempts import an_attempt
store = Store.open(Path(sys.argv[1]))
store.begin_run("killed", {})
for number in range(1000000):
    store.save_attempt(an_attempt(run_id="killed", task_id=f"task-{number:06}"))
    print(number, flush=True)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_what_was_saved_before_the_process_died_is_there(tmp_path: Path, how: signal.Signals) -> None:
    path = tmp_path / "store.sqlite"
    root = Path(__file__).parents[2]
    writer = subprocess.Popen(
        [sys.executable, "-c", _KILLED_WRITER, str(path)],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert writer.stdout is not None
    while int(writer.stdout.readline()) < 10:
        pass
    writer.send_signal(how)
    said = [int(line) for line in writer.stdout]
    writer.stdout.close()
    writer.wait()

    with Store.open(path) as store:
        saved = len(store.attempts("killed"))

        assert store.run("killed").status is RunStatus.running
    assert saved >= max([10, *said]) + 1


def test_a_store_that_must_exist_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store at"):
        Store.open(tmp_path / "none.sqlite", must_exist=True)

    assert not (tmp_path / "none.sqlite").exists()


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to look at\n" * 100)
    before = path.read_bytes()

    with pytest.raises(StoreError, match=r"notes\.txt: it is not an SQLite database") as caught:
        Store.open(path)

    assert "--cereval-store=PATH" in caught.value.next_step
    assert path.read_bytes() == before


def test_a_damaged_store_is_refused_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Store.open(path) as store:
        store.begin_run("run-1", {"padding": "x" * 50_000})
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    path.write_bytes(data)

    with pytest.raises(StoreError, match=r"store\.sqlite: its content is damaged"), Store.open(path) as store:
        store.runs()


def test_a_store_in_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match=r"folder of the store .* cannot be made"):
        Store.open(tmp_path / "file" / "store.sqlite")


def test_a_path_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="it cannot be opened"):
        Store.open(tmp_path)


def test_a_store_held_by_another_process_is_reported_after_waiting(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "BUSY_TIMEOUT_S", 0.2)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()

    with (
        Store.open(store.path) as second,
        pytest.raises(StoreError, match="another process holds it") as caught,
    ):
        second.save_attempt(an_attempt())
    waited = time.monotonic() - began
    other.execute("ROLLBACK")
    other.close()

    assert waited >= 0.2
    assert "wait until the other run has ended" in caught.value.next_step


def test_a_full_disk_is_named_and_costs_only_what_did_not_fit(store: Store) -> None:
    store.save_attempt(an_attempt())
    # SQLite reports SQLITE_FULL when the file may not grow, exactly as it does for a disk without space.
    (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
    store._connection.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(StoreError, match="the disk is full") as caught:
        store.save_attempt(an_attempt(task_id="big", candidate="x" * 1_000_000))

    assert "free some space" in caught.value.next_step
    assert [each.task_id for each in store.attempts("run-1")] == ["task-1"]
    store._connection.execute(f"PRAGMA max_page_count = {pages + 1000}")
    store.save_attempt(an_attempt(task_id="big"))
    assert len(store.attempts("run-1")) == 2


def test_a_read_only_store_is_named(store: Store) -> None:
    store._connection.execute("PRAGMA query_only = ON")

    with pytest.raises(StoreError, match="it is read-only") as caught:
        store.save_attempt(an_attempt())

    assert "make it and its folder writable" in caught.value.next_step


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes read-only files")
def test_a_file_without_write_permission_is_named(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    Store.open(path).close()
    path.chmod(0o444)
    tmp_path.chmod(0o555)

    try:
        with pytest.raises(StoreError, match=r"read-only|cannot be opened"), Store.open(path) as store:
            store.begin_run("run-1", {})
    finally:
        tmp_path.chmod(0o755)


def test_closing_twice_is_fine_and_leaves_one_file(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store.sqlite")
    store.begin_run("run-1", {})

    store.close()
    store.close()

    assert [each.name for each in tmp_path.iterdir()] == ["store.sqlite"]
