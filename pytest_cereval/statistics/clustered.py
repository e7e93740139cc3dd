"""Turns scores that share their luck in clusters into a mean, its standard error and an interval."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from pytest_cereval.results.statistics import CONFIDENCE, wilson
from pytest_cereval.statistics.distributions import normal_quantile, t_quantile


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean of `n` values in `groups` clusters. `error` is its standard error, None below two clusters."""

    value: float
    error: float | None
    n: int
    groups: int
    independent: bool

    def bounds(self, tail: float) -> tuple[float, float] | None:
        """Student's t bounds with `groups` - 1 degrees of freedom and the probability `tail` beyond each of them."""
        if self.error is None:
            return None
        reach = t_quantile(1 - tail, self.groups - 1) * self.error
        return self.value - reach, self.value + reach


def mean_of(values: Sequence[float], clusters: Sequence[Hashable] | None = None) -> Mean:
    """The mean with the CR1 cluster-robust error; without clusters, or with one value in each, the usual error.

    CR1: sqrt(G/(G-1) * sum over clusters of (sum of deviations)^2) / n (Cameron, Gelbach and Miller 2008 discuss it;
    Miller, arXiv:2411.00640, applies it to evaluations). Raises `ValueError` for no values.
    """
    if not values:
        raise ValueError("no values, so no mean")
    names = range(len(values)) if clusters is None else clusters
    n = len(values)
    mean = math.fsum(values) / n
    sums: dict[Hashable, list[float]] = {}
    for value, name in zip(values, names, strict=True):
        sums.setdefault(name, []).append(value - mean)
    groups = len(sums)
    error = None
    if groups > 1:
        squares = math.fsum(math.fsum(each) ** 2 for each in sums.values())
        error = math.sqrt(squares * groups / (groups - 1)) / n
    return Mean(mean, error, n, groups, groups == n)


def rate_interval(
    scores: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    samples: int | None = None,
    confidence: float = CONFIDENCE,
) -> tuple[float, float, str] | None:
    """The interval of a mean of scores between 0 and 1, and the name of its method; None below two clusters.

    Independent scores that are 0 or 1: Wilson. Else Wilson on the effective number of scores p(1-p)/error^2 (Korn and
    Graubard 1998) with the t quantile of the clusters. That number is never more than there are scores or, where some
    lie between 0 and 1, than the `samples` behind all of them.
    """
    mean = mean_of(scores, clusters)
    whole = all(score in (0, 1) for score in scores)
    if mean.independent and whole:
        return *wilson(math.fsum(scores), mean.n, confidence), "Wilson"
    if mean.error is None:
        return None
    most = mean.n if whole else max(mean.n, samples or mean.n)
    spread = mean.value * (1 - mean.value)
    # Where all agree nothing shows how much clusters share, so each counts once.
    effective = min(float(most), spread / mean.error**2) if mean.error > 1e-12 else float(mean.groups)
    quantile = t_quantile((1 + confidence) / 2, mean.groups - 1)
    low, high = wilson_bounds(mean.value, effective, quantile)
    return low, high, "Wilson, n effective" if mean.independent else "clustered Wilson"


def wilson_bounds(rate: float, n: float, quantile: float) -> tuple[float, float]:
    """Wilson's bounds for an effective `n`, which need not be whole, and any quantile."""
    square = quantile * quantile
    centre = (rate + square / (2 * n)) / (1 + square / n)
    half = quantile / (1 + square / n) * math.sqrt(max(0.0, rate * (1 - rate) / n + square / (4 * n * n)))
    low = 0.0 if rate <= 0 else max(0.0, centre - half)
    high = 1.0 if rate >= 1 else min(1.0, centre + half)
    return low, high


def bank_error(scores: Sequence[float], samples: Sequence[int]) -> float | None:
    """The standard error of a mean over fixed items, from the spread of samples within each; None with one sample.

    At least what one other sample of one item would make of it: that all samples agree is no proof that all always do.
    """
    if not scores or min(samples) < 2:
        return None
    within = math.fsum(score * (1 - score) / (k - 1) for score, k in zip(scores, samples, strict=True))
    return math.sqrt(max(within, 1 / min(samples) ** 2)) / len(scores)


def bank_interval(scores: Sequence[float], samples: Sequence[int], confidence: float) -> tuple[float, float] | None:
    """Normal bounds of the mean over fixed items, cut at 0 and 1; None with one sample per item."""
    error = bank_error(scores, samples)
    if error is None:
        return None
    mean = math.fsum(scores) / len(scores)
    reach = normal_quantile((1 + confidence) / 2) * error
    return max(0.0, mean - reach), min(1.0, mean + reach)


def zero_event_bound(n: int, confidence: float = CONFIDENCE) -> float:
    """The one-sided upper bound of a rate of which none was seen in `n` independent trials; 1.0 for none tried."""
    return 1.0 if n == 0 else 1 - (1 - confidence) ** (1 / n)


def design_effect(mean: Mean, values: Sequence[float]) -> float | None:
    """How many times the variance clustering makes of what independence would give; None where neither is known."""
    plain = mean_of(values).error if len(values) > 1 else None
    if not plain or mean.error is None:
        return None
    return (mean.error / plain) ** 2
