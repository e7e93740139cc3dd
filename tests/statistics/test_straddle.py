"""Two models with different cutoffs on the same items: what cancels, what is assumed, and what checks it."""

from __future__ import annotations

import random

import pytest

from pytest_cereval.statistics.effects import Status
from pytest_cereval.statistics.straddle import Period, StraddleItem, beyond_public, placebo, straddle

BETWEEN, AFTER, BEFORE = Period.BETWEEN, Period.AFTER, Period.BEFORE


def items(period: Period, gains: list[float], old: float = 0.0) -> list[StraddleItem]:
    return [StraddleItem(f"{period}{n}", period, old, old + gain) for n, gain in enumerate(gains)]


def test_the_straddle_cancels_how_hard_items_are() -> None:
    chance = random.Random(3)
    asked = [
        StraddleItem(f"i{n}", AFTER if n % 2 else BETWEEN, easy, min(1.0, easy + 0.1 + gain))
        for n in range(400)
        for easy in [chance.choice([0.0, 0.2, 0.4] if n % 2 else [0.4, 0.6])]
        for gain in [chance.choice([0.0, 0.1])]
    ]
    nothing = straddle(asked)
    boosted = straddle(
        [StraddleItem(each.id, each.period, each.old, each.new + 0.1 * (each.period is BETWEEN)) for each in asked]
    )

    assert nothing.status is Status.NONE_SEEN
    assert (boosted.value or 0) - (nothing.value or 0) == pytest.approx(0.1)
    assert boosted.status is Status.GAP


def test_the_straddle_has_the_bounds_of_welchs_t() -> None:
    found = straddle([*items(BETWEEN, [0.5, 0.25, 0.75, 0.5]), *items(AFTER, [0.25, 0.0, 0.25], 0.5)])

    # scipy.stats.ttest_ind(..., equal_var=False): t = 2.52982, df = 5.00000.
    assert found.value == pytest.approx(1 / 3)
    assert found.p == pytest.approx(0.0525414, rel=1e-5)
    assert (found.low, found.high) == pytest.approx((-0.0053706, 0.6720372), rel=1e-5)
    assert found.status is Status.NONE_SEEN


def test_what_was_dated_before_both_cutoffs_takes_no_part_in_the_straddle() -> None:
    asked = [*items(BETWEEN, [1.0, 0.0, 1.0]), *items(AFTER, [0.0, 1.0, 0.0])]

    assert straddle([*asked, *items(BEFORE, [1.0] * 9)]) == straddle(asked)


def test_tasks_of_one_function_are_not_independent() -> None:
    apart = [*items(BETWEEN, [1.0, 1.0, 0.0, 0.0] * 5), *items(AFTER, [0.0, 1.0] * 10)]
    shared = [
        StraddleItem(each.id, each.period, each.old, each.new, function=f"f{n // 2}") for n, each in enumerate(apart)
    ]

    assert (straddle(shared).error or 0) > 1.1 * (straddle(apart).error or 0)


def test_sides_that_all_gain_alike_are_not_certain() -> None:
    found = straddle([*items(BETWEEN, [1.0] * 3), *items(AFTER, [0.0] * 3)])

    assert (found.value, found.status) == (1.0, Status.NONE_SEEN)


def test_a_straddle_needs_two_functions_on_both_sides() -> None:
    one = [StraddleItem(f"i{n}", AFTER, 0, 1, function="same") for n in range(5)]

    assert straddle(items(BETWEEN, [1, 0])).sentence == (
        "straddle: not testable: 2 items lie between the cutoffs and 0 after both; each side needs two functions."
    )
    assert straddle([*items(BETWEEN, [1, 0]), *one]).status is Status.NOT_TESTABLE


def test_the_placebo_holds_the_later_half_of_what_is_old_against_the_earlier() -> None:
    old = [
        StraddleItem(f"i{n}", BEFORE, 0.5, 0.5 + 0.25 * (n % 2) + 0.1 * (n >= 20), written=f"20{n:02}-01-01")
        for n in range(40)
    ]

    assert placebo(old).value == pytest.approx(0.1)
    assert placebo(items(BETWEEN, [1, 0, 1, 0])).status is Status.NOT_TESTABLE


def test_functions_of_one_day_are_not_split() -> None:
    old = [StraddleItem(f"i{n}", BEFORE, 0, n % 2, written="2020-01-01") for n in range(40)]

    assert "two halves of different age" in placebo(old).sentence


def test_a_public_set_takes_the_place_of_what_is_after_both() -> None:
    asked = items(BETWEEN, [0.5, 0.25, 0.75, 0.5])
    public = items(BEFORE, [0.25, 0.0, 0.25], 0.5)

    assert beyond_public(asked, public, name="less humaneval").value == pytest.approx(1 / 3)
    assert beyond_public(asked, public[:1], name="less humaneval").status is Status.NOT_TESTABLE
