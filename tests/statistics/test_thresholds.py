"""Absolute thresholds per category."""

from __future__ import annotations

import pytest

from pytest_cereval.errors import SettingsError
from pytest_cereval.statistics.noninferiority import Verdict
from pytest_cereval.statistics.thresholds import Threshold, apply, parse_thresholds
from tests.statistics.known import an_item, items_like


def test_text_becomes_thresholds() -> None:
    assert parse_thresholds("code_generation>=0.6, security_audit >= 0.4") == (
        Threshold("code_generation", 0.6),
        Threshold("security_audit", 0.4),
    )
    assert parse_thresholds("0.8") == (Threshold("all", 0.8),)
    assert str(Threshold("a", 0.6)) == "a>=0.6"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "threshold '' of '' cannot be read"),
        ("a>=0.6,,b>=1", "threshold '' of 'a>=0.6,,b>=1' cannot be read"),
        ("a>0.6", "threshold 'a>0.6' of 'a>0.6' cannot be read"),
        ("a<=0.6", "threshold 'a<=0.6' of 'a<=0.6' cannot be read"),
        ("a>=60", "threshold 'a>=60': '60' is no rate between 0 and 1"),
        ("a>=nan", "'nan' is no rate"),
        ("most", "threshold 'most': 'most' is no rate between 0 and 1"),
        ("a>=0.6,a>=0.7", "gives two thresholds for 'a'"),
    ],
)
def test_other_text_is_refused_with_what_to_write(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_thresholds(text)
    assert message in caught.value.what
    assert caught.value.next_step


def test_a_category_that_no_task_has_is_refused_by_name() -> None:
    with pytest.raises(SettingsError) as caught:
        apply(parse_thresholds("codegen>=0.5"), items_like(["1"], category="code_generation"))
    assert caught.value.what == "threshold codegen>=0.5: no task is of category 'codegen'"
    assert caught.value.next_step == "use one of all, code_generation"


def test_the_observed_rate_decides() -> None:
    items = [*items_like(["1", "1", "1", "0", "0"], "a", category="a"), *items_like(["0"], "b", category="b")]
    met, missed, everything = apply(parse_thresholds("a>=0.6,b>=0.1,all>=0.5"), items)

    assert (met.verdict, missed.verdict, everything.verdict) == (Verdict.PASS, Verdict.FAIL, Verdict.PASS)
    assert met.sentence == "PASS a>=0.6: 60.0 % of 5 items pass."


def test_what_our_machinery_failed_may_not_decide() -> None:
    items = [*items_like(["1", "1", "0"]), an_item("x", "", invalid=1)]
    low, middle, high = (apply([Threshold("all", least)], items)[0] for least in (0.5, 0.7, 0.8))

    assert (low.verdict, middle.verdict, high.verdict) == (Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL)
    assert middle.sentence == ("INCONCLUSIVE all>=0.7: 1 attempt INVALID; the rate lies between 50.0 % and 75.0 %.")


def test_a_task_that_was_not_asked_leaves_it_open() -> None:
    (found,) = apply([Threshold("all", 0.1)], [*items_like(["1"]), an_item("x", "")])

    assert (found.verdict, found.sentence) == (
        Verdict.NOT_EVALUATED,
        "NOT EVALUATED all>=0.1: 1 of 2 items were not asked.",
    )
