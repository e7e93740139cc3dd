"""A bundle's tasks are built again from the repository, however the run came about."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pytest_cereval.bundle import layout
from pytest_cereval.cli import main
from pytest_cereval.session import ordered
from pytest_cereval.tasks.suite import Suite
from tests.bundle.conftest import copy_of, edit_lines, reseal
from tests.test_static_sets import SHIFT, written

Arguments = Callable[..., list[str]]
Replay = Callable[..., str]
Verify = Callable[..., Result]


@pytest.fixture
def verify(tiny_repository: Path, cache_folder: Path) -> Verify:
    """`cereval verify` with the repository at hand."""

    def run(folder: Path, *more: str) -> Result:
        given = ["verify", str(folder), f"--repo={tiny_repository}", f"--cache={cache_folder}", *more]
        return CliRunner().invoke(main, given)

    return run


def cereval(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "pytest_cereval.cli", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_run_merged_of_shards_holds_with_a_shard_missing_as_well(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite, verify: Verify
) -> None:
    model = replay()
    for number in (1, 2):
        options = arguments(model, f"--cereval-shard={number}/2", f"--cereval-store={number}.sqlite")
        pytester.runpytest_subprocess(*options, f"--cereval-out=shard{number}")
    cereval(pytester.path, "merge", "all.sqlite", "1.sqlite", "2.sqlite")
    cereval(pytester.path, "merge", "half.sqlite", "2.sqlite")
    for name in ("all", "half"):
        cereval(pytester.path, "export", f"--store={name}.sqlite", f"--bundle={name}")

    whole, half, part = (verify(pytester.path / name, "--rescore") for name in ("all", "half", "shard1"))
    plan = json.loads((pytester.path / "half" / layout.MANIFEST).read_text())["predicate"]["analysis_plan"]

    assert (whole.exit_code, half.exit_code, part.exit_code) == (0, 0, 0), whole.output + half.output + part.output
    assert f"{len(suite.tasks)} answers judged again, 0 verdicts differ" in whole.output
    assert f"{len(ordered(suite.tasks)[1::2])} answers judged again" in half.output
    assert plan["merged"] == {"count": 2, "missing": [1]}


def test_a_run_with_dates_and_a_public_set_is_no_false_difference(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, verify: Verify, tmp_path: Path
) -> None:
    own = written(tmp_path, [SHIFT])
    pytester.runpytest_subprocess(
        *arguments(replay(), "--cereval-cutoff=2024-01-01", f"--cereval-static={own}", "--cereval-out=out")
    )
    folder = pytester.path / "out"
    other = written(tmp_path, [SHIFT, SHIFT | {"task_id": "Own/9"}], "other.jsonl")

    without, given, wrong = (verify(folder, *more) for more in ((), (f"--static={own}",), (f"--static={other}",)))

    assert (without.exit_code, given.exit_code, wrong.exit_code) == (3, 0, 3), without.output + given.output
    assert "the 1 tasks of the public set 'own' are not those of a repository" in without.output
    assert "holds           dates: when each function was written" in given.output
    assert "holds           public set: 1 tasks of own built again" in given.output
    assert "is not the public set of the run" in wrong.output
    _forged_tasks_are_found(folder, verify, own)


def _forged_tasks_are_found(folder: Path, verify: Verify, own: Path) -> None:
    """One more task that claims to be of the set; a date that the history does not give."""

    def hidden(tasks: list[Any]) -> list[Any]:
        (public,) = [task for task in tasks if task["about"].get("static_set")]
        return [*tasks, public | {"id": "f" * 16}]

    def younger(tasks: list[Any]) -> list[Any]:
        dated = next(task for task in tasks if task.get("freshness"))
        dated["freshness"]["first_seen"] = "2025-01-01T00:00:00+00:00"
        return tasks

    more = copy_of(folder)
    moved = copy_of(more)
    edit_lines(more / layout.TASKS, hidden)
    edit_lines(moved / layout.TASKS, younger)
    for each in (more, moved):
        reseal(each)

    assert "tasks.jsonl holds 2 tasks of 'own', the run had 1" in verify(more).output
    assert "is in tasks.jsonl and not built from the repository" in verify(more, f"--static={own}").output
    assert ".freshness.first_seen: " in verify(moved).output


def test_a_set_without_a_repository_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["verify", str(tmp_path), "--static=humaneval"])

    assert result.exit_code == 2
    assert "give --repo=PATH" in result.output
