"""Claims of success that execution overturns."""

from __future__ import annotations

import pytest

from pytest_cereval.results.verdict import Verdict
from pytest_cereval.statistics.overturned import Claim, claims_of, overturned
from tests.results.attempts import an_attempt
from tests.statistics.known import an_item, items_like


def test_nine_of_120_claims_are_overturned() -> None:
    items = items_like([""] * 120, category="c")
    claims = [Claim(item.id, True, n >= 9, "wrong result" if n < 6 else "timeout") for n, item in enumerate(items)]
    row, everything = overturned(claims, items)

    assert (row.category, row.claimed, row.verified, row.overturned) == ("c", 120, 111, 9)
    assert row.rate.value == pytest.approx(0.075)
    assert (row.rate.low, row.rate.high) == pytest.approx((0.0399571, 0.1364092), abs=1e-7)
    assert list(row.causes.items()) == [("wrong result", 6), ("timeout", 3)]
    assert row.sentence == (
        "c: of 120 answers that claim success, execution overturns 9, 7.5 % (4.0 to 13.6 %): 6 wrong result and 3"
        " timeout."
    )
    assert everything.category == "all"


def test_none_overturned_still_has_an_upper_bound() -> None:
    items = items_like([""] * 120, category="c")
    row, _ = overturned([Claim(item.id, True, True) for item in items], items)

    assert row.upper == pytest.approx(0.0246554, abs=1e-7)
    assert row.sentence == (
        "c: of 120 answers that claim success, execution overturns none; up to 2.5 % are possible (95%, one-sided)."
    )


def test_only_claims_are_overturned() -> None:
    items = items_like([""] * 4, category="c")
    claims = [Claim("t0", True, True), Claim("t1", False, False), Claim("t2", False, True), Claim("t3", True, None)]
    row, _ = overturned(claims, items)

    assert (row.answers, row.claimed, row.verified, row.overturned) == (4, 2, 1, 0)
    assert (row.invalid, row.unclaimed_passing, row.rate.items, row.rate.unscored) == (1, 1, 1, 1)


def test_where_nothing_is_claimed_nothing_can_be_overturned() -> None:
    row, _ = overturned([Claim("t0", False, False)], items_like([""], category="c"))

    assert row.rate.value is None
    assert row.upper is None
    assert row.sentence == "c: no answer that claims success could be judged, so nothing can be overturned."


def test_controls_are_a_row_of_their_own() -> None:
    items = [an_item("a", category="c"), an_item("b", category="c", control=True)]
    rows = overturned([Claim("a", True, False, "x"), Claim("b", True, True)], items)

    assert [(row.category, row.claimed, row.overturned) for row in rows] == [
        ("c", 1, 1),
        ("c controls", 1, 0),
        ("all", 2, 1),
    ]


def test_several_answers_to_a_task_weigh_as_one_item() -> None:
    items = items_like(["", ""], category="c")
    claims = [Claim("t0", True, False, "x")] * 4 + [Claim("t1", True, True)]
    row, _ = overturned(claims, items)

    assert (row.overturned, row.rate.value) == (4, 0.5)


def test_claims_come_from_attempts() -> None:
    attempts = [
        an_attempt(task_id="a", verdict=Verdict.PASS, claimed=True),
        an_attempt(task_id="b", verdict=Verdict.FAIL_TIMEOUT, evidence={}, claimed=True),
        an_attempt(task_id="c", verdict=Verdict.INVALID, claimed=False),
    ]

    assert claims_of(attempts) == [
        Claim("a", True, True, "PASS"),
        Claim("b", True, False, "timeout"),
        Claim("c", False, None, "INVALID"),
    ]


def test_none_overturned_is_bounded_by_functions_and_not_by_questions() -> None:
    items = [an_item(f"t{n}", function=f"f{n // 4}") for n in range(40)]
    (_, found) = overturned([Claim(item.id, claimed=True, passed=True) for item in items], items)

    assert (found.rate.items, found.rate.clusters) == (40, 10)
    assert found.upper == pytest.approx(1 - 0.05 ** (1 / 10))
