"""How many items and samples it takes, against known answers."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from pytest_cereval.statistics.sizes import (
    items_for_difference,
    items_for_margin,
    items_for_variance,
    items_per_arm,
    samples_for_margin,
    smallest_detectable,
    variance_split,
)
from tests.statistics.known import known_answers


def samples(*rows: str) -> list[list[bool]]:
    return [[mark == "1" for mark in row] for row in rows]


@pytest.mark.parametrize("case", known_answers()["n_mcnemar"], ids=str)
def test_items_for_a_difference_give_the_known_answers(case: dict[str, Any]) -> None:
    assert items_for_difference(case["psi"], case["delta"]) == case["two"]
    assert items_for_difference(case["psi"], case["delta"], sides=1) == case["one"]


@pytest.mark.parametrize("case", known_answers()["n_ni"], ids=str)
def test_items_for_a_margin_give_the_known_answers(case: dict[str, Any]) -> None:
    assert items_for_margin(case["psi"], case["margin"]) == case["n"]


@pytest.mark.parametrize("case", known_answers()["n_miller"], ids=str)
def test_items_for_a_variance_give_the_known_answers(case: dict[str, Any]) -> None:
    within = float(Fraction(case["s2"]))
    variance = float(Fraction(case["om2"])) + 2 * within / case["K"]

    assert items_for_variance(variance, case["delta"]) == pytest.approx(case["n"], rel=1e-9)


@pytest.mark.parametrize("case", known_answers()["n_two_independent_per_arm"], ids=str)
def test_items_per_arm_give_the_known_answers(case: dict[str, Any]) -> None:
    assert items_per_arm(case["p1"], case["p2"]) == case["n"]


@pytest.mark.parametrize(("name", "known"), known_answers()["mde_one_sided"].items())
def test_the_smallest_detectable_loss_gives_the_known_answers(name: str, known: dict[str, float]) -> None:
    for discordant, loss in known.items():
        assert smallest_detectable(int(name[1:]), float(discordant)) == pytest.approx(loss, abs=1e-9)


def test_two_items_detect_nothing() -> None:
    assert smallest_detectable(2, 0.2) is None
    assert smallest_detectable(100, 0.0) is None


def test_the_spread_of_differences_splits_into_items_and_samples() -> None:
    split = variance_split(
        samples("1111", "0000", "1011", "0010", "1111", "0100"), samples("1111", "1111", "0000", "0000", "1110", "1101")
    )

    assert split is not None
    assert split.old == pytest.approx(0.125)
    assert split.new == pytest.approx(0.0833333, abs=1e-7)
    assert split.total == pytest.approx(0.3854167, abs=1e-7)
    assert split.between == split.raw == pytest.approx(0.3333333, abs=1e-7)
    assert split.with_samples(4) == pytest.approx(split.total)


def test_a_negative_share_of_items_is_cut_and_told() -> None:
    known = known_answers()["multisample"]
    split = variance_split(samples("11101", "00100", "11111", "01011"), samples("10101", "00000", "11111", "11011"))

    assert split is not None
    assert split.between == 0.0
    assert split.raw == pytest.approx(known["omega2"])
    assert split.total == pytest.approx(known["total_var"])


def test_one_sample_cannot_be_split() -> None:
    assert variance_split(samples("1", "0"), samples("1", "1")) is None
    assert variance_split(samples("11"), samples("10")) is None


def test_samples_help_only_where_samples_are_the_noise() -> None:
    noisy = variance_split(samples("10", "01", "10", "01"), samples("01", "10", "10", "11"))
    steady = variance_split(samples("11", "00", "11", "00"), samples("00", "11", "11", "00"))

    assert noisy is not None
    assert steady is not None
    needed = samples_for_margin(noisy, 200, 0.05)
    assert needed is not None
    assert noisy.with_samples(needed) * 6.1826 <= 200 * 0.05**2 < noisy.with_samples(needed - 1) * 6.1826
    assert samples_for_margin(steady, 200, 0.05) is None
