"""Clustered errors and intervals against known answers."""

from __future__ import annotations

import math

import pytest

from pytest_cereval.statistics.clustered import bank_error, design_effect, mean_of, rate_interval, zero_event_bound
from tests.statistics.known import known_answers

BLOCKS = [1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0], "AAAABBBBCCDD"
MIXED = [1, 1, 0, 0, 1, 0, 1, 1, 1, 0], "AAABBCCCCD"


@pytest.mark.parametrize(("data", "name"), [(MIXED, "clustered"), (BLOCKS, "clustered2")])
def test_the_clustered_error_is_cr1(data: tuple[list[int], str], name: str) -> None:
    values, clusters = data
    known = known_answers()[name]
    found = mean_of(values, clusters)

    assert found.value == pytest.approx(known["mean"])
    assert found.error == pytest.approx(known["inspect"] if "inspect" in known else known["se_cluster_inspect"])
    assert mean_of(values).error == pytest.approx(known["se_clt"])
    assert found.groups == 4


def test_clusters_of_paired_differences_give_the_known_bound() -> None:
    found = mean_of([0, 1, -0.75, -0.25, -0.25, 0.5], "AABBCC")
    bounds = found.bounds(0.05)

    assert found.value == pytest.approx(0.0416667, abs=1e-7)
    assert found.error == pytest.approx(0.2916667, abs=1e-7)
    assert bounds is not None
    assert bounds[0] == pytest.approx(-0.8099958, abs=1e-6)


def test_whole_independent_scores_get_wilsons_interval() -> None:
    found = rate_interval([1] * 37 + [0] * 13)

    assert found is not None
    assert found[:2] == pytest.approx((0.6044684273515117, 0.8412847250644762))
    assert found[2] == "Wilson"


def test_clusters_that_agree_widen_the_interval() -> None:
    values, clusters = BLOCKS
    alone, together = rate_interval(values), rate_interval(values, clusters)

    assert alone is not None
    assert together is not None
    assert together[2] == "clustered Wilson"
    assert together[0] < alone[0] < alone[1] < together[1]
    # By hand: p = 1/2, CR1 error .3042903, so n effective = .25 / .0925926 = 2.7, and t(.975, 3) = 3.182446.
    square = 3.182446**2
    half = 3.182446 / (1 + square / 2.7) * (0.25 / 2.7 + square / (4 * 2.7**2)) ** 0.5
    assert together[:2] == pytest.approx((0.5 - half, 0.5 + half), abs=1e-6)


def test_clusters_never_make_more_of_the_items_than_there_are() -> None:
    scores, clusters = [1, 0] * 10, [name for name in "ABCDEFGHIJ" for _ in range(2)]
    found = rate_interval(scores, clusters)

    assert found is not None
    assert found[1] - found[0] > rate_interval(scores)[1] - rate_interval(scores)[0]  # type: ignore[index]


def test_several_samples_narrow_an_interval_but_only_as_far_as_items_agree() -> None:
    steady = rate_interval([0.4, 0.6] * 10, samples=100)
    split = rate_interval([0.0, 1.0] * 9 + [0.5, 0.5], samples=100)

    assert steady is not None
    assert split is not None
    assert steady[1] - steady[0] < 0.25
    assert split[1] - split[0] > 0.35


def test_one_cluster_tells_nothing_of_others() -> None:
    assert rate_interval([1, 0, 1], "AAA") is None
    assert mean_of([1, 0, 1], "AAA").error is None


@pytest.mark.parametrize(("n", "bound"), known_answers()["zero_event_upper_one_sided95"].items())
def test_none_of_many_has_an_upper_bound(n: str, bound: float) -> None:
    assert zero_event_bound(int(n)) == pytest.approx(bound, rel=1e-12)


def test_the_noise_of_fixed_items_needs_two_samples() -> None:
    assert bank_error([1.0, 0.0], [1, 1]) is None
    # Two items with one pass of two: each mean varies with .5 * .5 / (2 - 1).
    assert bank_error([0.5, 0.5], [2, 2]) == pytest.approx((0.25 + 0.25) ** 0.5 / 2)
    assert bank_error([1.0, 0.0], [5, 5]) == pytest.approx(0.2 / 2)


def test_the_design_effect_compares_with_independence() -> None:
    values, clusters = BLOCKS

    assert design_effect(mean_of(values, clusters), values) == pytest.approx((0.3042903 / 0.1507557) ** 2, rel=1e-6)
    assert design_effect(mean_of(values), values) == pytest.approx(1.0)


def test_no_values_have_no_mean() -> None:
    with pytest.raises(ValueError, match="no values"):
        mean_of([])


def test_where_all_agree_clusters_are_what_is_counted() -> None:
    clusters = [n // 4 for n in range(40)]
    low, high, method = rate_interval([1.0] * 40, clusters) or (0.0, 0.0, "")

    # Wilson for 10 of 10 with t(.975, 9) = 2.262157, not for 40 of 40.
    assert (low, high) == pytest.approx((1 / (1 + 2.262157**2 / 10), 1.0), rel=1e-5)
    assert method == "clustered Wilson"


def test_samples_that_all_agree_are_no_proof_that_they_always_do() -> None:
    assert bank_error([1.0, 0.0, 1.0, 1.0], [3] * 4) == pytest.approx(1 / 3 / 4)
    assert bank_error([0.5, 0.5], [2, 2]) == pytest.approx(math.sqrt(2 * 0.25) / 2)
