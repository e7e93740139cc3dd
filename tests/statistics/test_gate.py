"""The three-valued gate."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from pytest_cereval.errors import SettingsError
from pytest_cereval.statistics.gate import ExitCode, judge, overall
from pytest_cereval.statistics.noninferiority import Plan, Verdict, compare_pairs
from pytest_cereval.statistics.samples import Item, Scope
from tests.statistics.known import an_item, items_like, known_answers


def arms(regressed: int, improved: int, n: int) -> tuple[list[Item], list[Item]]:
    """So many regressions and improvements; of the rest, half pass in both arms."""
    rest = n - regressed - improved
    before = ["1"] * regressed + ["0"] * improved + ["1", "0"] * rest
    after = ["0"] * regressed + ["1"] * improved + ["1", "0"] * rest
    return items_like(before[:n]), items_like(after[:n])


@pytest.mark.parametrize("case", known_answers()["ni"], ids=lambda each: f"{each['regress']},{each['improve']}")
def test_the_lower_bound_gives_the_known_answers(case: dict[str, Any]) -> None:
    old, new = arms(case["regress"], case["improve"], case["n"])
    found = judge(old, new, Plan(margin=case["margin"]))

    assert found.compared is not None
    assert found.compared.difference == pytest.approx(case["diff"])
    # The cluster t bound may only lower the bound of Bonett and Price, and by little.
    assert case["lower_bp"] - 0.002 < found.compared.lower <= case["lower_bp"] + 1e-12
    assert (found.verdict is Verdict.PASS) is case["NI_bp"]
    assert found.changes.p == pytest.approx(case["p_regress_midp"])


def test_a_pass_excludes_a_loss_of_the_margin() -> None:
    found = judge(*arms(8, 10, 200), Plan(), ("A", "B"))

    assert found.verdict is Verdict.PASS
    assert found.sentence == (
        "PASS: on 200 paired items of 200 functions, B less A is +1.0 points (95% one-sided lower bound -2.6 points). A"
        " loss larger than 5 points is excluded at the 5% level for more functions like these from the same"
        " repositories."
    )
    assert found.categories == ()
    assert (found.settling.items, found.settling.samples) == (None, None)  # type: ignore[union-attr]


def test_a_small_certain_loss_passes_and_is_told() -> None:
    found = judge(*arms(20, 2, 2000), Plan(), ("A", "B"))

    assert found.verdict is Verdict.PASS
    assert found.sentence.endswith(" It is worse, but by less than the margin.")


def test_a_fail_excludes_that_nothing_is_lost() -> None:
    found = judge(*arms(30, 4, 200), Plan(), ("A", "B"))

    assert found.verdict is Verdict.FAIL
    assert found.sentence.startswith("FAIL: B is worse than A by 13.0 points, upper bound -8.")
    assert found.changes.evidence is not None
    assert found.changes.evidence > 20


def test_no_significant_difference_is_not_a_pass() -> None:
    found = judge(*arms(3, 2, 50), Plan(), ("A", "B"))

    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.sentence.startswith(
        "INCONCLUSIVE: this run can neither exclude a loss of 5 points nor show a regression (-2.0 points, bounds"
    )
    assert found.sentence.endswith("items would decide.")


def test_an_inconclusive_says_how_many_items_would_settle_it() -> None:
    found = judge(*arms(20, 20, 200), Plan())

    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.settling is not None
    # At a fifth of items changing, 495 are needed; Bonett and Price add one change each way.
    assert found.settling.items == pytest.approx(495, rel=0.06)
    assert found.settling.detectable == pytest.approx(0.0782, rel=0.06)
    assert found.settling.samples is None


def test_where_enough_items_were_asked_the_observed_difference_sets_their_number() -> None:
    found = judge(*arms(29, 19, 400), Plan())

    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.settling is not None
    # At no difference 297 items would do, and 400 were asked; at the one seen, half the margin, it takes 4 * 297.
    assert found.settling.items == pytest.approx(4 * 297, rel=0.06)


def test_samples_can_settle_it_where_generation_is_the_noise() -> None:
    chance = random.Random(6)

    def arm() -> list[Item]:
        return items_like(["".join(chance.choice("01") for _ in range(4)) for _ in range(120)])

    found = judge(arm(), arm(), Plan())

    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.compared is not None
    assert found.compared.method == "paired t"
    assert found.settling is not None
    assert found.settling.samples is not None
    assert found.settling.samples > 4
    assert f"or {found.settling.samples} samples per item would decide" in found.sentence


def test_changed_items_are_named_with_the_largest_change_first() -> None:
    old = [an_item("a", "11"), an_item("b", "11"), an_item("c", "00"), an_item("d", "10")]
    new = [an_item("a", "10"), an_item("b", "00"), an_item("c", "01"), an_item("d", "01")]
    changes = judge(old, new, Plan()).changes

    assert [(each.item, each.old, each.new) for each in changes.regressed] == [("b", 1.0, 0.0), ("a", 1.0, 0.5)]
    assert [each.item for each in changes.improved] == ["c"]
    assert changes.p is None


def test_no_change_at_all_passes_only_with_enough_items() -> None:
    assert judge(*arms(0, 0, 50), Plan()).verdict is Verdict.PASS
    assert judge(*arms(0, 0, 30), Plan()).verdict is Verdict.INCONCLUSIVE


def test_samples_that_all_agree_count_as_one() -> None:
    often = [Item(item.id, function=item.id, passes=item.passes * 5) for item in arms(0, 0, 30)[0]]

    assert judge(often, often, Plan()).verdict is Verdict.INCONCLUSIVE


def test_what_our_machinery_failed_blocks_a_pass_that_hangs_on_it() -> None:
    old, new = arms(0, 0, 60)
    few = [*new[:59], an_item("t59", "", invalid=1)]
    many = [*new[:50], *(an_item(f"t{n}", "", invalid=1) for n in range(50, 60))]

    assert judge(old, new, Plan(margin=0.1)).verdict is Verdict.PASS
    assert judge(old, few, Plan(margin=0.1)).verdict is Verdict.PASS
    found = judge(old, many, Plan(margin=0.1))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert (found.missing_new, found.missing_old) == (10, 0)
    assert found.worst_lower is not None
    assert found.worst_lower < -0.1
    assert "with 10 INVALID items taken for lost" in found.sentence


def test_a_partial_selection_is_not_evaluated() -> None:
    old, new = arms(0, 0, 100)
    found = judge(old, [*new[:99], an_item("t99", "")], Plan())

    assert found.verdict is Verdict.NOT_EVALUATED
    assert found.sentence == "NOT EVALUATED: 1 of 100 items was not asked in both runs."


def test_nothing_scored_is_not_evaluated() -> None:
    broken = [an_item("a", "", invalid=1)]

    assert judge(broken, broken, Plan()).sentence == "NOT EVALUATED: none of 1 item has a score in both runs."


def test_what_cannot_be_lost_is_not_evaluated() -> None:
    dead, alive = items_like(["0"] * 100), items_like(["1"] * 40 + ["0"] * 60)
    found = judge(dead, dead, Plan(), ("A", "B"))

    assert found.sentence == "NOT EVALUATED: A passes too few items (0.0 %) to lose the margin."
    assert judge(dead, alive, Plan()).verdict is Verdict.PASS
    assert judge(alive, dead, Plan()).verdict is Verdict.FAIL


def test_different_tasks_are_refused_by_name() -> None:
    with pytest.raises(SettingsError, match="2 items are in one of the two runs only, 'a' among them"):
        judge([an_item("a")], [an_item("b")], Plan())


def test_few_clusters_need_the_wild_bootstrap_to_agree() -> None:
    old = items_like(["1"] * 400)
    new = [an_item(f"t{n}", "0" if n < 4 else "1") for n in range(400)]
    spread = [[Item(i.id, file=f"f{n % 10}", passes=i.passes) for n, i in enumerate(arm)] for arm in (old, new)]
    lumped = [[Item(i.id, file=f"f{n % 4}", passes=i.passes) for n, i in enumerate(arm)] for arm in (old, new)]

    assert judge(spread[0], spread[1], Plan(scope=Scope.FILES)).verdict is Verdict.PASS
    found = judge(lumped[0], lumped[1], Plan(scope=Scope.FILES))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.compared is not None
    assert found.compared.wild_p == pytest.approx(1 / 16)
    assert (
        "With only 4 files the wild cluster bootstrap must agree, and it does not (p = 0.062); 5 are the fewest"
        in found.sentence
    )


def test_a_claim_about_other_repositories_needs_five() -> None:
    old, new = arms(0, 0, 50)

    with pytest.raises(SettingsError, match="1 repositories are too few") as caught:
        judge(old, new, Plan(scope=Scope.REPOSITORIES))
    assert "claim less: functions or files" in str(caught.value)


def test_one_file_says_nothing_of_others() -> None:
    items = items_like(["1", "0"], file="a.py")

    with pytest.raises(SettingsError, match="all 2 items lie in one cluster"):
        judge(items, items, Plan(scope=Scope.FILES))


def test_fixed_items_are_judged_by_the_spread_of_samples() -> None:
    old, new = items_like(["1111", "1110"] * 20), items_like(["1111", "1101"] * 20)
    found = compare_pairs(list(zip(old, new, strict=True)), Plan(scope=Scope.BANK))

    # By hand: on half of the items each arm varies with (.75 * .25 / 3), over 40 items.
    assert found.error == pytest.approx((2 * 20 * 0.0625) ** 0.5 / 40)
    assert found.lower == pytest.approx(-1.644854 * found.error, rel=1e-5)
    with pytest.raises(SettingsError, match="one sample of an item does not show the noise"):
        judge(*arms(1, 1, 10), Plan(scope=Scope.BANK))


@pytest.mark.parametrize(
    ("changes", "message"), [({"margin": 0.0}, "a margin of 0.0"), ({"alpha": 0.5}, "an alpha of")]
)
def test_a_plan_that_decides_nothing_is_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Plan(**changes)  # type: ignore[arg-type]


def test_missing_samples_of_fixed_items_are_taken_for_lost() -> None:
    old = items_like(["1111"] * 20)
    new = [*old[:18], an_item("t18", "111", invalid=1), an_item("t19", "", invalid=4)]
    found = judge(old, new, Plan(scope=Scope.BANK))

    # What varies is one sample of four on one item, and no arm is surer: 5 points and a quarter of 5 are lost.
    assert found.worst_lower is not None
    assert found.worst_lower == pytest.approx(-(1.25 / 20) - 1.644854 * (2 * 0.1875 / 3) ** 0.5 / 20, rel=1e-5)


def test_categories_are_for_information() -> None:
    old, new = arms(20, 0, 400)
    named = [
        [Item(i.id, function=i.id, category="a" if n < 100 else "b", passes=i.passes) for n, i in enumerate(arm)]
        for arm in (old, new)
    ]
    found = judge(named[0], named[1], Plan(margin=0.1))

    assert found.verdict is Verdict.PASS
    assert [(each.category, each.verdict) for each in found.categories] == [
        ("a", Verdict.FAIL),
        ("b", Verdict.PASS),
    ]


def test_exit_codes_are_documented_numbers() -> None:
    assert [(code.name, code.value) for code in ExitCode] == [("PASSED", 0), ("WORSE", 10), ("INCONCLUSIVE", 11)]
    assert [ExitCode.of(verdict) for verdict in Verdict] == [
        ExitCode.PASSED,
        ExitCode.WORSE,
        ExitCode.INCONCLUSIVE,
        ExitCode.INCONCLUSIVE,
    ]


def test_any_fail_is_a_fail_and_nothing_to_hold_to_is_an_error() -> None:
    good, bad, open_ = (
        judge(*arms(8, 10, 200), Plan()),
        judge(*arms(30, 4, 200), Plan()),
        judge(*arms(3, 2, 50), Plan()),
    )

    assert overall([good, good]) is Verdict.PASS
    assert overall([open_, bad, good]) is Verdict.FAIL
    assert overall([good, open_]) is Verdict.INCONCLUSIVE
    with pytest.raises(SettingsError, match="a gate without a baseline or a threshold"):
        overall([])


def test_a_result_is_plain_json() -> None:
    found = judge(*arms(30, 4, 200), Plan()).to_dict()

    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["verdict"], len(found["changes"]["regressed"])) == ("FAIL", 30)


def test_a_model_that_is_worse_by_the_margin_seldom_passes() -> None:
    chance = random.Random(11)
    passes = 0
    for _ in range(300):
        moves = chance.choices((-1, 1, 0), (0.125, 0.075, 0.8), k=200)
        old = items_like(["1" if move < 0 else "0" for move in moves])
        new = items_like(["1" if move > 0 else "0" for move in moves])
        passes += judge(old, new, Plan()).verdict is Verdict.PASS

    assert 3 <= passes <= 25  # 5 % of 300 is 15


def test_samples_that_were_never_asked_are_not_passed_over() -> None:
    old = items_like(["11111"] * 60)
    new = [*items_like(["11111"] * 59), an_item("t59", "111")]
    found = judge(old, new, Plan())

    assert found.verdict is Verdict.NOT_EVALUATED
    assert "1 of 60 items was not asked in both runs" in found.sentence


def test_a_sample_that_our_machinery_failed_was_asked() -> None:
    old = items_like(["11111"] * 60)
    new = [*items_like(["11111"] * 59), an_item("t59", "1111", invalid=1)]

    assert judge(old, new, Plan()).verdict is Verdict.PASS


def test_equal_parts_of_samples_have_no_spread_to_be_sure_by() -> None:
    found = judge(items_like(["11100"] * 40), items_like(["11110"] * 40), Plan())

    assert found.compared is not None
    assert found.compared.upper - found.compared.lower > 0.05


def test_clusters_take_more_samples_and_fixed_items_fewer_than_items_alone() -> None:
    marks = [format(n * 2654435761 % 1024, "010b") for n in range(1, 121)]
    old, new = items_like([each[:5] for each in marks]), items_like([each[5:] for each in marks])
    shared = [[replace(i, function=f"f{n // 6}") for n, i in enumerate(arm)] for arm in (old, new)]
    alone, bank = (judge(old, new, Plan(margin=0.06, scope=scope)) for scope in (Scope.FUNCTIONS, Scope.BANK))
    lumped = judge(shared[0], shared[1], Plan(margin=0.06))
    needed = [each.settling.samples for each in (alone, bank, lumped) if each.settling]

    assert needed[0] is not None
    assert needed[1] is None or needed[1] <= needed[0]
    assert needed[2] is None or needed[2] >= needed[0]


def test_no_bound_is_further_away_than_rates_can_be() -> None:
    found = judge([an_item("a", "1")], [an_item("a", "0")], Plan()).compared

    assert found is not None
    assert (found.lower, found.upper <= 1) == (-1.0, True)
