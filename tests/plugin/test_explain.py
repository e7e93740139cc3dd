"""`cereval explain` finds a task, says what is known of it, and judges an answer as a run would."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pytest_cereval.cli import main
from pytest_cereval.explain import MAX_ANSWER_BYTES
from pytest_cereval.tasks import cache
from pytest_cereval.tasks.suite import Suite
from pytest_cereval.tasks.task import Task

WORDS = "shop.prices.words"
Explain = Callable[..., Result]


@pytest.fixture
def alone(cache_folder: Path, suite: Suite, tmp_path: Path) -> Path:
    """The cache with no suite but ours in it: other tests build others."""
    folder = tmp_path / "alone"
    folder.mkdir()
    for entry in cache_folder.iterdir():
        if entry.name != "suites":
            (folder / entry.name).symlink_to(entry)
    cache.save(folder / "suites" / "ours.json", suite.to_dict())
    return folder


@pytest.fixture
def explain(alone: Path) -> Explain:
    return lambda *arguments: CliRunner().invoke(main, ["explain", f"--cache={alone}", *map(str, arguments)])


@pytest.fixture
def words(suite: Suite) -> Task:
    return next(task for task in suite.tasks if task.name == WORDS)


def test_a_task_is_found_by_id_prefix_name_and_function(explain: Explain, words: Task) -> None:
    shown = [explain(name) for name in (words.id, words.id[:6], WORDS, "words", "prices.words")]

    assert {result.exit_code for result in shown} == {0}
    assert {result.output.splitlines()[0] for result in shown} == {f"{WORDS}  (task {words.id})"}


def test_spec_and_certificate_are_told(explain: Explain, words: Task, suite: Suite) -> None:
    text = explain("words").output

    assert f"shop/prices.py:{words.definition_line} of shop at {suite.revision.commit}" in text
    assert words.requirement_text.splitlines()[0] in text
    assert "Replays of the reference that agree: 10" in text
    assert f"{words.certificate.mutants_killed} of {words.certificate.mutants_total}" in text
    assert words.certificate.killed[0] in text
    assert "hidden calls" not in text


def test_hidden_calls_are_shown_only_when_asked_for(explain: Explain, words: Task) -> None:
    text = explain("words", "--hidden").output
    told = json.loads(explain("words", "--hidden", "--json").output)

    assert f"5 of {len(words.inputs)} hidden calls" in text
    assert "  words(text=" in text
    assert len(told["hidden"]) == 5
    assert told["hidden"][0]["call"] in text
    assert json.loads(explain("words", "--json").output)["hidden"] == []


def test_the_json_holds_the_task_as_a_suite_does(explain: Explain, words: Task) -> None:
    told = json.loads(explain(words.id, "--json").output)

    assert told["task"] == words.to_dict()
    assert told["hidden_inputs"] == len(words.inputs)


def test_an_answer_is_judged_by_the_judge_of_runs(
    explain: Explain, right_answers: dict[str, str], tmp_path: Path
) -> None:
    right, wrong = tmp_path / "right.md", tmp_path / "wrong.py"
    right.write_text(right_answers[WORDS])
    wrong.write_text("def words(text):\n    spare = 0\n    return {word: 1 for word in text.split()}\n")

    passed, failed = explain("words", f"--candidate={right}"), explain("words", f"--candidate={wrong}")

    assert passed.exit_code == 0
    assert "PASS: behaves like the reference" in passed.output
    assert failed.exit_code == 1
    for part in ("FAIL_WRONG (wrong result): ", "smallest differing call", "line 2: F841", "answer as judged"):
        assert part in failed.output


def test_a_judged_answer_is_json_as_well(explain: Explain, tmp_path: Path) -> None:
    file = tmp_path / "none.md"
    file.write_text("I cannot.")

    told = json.loads(explain("words", "--json", f"--candidate={file}").output)

    assert told["candidate"]["verdict"] == "NO_ANSWER"
    assert told["candidate"]["failure"] == "no code"


def refused(result: Result, *parts: str) -> None:
    assert result.exit_code == 1
    for part in parts:
        assert part in result.output
    assert "Traceback" not in result.output


def test_an_unknown_task_is_refused_with_near_ones(explain: Explain) -> None:
    refused(explain("wrods"), "no task 'wrods' in ", f"did you mean {WORDS}?")
    refused(explain("zzzz"), "no task 'zzzz'", "lists all of them")


def test_a_function_without_a_task_is_refused_with_its_reason(explain: Explain) -> None:
    refused(explain("never_called"), "shop.prices.never_called (shop/prices.py:", "never called by the repository")


def test_a_name_that_fits_several_tasks_is_refused_with_all_of_them(
    explain: Explain, suite: Suite, alone: Path
) -> None:
    data = suite.to_dict()
    other = {**data["tasks"][0], "id": "f" * 16, "name": "other.module.words"}
    file = alone / "suites" / "zz.json"
    file.write_text(json.dumps(data | {"tasks": [other]}))
    try:
        refused(explain("words"), "'words' fits 2 tasks", WORDS, f"other.module.words ({'f' * 16})")
        refused(explain("ffffff"), "the oracle of other.module.words is gone")
    finally:
        file.unlink()


def test_an_empty_cache_and_a_cache_of_another_version_say_so(alone: Path, suite: Suite, tmp_path: Path) -> None:
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "old.json").write_text('{"format": 0}')

    refused(CliRunner().invoke(main, ["explain", "words", f"--cache={tmp_path}"]), "no suite of tasks lies in")


def test_a_cache_that_lost_its_checkout_says_so(alone: Path, suite: Suite, words: Task, tmp_path: Path) -> None:
    shutil.copytree(alone / "suites", tmp_path / "suites")
    gone = CliRunner().invoke(main, ["explain", "words", f"--cache={tmp_path}"])
    shutil.copytree(alone / "oracles", tmp_path / "oracles")
    no_files = CliRunner().invoke(main, ["explain", "words", f"--cache={tmp_path}"])

    refused(gone, f"the oracle of {WORDS} is gone from", "build it with `cereval tasks")
    refused(no_files, f"the checkout of {WORDS} is gone from")


def test_a_candidate_that_is_no_text_is_refused(explain: Explain, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "big").write_bytes(b" " * (MAX_ANSWER_BYTES + 1))

    refused(explain("words", f"--candidate={tmp_path / 'absent'}"), "cannot read", "No such file", "--candidate=FILE")
    refused(explain("words", f"--candidate={tmp_path / 'binary'}"), "is not UTF-8 text")
    refused(explain("words", f"--candidate={tmp_path / 'big'}"), "is over 4 MiB")
