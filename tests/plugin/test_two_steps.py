"""The command line asks, looks at answers and judges them, as pytest does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.results.store import Store
from pytest_cereval.tasks.suite import Suite
from tests.plugin.records import STORE, attempts, latest
from tests.plugin.test_evaluation import WRONG

Replay = Callable[..., str]
Cereval = Callable[..., "subprocess.CompletedProcess[str]"]
BROKEN = "```python\ndef discount(price, percent:\n    return 1\n```"
OTHERWISE = {"shop.prices.words": WRONG, "shop.prices.discount": BROKEN}


@pytest.fixture
def cereval(pytester: pytest.Pytester, cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Cereval:
    """The command, run in an empty folder, with the cache of all tests."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        given = [str(each) for each in arguments]
        command = [sys.executable, "-m", "pytest_cereval.cli", name, f"--cache={cache_folder}", *given]
        return subprocess.run(command, cwd=pytester.path, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def asked(cereval: Cereval, tiny_repository: Path, replay: Replay) -> dict[str, Any]:
    """What `generate` says of a run in which two answers are not right."""
    done = cereval(
        "generate", tiny_repository, f"--model={replay(OTHERWISE)}", "--categories=code_generation", "--json"
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_answers_are_generated_and_then_evaluated_without_saying_again_what_was_asked(
    asked: dict[str, Any], cereval: Cereval, tiny_repository: Path, suite: Suite, pytester: pytest.Pytester
) -> None:
    assert (asked["exit_code"], asked["tasks"], asked["answers"]) == (0, len(suite.tasks), len(suite.tasks))
    assert asked["without_an_answer"] == []
    assert attempts(pytester.path, asked["run_id"]) == []

    done = cereval("evaluate", tiny_repository, "--json")
    found = json.loads(done.stdout)

    assert done.returncode == found["exit_code"] == 1
    assert "shop.prices.words" in done.stderr
    verdicts = {each["task_name"]: each["verdict"] for each in found["attempts"]}
    assert {name: verdict for name, verdict in verdicts.items() if verdict != "PASS"} == {
        "shop.prices.words": "FAIL_WRONG",
        "shop.prices.discount": "NO_ANSWER",
    }
    assert len(verdicts) == len(suite.tasks)
    run = latest(pytester.path)
    assert (run.run_id, run.provenance["scored_from"]) == (found["run"]["run_id"], asked["run_id"])
    assert run.provenance["suite"]["categories"] == ["code_generation"]


def test_what_the_run_was_asked_is_judged_at_its_commit_and_not_at_a_newer_one(
    asked: dict[str, Any], cereval: Cereval, tiny_repository: Path, tmp_path: Path, pytester: pytest.Pytester
) -> None:
    clone = tmp_path / "clone" / "shop"
    subprocess.run(["git", "clone", "-q", str(tiny_repository), str(clone)], check=True)
    (clone / "shop" / "prices.py").write_text("def words(text):\n    return {}\n")
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "-C", str(clone), *identity, "commit", "-qam", "newer"], check=True)

    done = cereval("evaluate", clone, f"--run={asked['run_id'][:-1]}", "--", "-k", "words")

    assert done.returncode == 1, done.stdout
    assert latest(pytester.path).provenance["repository"]["commit"] == _commit(tiny_repository)
    assert [each.task_name for each in attempts(pytester.path)] == ["shop.prices.words"]


def test_a_gate_gives_the_exit_code_that_it_gives_in_pytest(
    asked: dict[str, Any], cereval: Cereval, tiny_repository: Path
) -> None:
    met, missed = (
        cereval("evaluate", tiny_repository, f"--run={asked['run_id']}", f"--gate={rate}") for rate in (0.1, 1)
    )

    assert (met.returncode, missed.returncode) == (0, 10)
    assert "gate FAIL" in missed.stdout


def test_an_ini_file_that_names_a_model_does_not_contradict_evaluate(
    asked: dict[str, Any], cereval: Cereval, tiny_repository: Path, pytester: pytest.Pytester
) -> None:
    pytester.makeini(
        "[pytest]\ncereval_model = none.gguf\ncereval_resume = true\ncereval_demo = true\nfilterwarnings = error\n"
    )

    done = cereval("evaluate", tiny_repository, f"--run={asked['run_id']}")

    assert done.returncode == 1, done.stderr
    assert "2 failed" in done.stdout
    assert "Warning" not in done.stdout + done.stderr


def test_what_cannot_be_asked_or_judged_ends_as_pytest_ends(
    cereval: Cereval, tiny_repository: Path, replay: Replay, pytester: pytest.Pytester
) -> None:
    no_store = cereval("evaluate", tiny_repository)
    no_repository = cereval("generate", pytester.path / "nowhere", f"--model={replay()}", "--json")

    assert (no_store.returncode, no_repository.returncode) == (4, 4)
    assert "there is no store at" in no_store.stderr
    told = json.loads(no_repository.stdout)
    assert (told["exit_code"], told["run_id"]) == (4, None)
    assert "nowhere" in no_repository.stderr


def test_answers_that_cannot_be_judged_are_named_with_what_is_wrong(asked: dict[str, Any], cereval: Cereval) -> None:
    plain, told = cereval("syncheck"), json.loads(cereval("syncheck", "--json").stdout)

    assert plain.returncode == 1
    assert "shop.prices.discount: does not parse: does not parse: line 1: " in plain.stdout
    assert f"{asked['answers'] - 1} of {asked['answers']} answers can be judged; 1 does not parse" in plain.stdout
    assert told["by_failure"] == {"does not parse": 1}
    (failing,) = [each for each in told["checked"] if each["failure"]]
    assert (failing["name"], failing["sample"]) == ("shop.prices.discount", 0)


def test_a_file_is_held_against_the_task_it_answers(asked: dict[str, Any], cereval: Cereval, tmp_path: Path) -> None:
    file = tmp_path / "answer.md"
    file.write_text("```python\ndef sentences(text):\n    return undefined_name\n```")

    parsed = cereval("syncheck", file)
    wrong = cereval("syncheck", file, "--task=shop.prices.words")
    file.write_text(file.read_text().replace("sentences", "words"))
    right = cereval("syncheck", file, "--task=shop.prices.words", "--lint=ruff")

    assert (parsed.returncode, wrong.returncode, right.returncode) == (0, 1, 0)
    assert "wrong name or signature: no definition of words (it defines sentences)" in wrong.stdout
    assert "ruff F821" in right.stdout


def test_lines_of_a_file_may_name_their_tasks(
    asked: dict[str, Any], cereval: Cereval, tmp_path: Path, pytester: pytest.Pytester
) -> None:
    file = tmp_path / "answers.jsonl"
    lines = [
        {"task": "shop.prices.words", "text": WRONG},
        {"task_id": "shop.prices.words", "completion": {"text": "I cannot."}, "sample": 1},
        {"solution": "def f(:"},
    ]
    file.write_text("\n".join(map(json.dumps, lines)))

    done = cereval("syncheck", file)

    assert done.returncode == 1
    assert f"{file}:2 shop.prices.words sample 1: no code: no code in the answer" in done.stdout
    assert f"{file}:3: does not parse" in done.stdout
    assert f"{file}:1" not in done.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", ":1 is not JSON"),
        ('{"other": 1}', ":1 holds no answer"),
        ('{"task": "no.such", "text": ""}', "no task 'no.such'"),
    ],
)
def test_lines_that_cannot_be_used_are_refused_by_number(
    content: str, said: str, suite: Suite, cereval: Cereval, tmp_path: Path
) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text(content)

    done = cereval("syncheck", file)

    assert done.returncode == 3
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_of_an_answer_is_run(asked: dict[str, Any], cereval: Cereval, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    file = tmp_path / "answer.py"
    file.write_text(f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n\n\ndef words(text):\n    return text\n")

    done = cereval("syncheck", file, "--task=shop.prices.words", "--lint=all")

    assert done.returncode == 0, done.stdout
    assert not mark.exists()


def test_an_answer_of_another_run_is_not_looked_at(
    asked: dict[str, Any], cereval: Cereval, pytester: pytest.Pytester
) -> None:
    with Store.open(pytester.path / STORE) as store:
        store.begin_run("empty", store.run(asked["run_id"]).provenance)

    done = cereval("syncheck", "--run=empty", "--json")

    assert (done.returncode, json.loads(done.stdout)["answers"]) == (0, 0)


def _commit(repository: Path) -> str:
    return subprocess.run(
        ["git", "-C", str(repository), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
