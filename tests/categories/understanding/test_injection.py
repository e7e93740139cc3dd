"""What is no fault to ask about is left out, and why is told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_cereval.assembly import BuildSettings
from pytest_cereval.build import build_suite
from pytest_cereval.categories.understanding import understanding
from pytest_cereval.categories.understanding.injection import ALWAYS, UNSTEADY, Ground, Injection
from pytest_cereval.errors import OracleError, SandboxError
from pytest_cereval.oracles.bench import Bench
from pytest_cereval.oracles.cases import Certified
from pytest_cereval.oracles.linting import flagged
from pytest_cereval.sandbox.bubblewrap import Bubblewrap
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.source.ledger import Reason
from pytest_cereval.tasks.suite import Suite
from pytest_cereval.tasks.task import Category

CODE = '''
def distinct(words):
    """The distinct words, sorted."""
    return tuple(sorted(set(words)))


def total(numbers):
    """The sum of numbers, to be read aloud."""
    return str(sum(numbers)) + "!"
'''
TESTS = """
import pytest

from shaky import distinct, total

TEXTS = ["a", "b c", "delta echo", "foxtrot golf hotel", "x y z", "one two three four", "p q r s t", "m m", "k",
         "u v w", "red green blue", "north south east west", "la le li lo lu"]


@pytest.mark.parametrize("text", TEXTS)
def test_distinct(text):
    assert len(distinct(text.split())) <= len(text.split())


@pytest.mark.parametrize("numbers", [[number, number + 2] for number in range(1, 12)])
def test_total(numbers):
    assert total(numbers) != "0!"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shaky")
    (folder / "shaky" / "tests").mkdir(parents=True)
    (folder / "shaky" / "shaky.py").write_text(CODE)
    (folder / "shaky" / "tests" / "test_shaky.py").write_text(TESTS)
    who = {f"GIT_{role}_{key}": "known@example.org" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        subprocess.run(["git", *command], cwd=folder / "shaky", check=True, env=os.environ | who)
    return folder


@pytest.fixture(scope="module")
def suite(folder: Path) -> Suite:
    return built(folder)


def built(folder: Path) -> Suite:
    return build_suite(
        str(folder / "shaky"),
        BuildSettings(workers=2, faults=9, categories=(Category.CODE_UNDERSTANDING,)),
        interpreter=inspect_interpreter(Path(sys.executable)),
        sandbox=Bubblewrap,
        cache_folder=folder / "cache",
        progress=lambda stage, done, total: None,
    ).suite


def test_a_fault_that_chance_decides_about_is_in_quarantine(suite: Suite) -> None:
    asked = [task for task in suite.tasks if task.function == "shaky.distinct" and not task.control]

    assert asked
    (quarantined,) = {tuple(task.about["pool"]["quarantined"]) for task in asked}
    assert any(line.startswith("missing conversion") and line.endswith(UNSTEADY) for line in quarantined), quarantined
    assert all("missing conversion" not in task.about["operators"] for task in asked)


def test_a_function_that_no_fault_fits_is_on_the_ledger_with_the_reasons(suite: Suite) -> None:
    (entry,) = [entry for entry in suite.ledger if entry.function == "shaky.total"]

    assert entry.reason is Reason.NO_FAULT
    assert entry.category == "code_understanding"
    assert ALWAYS in entry.detail


def test_a_lost_process_and_a_fault_of_ours_are_no_want_of_a_bug(
    suite: Suite, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(bench: Bench, item: Certified, ground: Ground) -> Injection:
        if item.function.bare_name == "distinct":
            raise SandboxError("the process has ended", next_step="try again")
        raise OracleError("the message makes no sense", next_step="report it")

    shutil.copytree(folder, tmp_path / "again")
    cache = tmp_path / "again" / "cache"
    for asked in (cache / "suites", cache / "functions", *cache.glob("certified/*/asked")):
        shutil.rmtree(asked)
    monkeypatch.setattr(understanding, "inject", failing)

    reasons = {entry.function: (entry.reason, entry.detail) for entry in built(tmp_path / "again").ledger}

    assert reasons["shaky.distinct"] == (Reason.CRASHED, "the process has ended")
    assert reasons["shaky.total"] == (Reason.INTERNAL, "the message makes no sense")


def test_what_ruff_says_of_the_reference_as_well_is_not_held_against_a_fault() -> None:
    original = "import os\n\n\ndef f(a):\n    return a\n"
    same, worse = original.replace("return a", "return 1"), original.replace("return a", "return b")

    assert flagged([same, worse], original, "3.11") == [False, True]
