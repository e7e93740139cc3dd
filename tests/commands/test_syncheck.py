"""Texts of answers without a task: whether they hold code that parses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pytest_cereval.cli import main
from pytest_cereval.oracles.candidate import MAX_ANSWER
from pytest_cereval.results.failure import Failure
from pytest_cereval.syncheck import check_text


def syncheck(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["syncheck", *map(str, arguments)])


@pytest.mark.parametrize(
    ("text", "failure", "problem"),
    [
        ("Here:\n```python\ndef f():\n    return 1\n```", None, ""),
        ("def f():\n    return 1\n", None, ""),
        ("```python\ndef f(:\n```\nor\n```python\nx = 1\n```", None, ""),
        ("```python\ndef f(:\n```", Failure.UNPARSABLE, "does not parse: line 1: "),
        ("I cannot do that.", Failure.NO_CODE, "no code in the answer"),
        ("```python\n```", Failure.NO_CODE, "no code in the answer"),
        ("", Failure.NO_CODE, "no code in the answer"),
        ("<think>\nlet me see\n", Failure.NO_CODE, "thinking never ended"),
        ("x" * (MAX_ANSWER + 1), Failure.NO_CODE, "answer too long"),
    ],
)
def test_an_answer_holds_code_or_what_it_lacks_is_named(text: str, failure: Failure | None, problem: str) -> None:
    found = check_text("a", text)

    assert found.failure is failure
    assert found.problem.startswith(problem)


def test_files_are_counted_and_what_is_wrong_is_named_by_file(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.py", tmp_path / "bad\x1b[2J.md"
    good.write_text("x = 1\n")
    bad.write_text("```python\ndef f(:\n```")

    plain, told = syncheck(good, bad), syncheck(good, bad, "--json")

    assert (plain.exit_code, told.exit_code) == (1, 1)
    assert "1 of 2 answers can be judged; 1 does not parse" in plain.output
    assert "\x1b" not in plain.output
    assert json.loads(told.output)["by_failure"] == {"does not parse": 1}
    assert syncheck(good).exit_code == 0


def test_what_could_not_be_looked_at_is_no_bad_answer(tmp_path: Path) -> None:
    odd = tmp_path / "odd.md"
    odd.write_bytes(b"\xff\xfe")

    no_text, no_store = syncheck(odd), syncheck(f"--store={tmp_path / 'none'}")

    assert (no_text.exit_code, no_store.exit_code) == (3, 3)
    assert "is not UTF-8 text" in no_text.output
    assert "there is no store at" in no_store.output


def test_a_task_is_for_files(tmp_path: Path) -> None:
    result = syncheck("--task=words", f"--store={tmp_path / 'none'}")

    assert result.exit_code == 2
    assert "--task is for files" in result.output
