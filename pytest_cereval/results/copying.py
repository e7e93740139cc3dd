"""Turns one run of a store into an SQLite file of its own, and the bytes of such a file back into its records.

The copy holds nothing of other runs, not even in free pages. Reading it trusts nothing: the bytes are opened in memory,
no file beside them is looked at, and a schema that is not ours to the letter is refused before a row is read.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pytest_cereval.errors import StoreError
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.migrations import MIGRATIONS, migrate, transaction
from pytest_cereval.results.run import Run
from pytest_cereval.results.store import Store, StoredCompletion

_SHARED = "documents"
_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"


@dataclass(frozen=True, slots=True)
class StoredRun:
    """What a copy holds. `problems` name what contradicts itself inside the file."""

    run: Run
    tasks: list[dict[str, Any]]
    ledger: list[dict[str, Any]]
    attempts: list[Attempt]
    completions: list[StoredCompletion]
    problems: tuple[str, ...]


def copy_run(source: Path, run_id: str, target: Path) -> None:
    """Write one run of the store at `source` into the new file `target`; the same run gives the same bytes.

    Raises `StoreError` if there is no such run or either file cannot be used.
    """
    with Store.open(source, must_exist=True) as store:
        store.run(run_id)
    try:
        with closing(sqlite3.connect(f"file:{quote(str(target))}", uri=True, isolation_level=None)) as connection:
            migrate(connection, target)
            connection.execute("ATTACH ? AS source", (f"file:{quote(str(source.absolute()))}?mode=ro",))
            with transaction(connection):
                _copy(connection, run_id)
            broken = connection.execute("PRAGMA main.foreign_key_check").fetchall()
            connection.execute("DETACH source")
    except sqlite3.Error as error:
        raise StoreError(
            f"run {run_id!r} of {source} cannot be copied to {target}: {error}",
            next_step="free some space, or mend the store",
        ) from error
    if broken:
        raise StoreError(f"run {run_id!r} of {source} refers to rows that are not there", next_step="mend the store")


def open_copy(data: bytes) -> Store:
    """A store in memory with the content of a copy; raises `StoreError` where its schema is not ours."""
    return Store(_opened(data), Path("the store"))


def read_copy(data: bytes) -> StoredRun:
    """The one run in the bytes of a copy; raises `StoreError` for anything that is not a copy of one run."""
    connection = _opened(data)
    with _refused(), Store(connection, Path("the store")) as store:
        problems = tuple(_problems(connection))
        runs = store.runs()
        if len(runs) != 1:
            raise StoreError(f"the store holds {len(runs)} runs where one is expected")
        run_id = runs[0].run_id
        return StoredRun(
            run=runs[0],
            tasks=store.tasks(run_id),
            ledger=store.ledger(run_id),
            attempts=store.attempts(run_id),
            completions=store.completions(run_id),
            problems=problems,
        )


def _opened(data: bytes) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        with _refused():
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.deserialize(data)
            _check_schema(connection)
            migrate(connection, Path("the store"))
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _refused() -> Iterator[None]:
    """What a file of somebody else's may break over, as one error."""
    try:
        yield
    except (sqlite3.Error, ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise StoreError(f"the store cannot be read: {str(error)[:200]}") from error


def _copy(connection: sqlite3.Connection, run_id: str) -> None:
    connection.execute("DELETE FROM main.migrations")
    connection.execute("INSERT INTO main.migrations SELECT * FROM source.migrations ORDER BY rowid")
    tables = [name for (name,) in connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")]
    for table in sorted(tables):
        columns = [row[1] for row in connection.execute(f"PRAGMA main.table_info({table})") if row[1] != "seq"]
        if "run_id" in columns:
            names = ", ".join(columns)
            connection.execute(
                f"INSERT INTO main.{table} ({names})"  # noqa: S608 - names come from our own schema
                f" SELECT {names} FROM source.{table} WHERE run_id = ? ORDER BY rowid",
                (run_id,),
            )
    for table in sorted(tables):
        for key in connection.execute(f"PRAGMA main.foreign_key_list({table})").fetchall():
            if key[2] == _SHARED:
                connection.execute(
                    f"INSERT OR IGNORE INTO main.{_SHARED} SELECT * FROM source.{_SHARED}"  # noqa: S608 - as above
                    f" WHERE {key[4]} IN (SELECT {key[3]} FROM main.{table}) ORDER BY {key[4]}"
                )


def _check_schema(connection: sqlite3.Connection) -> None:
    """Tables, indexes, triggers and views exactly as our migrations make them, up to those that were applied."""
    found = connection.execute(_SCHEMA).fetchall()
    odd = [str(row[1]) for row in found if row[0] not in ("table", "index") or "VIRTUAL" in str(row[3]).upper()]
    if odd:
        raise StoreError(f"the store's schema is not ours: {', '.join(odd)[:200]}")
    applied = 0
    if any(name == "migrations" and kind == "table" for kind, name, _, _ in found):
        (applied,) = connection.execute("SELECT count(*) FROM migrations").fetchone()
    if applied > len(MIGRATIONS):
        return  # `migrate` says that a newer version wrote it
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        migrate(fresh, Path(":memory:"), MIGRATIONS[:applied])
        expected = fresh.execute(_SCHEMA).fetchall()
    if found != expected:
        known = {row[1] for row in expected if row in found}
        names = sorted({str(row[1]) for row in (*found, *expected)} - known)
        raise StoreError(f"the store's schema is not ours: {', '.join(names)[:200]}")


def _problems(connection: sqlite3.Connection) -> Iterator[str]:
    for digest, body in connection.execute(f"SELECT sha256, body FROM {_SHARED}"):  # noqa: S608 - a constant
        if hashlib.sha256(str(body).encode()).hexdigest() != digest:
            yield f"document {str(digest)[:16]} has another content than its digest says"
    query = "SELECT run_id, task_id, sample, verdict, failure, body FROM attempts ORDER BY seq"
    for run_id, task_id, sample, verdict, failure, body in connection.execute(query):
        record = json.loads(body)
        columns = {"run_id": run_id, "task_id": task_id, "sample": sample, "verdict": verdict, "failure": failure}
        for name, value in columns.items():
            if name in record and record[name] != value:
                yield f"attempt {task_id} sample {sample}: column {name} is {value!r}, its record {record[name]!r}"
