"""A tiny repository, its suite built once, and recorded answers, right and wrong, for the plugin's own tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pytest_cereval.assembly import BuildSettings
from pytest_cereval.build import build_suite
from pytest_cereval.models.model import Completion, FinishReason
from pytest_cereval.models.replay import record_line
from pytest_cereval.sandbox.bubblewrap import Bubblewrap
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.tasks.suite import Suite, TaskOracle
from pytest_cereval.tasks.task import Category

REPOSITORIES = Path(__file__).parents[1] / "repos"
GIT = {
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_AUTHOR_DATE": "2024-05-01T10:00:00Z",
    "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b", "GIT_COMMITTER_DATE": "2024-05-01T10:00:00Z",
    "GIT_CONFIG_GLOBAL": os.devnull,
}  # fmt: skip


def make_repository(folder: Path) -> Path:
    """Commit what lies in `folder`."""
    for command in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        ["commit", "-q", "--allow-empty", "-m", "first"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True, env=os.environ | GIT)
    return folder


@pytest.fixture(scope="session")
def tiny_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository `shop`, at the same commit in every session."""
    folder = tmp_path_factory.mktemp("source") / "shop"
    shutil.copytree(REPOSITORIES / "tiny", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return make_repository(folder)


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all tests, so that the suite is built once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def suite(tiny_repository: Path, cache_folder: Path) -> Suite:
    """The tiny repository's suite."""
    return build_suite(
        str(tiny_repository),
        BuildSettings(categories=(Category.CODE_GENERATION,)),
        interpreter=inspect_interpreter(Path(sys.executable)),
        sandbox=Bubblewrap,
        cache_folder=cache_folder,
        progress=lambda stage, done, total: None,
    ).suite


def completion(text: str) -> Completion:
    """A completion with made-up but plausible accounts."""
    return Completion(
        text=text,
        finish_reason=FinishReason("stop_eog"),
        prompt_tokens=500,
        cached_tokens=100,
        completion_tokens=40,
        prefill_s=0.5,
        decode_s=2.0,
        wall_s=2.5,
        rendered_sha256="0" * 64,
        tokens_sha256="1" * 64,
        min_margin=0.25,
    )


@pytest.fixture(scope="session")
def right_answers(suite: Suite, cache_folder: Path) -> dict[str, str]:
    """The reference's own text for each task, as a model would give it."""
    found = {}
    for task in suite.tasks:
        oracle = TaskOracle.load(cache_folder, task.id)
        assert oracle is not None
        found[task.name] = f"Here it is:\n```python\n{textwrap.dedent(oracle.function.source)}\n```\n"
    return found


@pytest.fixture
def replay(suite: Suite, right_answers: dict[str, str], tmp_path: Path) -> Callable[[Mapping[str, str]], str]:
    """A `replay:` model that answers right, except where another text is given for a task's name."""

    def make(other: Mapping[str, str] = {}) -> str:
        assert set(other) <= {task.name for task in suite.tasks}
        file = tmp_path / "answers.jsonl"
        lines = [
            record_line(task.prompt, completion(other.get(task.name, right_answers[task.name]))) for task in suite.tasks
        ]
        file.write_text("".join(line if line.endswith("\n") else line + "\n" for line in lines))
        return f"replay:{file}"

    return make


@pytest.fixture
def arguments(
    tiny_repository: Path, cache_folder: Path, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[str]]:
    """The options of an evaluation of the tiny repository."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def make(model: str, *more: str) -> list[str]:
        return [
            f"--cereval-repo={tiny_repository}",
            f"--cereval-model={model}",
            f"--cereval-cache={cache_folder}",
            "--cereval-categories=code_generation",
            *more,
        ]

    return make
