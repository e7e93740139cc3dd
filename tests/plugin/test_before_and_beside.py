"""What surrounds a verdict in a run: the judge is tried before it, linters speak beside it, classes sum up after it."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.store import Store
from pytest_cereval.tasks.suite import Suite

Arguments = Callable[..., list[str]]
Replay = Callable[..., str]
STORE = ".cereval/cereval.sqlite"
SABOTAGE = """
    from pytest_cereval.oracles import differences
    differences.difference = lambda *arguments, **more: None
"""
ANSWERS = {
    "shop.prices.words": "```python\ndef words(text):\n    spare = 1\n    return {}\n```",
    "shop.prices.discount": "def rebate(price):\n    return price\n",
    "shop.prices.Cart.size": "I do not know.",
}


def record(pytester: pytest.Pytester) -> tuple[dict[str, Attempt], dict[str, object]]:
    """The latest run's attempts by task, and its provenance."""
    with Store.open(pytester.path / STORE, must_exist=True) as store:
        run_id = store.latest_run_id()
        assert run_id is not None
        return {each.task_name: each for each in store.attempts(run_id)}, store.run(run_id).provenance


def test_a_judge_that_says_yes_to_everything_is_not_let_near_a_model(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay
) -> None:
    pytester.makeconftest(SABOTAGE)

    result = pytester.runpytest_subprocess(*arguments(replay()))

    text = result.stdout.str() + result.stderr.str()
    assert result.ret == pytest.ExitCode.USAGE_ERROR, text
    assert "the judge is not fit to judge: a wrong answer came to PASS" in text
    assert "trust no verdict of this set-up: run `cereval doctor`" in text
    assert "Traceback" not in text
    assert not (pytester.path / STORE).exists()


def test_listing_tasks_needs_no_judge(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite
) -> None:
    pytester.makeconftest(SABOTAGE)

    result = pytester.runpytest_subprocess("--co", "-q", *arguments(replay()))

    assert result.ret == 0
    assert sum("::" in line for line in result.outlines) == len(suite.tasks)


def test_the_record_and_the_report_say_how_the_judge_did_and_why_answers_failed(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay
) -> None:
    result = pytester.runpytest_subprocess(
        *arguments(replay(ANSWERS), "--html=report.html", "-k", "words or discount or size")
    )

    result.stdout.fnmatch_lines(["why answers failed: 1 no code, 1 wrong name or signature, 1 wrong result"])
    attempts, provenance = record(pytester)
    assert {name: attempts[name].failure for name in ANSWERS} == {
        "shop.prices.words": "wrong result",
        "shop.prices.discount": "wrong name or signature",
        "shop.prices.Cart.size": "no code",
    }
    sandbox = provenance["sandbox"]
    assert isinstance(sandbox, dict)
    assert sandbox["judge_check"]["right_answer"] == "PASS"
    assert len(sandbox["judge_check"]["cheats"]) == 8
    page = (pytester.path / "report.html").read_text()
    assert "a right answer passed, a wrong one failed, 8 of 8 cheats failed" in html.unescape(page)
    assert "Why answers failed" in page
    (case,) = Path(pytester.path / "report_cases").glob("shop.prices.words.*.html")
    text = case.read_text()
    assert "Why it failed" in text
    assert "line 2: F841" in text


@pytest.mark.parametrize(("level", "tools"), [("off", set()), ("ruff", {"ruff"})])
def test_linters_speak_beside_the_verdict_and_can_be_silenced(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, level: str, tools: set[str]
) -> None:
    name = "shop.prices.words"
    pytester.runpytest_subprocess(*arguments(replay(ANSWERS), "-k", name, f"--cereval-lint={level}"))

    attempts, provenance = record(pytester)
    assert {remark["tool"] for remark in attempts[name].evidence.get("lint", [])} == tools
    linters = provenance["linters"]
    assert isinstance(linters, dict)
    assert linters.keys() - {"level"} == tools
    assert json.dumps(provenance)


def test_an_unknown_linter_is_refused(pytester: pytest.Pytester, arguments: Arguments, replay: Replay) -> None:
    result = pytester.runpytest_subprocess(*arguments(replay(), "--cereval-lint=flake8"))

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--cereval-lint=flake8: must be one of off, ruff, all" in result.stdout.str() + result.stderr.str()
