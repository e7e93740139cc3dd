"""A function whose calls cannot be replayed becomes a task that the repository's own tests judge."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_cereval.assembly import BuildSettings
from pytest_cereval.build import Built, build_suite
from pytest_cereval.evaluate import Bench
from pytest_cereval.oracles.tested import Tests
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.bubblewrap import Bubblewrap
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.source.ledger import Reason
from pytest_cereval.tasks.suite import TaskOracle
from pytest_cereval.tasks.task import Category, Task

REPOSITORY = Path(__file__).parents[1] / "repos" / "tested"
RIGHT = """```python
def copy_lines(source, target, skip=0):
    lines = [line for line in list(source)[skip:] if line.strip()]
    target.writelines(lines)
    return len(lines)
```"""
WRONG = RIGHT.replace(" if line.strip()", "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("task")
    shutil.copytree(REPOSITORY, top / "tested", ignore=shutil.ignore_patterns("__pycache__"))
    who = {f"GIT_{role}_{key}": "known@example.org" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        subprocess.run(["git", *command], cwd=top / "tested", check=True, env=os.environ | who)
    return top


def built(folder: Path) -> Built:
    return build_suite(
        str(folder / "tested"),
        BuildSettings(workers=2, categories=(Category.CODE_GENERATION,)),
        interpreter=inspect_interpreter(Path(sys.executable)),
        sandbox=Bubblewrap,
        cache_folder=folder / "cache",
        progress=lambda stage, done, total: None,
    )


@pytest.fixture(scope="module")
def suite(folder: Path) -> Built:
    return built(folder)


@pytest.fixture
def task(suite: Built) -> Task:
    return next(task for task in suite.suite.tasks if task.name == "tested.streams.copy_lines")


@pytest.fixture
def oracle(folder: Path, task: Task) -> TaskOracle:
    found = TaskOracle.load(folder / "cache", task.id)
    assert found is not None
    return found


def test_functions_are_judged_by_calls_where_that_is_possible(suite: Built, task: Task) -> None:
    assert {item.name: item.certificate.oracle for item in suite.suite.tasks} == {
        "tested.ranking.ranked": "calls",
        "tested.streams.copy_lines": "tests",
    }
    assert task.certificate.recorded_inputs == 8
    assert task.certificate.replays >= 10


def test_a_function_that_no_test_tells_from_a_stub_stays_on_the_ledger(suite: Built) -> None:
    (entry,) = suite.suite.ledger
    assert (entry.function, entry.reason) == ("tested.streams.close_quietly", Reason.UNPICKLABLE)
    assert entry.detail == "1 calls; by tests: passes with 'pass' as its body"


def test_the_question_shows_nothing_of_the_tests(task: Task) -> None:
    shown = task.prompt.system + task.prompt.user
    assert "Examples of calls" not in shown
    assert not any(word in shown for word in ("test_", "a\\nb", "expected", "pytest"))


def test_the_tests_are_part_of_what_the_task_is(folder: Path, suite: Built, task: Task, oracle: TaskOracle) -> None:
    assert oracle.tests is not None
    assert Tests.from_dict(oracle.tests.to_dict()) == oracle.tests
    assert len(task.inputs) == len(oracle.tests.ids) == 8
    file = folder / "tested" / "tests" / "test_streams.py"
    before = file.read_text()
    file.write_text(before.replace('"a\\n\\nb\\n"', '"a\\n\\nc\\n"').replace('"a\\nb\\n")),', '"a\\nc\\n")),'))
    assert file.read_text() != before
    subprocess.run(
        ["git", "-c", "user.name=n", "-c", "user.email=e", "commit", "-qam", "x"], cwd=folder / "tested", check=True
    )
    other = next(item for item in built(folder).suite.tasks if item.name == task.name)
    assert other.prompt == task.prompt
    assert other.id != task.id


@pytest.mark.parametrize(("answer", "verdict"), [(RIGHT, Verdict.PASS), (WRONG, Verdict.FAIL_WRONG)])
def test_an_answer_is_judged_and_the_verdict_labelled(
    folder: Path, suite: Built, oracle: TaskOracle, answer: str, verdict: Verdict
) -> None:
    bench = Bench(suite.checkout, Bubblewrap(), inspect_interpreter(Path(sys.executable)), folder / "cache")
    judged = bench.judge_text(oracle, answer)
    assert judged.verdict is verdict, judged
    assert judged.evidence["assurance"] == "in_process"
    assert judged.evidence["hidden"] == 8


def test_what_failed_is_named_for_people(folder: Path, suite: Built, oracle: TaskOracle) -> None:
    bench = Bench(suite.checkout, Bubblewrap(), inspect_interpreter(Path(sys.executable)), folder / "cache")
    judged = bench.judge_text(oracle, WRONG)
    assert judged.evidence["test"].startswith("tests/test_streams.py::test_copy[")
    assert judged.evidence["test"].endswith(": call failed")
    broken = bench.judge_text(oracle, f"```python\nimport nothing_like_this\n{RIGHT.removeprefix('```python')}")
    assert broken.verdict is Verdict.FAIL_LOAD
    assert broken.detail.endswith("ModuleNotFoundError: No module named 'nothing_like_this'")
