"""Turns probabilities into quantiles and back; the one home of scipy, which is imported when first needed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist


def normal_quantile(probability: float) -> float:
    """The standard normal quantile."""
    return NormalDist().inv_cdf(probability)


def normal_tail(z: float) -> float:
    """P(Z > z) for a standard normal Z."""
    return 0.5 * math.erfc(z / math.sqrt(2))


def t_quantile(probability: float, degrees: float) -> float:
    """The quantile of Student's t; `degrees` above 0, not necessarily whole."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, probability))


def t_tail(t: float, degrees: float) -> float:
    """P(T > t) for Student's t."""
    from scipy.special import stdtr

    return float(stdtr(degrees, -t))


def log_beta(a: float, b: float) -> float:
    """The logarithm of the beta function."""
    from scipy.special import betaln

    return float(betaln(a, b))


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where `function` is zero between two points at which its sign differs (Brent's method)."""
    from scipy.optimize import brentq

    return float(brentq(function, low, high))


def best_pairs(cost: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """The pairs (row, column) of the assignment with the smallest sum of costs."""
    from scipy.optimize import linear_sum_assignment

    if not cost or not cost[0]:
        return []
    rows, columns = linear_sum_assignment(cost)
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True)]


def kendall_tau_b(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Kendall's rank correlation, corrected for ties; None where one side is all ties."""
    from scipy.stats import kendalltau

    if len(set(first)) < 2 or len(set(second)) < 2:
        return None
    return float(kendalltau(first, second).statistic)
