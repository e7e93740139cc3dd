"""A bundle holds one run, whole, and is the same for the same run."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from pytest_cereval.bundle import layout
from pytest_cereval.bundle.canonical import sha256
from pytest_cereval.bundle.verify import verify
from pytest_cereval.bundle.write import write_bundle
from pytest_cereval.errors import BundleError, StoreError
from pytest_cereval.results.copying import read_copy
from pytest_cereval.results.store import Store
from tests.bundle.conftest import ELSEWHERE, HALF, RUN

GROUPS = (
    *("identity", "model", "inputs", "environment", "items", "analysis_plan"),
    *("results", "claims", "verdict", "limits", "signature"),
)


def test_the_manifest_is_a_statement_about_every_file_and_the_model(bundle: Path) -> None:
    told = json.loads((bundle / layout.MANIFEST).read_text())
    subjects = {each["name"]: each["digest"]["sha256"] for each in told["subject"]}
    files = {path.relative_to(bundle).as_posix(): path for path in bundle.rglob("*") if path.is_file()}

    assert told["_type"] == "https://in-toto.io/Statement/v1"
    assert subjects.pop("model:small.gguf") == "c3" * 32
    assert set(subjects) == set(files) - {layout.MANIFEST}
    assert all(sha256(files[name].read_bytes()) == digest for name, digest in subjects.items())
    assert {"report/index.html", "run.sqlite", "results.jsonl", "statistics.json"} <= set(subjects)


def test_the_predicate_holds_eleven_groups(bundle: Path) -> None:
    told = json.loads((bundle / layout.MANIFEST).read_text())["predicate"]

    assert set(told) == {"format", *GROUPS}
    assert told["identity"]["evaluator"] == "QA, first party"
    assert told["results"]["estimate"] == 0.5
    assert told["results"]["invalid"] == 1
    assert told["verdict"]["result"] == "INCONCLUSIVE"
    assert "1 attempt INVALID" in told["verdict"]["because"]
    assert told["signature"]["statement"].startswith("unsigned")
    assert [each["id"] for each in told["claims"]] == ["C1", "C2", "C3", "C4", "C5"]


def test_rows_name_prompts_and_answers_by_digest(bundle: Path) -> None:
    first = json.loads((bundle / layout.RESULTS).read_text().splitlines()[0])
    answer = (bundle / f"completions/{first['completion_sha256']}.txt").read_bytes()
    prompt = json.loads((bundle / f"prompts/{first['prompt_sha256']}.json").read_text())

    assert answer.decode("utf-8", "surrogatepass") == f"answer 0 {HALF}"
    assert sha256(answer) == first["completion_sha256"]
    assert prompt == {"system": "You write Python.", "user": "Write `f0`.\n"}
    assert "prompt_user" not in first
    assert "text" not in first["completion"]


def test_nothing_of_another_run_is_in_it(bundle: Path, store_file: Path) -> None:
    assert ELSEWHERE.encode() in store_file.read_bytes()
    for path in bundle.rglob("*"):
        assert path.is_dir() or ELSEWHERE.encode() not in path.read_bytes()
    with sqlite3.connect(bundle / layout.STORE) as connection:
        assert connection.execute("SELECT run_id FROM runs").fetchall() == [(RUN,)]
        assert connection.execute("SELECT count(*) FROM attempts").fetchone() == (5,)


def test_the_copy_of_the_store_is_the_run(bundle: Path, store_file: Path) -> None:
    stored = read_copy((bundle / layout.STORE).read_bytes())

    with Store.open(store_file) as store:
        assert stored.run == store.run(RUN)
        assert stored.attempts == store.attempts(RUN)
        assert stored.tasks == store.tasks(RUN)
        assert stored.completions == store.completions(RUN)
    assert stored.problems == ()


def test_the_same_run_gives_the_same_bytes(bundle: Path, store_file: Path, tmp_path: Path) -> None:
    with Store.open(store_file) as store:
        again = write_bundle(tmp_path / "again", store, RUN)

    assert again.manifest_sha256 == sha256((bundle / layout.MANIFEST).read_bytes())
    assert str(again.files) in again.sentence
    assert "unsigned" in again.sentence


def test_a_report_is_copied_with_its_pages_and_nothing_else(store_file: Path, tmp_path: Path) -> None:
    pages = tmp_path / "html"
    (pages / "my report_cases").mkdir(parents=True)
    (pages / "assets").mkdir()
    for name in ("my report.html", "my report_cases/f.html", "assets/style.css", "assets/photo.png", "private.txt"):
        (pages / name).write_text(name)
    (pages / "my report_cases" / "link.html").symlink_to(pages / "private.txt")

    with Store.open(store_file) as store:
        folder = write_bundle(tmp_path / "{run}", store, RUN, report=pages / "my report.html").folder

    found = {path.relative_to(folder).as_posix() for path in (folder / "report").rglob("*") if path.is_file()}
    assert folder.name == RUN
    assert found == {"report/my report.html", "report/my report_cases/f.html", "report/assets/style.css"}
    assert all(check.outcome.value != "BROKEN" for check in verify(folder).checks)


def test_a_folder_that_is_taken_is_left_alone(store_file: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "notes.txt").write_text("mine")

    with Store.open(store_file) as store, pytest.raises(BundleError, match="exists and is not an empty folder"):
        write_bundle(taken, store, RUN)

    assert [path.name for path in taken.iterdir()] == ["notes.txt"]


def test_a_failure_leaves_nothing_behind(store_file: Path, tmp_path: Path) -> None:
    with Store.open(store_file) as store:
        with pytest.raises(BundleError, match="no report at"):
            write_bundle(tmp_path / "out", store, RUN, report=tmp_path / "none.html")
        with pytest.raises(StoreError, match="holds no run 'x'"):
            write_bundle(tmp_path / "out", store, "x")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]
