"""The contamination gap: matching, balance, gap and the difference to a static set."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from pytest_cereval.errors import SettingsError
from pytest_cereval.statistics.effects import Status, effect
from pytest_cereval.statistics.gap import against_static, contamination_gap, independent_gap, unmatched
from pytest_cereval.statistics.matching import ArmItem, balance, match, smd
from pytest_cereval.statistics.rates import pass_rate
from tests.statistics.known import items_like, known_answers


def arm(prefix: str, count: int, score: float | None = 1.0, length: float = 10, **changes: object) -> list[ArmItem]:
    return [ArmItem(f"{prefix}{n}", score, length + n, 3, **changes) for n in range(count)]  # type: ignore[arg-type]


def test_smd_gives_the_known_answer() -> None:
    known = known_answers()["smd"]

    assert smd(known["x"], known["y"]) == pytest.approx(known["smd"])
    assert smd([1, 1], [1, 1]) == 0.0
    assert smd([1, 1], [2, 2]) is None


def test_length_decides_before_complexity_and_complexity_before_the_repository() -> None:
    stale = [ArmItem("s", 1, 10, 4, "c", "r")]
    near = ArmItem("near", 0, 10, 9, "c", "other")
    plain = ArmItem("plain", 0, 13, 4, "c", "r")
    alike = ArmItem("alike", 0, 10, 5, "c", "other")

    assert [pair.fresh.id for pair in match(stale, [plain, near])] == ["near"]
    assert [pair.fresh.id for pair in match(stale, [near, alike])] == ["alike"]
    assert [
        p.fresh.id for p in match(stale, [ArmItem("far", 0, 10, 4, "c", "x"), ArmItem("home", 0, 10, 4, "c", "r")])
    ] == ["home"]


def test_categories_agree_and_lengths_are_near_or_there_is_no_pair() -> None:
    stale = [ArmItem("s", 1, 10, 4, "c")]

    assert match(stale, [ArmItem("f", 1, 10, 4, "d"), ArmItem("g", 1, 16, 4, "c")]) == ()
    assert len(match(stale, [ArmItem("g", 1, 15, 4, "c")])) == 1


def test_pairs_are_many_before_they_are_near() -> None:
    stale = [ArmItem("s1", 1, 10, 1), ArmItem("s2", 1, 14, 1)]
    fresh = [ArmItem("f1", 1, 14, 1), ArmItem("f2", 1, 21, 1)]

    assert [(p.stale.id, p.fresh.id) for p in match(stale, fresh)] == [("s1", "f1"), ("s2", "f2")]


def test_matching_does_not_depend_on_the_order_of_items() -> None:
    stale, fresh = arm("s", 12), arm("f", 9, 0.0, 12)
    shuffled = fresh[:]
    random.Random(1).shuffle(shuffled)

    assert match(stale, fresh) == match(stale[::-1], shuffled)


def test_items_without_a_score_take_no_part() -> None:
    found = contamination_gap(arm("s", 6), [*arm("f", 5, 0.0), ArmItem("f9", None, 10, 3)])

    assert (len(found.pairs), found.unmatched_stale, found.unmatched_fresh, found.unscored_fresh) == (5, 1, 0, 1)


def test_a_length_of_nothing_is_refused() -> None:
    with pytest.raises(SettingsError, match="item 's' has length 0 and complexity 3"):
        match([ArmItem("s", 1, 0, 3)], [])


def test_balance_shows_what_matching_mended() -> None:
    stale = [ArmItem(f"s{n}", 1, length, 3) for n, length in enumerate([5, 10, 20, 40, 80, 160])]
    fresh = [ArmItem(f"f{n}", 1, length, 3) for n, length in enumerate([5, 10, 20, 21])]
    length, complexity = balance(stale, fresh, match(stale, fresh[:3]))

    assert length.covariate == "log length"
    assert abs(length.smd_before or 0) > 0.5
    assert (length.smd, length.variance_ratio) == pytest.approx((0.0, 1.0))
    assert length.balanced
    assert complexity.balanced


def test_arms_left_unlike_are_told() -> None:
    found = contamination_gap(arm("s", 10, length=14), [ArmItem(f"f{n}", 0.0, 11 + n, 3) for n in range(10)])

    assert not found.balance[0].balanced
    assert found.caution == "Matching left the arms unlike in log length."


def test_a_gap_is_seen_with_its_interval_and_the_smallest_that_could_be() -> None:
    stale = [ArmItem(f"s{n}", float(n % 4 != 0), 10, 3, repository="old") for n in range(100)]
    fresh = [ArmItem(f"f{n}", float(n % 2), 10, 3, repository="new") for n in range(100)]
    found = contamination_gap(stale, fresh).matched

    assert found.value == pytest.approx(0.25)
    assert found.status is Status.GAP
    assert found.low is not None
    assert 0 < found.low < 0.25
    assert found.estimand == "gap between matched items for more functions from the same repositories"
    assert found.p is not None
    assert found.p < 0.01
    assert found.detectable == pytest.approx((1.959964 + 0.841621) * (found.error or 0), rel=1e-5)
    assert "Gaps from" in found.sentence


def test_a_matched_gap_has_the_bounds_of_a_paired_t_and_flips_of_signs() -> None:
    stale = [ArmItem(f"s{n}", score, 10, 3) for n, score in enumerate((1.0, 1.0, 0.5, 1.0, 0.5, 0.5))]
    fresh = [ArmItem(f"f{n}", 0.5, 10 + n % 2, 3) for n in range(6)]
    found = contamination_gap(stale, fresh)

    # By hand: differences of .5 and 0, three each: mean .25, sd .273861, t(.975, 5) = 2.570582; 1 of 8 sign patterns.
    assert (found.matched.low, found.matched.high) == pytest.approx(
        (0.25 - 2.570582 * 0.273861 / 6**0.5, 0.25 + 2.570582 * 0.273861 / 6**0.5), abs=1e-5
    )
    assert found.matched.p == pytest.approx(2 / 8)
    assert found.matched.status is Status.NONE_SEEN
    assert found.matched.sentence == (
        "gap: +25.0 points (-3.7 to +53.7), no gap is seen; gaps above 53.7 points are excluded. Gaps from 31.3"
        " points on would be found with 80 % power."
    )
    assert found.balance == balance(stale, fresh, found.pairs)


def test_bounds_of_a_gap_stay_within_what_rates_allow() -> None:
    stale = [ArmItem(f"s{n}", score, 10, 3) for n, score in enumerate((1.0, 1.0, 0.0))]
    found = contamination_gap(stale, [ArmItem(f"f{n}", 0.0, 10, 3) for n in range(3)]).matched

    assert found.high == 1.0
    assert "excluded" not in found.sentence


def test_many_repositories_are_taken_for_the_clusters() -> None:
    stale = [ArmItem(f"s{n}", float(n % 3 > 0), 10, 3, repository=f"o{n % 6}") for n in range(60)]
    fresh = [ArmItem(f"f{n}", float(n % 4 > 1), 10, 3, repository=f"n{n % 5}") for n in range(60)]
    found = contamination_gap(stale, fresh).matched

    assert found.method == "matched pairs, cluster t by repository"
    assert found.estimand.endswith("other repositories like these")


def test_an_arm_without_items_cannot_be_tested() -> None:
    found = contamination_gap([], arm("f", 5)).matched

    assert (found.status, found.value) == (Status.NOT_TESTABLE, None)
    assert found.sentence == "gap: not testable: 0 pairs of alike items."


def test_pairs_that_all_differ_alike_are_not_certain() -> None:
    few, many = (contamination_gap(arm("s", n, length=60), arm("f", n, 0.0, 60)).matched for n in (5, 20))

    assert (few.value, few.status) == (1.0, Status.NONE_SEEN)
    assert few.p == pytest.approx(2 / 32)
    assert (many.status, many.high) == (Status.GAP, 1.0)
    assert 0.7 < (many.low or 0) < 0.95


def test_where_all_pass_in_both_arms_the_gap_is_bounded_and_not_untestable() -> None:
    found = contamination_gap(arm("s", 40, length=100), arm("f", 40, length=100)).matched

    assert (found.value, found.status) == (0.0, Status.NONE_SEEN)
    assert 0.04 < (found.high or 0) < 0.1


def test_pairs_that_all_differ_by_the_same_part_have_no_known_spread() -> None:
    assert contamination_gap(arm("s", 5, 0.8), arm("f", 5, 0.6)).matched.status is Status.NOT_TESTABLE


def test_pairs_of_one_function_are_not_independent() -> None:
    stale = [ArmItem(f"s{n}", float(n // 4 % 3 > 0), 10, 3, function=f"f{n // 4}") for n in range(60)]
    fresh = [ArmItem(f"f{n}", float(n % 5 > 2), 10, 3, function=f"g{n}") for n in range(60)]
    clustered = contamination_gap(stale, fresh).matched
    apart = contamination_gap([replace(each, function="") for each in stale], fresh).matched

    assert clustered.value == apart.value
    assert (clustered.error or 0) > 1.2 * (apart.error or 0)
    assert clustered.method == "matched pairs, cluster t by function"
    assert apart.method == "matched pairs, paired t"


def test_items_of_one_function_alone_show_nothing() -> None:
    stale = [replace(each, function="only") for each in arm("s", 9)]

    assert contamination_gap(stale, arm("f", 9)).matched.status is Status.NOT_TESTABLE
    assert contamination_gap(stale, arm("f", 9)).simple.status is Status.NOT_TESTABLE


def test_arms_in_which_all_pass_are_not_known_without_error() -> None:
    found = independent_gap("gap", arm("s", 4), [ArmItem(f"f{n}", 1.0, 10, 3) for n in range(4)])

    # By hand: a rate of 5/6 on 6 items twice, and t(.975, 6) = 2.446912.
    reach = 2.446912 * (2 * 5 / 6 / 6 / 6) ** 0.5
    assert (found.low, found.high) == pytest.approx((-reach, reach), rel=1e-5)
    assert found.status is Status.NONE_SEEN


def test_the_difference_to_a_static_set_gives_the_known_answer() -> None:
    known = known_answers()["did"]
    project = effect("project", "gap", known["gap_project"], known["se1"], "independent arms")
    static = effect("HumanEval", "gap", known["gap_static"], known["se2"], "independent arms")
    found = against_static(project, static)

    assert (found.value, found.error) == pytest.approx((known["did"], known["se"]))
    assert (found.low, found.high) == pytest.approx(tuple(known["ci"]), abs=1e-6)
    assert found.p == pytest.approx(known["p"])
    assert project.low == pytest.approx(known["ci1"][0], abs=1e-6)


def test_a_static_set_without_a_fresh_arm_is_context_only() -> None:
    project = effect("project", "gap", 0.05, 0.02, "independent arms")
    nothing = contamination_gap([], [], name="HumanEval").matched

    assert against_static(project, nothing).sentence.endswith("not testable: the gap of HumanEval is not known.")
    assert unmatched(pass_rate("HumanEval", items_like(["1", "0"]))) == (
        "HumanEval: 50.0 % (9.5 to 90.5 %) of 2 items pass (not matched: it has no fresh arm, so it has no gap)."
    )


@pytest.mark.parametrize(("n", "error"), [(50, 0.1414213562), (164, 0.0780868809), (400, 0.05)])
def test_four_cells_of_coins_are_known_as_well_as_they_can_be(n: int, error: float) -> None:
    sides = [effect(name, "gap", 0.0, (2 * 0.25 / n) ** 0.5, "independent arms") for name in ("ours", "theirs")]

    assert against_static(*sides).error == pytest.approx(error)
