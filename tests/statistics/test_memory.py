"""What probes of memory show of old functions against new ones, and how little one of them shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from pytest_cereval.source.history.freshness import Freshness, parse_cutoff
from pytest_cereval.statistics.effects import Status
from pytest_cereval.statistics.memory import Probed, remembered
from pytest_cereval.statistics.unpaired import cliffs_delta, label_permutation
from tests.statistics.known import known_answers

CUTOFF = parse_cutoff("2024-06")


def dated(year: int) -> Freshness:
    day = datetime(year, 1, 1, tzinfo=UTC)
    return Freshness(day, "a", day, "a", bounded=False)


def probes(scores: Sequence[float | None], year: int, measure: str = "recall", **changes: Any) -> list[Probed]:
    return [
        Probed(measure, f"{year}.{n}", "shop", score, dated(year) if year else None, **changes)
        for n, score in enumerate(scores)
    ]


def test_the_statistics_of_two_groups_give_the_known_answers() -> None:
    known = known_answers()

    assert cliffs_delta([1, 2, 3, 4], [2, 3, 4, 5]) == pytest.approx(known["cliff"])
    labels = known["label_perm"]
    assert label_permutation(labels["stale"], labels["fresh"]) == pytest.approx(112 / 924)
    assert cliffs_delta([], [1.0]) is None
    assert label_permutation([], [1.0]) == 1.0


def test_many_labellings_are_drawn_from_a_seed() -> None:
    one, other = [float(n % 3 > 0) for n in range(30)], [float(n % 3 > 1) for n in range(30)]
    first = label_permutation(one, other, seed=1)

    assert first == label_permutation(one, other, seed=1)
    assert first == pytest.approx(0.0098, abs=0.004)
    assert label_permutation(one, one) > 0.5


def test_old_functions_are_held_against_new_ones() -> None:
    (found,) = remembered([*probes([1, 1, 1, 0, 1, 1], 2020), *probes([0, 1, 0, 0, 1, 0], 2025)], CUTOFF)

    assert [(arm.arm, arm.asked, arm.answered) for arm in found.arms] == [("stale", 6, 6), ("fresh", 6, 6)]
    assert found.difference.value == pytest.approx(0.5)
    assert found.difference.p == pytest.approx(2 * 112 / 924)
    assert found.auc == pytest.approx(0.75)
    assert found.difference.status is Status.NONE_SEEN


def test_no_answer_is_no_failure_to_recall() -> None:
    (found,) = remembered([*probes([1, None, None], 2020), *probes([0.5, 0.25], 2025)], CUTOFF)

    stale = found.arms[0]
    assert (stale.asked, stale.answered, stale.mean, stale.low) == (3, 1, 1.0, None)
    assert found.difference.status is Status.NOT_TESTABLE


def test_public_sets_and_undated_functions_are_arms_of_their_own() -> None:
    asked = [*probes([1, 1], 0, static_set="humaneval"), *probes([0, 1], 0), *probes([1], 2020)]
    (found,) = remembered(asked, CUTOFF)

    assert [arm.arm for arm in found.arms] == ["stale", "without a history", "public set humaneval"]
    (undated,) = remembered(probes([1, 0], 2020))
    assert [arm.arm for arm in undated.arms] == ["without a history"]


def test_several_measures_are_adjusted_for_their_number() -> None:
    stale, fresh = [1.0] * 5, [0.0] * 5
    asked = [
        *probes(stale, 2020, "a"),
        *probes(fresh, 2025, "a"),
        *probes(stale, 2020, "b"),
        *probes([1.0, 0.0], 2025, "b"),
    ]
    first, second = remembered(asked, CUTOFF)

    assert first.difference.p == pytest.approx(2 / 252)
    assert first.adjusted == pytest.approx(4 / 252)
    assert second.adjusted == second.difference.p


def test_a_loss_may_be_negative_and_a_share_may_not() -> None:
    (signed,) = remembered(probes([-0.4, 0.1, -0.2], 2020, signed=True), CUTOFF)
    (share,) = remembered(probes([0.0, 0.1, 0.0], 2020), CUTOFF)

    assert signed.arms[0].low is not None
    assert signed.arms[0].low < 0
    assert share.arms[0].low == 0.0
