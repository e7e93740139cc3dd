"""Turns what a run produces into rows of one SQLite file, each on disk before the next thing happens."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from pytest_cereval.errors import StoreError
from pytest_cereval.models.model import FinishReason
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.migrations import migrate, transaction
from pytest_cereval.results.run import Run, RunStatus

BUSY_TIMEOUT_S = 10.0
_CHOOSE_ANOTHER = "choose another file with --cereval-store=PATH"
# Keyed by the start of SQLite's error name (https://www.sqlite.org/rescode.html).
_CAUSES = {
    "SQLITE_FULL": ("the disk is full", f"free some space, or {_CHOOSE_ANOTHER}"),
    "SQLITE_READONLY": ("it is read-only", f"make it and its folder writable, or {_CHOOSE_ANOTHER}"),
    "SQLITE_NOTADB": ("it is not an SQLite database", _CHOOSE_ANOTHER),
    "SQLITE_CORRUPT": ("its content is damaged", f"restore it from a copy, or {_CHOOSE_ANOTHER}"),
    "SQLITE_BUSY": ("another process holds it", f"wait until the other run has ended, or {_CHOOSE_ANOTHER}"),
    "SQLITE_LOCKED": (
        "another process holds it",
        f"wait until the other run has ended, or {_CHOOSE_ANOTHER}",
    ),
    "SQLITE_CANTOPEN": ("it cannot be opened", f"check that its folder can be written, or {_CHOOSE_ANOTHER}"),
    "SQLITE_IOERR": ("reading or writing failed", f"check the disk, or {_CHOOSE_ANOTHER}"),
}
_NOT_REUSED = (FinishReason.error.value, FinishReason.timeout.value)


@dataclass(frozen=True, slots=True)
class StoredCompletion:
    """One answer of one run, with all that decides which question it answers."""

    task_id: str
    sample: int
    prompt_sha256: str
    model_key: str
    completion: dict[str, Any]


class Store:
    """The record of runs. Threads of one process may share it; every `save_*` is on disk when it returns."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.path = path
        self._connection = connection
        self._lock = threading.RLock()

    @classmethod
    def open(cls, path: Path, *, must_exist: bool = False) -> Store:
        """Open or create the file and bring its schema up to date; raises `StoreError`."""
        if must_exist and not path.is_file():
            raise StoreError(
                f"there is no store at {path}",
                next_step="give the path of one: --store=PATH, or --cereval-store=PATH with pytest",
            )
        with _explained(path, "open"):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(
                    f"the folder of the store {path} cannot be made: {error.strerror}",
                    next_step=_CHOOSE_ANOTHER,
                ) from error
            connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
            try:
                migrate(connection, path)
                # Fails where another process is just doing it; without it the store is slower, not wrong.
                with suppress(sqlite3.OperationalError):
                    connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA foreign_keys = ON")
            except BaseException:
                connection.close()
                raise
        return cls(connection, path)

    def begin_run(self, run_id: str, provenance: dict[str, Any], *, started: str = "") -> None:
        """Start a run, now unless it is said when; raises `StoreError` if there is one with this id."""
        if self._rows("SELECT 1 FROM runs WHERE run_id = ?", run_id):
            raise StoreError(f"{self.path} already holds a run {run_id!r}", next_step="begin a run with a new id")
        with self._writing(f"begin run {run_id!r}") as connection:
            connection.execute(
                "INSERT INTO runs (run_id, started, status, provenance) VALUES (?, ?, ?, ?)",
                (run_id, started or _now(), RunStatus.running.value, _json(provenance, "the provenance")),
            )

    def update_provenance(self, run_id: str, provenance: dict[str, Any]) -> None:
        """Replace what is known of a run's origin, once its end can tell more (model loads, say)."""
        self.run(run_id)
        body = _json(provenance, "the provenance")
        with self._writing(f"complete the provenance of run {run_id!r}") as connection:
            connection.execute("UPDATE runs SET provenance = ? WHERE run_id = ?", (body, run_id))

    def end_run(self, run_id: str, status: str, *, ended: str = "") -> None:
        """Say how a run ended, now unless it is said when: `finished`, `interrupted` or `failed`."""
        ending = RunStatus(status).value
        self.run(run_id)
        with self._writing(f"end run {run_id!r}") as connection:
            connection.execute(
                "UPDATE runs SET ended = ?, status = ? WHERE run_id = ?", (ended or _now(), ending, run_id)
            )

    def save_tasks(self, run_id: str, tasks: list[dict[str, Any]], ledger: list[dict[str, Any]]) -> None:
        """Keep what a run asks, in order, and what it does not ask and why; again, it replaces the first."""
        with self._writing(f"save the tasks of run {run_id!r}") as connection:
            connection.execute("DELETE FROM run_tasks WHERE run_id = ?", (run_id,))
            for position, task in enumerate(tasks):
                digest = _save_document(connection, task, f"task {task['id']!r}")
                connection.execute("INSERT INTO run_tasks VALUES (?, ?, ?, ?)", (run_id, position, task["id"], digest))
            digest = _save_document(connection, ledger, "the ledger")
            connection.execute("UPDATE runs SET ledger = ? WHERE run_id = ?", (digest, run_id))

    def save_completion(
        self,
        run_id: str,
        task_id: str,
        sample: int,
        prompt_sha256: str,
        model_key: str,
        completion: dict[str, Any],
    ) -> None:
        """Keep an answer as soon as it is there, so that a later fault of ours does not cost it."""
        self.save_completions(run_id, [StoredCompletion(task_id, sample, prompt_sha256, model_key, completion)])

    def save_completions(self, run_id: str, completions: Sequence[StoredCompletion]) -> None:
        """Keep many answers at once, or none of them."""
        named = f"task {completions[0].task_id!r}" if len(completions) == 1 else f"{len(completions)} tasks"
        rows = [
            (
                run_id,
                each.task_id,
                each.sample,
                each.prompt_sha256,
                each.model_key,
                each.completion["finish_reason"] not in _NOT_REUSED and bool(each.completion["text"].strip()),
                _json(each.completion, f"the completion of task {each.task_id!r}"),
            )
            for each in completions
        ]
        with self._writing(f"save the completion of {named}") as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO completions (run_id, task_id, sample, prompt_sha256, model_key,"
                " reusable, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
                rows,
            )

    def completions(self, run_id: str) -> list[StoredCompletion]:
        """What a run was answered, in the order of its tasks and samples, empty and failed answers too."""
        rows = self._rows(
            "SELECT c.task_id, c.sample, c.prompt_sha256, c.model_key, c.body FROM completions c"
            " LEFT JOIN run_tasks t USING (run_id, task_id) WHERE c.run_id = ?"
            " ORDER BY t.position IS NULL, t.position, c.task_id, c.sample, c.seq",
            run_id,
        )
        return [
            StoredCompletion(task, sample, prompt, key, json.loads(body)) for task, sample, prompt, key, body in rows
        ]

    def find_completion(self, task_id: str, sample: int, prompt_sha256: str, model_key: str) -> dict[str, Any] | None:
        """The newest answer of any run to exactly this question; never an empty, timed-out or failed one."""
        rows = self._rows(
            "SELECT body FROM completions WHERE task_id = ? AND sample = ? AND prompt_sha256 = ?"
            " AND model_key = ? AND reusable ORDER BY seq DESC LIMIT 1",
            task_id,
            sample,
            prompt_sha256,
            model_key,
        )
        return json.loads(rows[0][0]) if rows else None

    def save_attempt(self, attempt: Attempt) -> None:
        """Keep an attempt; a second one of the same run, task and sample takes its place."""
        failure = None if attempt.failure is None else attempt.failure.value
        body = _json(attempt.to_dict(), f"the attempt at task {attempt.task_id!r}")
        with self._writing(f"save the attempt at task {attempt.task_id!r}") as connection:
            connection.execute(
                "INSERT INTO attempts (run_id, task_id, sample, verdict, failure, body) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (run_id, task_id, sample)"
                " DO UPDATE SET verdict = excluded.verdict, failure = excluded.failure, body = excluded.body",
                (attempt.run_id, attempt.task_id, attempt.sample, attempt.verdict.value, failure, body),
            )

    def attempts(self, run_id: str) -> list[Attempt]:
        """In the order of the run's tasks and samples, whatever order they ended in."""
        rows = self._rows(
            "SELECT a.body FROM attempts a LEFT JOIN run_tasks t USING (run_id, task_id) WHERE a.run_id = ?"
            " ORDER BY t.position IS NULL, t.position, a.task_id, a.sample",
            run_id,
        )
        return [Attempt.from_dict(json.loads(body)) for (body,) in rows]

    def tasks(self, run_id: str) -> list[dict[str, Any]]:
        """What was asked in a run, in order."""
        rows = self._rows(
            "SELECT body FROM run_tasks JOIN documents USING (sha256) WHERE run_id = ? ORDER BY position",
            run_id,
        )
        return [json.loads(body) for (body,) in rows]

    def ledger(self, run_id: str) -> list[dict[str, Any]]:
        """What was not asked in a run, and why."""
        rows = self._rows("SELECT body FROM runs JOIN documents ON sha256 = ledger WHERE run_id = ?", run_id)
        entries: list[dict[str, Any]] = json.loads(rows[0][0]) if rows else []
        return entries

    def runs(self) -> list[Run]:
        """Every run, oldest first."""
        return self._runs("")

    def run(self, run_id: str) -> Run:
        """One run; raises `StoreError` with the ids that are there."""
        found = self._runs("WHERE run_id = ?", run_id)
        if not found:
            known = ", ".join(repr(each.run_id) for each in self.runs()[-5:]) or "none"
            raise StoreError(f"{self.path} holds no run {run_id!r}", next_step=f"choose one of the latest: {known}")
        return found[0]

    def latest_run_id(self, besides: str = "") -> str | None:
        """The id of the run begun last other than `besides`, None where there is none. Probes of an earlier run are no
        run of their own.
        """
        probes = "json_extract(provenance, '$.probes_of') IS NOT NULL"
        query = f"SELECT run_id FROM runs WHERE NOT ({probes}) AND run_id != ? ORDER BY seq DESC LIMIT 1"  # noqa: S608
        rows = self._rows(query, besides)
        return rows[0][0] if rows else None

    def close(self) -> None:
        """Fold the write-ahead log into the file and let go of it; calling it twice is fine."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _runs(self, where: str, *values: str) -> list[Run]:
        query = f"SELECT run_id, started, ended, status, provenance FROM runs {where} ORDER BY seq"  # noqa: S608
        return [
            Run(run_id, started, ended, RunStatus(status), json.loads(provenance))
            for run_id, started, ended, status, provenance in self._rows(query, *values)
        ]

    def _rows(self, query: str, *values: str | int) -> list[tuple[Any, ...]]:
        with self._lock, _explained(self.path, "read"):
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _writing(self, doing: str) -> Iterator[sqlite3.Connection]:
        with self._lock, _explained(self.path, doing), transaction(self._connection):
            yield self._connection


def _save_document(connection: sqlite3.Connection, value: Any, what: str) -> str:
    body = _json(value, what)
    digest = hashlib.sha256(body.encode()).hexdigest()
    connection.execute("INSERT OR IGNORE INTO documents VALUES (?, ?)", (digest, body))
    return digest


def _json(value: Any, what: str) -> str:
    try:
        # ASCII on purpose: a model's answer may hold half a surrogate pair, which no UTF-8 text can.
        return json.dumps(value, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StoreError(
            f"{what} cannot be kept as JSON: {error}", next_step="build it from JSON builtins only"
        ) from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@contextmanager
def _explained(path: Path, doing: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise StoreError(
            f"could not {doing} in {path}: {error}", next_step="begin the run before anything is saved for it"
        ) from error
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", None) or "SQLITE_ERROR"
        cause, next_step = next(
            (explained for start, explained in _CAUSES.items() if name.startswith(start)),
            (str(error), _CHOOSE_ANOTHER),
        )
        raise StoreError(f"could not {doing} in {path}: {cause} ({name})", next_step=next_step) from error
