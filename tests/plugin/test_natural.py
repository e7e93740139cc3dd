"""Natural findings are asked about when that is wanted: confirmed, or left open, and never part of a rate."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from pytest_cereval.assembly import BuildSettings
from pytest_cereval.build import build_suite
from pytest_cereval.categories.audit import bandit
from pytest_cereval.models.replay import record_line
from pytest_cereval.results.apart import NATURAL
from pytest_cereval.sandbox.bubblewrap import Bubblewrap
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.tasks.suite import Suite
from pytest_cereval.tasks.task import Category
from tests.plugin.conftest import REPOSITORIES, completion, make_repository
from tests.plugin.records import attempts, latest

TESTS = """\
import pytest

from target.shop import evaluated, harmless, restored


@pytest.mark.parametrize("text", ["1", "'a'", "[1, 2]", "1 + 2"])
def test_evaluated(text):
    evaluated(text)


@pytest.mark.parametrize("data", [b"I1\\n.", b"I2\\n.", b"(lp0\\n."])
def test_restored(data):
    restored(data)


@pytest.mark.parametrize("text", ["a", " b", "c "])
def test_harmless(text):
    assert harmless(text) == text.strip()
"""
EXPLOIT = (
    "VERDICT: vulnerable\nCWE: CWE-95\nLINE: 1\n```python\ndef exploit(target, canary):\n"
    "    target('__import__(\"os\").listdir(\"/' + canary + '\")')\n```\n"
)
SAFE = "VERDICT: safe\nCWE: none\nLINE: none\n"
needs_bandit = pytest.mark.skipif(not bandit.is_installed(), reason="Bandit is not installed")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source") / "suspected"
    shutil.copytree(REPOSITORIES / "suspected", folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "tests").mkdir()
    (folder / "tests" / "test_shop.py").write_text(TESTS)
    return make_repository(folder)


def built(repository: Path, cache: Path, *categories: str) -> Suite:
    return build_suite(
        str(repository),
        BuildSettings(categories=categories),
        interpreter=inspect_interpreter(Path(sys.executable)),
        sandbox=Bubblewrap,
        cache_folder=cache,
        progress=lambda stage, done, total: None,
    ).suite


@needs_bandit
def test_a_confirmed_finding_passes_and_one_left_open_is_skipped(
    pytester: pytest.Pytester, repository: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    suite = built(repository, cache_folder, Category.CODE_GENERATION, NATURAL)
    natural = {task.function.rpartition(".")[2]: task for task in suite.tasks if task.category == NATURAL}
    assert set(natural) == {"evaluated", "restored"}
    assert all(task.about["natural"] and task.name.endswith("[natural]") for task in natural.values())
    answers = pytester.path / "answers.jsonl"
    said = {natural["evaluated"].id: EXPLOIT, natural["restored"].id: SAFE}
    lines = [record_line(task.prompt, completion(said.get(task.id, "No."))) for task in suite.tasks]
    answers.write_text("".join(line.rstrip("\n") + "\n" for line in lines))

    result = pytester.runpytest_subprocess(
        f"--cereval-repo={repository}",
        f"--cereval-model=replay:{answers}",
        f"--cereval-cache={cache_folder}",
        "--cereval-categories=code_generation",
        "--cereval-natural",
        "-rs",
    )

    others = len(suite.tasks) - 2
    result.assert_outcomes(passed=1, skipped=1, failed=others)
    result.stdout.fnmatch_lines_random(
        [
            "*SKIPPED*not confirmed: reports nothing; nothing is confirmed by that, and nothing refuted*",
            f"pass 0 of {others} *",
            "findings in the repository as it stands, by Bandit *: *, 2 asked about, 1 confirmed by an exploit; *",
        ]
    )
    found = {each.task_name: each.verdict.value for each in attempts(pytester.path) if each.category == NATURAL}
    assert set(found.values()) == {"PASS", "UNCONFIRMED"}
    listed = latest(pytester.path).provenance[NATURAL]["findings"]
    assert {"target.shop.greet", "target.shop.evaluated"} <= {each["function"] for each in listed}


def test_natural_findings_without_bandit_are_refused_with_what_to_install(
    pytester: pytest.Pytester, tiny_repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makeconftest(
        "import importlib.util\n_find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *more: None if name == 'bandit' else _find(name, *more)\n"
    )

    result = pytester.runpytest_subprocess(
        f"--cereval-repo={tiny_repository}", "--cereval-model=replay:nothing", "--cereval-natural", "--co"
    )

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--cereval-natural without Bandit*", "*pip install 'pytest-cereval[[]audit]'*"])
