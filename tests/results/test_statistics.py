"""Rates, intervals and totals against values worked out elsewhere or by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cereval.results.statistics import rate_of, summarise, wilson
from pytest_cereval.results.verdict import Verdict
from tests.results.attempts import a_completion, an_attempt, attempts_like

PASS, WRONG, INVALID = Verdict.PASS, Verdict.FAIL_WRONG, Verdict.INVALID


# Computed with scipy 1.17 `binomtest(x, n).proportion_ci(method="wilson")`.
@pytest.mark.parametrize(
    ("passed", "n", "low", "high"),
    [
        (37, 50, 0.6044684273515117, 0.8412847250644762),
        (0, 30, 0.0, 0.11351339317396876),
        (30, 30, 0.8864866068260312, 1.0),
        (3, 10, 0.10779126740630099, 0.6032218525388546),
        (82, 164, 0.424357047388029, 0.5756429526119711),
    ],
)
def test_wilson_gives_the_known_answers(passed: int, n: int, low: float, high: float) -> None:
    assert wilson(passed, n) == pytest.approx((low, high), abs=1e-9)


def test_nothing_tried_means_nothing_known() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_bound_at_the_end_is_exact() -> None:
    assert wilson(0, 7)[0] == 0.0
    assert wilson(7, 7)[1] == 1.0


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_its_rate_and_mirrors(case: tuple[int, int]) -> None:
    passed, n = case
    low, high = wilson(passed, n)

    assert 0 <= low <= passed / n <= high <= 1
    assert wilson(n - passed, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_more_confidence_means_a_wider_interval() -> None:
    low, high = wilson(3, 10, confidence=0.99)

    assert low < wilson(3, 10)[0]
    assert high > wilson(3, 10)[1]


@pytest.mark.parametrize("case", [(1, 0, 0.95), (-1, 3, 0.95), (4, 3, 0.95), (1, 3, 1.0), (1, -3, 0.95)])
def test_what_is_no_rate_is_refused(case: tuple[int, int, float]) -> None:
    with pytest.raises(ValueError, match="no rate"):
        wilson(*case)


def test_invalid_attempts_are_counted_but_enter_no_rate() -> None:
    summary = summarise(attempts_like(PASS, PASS, PASS, WRONG, INVALID, INVALID))

    assert (summary.total, summary.scored, summary.passed, summary.invalid) == (6, 4, 3, 2)
    assert summary.rate == 0.75
    assert summary.interval == wilson(3, 4)
    assert summary.by_verdict == {"FAIL_WRONG": 1, "INVALID": 2, "PASS": 3}


def test_a_missing_answer_is_a_scored_failure() -> None:
    assert summarise(attempts_like(PASS, Verdict.NO_ANSWER)).rate == 0.5


def test_a_run_with_nothing_scored_has_no_rate() -> None:
    for attempts in ([], attempts_like(INVALID)):
        summary = summarise(attempts)

        assert summary.rate is None
        assert summary.interval == (0.0, 1.0)


def test_documented_and_inferred_requirements_are_rated_apart() -> None:
    attempts = [
        *attempts_like(PASS, PASS, WRONG, requirement="inferred", stratum="hard"),
        *attempts_like(WRONG, requirement="documented", stratum="standard"),
    ]

    documented, inferred = summarise(attempts).by_requirement

    assert (documented.name, documented.rate, (documented.low, documented.high)) == (
        "documented",
        0.0,
        wilson(0, 1),
    )
    assert (inferred.name, inferred.passed, inferred.scored) == ("inferred", 2, 3)
    assert [each.name for each in summarise(attempts).by_stratum] == ["hard", "standard"]


def test_several_samples_of_one_task_weigh_as_one_task() -> None:
    often = [an_attempt(task_id="often", sample=number, verdict=PASS) for number in range(9)]
    often.append(an_attempt(task_id="often", sample=9, verdict=WRONG))
    once = [an_attempt(task_id="once", verdict=WRONG)]

    rate = rate_of("all", [*often, *once])

    assert (rate.tasks, rate.scored, rate.passed) == (2, 11, 9)
    assert rate.rate == pytest.approx((0.9 + 0.0) / 2)
    assert (rate.low, rate.high) == pytest.approx(wilson(0.9, 2))


def test_scores_that_do_not_add_up_exactly_still_make_a_rate() -> None:
    thirds = [an_attempt(task_id=str(task), sample=sample, verdict=PASS) for task in range(3) for sample in range(3)]

    assert rate_of("all", thirds).rate == 1.0


def test_tokens_and_times_are_added_up() -> None:
    attempts = [
        an_attempt(task_id="a", judge_s=0.5, completion=a_completion(completion_tokens=100, decode_s=4.0, wall_s=5.0)),
        an_attempt(task_id="b", judge_s=0.25, completion=a_completion(completion_tokens=20, decode_s=2.0, wall_s=2.5)),
        an_attempt(task_id="c", judge_s=0.0, completion=None, verdict=INVALID),
    ]

    summary = summarise(attempts)

    assert summary.judge_s == 0.75
    assert summary.cost.completions == 2
    assert (summary.cost.prompt_tokens, summary.cost.cached_tokens) == (1600, 1280)
    assert summary.cost.completion_tokens == 120
    assert summary.cost.generation_s == 7.5
    assert summary.cost.tokens_per_s == 20.0


def test_a_reused_completion_costs_this_run_nothing() -> None:
    summary = summarise([an_attempt(reused=True)])

    assert summary.reused == 1
    assert (summary.cost.completions, summary.cost.completion_tokens) == (0, 0)
    assert summary.cost.tokens_per_s is None
