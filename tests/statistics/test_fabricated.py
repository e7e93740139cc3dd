"""References to what does not exist, by three denominators."""

from __future__ import annotations

import pytest

from pytest_cereval.statistics.fabricated import Dependencies, Fabrication, beyond_reference, change, fabrications

PACKAGE, MEMBER, UNDECLARED = Fabrication.PACKAGE, Fabrication.MEMBER, Fabrication.UNDECLARED


def answers() -> list[Dependencies]:
    return [
        Dependencies("a", True, 10, {PACKAGE: ("nope", "nope"), UNDECLARED: ("rich",)}),
        Dependencies("b", True, 5, {MEMBER: ("os.fly",)}),
        Dependencies("c", True, 5),
        Dependencies("d", True, 0),
        Dependencies("e", False, 0),
    ]


def test_the_three_denominators_differ() -> None:
    found = fabrications(answers(), {"python": "3.11"})
    confirmed = found.confirmed

    assert (confirmed.wrong, confirmed.references, confirmed.per_reference) == pytest.approx((3, 20, 0.15))
    assert (confirmed.per_answer.value, confirmed.per_answer.items) == (0.5, 4)
    assert confirmed.unique == ("nope", "os.fly")
    assert (found.answers, found.not_parsing, found.circumstances) == (5, 1, {"python": "3.11"})
    assert "A lower bound" in found.sentence


def test_what_is_only_undeclared_is_not_confirmed() -> None:
    by_name = {each.name: each for each in fabrications(answers()).classes}

    assert list(by_name) == ["fabricated_package", "undeclared_dependency", "fabricated_member"]
    assert by_name["undeclared_dependency"].wrong == 1
    assert not Fabrication.SUSPECTED.confirmed


def test_references_of_one_answer_are_not_independent() -> None:
    lumped = fabrications([Dependencies(str(n), True, 10, {PACKAGE: ("x",) * 5} if n < 2 else {}) for n in range(10)])
    spread = fabrications([Dependencies(str(n), True, 10, {PACKAGE: ("x",)}) for n in range(10)])

    assert lumped.confirmed.per_reference == spread.confirmed.per_reference == pytest.approx(0.1)
    assert lumped.confirmed.high > 2 * spread.confirmed.high - 0.1  # type: ignore[operator]


def test_none_found_has_an_upper_bound_by_answers() -> None:
    found = fabrications([Dependencies(str(n), True, 10) for n in range(30)]).confirmed

    assert (found.wrong, found.low, found.high) == (0, None, None)
    assert found.upper == pytest.approx(0.0950339, abs=1e-7)


def test_what_the_reference_uses_too_is_a_false_alarm() -> None:
    less = beyond_reference(answers(), {"a": ["nope"], "c": ["x"]})

    assert less[0].found == {UNDECLARED: ("rich",)}
    assert less[1].found == {MEMBER: ("os.fly",)}


def test_two_runs_are_compared_by_any_fabrication_on_shared_items() -> None:
    old = [Dependencies(str(n), True, 1, {PACKAGE: ("x",)} if n < 7 else {}) for n in range(20)]
    new = [Dependencies(str(n), n != 19, 1, {MEMBER: ("y",)} if n == 10 else {}) for n in range(20)]
    found = change(old, new)

    assert (found.items, found.only_old, found.only_new) == (19, 7, 1)
    assert found.p == pytest.approx(0.0390625)
