"""The same commit gives the same bytes: suites anywhere, completions with any number of workers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_cereval.results.store import Store
from pytest_cereval.tasks.suite import Suite
from tests.plugin.test_evaluation import STORE

Arguments = Callable[..., list[str]]
SMALL = ("--cereval-ctx=4096", "--cereval-max-tokens=24", "--cereval-context-tokens=150", "--cereval-threads=1")


def exported(repository: Path, folder: Path, hash_seed: str) -> str:
    """What `cereval tasks --json` prints with a fresh cache."""
    command = [sys.executable, "-m", "pytest_cereval.cli", "tasks", str(repository), "--json", f"--cache={folder}"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        cwd=folder.parent,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
    )
    return done.stdout


def test_a_suite_is_the_same_elsewhere_and_under_another_hash_seed(tiny_repository: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "shop"
    shutil.copytree(tiny_repository, elsewhere)

    first = exported(tiny_repository, tmp_path / "one", "1")
    second = exported(elsewhere, tmp_path / "two", "2")

    assert len(first) > 1000
    assert first == second


def test_a_build_is_not_taken_for_the_loading_of_a_plugin(
    pytester: pytest.Pytester, arguments: Arguments, tmp_path: Path
) -> None:
    fresh = [each for each in arguments("none.gguf") if "cache" not in each] + [f"--cereval-cache={tmp_path / 'new'}"]
    listing = pytester.runpytest_subprocess("--co", "-q", "-p", "hypothesispytest", *fresh)

    assert listing.ret == 0
    assert "Hypothesis" not in listing.stdout.str() + listing.stderr.str()


@pytest.fixture
def load_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A line for each time a model is loaded."""
    file = tmp_path / "loads.log"
    file.touch()
    monkeypatch.setenv("CEREVAL_LOAD_LOG", str(file))
    return file


def completions(store_file: Path) -> dict[str, tuple[str, str, str]]:
    """The latest run's text, token digest and verdict by task."""
    with Store.open(store_file, must_exist=True) as store:
        run_id = store.latest_run_id()
        assert run_id is not None
        found = {}
        for attempt in store.attempts(run_id):
            assert attempt.completion is not None, attempt.detail
            text, digest = attempt.completion["text"], attempt.completion["tokens_sha256"]
            found[attempt.task_name] = (text, digest, attempt.verdict.value)
        return found


def test_one_load_and_the_same_completions_with_and_without_workers(
    pytester: pytest.Pytester, arguments: Arguments, tiny_gguf: Path, load_log: Path, suite: Suite
) -> None:
    plain = pytester.runpytest_subprocess(*arguments(str(tiny_gguf), *SMALL))
    assert plain.ret == 1, plain.stdout.str()
    first = completions(pytester.path / STORE)
    assert len(load_log.read_text().splitlines()) == 1

    load_log.write_text("")
    pytester.runpytest_subprocess("-n", "2", *arguments(str(tiny_gguf), *SMALL))

    assert len(load_log.read_text().splitlines()) == 1
    assert completions(pytester.path / STORE) == first
    assert len(first) == len(suite.tasks)


def test_resuming_does_not_load_the_model_again(
    pytester: pytest.Pytester, arguments: Arguments, tiny_gguf: Path, load_log: Path
) -> None:
    pytester.runpytest_subprocess("-k", "discount", *arguments(str(tiny_gguf), *SMALL))
    first = completions(pytester.path / STORE)
    load_log.write_text("")

    again = pytester.runpytest_subprocess("-k", "discount", *arguments(str(tiny_gguf), "--cereval-resume", *SMALL))

    assert again.ret == 1
    assert completions(pytester.path / STORE) == first
    text, _, _ = first["shop.prices.discount"]
    assert load_log.read_text() == "" or not text.strip()


def test_a_prompt_that_does_not_fit_is_an_error_with_the_figures(
    pytester: pytest.Pytester, arguments: Arguments, tiny_gguf: Path
) -> None:
    result = pytester.runpytest_subprocess(
        "-k", "discount", *arguments(str(tiny_gguf), "--cereval-ctx=256", "--cereval-max-tokens=64")
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*no verdict on shop.prices.discount*", "*256*"])
