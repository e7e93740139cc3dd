"""Turns an SQLite file of any earlier version, or an empty one, into the schema this version writes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pytest_cereval.errors import StoreError
from pytest_cereval.results.failure import failure_of
from pytest_cereval.results.verdict import Verdict

# Written into the file's header, so that another program's database is never taken for ours.
APPLICATION_ID = 0x43455245


class Migration(NamedTuple):
    """A schema change, once published never edited: statements, or a function for what SQL cannot do."""

    name: str
    change: tuple[str, ...] | Callable[[sqlite3.Connection], None]


def _add_failures(connection: sqlite3.Connection) -> None:
    """A column for the class of failure, filled for the attempts that are there; their records stay as written."""
    connection.execute("ALTER TABLE attempts ADD COLUMN failure TEXT")
    for seq, body in connection.execute("SELECT seq, body FROM attempts").fetchall():
        known = json.loads(body)
        found = failure_of(Verdict(known["verdict"]), known["evidence"])
        if found is not None:
            connection.execute("UPDATE attempts SET failure = ? WHERE seq = ?", (found.value, seq))


# Append only. Tasks and ledgers are kept once per content in `documents`: two runs of one commit share them,
# and a task whose certificate changed never rewrites what an earlier run was judged by.
MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        "001_runs_tasks_attempts",
        (
            """CREATE TABLE documents (
                sha256 TEXT PRIMARY KEY,
                body TEXT NOT NULL
            )""",
            """CREATE TABLE runs (
                seq INTEGER PRIMARY KEY AUTOINCREMENT,
                run_id TEXT NOT NULL UNIQUE,
                started TEXT NOT NULL,
                ended TEXT,
                status TEXT NOT NULL,
                provenance TEXT NOT NULL,
                ledger TEXT REFERENCES documents (sha256)
            )""",
            """CREATE TABLE run_tasks (
                run_id TEXT NOT NULL REFERENCES runs (run_id),
                position INTEGER NOT NULL,
                task_id TEXT NOT NULL,
                sha256 TEXT NOT NULL REFERENCES documents (sha256),
                PRIMARY KEY (run_id, task_id)
            )""",
            """CREATE TABLE completions (
                seq INTEGER PRIMARY KEY AUTOINCREMENT,
                run_id TEXT NOT NULL REFERENCES runs (run_id),
                task_id TEXT NOT NULL,
                sample INTEGER NOT NULL,
                prompt_sha256 TEXT NOT NULL,
                model_key TEXT NOT NULL,
                reusable INTEGER NOT NULL,
                body TEXT NOT NULL,
                UNIQUE (task_id, sample, prompt_sha256, model_key, run_id)
            )""",
            """CREATE TABLE attempts (
                seq INTEGER PRIMARY KEY AUTOINCREMENT,
                run_id TEXT NOT NULL REFERENCES runs (run_id),
                task_id TEXT NOT NULL,
                sample INTEGER NOT NULL,
                verdict TEXT NOT NULL,
                body TEXT NOT NULL,
                UNIQUE (run_id, task_id, sample)
            )""",
        ),
    ),
    Migration("002_failures", _add_failures),
)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, also for Ctrl-C; the write lock is taken at once, so reading inside is safe."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has rolled back by itself after some errors, a full disk among them.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Apply what is missing; raises `StoreError` for another program's file and for a newer version's."""
    # In this order: another process may create the schema, and with it our id, between the two.
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    if tables and application_id != APPLICATION_ID:
        raise StoreError(
            f"{path} is an SQLite database of another program",
            next_step="choose another file with --cereval-store=PATH",
        )
    applied = _applied(connection)
    unknown = [name for name in applied if name not in {each.name for each in migrations}]
    if unknown:
        raise StoreError(
            f"{path} was written by a newer pytest-cereval: it holds schema change {unknown[0]!r}, "
            f"the newest known here is {migrations[-1].name!r}",
            next_step="upgrade pytest-cereval, or choose another file with --cereval-store=PATH",
        )
    for migration in migrations[len(applied) :]:
        with transaction(connection):
            # Another process may have opened the new file at the same moment and been first.
            if migration.name not in _applied(connection):
                _apply(connection, migration)


def _apply(connection: sqlite3.Connection, migration: Migration) -> None:
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied TEXT NOT NULL)")
    if callable(migration.change):
        migration.change(connection)
    else:
        for statement in migration.change:
            connection.execute(statement)
    connection.execute("INSERT INTO migrations VALUES (?, datetime('now'))", (migration.name,))


def _applied(connection: sqlite3.Connection) -> list[str]:
    known = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'migrations'").fetchone()
    if not known[0]:
        return []
    return [name for (name,) in connection.execute("SELECT name FROM migrations ORDER BY rowid")]
