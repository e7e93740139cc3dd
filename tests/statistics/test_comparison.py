"""Ranks, tie groups, and models by repositories."""

from __future__ import annotations

import pytest

from pytest_cereval.errors import SettingsError
from pytest_cereval.statistics.comparison import Arm, compare_arms, first_place
from pytest_cereval.statistics.distributions import kendall_tau_b
from pytest_cereval.statistics.ranks import holm, kendall_w, ranks, smallest_p, tie_groups
from pytest_cereval.statistics.samples import Item, Scope
from tests.statistics.known import an_item, items_like, known_answers


def an_arm(model: str, repository: str, passed: int, n: int = 40, **changes: str) -> Arm:
    items = items_like(["1"] * passed + ["0"] * (n - passed), f"{repository}-", repository=repository)
    return Arm(model, repository, f"{model}@{repository}", tuple(items), **changes)


def test_rank_statistics_give_the_known_answers() -> None:
    known = known_answers()

    assert kendall_tau_b([1, 2, 3, 4, 5], [1, 3, 2, 4, 5]) == pytest.approx(known["kendall_example"]["tau_b"])
    assert kendall_tau_b([1, 2, 2, 4], [1, 2, 3, 4]) == pytest.approx(known["kendall_example"]["ties"])
    assert kendall_tau_b([1, 1], [1, 2]) is None
    assert kendall_w([[1, 2, 3, 4], [1, 2, 4, 3], [2, 1, 3, 4]]) == pytest.approx(known["kendall_W"])
    assert [smallest_p(n) for n in (2, 3, 4, 5)] == pytest.approx([1 / 2, 1 / 6, 1 / 24, 1 / 120])
    assert holm(known["multi"]["p"]) == pytest.approx(known["multi"]["holm"])


def test_agreement_needs_two_rankings_of_two() -> None:
    assert kendall_w([[1, 2]]) is None
    assert kendall_w([[1], [1]]) is None
    assert kendall_w([[1, 2], [1, 2]]) == pytest.approx(1.0)


def test_adjusted_p_values_keep_their_places() -> None:
    assert holm([0.3, 0.001, 0.02]) == pytest.approx([0.3, 0.003, 0.04])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_equal_values_share_a_rank() -> None:
    assert ranks([0.5, 0.9, 0.5, 0.1]) == [2.5, 1.0, 2.5, 4.0]


def test_tie_groups_are_the_longest_stretches_without_a_difference() -> None:
    apart = {("a", "c"), ("a", "d"), ("b", "d"), ("c", "d")}

    assert tie_groups("abcd", lambda x, y: (x, y) not in apart) == (("a", "b"), ("b", "c"), ("d",))
    assert tie_groups("abc", lambda x, y: False) == (("a",), ("b",), ("c",))
    assert tie_groups("abc", lambda x, y: True) == (("a", "b", "c"),)


def test_redrawn_items_show_how_sure_the_first_place_is() -> None:
    assert first_place([[1.0, 0.0]] * 5, "abcde") == [1.0, 0.0]
    assert first_place([[1.0, 1.0], [0.0, 0.0]], "ab") == [0.5, 0.5]
    close = first_place([[1.0, 0.0]] * 6 + [[0.0, 1.0]] * 5, [str(n) for n in range(11)], seed=2)
    assert 0.5 < close[0] < 0.8
    assert close == first_place([[1.0, 0.0]] * 6 + [[0.0, 1.0]] * 5, [str(n) for n in range(11)], seed=2)


def test_models_that_differ_clearly_are_ordered() -> None:
    found = compare_arms([an_arm("weak", "r", 10), an_arm("strong", "r", 30), an_arm("near", "r", 29)])
    (ranking,) = found.rankings

    assert ranking.order == ("strong", "near", "weak")
    assert ranking.groups == (("strong", "near"), ("weak",))
    assert ranking.first["strong"] > 0.6
    assert [(each.first, each.second, each.tied) for each in ranking.differences] == [
        ("strong", "near", True),
        ("strong", "weak", False),
        ("near", "weak", False),
    ]
    assert found.stability is None
    assert found.sentence.startswith("On 40 items of r: strong = near > weak (models joined by = cannot be told apart")


def test_groups_that_overlap_are_told() -> None:
    found = compare_arms([an_arm("a", "r", 20), an_arm("b", "r", 15), an_arm("c", "r", 10)])

    assert found.rankings[0].groups == (("a", "b"), ("b", "c"))
    assert found.sentence.endswith(" Groups overlap: the order is not settled.")
    assert "overlap" not in compare_arms([an_arm("a", "r", 20), an_arm("c", "r", 10)]).sentence


def test_differences_have_intervals_and_adjusted_p_values() -> None:
    (ranking,) = compare_arms([an_arm("a", "r", 20), an_arm("b", "r", 12), an_arm("c", "r", 4)]).rankings
    first = ranking.differences[0]

    assert (first.first, first.second) == ("a", "b")
    assert first.difference == pytest.approx(0.2)
    assert first.p == pytest.approx(2 * 0.5**8 / 2)
    assert first.adjusted == pytest.approx(2 * first.p)
    assert first.low < 0.2 < first.high


def test_items_that_a_model_has_no_score_on_are_left_out_of_the_order() -> None:
    whole = an_arm("a", "r", 2, 3)
    broken = Arm("b", "r", "x", (*whole.items[:2], an_item("r-2", "", invalid=1)))
    found = compare_arms([whole, broken])

    assert found.rankings[0].items == 2
    assert [cell.rate.unscored for cell in found.cells] == [0, 1]


def test_order_across_repositories_is_checked() -> None:
    arms = [
        an_arm(model, repository, passed)
        for repository, order in {"r1": (30, 20, 10), "r2": (35, 25, 5), "r3": (10, 20, 30)}.items()
        for model, passed in zip("abc", order, strict=True)
    ]
    found = compare_arms(arms)

    assert [ranking.repository for ranking in found.rankings] == ["r1", "r2", "r3", "all"]
    assert found.rankings[-1].items == 120
    stability = found.stability
    assert stability is not None
    assert (stability.tau, stability.low, stability.high) == pytest.approx((-1 / 3, -1.0, 1.0))
    assert stability.smallest_p == pytest.approx(1 / 6)
    # By hand: rank sums 5, 6, 7 of three rankings, S = 2.
    assert stability.concordance == pytest.approx(12 * 2 / (9 * 24))


def test_a_model_without_a_run_has_no_row() -> None:
    found = compare_arms([an_arm("a", "r1", 9), an_arm("b", "r1", 1), an_arm("a", "r2", 9)])

    assert [(cell.model, cell.repository) for cell in found.cells] == [("a", "r1"), ("b", "r1"), ("a", "r2")]
    assert [ranking.repository for ranking in found.rankings] == ["r1"]
    assert found.stability is None


def test_two_runs_of_one_cell_and_a_single_run_are_refused() -> None:
    with pytest.raises(SettingsError, match="runs 'a@r' and 'a@r' are both of a on r"):
        compare_arms([an_arm("a", "r", 1), an_arm("a", "r", 2)])
    with pytest.raises(SettingsError, match="fewer than two runs to compare"):
        compare_arms([an_arm("a", "r", 1)])


def test_models_on_different_repositories_have_no_order() -> None:
    assert compare_arms([an_arm("a", "r1", 1), an_arm("b", "r2", 1)]).sentence == (
        "No two models share a repository, so no order can be given."
    )


def test_no_interval_of_a_difference_is_wider_than_rates_can_differ() -> None:
    one = tuple(Item(f"{n}", passes=(True,), file=f"{n % 2}", repository="shop") for n in range(6))
    other = tuple(Item(f"{n}", passes=(n % 2 == 0,), file=f"{n % 2}", repository="shop") for n in range(6))
    found = compare_arms([Arm("a", "shop", "1", one), Arm("b", "shop", "2", other)], Scope.FILES, seed=0)

    (difference,) = found.rankings[0].differences
    assert -1 <= difference.low <= difference.high <= 1


def test_items_that_some_model_has_no_score_on_are_told() -> None:
    one = items_like(["1", "0", "1", "0"])
    other = [*items_like(["1", "1", "1"]), an_item("t3", "", invalid=1)]
    found = compare_arms([Arm("a", "r", "1", tuple(one)), Arm("b", "r", "2", tuple(other))])

    assert (found.rankings[0].items, found.rankings[0].left_out) == (3, 1)


def test_models_without_a_common_scored_item_have_no_order() -> None:
    one, other = items_like(["1"]), [an_item("t0", "", invalid=1)]

    assert compare_arms([Arm("a", "r", "1", tuple(one)), Arm("b", "r", "2", tuple(other))]).sentence == (
        "No item has a score of every model, so no order can be given."
    )
