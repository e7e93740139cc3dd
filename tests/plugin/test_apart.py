"""Asking and judging as two runs: answers are kept first, and judged later without a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_cereval.models.replay import record_line
from pytest_cereval.tasks.suite import Suite
from tests.plugin.conftest import completion
from tests.plugin.records import STORE, attempts, latest
from tests.plugin.test_evaluation import WRONG
from tests.plugin.test_faults import refused

Arguments = Callable[..., list[str]]
Replay = Callable[..., str]
ANSWERS = {"shop.prices.words": WRONG, "shop.prices.discount": ""}


def scoring(arguments: Arguments, *more: str) -> list[str]:
    """The options without a model."""
    return [each for each in arguments("none", *more) if not each.startswith("--cereval-model")]


def test_answers_are_kept_first_and_judged_later_without_a_model(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite, tmp_path: Path
) -> None:
    model = replay(ANSWERS)
    direct = pytester.runpytest_subprocess(*arguments(model))
    expected = {each.task_id: (each.verdict, each.candidate) for each in attempts(pytester.path)}

    asked = pytester.runpytest_subprocess(*arguments(model, "--cereval-generate-only", "--html=r.html"), "-n", "2")
    run = latest(pytester.path)
    asked.assert_outcomes(skipped=len(suite.tasks))
    assert asked.ret == 0
    asked.stdout.fnmatch_lines(
        [f"generated only: {len(suite.tasks)} answers kept; judge them with --cereval-score={run.run_id}"]
    )
    assert attempts(pytester.path) == []

    (tmp_path / "answers.jsonl").unlink()
    for which, workers in ((run.run_id, "2"), ("latest", "0")):
        scored = pytester.runpytest_subprocess(*scoring(arguments, f"--cereval-score={which}"), "-n", workers)
        assert scored.ret == direct.ret == 1
        made = attempts(pytester.path)
        assert {each.task_id: (each.verdict, each.candidate) for each in made} == expected
        assert all(each.reused for each in made)
        scored.stdout.fnmatch_lines([f"cost: 0 completion tokens*{len(suite.tasks)} completions reused*"])
    assert {verdict.value for verdict, _ in expected.values()} == {"PASS", "FAIL_WRONG", "NO_ANSWER"}
    provenance = latest(pytester.path).provenance
    assert provenance["model"] == run.provenance["model"]
    assert provenance["model_keys"] == run.provenance["model_keys"]
    assert provenance["scored_from"]


def test_an_answer_that_is_not_there_is_no_verdict(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite
) -> None:
    pytester.runpytest_subprocess(*arguments(replay(), "--cereval-generate-only"), "-k", "not discount")
    run_id = latest(pytester.path).run_id

    scored = pytester.runpytest_subprocess(*scoring(arguments, "--cereval-score=latest"))

    scored.assert_outcomes(passed=len(suite.tasks) - 1, errors=1)
    scored.stdout.fnmatch_lines(
        [
            "no verdict on shop.prices.discount",
            f"run '{run_id}' holds no answer to shop.prices.discount (task *, sample 0)",
            "*give --cereval-model and --cereval-resume instead of --cereval-score",
        ]
    )


def test_a_question_that_could_not_be_asked_is_invalid_and_not_an_answer(
    pytester: pytest.Pytester, arguments: Arguments, suite: Suite, right_answers: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "some.jsonl"
    file.write_text("".join(record_line(each.prompt, completion(right_answers[each.name])) for each in suite.tasks[1:]))

    asked = pytester.runpytest_subprocess(*arguments(f"replay:{file}", "--cereval-generate-only"))

    asked.assert_outcomes(skipped=len(suite.tasks) - 1, errors=1)
    assert [each.verdict.value for each in attempts(pytester.path)] == ["INVALID"]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--cereval-score=none"], "holds no run 'none'"),
        (["--cereval-score=latest", "--cereval-resume"], "leave out one of them"),
        (["--cereval-score=latest", "--cereval-generate-only"], "judges nothing"),
        (["--cereval-score=latest", "--cereval-samples=2"], "has 1"),
        (["--cereval-score=latest", "--cereval-context-tokens=30"], "answered none of these"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, more: list[str], sentence: str
) -> None:
    pytester.runpytest_subprocess(*arguments(replay(), "--cereval-generate-only"), "-k", "discount")

    refused(pytester.runpytest_subprocess(*scoring(arguments, *more)), sentence)
    assert latest(pytester.path).provenance["generated_only"] is True


def test_a_store_that_is_not_there_cannot_be_scored(pytester: pytest.Pytester, arguments: Arguments) -> None:
    refused(pytester.runpytest_subprocess(*scoring(arguments, "--cereval-score=latest")), "there is no store at")
    assert not (pytester.path / STORE).exists()
