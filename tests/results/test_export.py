"""An export holds everything of one run, is the same bytes each time, and is never half written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.errors import StoreError
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.export import export_json, export_jsonl
from pytest_cereval.results.store import Store
from tests.results.attempts import an_attempt

TASK: dict[str, Any] = {"id": "task-1", "name": "ranges.clamp", "category": "code_generation"}
LEDGER: list[dict[str, Any]] = [{"function": "ranges.main", "reason": "async"}]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store.sqlite") as opened:
        opened.begin_run("run-1", {"z": 1, "a": {"commit": "abc"}})
        opened.save_tasks("run-1", [TASK], LEDGER)
        opened.save_attempt(an_attempt(candidate="'\ud83d'"))
        opened.save_attempt(an_attempt(sample=1))
        opened.begin_run("run-2", {})
        opened.save_attempt(an_attempt(run_id="run-2"))
        yield opened


def test_the_document_holds_one_whole_run(store: Store, tmp_path: Path) -> None:
    export_json(store, "run-1", tmp_path / "out" / "run.json")

    document = json.loads((tmp_path / "out" / "run.json").read_text())
    assert list(document) == ["attempts", "format", "ledger", "run", "tasks"]
    assert document["format"] == 1
    assert document["run"]["provenance"] == {"a": {"commit": "abc"}, "z": 1}
    assert document["tasks"] == [TASK]
    assert document["ledger"] == LEDGER
    assert [Attempt.from_dict(each) for each in document["attempts"]] == store.attempts("run-1")


def test_each_line_is_one_attempt_with_its_format(store: Store, tmp_path: Path) -> None:
    export_jsonl(store, "run-1", tmp_path / "run.jsonl")

    lines = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert [each["format"] for each in lines] == [1, 1]
    assert [Attempt.from_dict(each) for each in lines] == store.attempts("run-1")


@pytest.mark.parametrize("export", [export_json, export_jsonl])
def test_the_same_store_gives_the_same_bytes_and_their_digest(
    store: Store, tmp_path: Path, export: Callable[[Store, str, Path], str]
) -> None:
    digests = {export(store, "run-1", tmp_path / name) for name in ("one", "two")}

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert digests == {hashlib.sha256((tmp_path / "one").read_bytes()).hexdigest()}


@pytest.mark.parametrize("export", [export_json, export_jsonl])
def test_an_unknown_run_writes_nothing(store: Store, tmp_path: Path, export: Callable[[Store, str, Path], str]) -> None:
    with pytest.raises(StoreError, match="holds no run 'run-9'"):
        export(store, "run-9", tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_an_export_that_cannot_be_written_is_named_and_leaves_nothing(store: Store, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()

    with pytest.raises(StoreError, match=r"the export .*taken cannot be written: Is a directory"):
        export_json(store, "run-1", tmp_path / "taken")

    assert not list(tmp_path.glob("*.part"))


def test_a_folder_that_cannot_be_made_is_named(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match="cannot be written: "):
        export_json(store, "run-1", tmp_path / "file" / "run.json")
