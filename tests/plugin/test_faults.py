"""What a user sees when something is wrong: a sentence that says what, where and what next; and nothing is lost."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_cereval.results.store import Store
from pytest_cereval.tasks.suite import Suite
from tests.plugin.conftest import make_repository
from tests.plugin.test_evaluation import STORE

Arguments = Callable[..., list[str]]
Replay = Callable[..., str]


def evaluate(pytester: pytest.Pytester, cache: Path, repository: str, *more: str) -> pytest.RunResult:
    """A run that is expected to be refused."""
    return pytester.runpytest_subprocess("--co", f"--cereval-repo={repository}", f"--cereval-cache={cache}", *more)


def refused(result: pytest.RunResult, *sentences: str) -> None:
    """Exit code of a usage error, and the sentences."""
    text = result.stdout.str() + result.stderr.str()
    assert result.ret == pytest.ExitCode.USAGE_ERROR, text
    for sentence in sentences:
        assert sentence in text
    assert "Traceback" not in text


def test_a_folder_that_is_no_repository(pytester: pytest.Pytester, cache_folder: Path) -> None:
    folder = pytester.mkdir("plain")

    refused(evaluate(pytester, cache_folder, str(folder)), "not a git repository", str(folder), "git init")


def test_a_path_that_does_not_exist(pytester: pytest.Pytester, cache_folder: Path) -> None:
    refused(evaluate(pytester, cache_folder, "nowhere"), "no such repository", "nowhere", "--cereval-repo=PATH")


def test_an_unknown_revision(pytester: pytest.Pytester, cache_folder: Path, tiny_repository: Path) -> None:
    refused(evaluate(pytester, cache_folder, f"{tiny_repository}@v9"), "unknown revision 'v9'", "branches: main")


def test_an_empty_repository(pytester: pytest.Pytester, cache_folder: Path) -> None:
    folder = pytester.mkdir("empty")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)

    refused(evaluate(pytester, cache_folder, str(folder)), "empty repository", "commit something first")


def test_a_repository_without_functions(pytester: pytest.Pytester, cache_folder: Path) -> None:
    folder = make_repository(pytester.mkdir("bare"))

    refused(evaluate(pytester, cache_folder, str(folder)), "no function to evaluate")


def test_a_repository_without_tests(pytester: pytest.Pytester, cache_folder: Path) -> None:
    folder = pytester.mkdir("untested")
    (folder / "code.py").write_text("def f(x):\n    return x + 1\n")
    make_repository(folder)

    refused(evaluate(pytester, cache_folder, str(folder)), "no tests found in untested", "test_*.py")


def test_tests_that_need_missing_packages(pytester: pytest.Pytester, cache_folder: Path) -> None:
    folder = pytester.mkdir("needy")
    (folder / "needy.py").write_text("import no_such_package_here\ndef f(x):\n    return x + 1\n")
    (folder / "test_code.py").write_text("import needy\ndef test_f():\n    assert needy.f(1) == 2\n")
    make_repository(folder)

    refused(
        evaluate(pytester, cache_folder, str(folder)),
        "no test of the repository passes",
        "packages are missing",
        "--cereval-python=PATH",
    )


def test_tests_that_fail(pytester: pytest.Pytester, cache_folder: Path) -> None:
    folder = pytester.mkdir("failing")
    (folder / "calc.py").write_text("def f(x):\n    return x + 1\n")
    (folder / "test_calc.py").write_text("from calc import f\ndef test_f():\n    assert f(1) == 3\n")
    make_repository(folder)

    refused(
        evaluate(pytester, cache_folder, str(folder)),
        "no test of the repository passes",
        "test_calc.py::test_f",
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "missing.gguf"),
        (b"MZ not a model at all, whatever the name says", "GGUF"),
        (b"GGUF\x03\x00\x00\x00", "cut off"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused_before_anything_is_built(
    pytester: pytest.Pytester, tiny_repository: Path, content: bytes | None, sentence: str
) -> None:
    file = pytester.path / "missing.gguf"
    if content is not None:
        file.write_bytes(content)

    result = pytester.runpytest_subprocess(
        f"--cereval-repo={tiny_repository}",
        f"--cereval-model={file}",
        f"--cereval-cache={pytester.path / 'cache'}",
    )

    refused(result, sentence)
    assert not (pytester.path / "cache" / "suites").exists()


def test_an_option_with_a_space_is_explained(pytester: pytest.Pytester, tiny_repository: Path) -> None:
    refused(
        pytester.runpytest_subprocess("--cereval-repo", str(tiny_repository)),
        "with a space",
        "write --cereval-repo=PATH",
    )


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--cereval-limit=many", "--cereval-limit=many"),
        ("--cereval-gate=7", "between 0 and 1"),
        ("--cereval-sandbox=none", "ns, landlock or unsafe"),
        ("--cereval-demo", "brings its own repository"),
        ("--cereval-flash-attn=maybe", "give on or off"),
        ("--cereval-python=/no/python", "/no/python"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(
    pytester: pytest.Pytester, arguments: Arguments, option: str, sentence: str
) -> None:
    refused(pytester.runpytest_subprocess("--co", *arguments("x.gguf", option)), sentence)


def test_a_repository_needs_a_model(pytester: pytest.Pytester, tiny_repository: Path) -> None:
    refused(
        pytester.runpytest_subprocess(f"--cereval-repo={tiny_repository}"),
        "--cereval-model=",
        "demo:smollm2-135m",
    )


def test_uncommitted_changes_are_neither_read_nor_touched(
    pytester: pytest.Pytester, tiny_repository: Path, cache_folder: Path, suite: Suite
) -> None:
    clone = pytester.path / "shop"
    subprocess.run(["git", "clone", "-q", str(tiny_repository), str(clone)], check=True)
    (clone / "shop" / "prices.py").write_text("def other(): return 1\n")

    result = evaluate(pytester, cache_folder, str(clone), "-q", "--cereval-categories=code_generation")

    assert sum("::" in line for line in result.outlines) == len(suite.tasks)
    assert (clone / "shop" / "prices.py").read_text() == "def other(): return 1\n"
    assert not (clone / ".cereval").exists()


def test_stopping_leaves_a_record_and_resuming_asks_only_what_is_missing(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite
) -> None:
    model = replay()
    pytester.makeconftest(
        """
        import pytest

        def pytest_runtest_setup(item):
            if item.session.items.index(item) == 1:
                raise KeyboardInterrupt
        """
    )

    stopped = pytester.runpytest_subprocess(*arguments(model, "--html=stopped.html"))
    assert stopped.ret == pytest.ExitCode.INTERRUPTED
    with Store.open(pytester.path / STORE, must_exist=True) as store:
        (run,) = store.runs()
        assert run.status.value == "interrupted"
        assert len(store.attempts(run.run_id)) == 1
    assert rows(pytester.path / "stopped.html") == len(suite.tasks)

    (pytester.path / "conftest.py").unlink()
    resumed = pytester.runpytest_subprocess(*arguments(model, "--cereval-resume"))
    resumed.assert_outcomes(passed=len(suite.tasks))
    with Store.open(pytester.path / STORE, must_exist=True) as store:
        latest = store.latest_run_id()
        assert latest is not None
        reused = [attempt.task_name for attempt in store.attempts(latest) if attempt.reused]
    assert 1 <= len(reused) < len(suite.tasks)


def test_a_worker_that_dies_leaves_a_row_and_an_invalid_attempt(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite
) -> None:
    pytester.makeconftest(
        """
        import os

        def pytest_runtest_setup(item):
            if item.name == "shop.prices.discount":
                os._exit(1)
        """
    )

    result = pytester.runpytest_subprocess("-n", "2", *arguments(replay(), "--html=report.html"))

    assert result.ret == 1
    assert rows(pytester.path / "report.html") == len(suite.tasks)
    with Store.open(pytester.path / STORE, must_exist=True) as store:
        latest = store.latest_run_id()
        assert latest is not None
        found = {attempt.task_name: attempt.verdict.value for attempt in store.attempts(latest)}
    assert found["shop.prices.discount"] == "INVALID"
    assert len(found) == len(suite.tasks)


def test_a_store_of_a_newer_version_is_left_alone(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay
) -> None:
    import sqlite3

    pytester.runpytest_subprocess(*arguments(replay()))
    with sqlite3.connect(pytester.path / STORE) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(migrations)")]
        marks = ", ".join("?" * len(columns))
        connection.execute(f"INSERT INTO migrations VALUES ({marks})", ["m999_from_the_future"] * len(columns))  # noqa: S608

    refused(pytester.runpytest_subprocess(*arguments(replay())), "m999_from_the_future", "--cereval-store")


def rows(report: Path) -> int:
    """How many items pytest-html's page lists."""
    import html
    import json
    import re

    blob = re.search(r'data-jsonblob="([^"]*)"', report.read_text())
    assert blob is not None
    return sum(len(runs) for runs in json.loads(html.unescape(blob[1]))["tests"].values())
