"""Turns means that are held against each other into effects: a difference, its interval, and what it can exclude."""

from __future__ import annotations

import enum
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from pytest_cereval.results.statistics import CONFIDENCE
from pytest_cereval.statistics.clustered import Mean, mean_of
from pytest_cereval.statistics.distributions import normal_quantile, normal_tail, t_quantile, t_tail
from pytest_cereval.statistics.paired import bonett_price
from pytest_cereval.statistics.records import Record
from pytest_cereval.statistics.sizes import detectable
from pytest_cereval.statistics.text import points

TAIL = (1 - CONFIDENCE) / 2
"""What lies beyond each bound: all effects are two-sided."""
_ROUNDING = 1e-12


class Status(enum.StrEnum):
    """What became of the question whether there is a gap."""

    GAP = "a gap is seen"
    REVERSED = "a reversed gap is seen"
    NONE_SEEN = "no gap is seen"
    NOT_TESTABLE = "not testable"


@dataclass(frozen=True, slots=True)
class Effect(Record):
    """One difference of rates, positive where the side named first is ahead. error: its standard error.

    p: two-sided. detectable: the smallest difference that would be found with 80 % power.
    """

    name: str
    estimand: str
    value: float | None
    error: float | None
    low: float | None
    high: float | None
    p: float | None
    detectable: float | None
    method: str
    status: Status
    sentence: str


def effect(name: str, estimand: str, value: float, error: float, method: str, p: float | None = None) -> Effect:
    """A difference with a normal interval; `p` from the same error where no better one is given."""
    reach = normal_quantile(1 - TAIL) * error
    return bounded_effect(name, estimand, value, error, (value - reach, value + reach), method, p)


def bounded_effect(
    name: str,
    estimand: str,
    value: float,
    error: float,
    bounds: tuple[float, float],
    method: str,
    p: float | None = None,
) -> Effect:
    """A difference with these bounds; not testable where `error` is 0 but for rounding, as no spread is known."""
    if error <= _ROUNDING:
        return untestable(name, estimand, "all differences are the same, so their spread is not known")
    if p is None:
        p = 2 * normal_tail(abs(value / error))
    smallest = detectable(error, TAIL)
    low, high = bounds
    status = Status.GAP if low > 0 else Status.REVERSED if high < 0 else Status.NONE_SEEN
    head = f"{name}: {points(value)} ({100 * low:+.1f} to {100 * high:+.1f}), {status}"
    tail = f"; gaps above {100 * high:.1f} points are excluded" if status is Status.NONE_SEEN and high < 1 else ""
    sentence = f"{head}{tail}. Gaps from {100 * smallest:.1f} points on would be found with 80 % power."
    return Effect(name, estimand, value, error, low, high, p, smallest, method, status, sentence)


def untestable(name: str, estimand: str, why: str) -> Effect:
    """An effect that these data say nothing of, and why."""
    status = Status.NOT_TESTABLE
    return Effect(name, estimand, None, None, None, None, None, None, "none", status, f"{name}: {status}: {why}.")


def difference(name: str, estimand: str, first: Mean, second: Mean, method: str, *, widest: float = 1.0) -> Effect:
    """The first mean less the second, which are independent; Welch's t with Satterthwaite's degrees of freedom.

    Bounds are cut at `widest`, which two such means cannot be further apart than. Each mean needs two clusters.
    """
    squares = [(each.error or 0.0) ** 2 for each in (first, second)]
    error = math.sqrt(math.fsum(squares))
    value = first.value - second.value
    if error <= _ROUNDING:
        return bounded_effect(name, estimand, value, error, (value, value), method)
    shares = [square**2 / (each.groups - 1) for square, each in zip(squares, (first, second), strict=True)]
    degrees = error**4 / math.fsum(shares)
    reach = t_quantile(1 - TAIL, degrees) * error
    bounds = max(-widest, value - reach), min(widest, value + reach)
    return bounded_effect(name, estimand, value, error, bounds, method, 2 * t_tail(abs(value / error), degrees))


def mean_of_steps(values: Sequence[float], clusters: Sequence[Hashable] | None = None) -> Mean:
    """As `mean_of`, for differences of scores. Where all of them are whole, its error is at least that of Bonett and
    Price's interval: few items that all change alike do not make a change certain.
    """
    mean = mean_of(values, clusters)
    if mean.error is None or any(value not in (-1, 0, 1) for value in values):
        return mean
    low, high = bonett_price(*_changes(values), mean.n, TAIL)
    return replace(mean, error=max(mean.error, (high - low) / 2 / normal_quantile(1 - TAIL)))


def mean_of_rates(values: Sequence[float], clusters: Sequence[Hashable] | None = None) -> Mean:
    """As `mean_of`, for scores. Where all are 0 or 1, its error is at least that with one pass and one failure more
    (Agresti and Caffo 2000): an arm in which all pass is not known without error.
    """
    mean = mean_of(values, clusters)
    if mean.error is None or any(value not in (0, 1) for value in values):
        return mean
    share = (math.fsum(values) + 1) / (mean.n + 2)
    return replace(mean, error=max(mean.error, math.sqrt(share * (1 - share) / (mean.n + 2))))


def paired_effect(
    name: str,
    estimand: str,
    differences: Sequence[float],
    mean: Mean,
    method: str,
    p: float,
) -> Effect:
    """A mean of paired differences with t bounds by the clusters of `mean`, which needs two of them. Where all
    differences are whole, the bounds reach at least as far as Bonett and Price's, with the quantile of t in them.
    """
    low, high = mean.bounds(TAIL) or (-1.0, 1.0)
    if all(each in (-1, 0, 1) for each in differences):
        wider = bonett_price(*_changes(differences), mean.n, TAIL)
        middle, half = sum(wider) / 2, (wider[1] - wider[0]) / 2
        reach = half * t_quantile(1 - TAIL, mean.groups - 1) / normal_quantile(1 - TAIL)
        low, high = min(low, middle - reach), max(high, middle + reach)
    return bounded_effect(name, estimand, mean.value, mean.error or 0.0, (max(-1.0, low), min(1.0, high)), method, p)


def _changes(differences: Sequence[float]) -> tuple[int, int]:
    return sum(value < 0 for value in differences), sum(value > 0 for value in differences)
