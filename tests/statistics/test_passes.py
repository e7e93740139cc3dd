"""pass@k and pass^k against exact rationals."""

from __future__ import annotations

from fractions import Fraction
from math import comb
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cereval.statistics.passes import expected_pass_at_k, fail_at_k, pass_at_k, pass_hat_k
from tests.statistics.known import known_answers


@pytest.mark.parametrize("case", known_answers()["pass_at_k"], ids=lambda each: f"{each['n']},{each['c']},{each['k']}")
def test_pass_at_k_gives_the_known_answers(case: dict[str, Any]) -> None:
    counts = case["n"], case["c"], case["k"]

    assert pass_at_k(*counts) == pytest.approx(case["float"], abs=1e-12)
    assert fail_at_k(*counts) == pytest.approx(case["fail"], rel=1e-9)


def test_of_200_samples_with_40_passes_one_in_five_passes_first() -> None:
    assert pass_at_k(200, 40, 1) == pytest.approx(0.2, abs=1e-14)
    assert pass_at_k(200, 40, 10) == pytest.approx(0.898711, abs=5e-7)
    assert fail_at_k(200, 40, 100) == pytest.approx(6.70496331e-15, rel=1e-8)


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_the_exact_share_of_subsets(counts: tuple[int, int, int]) -> None:
    n, c, k = counts

    assert pass_at_k(n, c, k) == pytest.approx(float(1 - Fraction(comb(n - c, k), comb(n, k))), abs=1e-12)


@pytest.mark.parametrize("formula", [pass_at_k, fail_at_k, pass_hat_k])
@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((3, 0, 5), "k=5 needs at least 5 samples of a task, and there are 3"),
        ((3, 1, 0), "k=0 is no number of samples"),
        ((3, 4, 1), "no counts: 4 passes in 3 samples"),
        ((3, -1, 1), "no counts: -1 passes in 3 samples"),
    ],
)
def test_more_than_there_is_cannot_be_asked(formula: Any, counts: tuple[int, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        formula(*counts)


@pytest.mark.parametrize("case", known_answers()["pass_hat_k"], ids=str)
def test_pass_hat_k_gives_the_known_answers(case: dict[str, Any]) -> None:
    assert pass_hat_k(case["n"], case["c"], case["k"]) == pytest.approx(case["val"], rel=1e-12)


@pytest.mark.parametrize("case", known_answers()["bayes_pass"], ids=str)
def test_the_expected_pass_at_k_gives_the_known_answers(case: dict[str, Any]) -> None:
    assert expected_pass_at_k(case["n"], case["c"], case["k"]) == pytest.approx(case["val"], rel=1e-9)


@pytest.mark.parametrize("case", known_answers()["pass_at_k_var"], ids=str)
def test_the_estimator_is_unbiased_and_has_the_known_spread(case: dict[str, Any]) -> None:
    n, p, k = case["n"], case["p"], case["k"]
    chances = [comb(n, c) * p**c * (1 - p) ** (n - c) for c in range(n + 1)]
    values = [pass_at_k(n, c, k) for c in range(n + 1)]
    mean = sum(chance * value for chance, value in zip(chances, values, strict=True))
    spread = sum(chance * (value - mean) ** 2 for chance, value in zip(chances, values, strict=True)) ** 0.5

    assert mean == pytest.approx(1 - (1 - p) ** k, abs=1e-12)
    assert spread == pytest.approx(case["sd"], abs=1e-9)
