"""A store grows from any earlier version, and refuses what it does not know."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_cereval.errors import StoreError
from pytest_cereval.results.migrations import MIGRATIONS, Migration, migrate
from pytest_cereval.results.store import Store
from pytest_cereval.results.verdict import Verdict
from tests.results.attempts import an_attempt

EARLIER = (Migration("001_things", ("CREATE TABLE things (name TEXT)",)),)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(":memory:", isolation_level=None)
    yield opened
    opened.close()


def _fill_colours(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE things ADD COLUMN colour TEXT")
    connection.execute("UPDATE things SET colour = upper(name)")


def test_missing_changes_are_applied_in_order_and_keep_the_data(connection: sqlite3.Connection) -> None:
    migrate(connection, Path("s"), EARLIER)
    connection.execute("INSERT INTO things VALUES ('red')")
    later = (*EARLIER, Migration("002_colours", _fill_colours))

    migrate(connection, Path("s"), later)
    migrate(connection, Path("s"), later)

    assert connection.execute("SELECT name, colour FROM things").fetchall() == [("red", "RED")]
    names = connection.execute("SELECT name FROM migrations ORDER BY rowid").fetchall()
    assert names == [("001_things",), ("002_colours",)]


def test_a_change_that_fails_halfway_leaves_nothing_behind(connection: sqlite3.Connection) -> None:
    migrate(connection, Path("s"), EARLIER)
    broken = (*EARLIER, Migration("002_broken", ("CREATE TABLE half (x)", "CREATE TABLE things (x)")))

    with pytest.raises(sqlite3.OperationalError, match="things already exists"):
        migrate(connection, Path("s"), broken)

    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert sorted(tables) == ["migrations", "things"]
    assert connection.execute("SELECT name FROM migrations").fetchall() == [("001_things",)]


def test_attempts_from_before_classes_of_failure_get_theirs(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with sqlite3.connect(path, isolation_level=None) as old:
        migrate(old, path, MIGRATIONS[:1])
        old.execute("INSERT INTO runs (run_id, started, status, provenance) VALUES ('run-1', '', 'finished', '{}')")
        for sample, verdict in enumerate((Verdict.FAIL_TIMEOUT, Verdict.PASS)):
            body = an_attempt(verdict=verdict, sample=sample).to_dict()
            del body["failure"]
            row = ("run-1", "task-1", sample, verdict.value, json.dumps(body))
            old.execute("INSERT INTO attempts (run_id, task_id, sample, verdict, body) VALUES (?, ?, ?, ?, ?)", row)
    old.close()

    with Store.open(path) as store:
        assert [attempt.failure for attempt in store.attempts("run-1")] == ["timeout", None]
        assert store._rows("SELECT failure FROM attempts ORDER BY sample") == [("timeout",), (None,)]
        store.save_attempt(an_attempt(sample=1))
        assert store._rows("SELECT failure FROM attempts ORDER BY sample") == [("timeout",), ("wrong result",)]


def test_a_store_of_a_newer_version_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Store.open(path) as store:
        store._connection.execute("INSERT INTO migrations VALUES ('999_future', '')")

    with pytest.raises(StoreError) as caught:
        Store.open(path)

    assert str(path) in caught.value.what
    assert "'999_future'" in caught.value.what
    assert repr(MIGRATIONS[-1].name) in caught.value.what
    assert "upgrade pytest-cereval, or choose another file" in caught.value.next_step


def test_the_database_of_another_program_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "bookmarks.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE runs (x)")
    other.close()
    before = path.read_bytes()

    with pytest.raises(StoreError, match=r"bookmarks\.sqlite is an SQLite database of another program"):
        Store.open(path)

    assert path.read_bytes() == before


def test_the_names_of_published_changes_are_unique_and_in_order() -> None:
    names = [each.name for each in MIGRATIONS]

    assert names == sorted(set(names))
