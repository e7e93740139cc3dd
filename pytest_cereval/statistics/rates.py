"""Turns items into rates that say what they estimate, from how much, how sure they are and what is missing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pytest_cereval.results.band import Band
from pytest_cereval.results.statistics import CONFIDENCE
from pytest_cereval.statistics.clustered import bank_interval, design_effect, mean_of, rate_interval
from pytest_cereval.statistics.passes import pass_at_k, pass_hat_k
from pytest_cereval.statistics.records import Record
from pytest_cereval.statistics.samples import Item, Scope, grouped

FEWEST_REPOSITORIES = 5
"""Below this no claim is made about other repositories: cluster tests over-reject badly there."""
DIMENSIONS = ("category", "band", "file", "repository")
BANDS = tuple(band.value for band in Band)
"""Bands in order of difficulty."""


@dataclass(frozen=True, slots=True)
class Estimate(Record):
    """One number with what a sceptical reader asks next.

    value: None where nothing is scored. low, high: None where no interval can be given, and `note` says why.
    items, clusters: N scored items in G clusters of `scope`. samples, samples_most: the fewest and most scored samples
    of an item (K). invalid: attempts that our machinery failed. unscored: items without a scored sample (for pass@k:
    without k of them). worst, best: the value if everything missing had failed, or passed.
    design_effect: how many times the variance clusters make of what independent items would have.
    """

    name: str
    metric: str
    scope: Scope
    estimand: str
    value: float | None
    low: float | None
    high: float | None
    confidence: float
    method: str
    items: int
    clusters: int
    samples: int
    samples_most: int
    invalid: int
    unscored: int
    worst: float | None
    best: float | None
    design_effect: float | None = None
    note: str = ""


def pass_rate(
    name: str, items: Sequence[Item], scope: Scope = Scope.FUNCTIONS, confidence: float = CONFIDENCE
) -> Estimate:
    """The mean over items of each item's share of passed samples."""
    return _estimate(name, "pass rate", items, lambda item: item.score, scope, confidence)


def pass_at(
    name: str, items: Sequence[Item], k: int, scope: Scope = Scope.FUNCTIONS, confidence: float = CONFIDENCE
) -> Estimate:
    """The mean over items of the unbiased pass@k; items with fewer than `k` samples are missing, not wrong.

    Raises `ValueError` where no item has `k` samples.
    """
    _check_k(items, k)
    return _estimate(name, f"pass@{k}", items, lambda item: _at(pass_at_k, item, k), scope, confidence)


def pass_hat(
    name: str, items: Sequence[Item], k: int, scope: Scope = Scope.FUNCTIONS, confidence: float = CONFIDENCE
) -> Estimate:
    """The mean over items of the unbiased pass^k, the chance that all of `k` samples pass; as `pass_at`."""
    _check_k(items, k)
    return _estimate(name, f"pass^{k}", items, lambda item: _at(pass_hat_k, item, k), scope, confidence)


def rates_by(
    items: Sequence[Item], by: str, scope: Scope = Scope.FUNCTIONS, confidence: float = CONFIDENCE
) -> tuple[Estimate, ...]:
    """The pass rate of each group of items; `by` is one of `DIMENSIONS`.

    Bands are in order of difficulty, all else, also bands of other names, in order of name. A band says how hard it is
    to find what is planted, so controls are in none.
    """
    groups = grouped([item for item in items if by != "band" or not item.control], by)
    ranks = {name: rank for rank, name in enumerate(BANDS)} if by == "band" else {}
    names = sorted(groups, key=lambda name: (ranks.get(name, len(ranks)), name))
    return tuple(pass_rate(name, groups[name], scope, confidence) for name in names)


def share(name: str, metric: str, items: Sequence[Item], scope: Scope = Scope.FUNCTIONS) -> Estimate:
    """As `pass_rate` for items whose samples say something else than that they pass; `metric` names it."""
    return _estimate(name, metric, items, lambda item: item.score, scope, CONFIDENCE)


def _check_k(items: Sequence[Item], k: int) -> None:
    most = max((item.samples for item in items), default=0)
    if k < 1 or most < k:
        raise ValueError(f"k={k} needs at least {k} samples of a task, and there are {most}")


def _at(formula: Callable[[int, int, int], float], item: Item, k: int) -> float | None:
    return formula(item.samples, sum(item.passes), k) if item.samples >= k else None


def _estimate(
    name: str,
    metric: str,
    items: Sequence[Item],
    value_of: Callable[[Item], float | None],
    scope: Scope,
    confidence: float,
) -> Estimate:
    found = [(item, value) for item in items if (value := value_of(item)) is not None]
    scored, values = [item for item, _ in found], [value for _, value in found]
    clusters = [item.cluster(scope) for item in scored]
    samples = [item.samples for item in scored]
    bounds, method, note = _interval(metric, values, clusters, samples, scope, confidence)
    missing = len(items) - len(found)
    is_rate = metric == "pass rate"
    return Estimate(
        name=name,
        metric=metric,
        scope=scope,
        estimand=f"{metric} for {scope.estimand}",
        value=math.fsum(values) / len(values) if values else None,
        low=bounds[0] if bounds else None,
        high=bounds[1] if bounds else None,
        confidence=confidence,
        method=method,
        items=len(scored),
        clusters=len(set(clusters)),
        samples=min(samples, default=0),
        samples_most=max(samples, default=0),
        invalid=sum(item.invalid for item in items),
        unscored=missing,
        worst=_filled(items, passing=False) if is_rate else _shifted(values, missing, 0.0),
        best=_filled(items, passing=True) if is_rate else _shifted(values, missing, 1.0),
        design_effect=design_effect(mean_of(values, clusters), values) if values and scope is not Scope.BANK else None,
        note=note,
    )


def _interval(
    metric: str,
    values: Sequence[float],
    clusters: Sequence[str],
    samples: Sequence[int],
    scope: Scope,
    confidence: float,
) -> tuple[tuple[float, float] | None, str, str]:
    """Bounds, the method's name, and why there are none."""
    groups = len(set(clusters))
    if not values:
        return None, "none", "nothing is scored"
    if scope is Scope.BANK:
        if "@" in metric or "^" in metric:
            return None, "none", f"no interval of {metric} over fixed items is given"
        bounds = bank_interval(values, samples, confidence)
        note = "" if bounds else "one sample of an item does not show the noise of generation"
        return bounds, "normal, within items" if bounds else "none", note
    if scope is Scope.REPOSITORIES and groups < FEWEST_REPOSITORIES:
        note = f"{groups} repositories are too few to say anything of others (at least {FEWEST_REPOSITORIES})"
        return None, "none", note
    found = rate_interval(values, clusters, samples=sum(samples), confidence=confidence)
    if found is None:
        return None, "none", f"all items lie in one cluster, so nothing is known of {scope.estimand}"
    return (found[0], found[1]), found[2], ""


def _filled(items: Sequence[Item], *, passing: bool) -> float | None:
    return (
        math.fsum(item.filled(passing) if _is_missing(item) else _score(item) for item in items) / len(items)
        if items
        else None
    )


def _is_missing(item: Item) -> bool:
    return item.invalid > 0 or not item.passes


def _score(item: Item) -> float:
    return item.score or 0.0


def _shifted(values: Sequence[float], missing: int, value: float) -> float | None:
    total = len(values) + missing
    return (math.fsum(values) + missing * value) / total if total else None
