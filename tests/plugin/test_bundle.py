"""`--cereval-out` keeps a whole run in a folder, which can be verified, built and judged again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy  # noqa: F401 - pytester forgets what a test imports first, and numpy can be loaded only once
import pytest
from click.testing import CliRunner

from pytest_cereval.bundle.canonical import canonical
from pytest_cereval.bundle.write import write_bundle
from pytest_cereval.cli import main
from pytest_cereval.results.store import Store
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.tasks.suite import Suite

Arguments = Callable[..., list[str]]
Replay = Callable[..., str]
WORDS = "shop.prices.words"
WRONG = "```python\ndef words(text):\n    return {word: 1 for word in text.split()}\n```"


def test_a_run_is_bundled_with_its_report_and_holds_in_every_way(
    pytester: pytest.Pytester,
    arguments: Arguments,
    replay: Replay,
    suite: Suite,
    tiny_repository: Path,
    cache_folder: Path,
) -> None:
    model = replay({WORDS: WRONG})
    result = pytester.runpytest_subprocess(
        *arguments(model, "--cereval-out=kept/{run}", "--html=report.html", "--cereval-evaluator=QA, first party")
    )
    (folder,) = (pytester.path / "kept").iterdir()
    manifest = json.loads((folder / "manifest.json").read_text())

    assert result.ret == 1
    result.stdout.fnmatch_lines([f"bundle {folder} (* files, unsigned), manifest sha256 *"])
    assert (folder / "report" / "report.html").read_bytes() == (pytester.path / "report.html").read_bytes()
    assert len(list((folder / "report" / "report_cases").glob("*.html"))) >= len(suite.tasks)
    assert manifest["predicate"]["identity"]["evaluator"] == "QA, first party"
    assert manifest["predicate"]["results"]["tasks"] == len(suite.tasks)

    again = CliRunner().invoke(
        main, ["verify", str(folder), f"--repo={tiny_repository}", "--rescore", f"--cache={cache_folder}"]
    )
    assert again.exit_code == 0, again.output
    assert f"{len(suite.tasks)} tasks built again from shop@{suite.revision.short}" in again.output
    assert f"{len(suite.tasks)} answers judged again, 0 verdicts differ" in again.output


def test_a_forged_verdict_does_not_survive_the_judge(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, cache_folder: Path
) -> None:
    pytester.runpytest_subprocess(*arguments(replay({WORDS: WRONG})))
    with Store.open(pytester.path / ".cereval/cereval.sqlite") as store:
        run_id = store.latest_run_id() or ""
        (wrong,) = [each for each in store.attempts(run_id) if not each.verdict.is_pass]
        forged = wrong.to_dict() | {"verdict": "PASS", "failure": None, "evidence": {"checked": 9, "hidden": 9}}
        store.save_attempt(type(wrong).from_dict(forged))
        folder = write_bundle(pytester.path / "forged", store, run_id).folder

    plain = CliRunner().invoke(main, ["verify", str(folder)])
    judged = CliRunner().invoke(main, ["verify", str(folder), "--rescore", f"--cache={cache_folder}"])

    assert plain.exit_code == 0
    assert judged.exit_code == 1
    assert f"{WORDS} sample 0: {Verdict.FAIL_WRONG.value} now, PASS told" in judged.output


def test_a_task_that_the_repository_does_not_give_is_found(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, tiny_repository: Path, cache_folder: Path
) -> None:
    pytester.runpytest_subprocess(*arguments(replay()))
    with Store.open(pytester.path / ".cereval/cereval.sqlite") as store:
        run_id = store.latest_run_id() or ""
        tasks = store.tasks(run_id)
        tasks[0]["certificate"] |= {"mutants_killed": 999}
        store.save_tasks(run_id, tasks, store.ledger(run_id))
        folder = write_bundle(pytester.path / "changed", store, run_id).folder

    result = CliRunner().invoke(main, ["verify", str(folder), f"--repo={tiny_repository}", f"--cache={cache_folder}"])

    assert result.exit_code == 1
    assert f"task {tasks[0]['id']} ({tasks[0]['name']}).certificate.mutants_killed: 999, expected" in result.output


def test_a_repository_that_is_not_the_one_cannot_be_checked(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, cache_folder: Path, tmp_path: Path
) -> None:
    pytester.runpytest_subprocess(*arguments(replay(), "--cereval-out=out"))
    empty = tmp_path / "elsewhere"
    empty.mkdir()

    result = CliRunner().invoke(main, ["verify", "out", f"--repo={empty}", f"--cache={cache_folder}"])

    assert result.exit_code == 3
    assert "not a git repository" in result.output


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--cereval-out=taken"], "taken exists and is not an empty folder"),
        (["--cereval-out=new", "--cereval-sign=none.pem"], "cannot read the key"),
        (["--cereval-sign=none.pem"], "--cereval-sign without --cereval-out has nothing to sign"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_the_run(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, more: list[str], said: str
) -> None:
    (pytester.path / "taken").mkdir()
    (pytester.path / "taken" / "x").write_bytes(canonical({}))

    result = pytester.runpytest_subprocess(*arguments(replay(), *more))

    assert result.ret == 4
    result.stderr.fnmatch_lines([f"*{said}*"])
    assert not (pytester.path / ".cereval").exists()


def test_a_bundle_that_cannot_be_written_is_no_success(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay
) -> None:
    pytester.makeconftest(
        "import pathlib\n"
        "def pytest_collection_finish():\n"
        "    pathlib.Path('out').mkdir()\n"
        "    pathlib.Path('out/late').write_text('x')\n"
    )

    result = pytester.runpytest_subprocess(*arguments(replay(), "--cereval-out=out"))

    assert result.ret == 3
    result.stdout.fnmatch_lines(["no bundle: *out exists and is not an empty folder", "*name another one*"])


def test_listing_tasks_writes_no_bundle(pytester: pytest.Pytester, arguments: Arguments) -> None:
    pytester.runpytest_subprocess("--co", "-q", *arguments("none.gguf"), "--cereval-out=out")

    assert not (pytester.path / "out").exists()
