"""Paired tests and bounds against known answers."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pytest_cereval.statistics.paired import (
    bonett_price,
    evidence_of_regression,
    mcnemar_one_sided,
    mcnemar_two_sided,
    sign_flip,
    tango,
    wild_cluster,
)
from tests.statistics.known import known_answers


@pytest.mark.parametrize("case", known_answers()["mcnemar"], ids=lambda each: f"{each['b']},{each['c']}")
def test_mcnemar_gives_the_known_answers(case: dict[str, Any]) -> None:
    assert mcnemar_two_sided(case["b"], case["c"]) == pytest.approx((case["exact2"], case["midp2"]), abs=1e-12)
    assert mcnemar_one_sided(case["b"], case["c"]) == pytest.approx((case["one_exact"], case["one_midp"]), abs=1e-12)


def test_no_change_is_no_evidence() -> None:
    assert mcnemar_two_sided(0, 0) == mcnemar_one_sided(0, 0) == (1.0, 1.0)


# In the known answers n12 counts items only the first passes: here they regress, so their signs turn.
@pytest.mark.parametrize("case", known_answers()["paired_ci"], ids=lambda each: str(each["table"]))
def test_bounds_of_a_difference_give_the_known_answers(case: dict[str, Any]) -> None:
    _, only_first, only_second, _ = case["table"]
    n = sum(case["table"])

    assert bonett_price(only_second, only_first, n, 0.025) == pytest.approx(case["bonett_price"], abs=1e-9)
    expected = case["tango"] or case["bonett_price"]
    assert tango(only_second, only_first, n, 0.025) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("case", known_answers()["ni"], ids=str)
def test_one_sided_bounds_give_the_known_answers(case: dict[str, Any]) -> None:
    low, _ = bonett_price(case["regress"], case["improve"], case["n"], 0.05)

    assert low == pytest.approx(case["lower_bp"], abs=1e-12)
    assert (low > -case["margin"]) is case["NI_bp"]
    if case["lower_tango"] is not None:
        assert tango(case["regress"], case["improve"], case["n"], 0.05)[0] == pytest.approx(
            case["lower_tango"], abs=1e-9
        )


def test_more_changes_than_items_are_refused() -> None:
    with pytest.raises(ValueError, match="no counts: 3 regressed and 2 improved of 4 items"):
        bonett_price(3, 2, 4, 0.05)


@pytest.mark.parametrize("case", known_answers()["eproc"], ids=lambda each: f"{each['x']} of {each['m']}")
def test_evidence_that_may_be_looked_at_any_time_gives_the_known_answers(case: dict[str, Any]) -> None:
    assert evidence_of_regression(case["x"], case["m"]) == pytest.approx(case["E"], rel=1e-9)


@pytest.mark.parametrize("m", range(8))
def test_evidence_is_no_better_than_fair_when_changes_fall_either_way(m: int) -> None:
    fair = sum(math.comb(m, x) / 2**m * evidence_of_regression(x, m) for x in range(m + 1))

    assert fair == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([1, 1, 0, 1, 0, 1, 1, -1], 7 / 64),
        ([1] * 5, 1 / 32),
        ([0.4, 0.2, -0.1, 0.3, 0, 0.5], 2 / 32),
        ([0, 0, 0], 1.0),
    ],
)
def test_sign_flips_give_the_known_answers(differences: list[float], p: float) -> None:
    assert sign_flip(differences) == pytest.approx(p)


def test_many_sign_flips_are_drawn_from_a_seed() -> None:
    differences = [1.0] * 12 + [-1.0] * 8

    assert sign_flip(differences, seed=1) == sign_flip(differences, seed=1)
    assert sign_flip(differences, seed=1) == pytest.approx(mcnemar_one_sided(12, 8)[0], abs=0.02)


def test_clusters_flip_as_one() -> None:
    assert sign_flip([1.0] * 6, "AABBCC") == pytest.approx(1 / 8)


def test_the_wild_bootstrap_cannot_go_below_one_pattern() -> None:
    clusters = "AABBCCDDEE"

    assert wild_cluster([1.0, 0.9] * 5, clusters, 0.0) == pytest.approx(1 / 32)
    assert wild_cluster([1.0, 0.9] * 2, "AABB", 0.0) == pytest.approx(1 / 4)
    assert wild_cluster([1.0, 0.9], "AA", 0.0) is None


def test_the_wild_bootstrap_is_symmetric_about_its_null() -> None:
    # By hand: sums 2, 1, -1 of clusters of one; of the eight patterns (2,1,-1) has the third largest t.
    assert wild_cluster([2.0, 1.0, -1.0], "ABC", 0.0) == pytest.approx(3 / 8)
    assert wild_cluster([1.95, 0.95, -1.05], "ABC", -0.05) == pytest.approx(3 / 8)


def test_many_clusters_are_drawn_from_a_seed() -> None:
    differences = [0.1, -0.05, 0.2, 0.0] * 5
    clusters = list(range(20))

    assert wild_cluster(differences, clusters, 0.0, seed=3) == wild_cluster(differences, clusters, 0.0, seed=3)
    assert wild_cluster(differences, clusters, 0.0, seed=3) < 0.05  # type: ignore[operator]
    assert wild_cluster(differences, clusters, 0.3, seed=3) > 0.95  # type: ignore[operator]


def test_evidence_of_thousands_of_changes_is_finite_either_way() -> None:
    assert evidence_of_regression(6000, 6000) == 1e300
    assert evidence_of_regression(0, 6000) == pytest.approx(1 / 6001)


@pytest.mark.parametrize(("count", "p"), [(3, 0.125), (4, 0.0625), (5, 0.03125), (6, 0.015625), (7, 0.0078125)])
def test_fewer_than_five_regressions_alone_cannot_be_significant(count: int, p: float) -> None:
    assert mcnemar_one_sided(count, 0)[0] == p
