"""Turns scores on stale and on fresh items into the contamination gap, with what it can and cannot exclude.

A raw difference between arms is confounded by difficulty: fresh code may just be harder. Three designs answer that, the
best last: matched pairs, the difference to the gap of a static set, and two models whose cutoffs straddle some items.
All are two-sided. Freshness itself (first appearance, cutoff, guard band) is decided elsewhere.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_cereval.results.statistics import CONFIDENCE
from pytest_cereval.statistics.clustered import Mean, mean_of
from pytest_cereval.statistics.distributions import normal_quantile, normal_tail
from pytest_cereval.statistics.matching import ArmItem, Balance, Pair, balance, match
from pytest_cereval.statistics.paired import sign_flip
from pytest_cereval.statistics.rates import FEWEST_REPOSITORIES, Estimate
from pytest_cereval.statistics.records import Record
from pytest_cereval.statistics.sizes import detectable, items_per_arm
from pytest_cereval.statistics.text import counted, interval_text, listed, percent, points


class Status(enum.StrEnum):
    """What became of the question whether there is a gap."""

    GAP = "a gap is seen"
    REVERSED = "a reversed gap is seen"
    NONE_SEEN = "no gap is seen"
    NOT_TESTABLE = "not testable"


@dataclass(frozen=True, slots=True)
class Effect(Record):
    """One difference of rates, positive where the stale side is ahead. error: its standard error.

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


@dataclass(frozen=True, slots=True)
class Gap(Record):
    """The matched gap beside the plain one. unmatched_*: scored items without a partner; unscored_*: without a score.

    `simple` compares all scored items and is context only. needed: items per arm that show a gap of 10 points.
    """

    matched: Effect
    simple: Effect
    pairs: tuple[Pair, ...]
    balance: tuple[Balance, ...]
    unmatched_stale: int
    unmatched_fresh: int
    unscored_stale: int
    unscored_fresh: int
    needed: int
    caution: str


@dataclass(frozen=True, slots=True)
class StraddleItem(Record):
    """An item that two models were asked. between: dated after the old model's cutoff and up to the new one's; else
    it is dated after both. old, new: the models' scores.
    """

    id: str
    between: bool
    old: float
    new: float
    repository: str = ""


def contamination_gap(stale: Sequence[ArmItem], fresh: Sequence[ArmItem], *, name: str = "gap", seed: int = 0) -> Gap:
    """Match the arms and compare their scores."""
    pairs = match(stale, fresh)
    arms = [[each for each in arm if each.score is not None] for arm in (stale, fresh)]
    table = balance(arms[0], arms[1], pairs)
    off = [row.covariate for row in table if not row.balanced] if pairs else []
    return Gap(
        matched=_matched(name, pairs, seed),
        simple=_simple(f"{name}, all items", arms[0], arms[1]),
        pairs=pairs,
        balance=table,
        unmatched_stale=len(arms[0]) - len(pairs),
        unmatched_fresh=len(arms[1]) - len(pairs),
        unscored_stale=len(stale) - len(arms[0]),
        unscored_fresh=len(fresh) - len(arms[1]),
        needed=_needed(arms[0]),
        caution=f"Matching left the arms unlike in {listed(off)}." if off else "",
    )


def straddle(items: Sequence[StraddleItem], *, name: str = "straddle") -> Effect:
    """How much more the new model gains on items that only it can have seen: item difficulty cancels out.

    mean(new - old) between the cutoffs, less the same after both. What remains assumed: the new model's general gain is
    as large on both, which a split of items older than both cutoffs can check; equal gains in log-odds are not equal
    in points where one side is harder.
    """
    sides = [[each.new - each.old for each in items if each.between is between] for between in (True, False)]
    estimand = "extra gain of the newer model on items that only it can have seen"
    if any(len(side) < 2 for side in sides):
        why = f"{len(sides[0])} items lie between the cutoffs and {len(sides[1])} after both; each side needs two"
        return _untestable(name, estimand, why)
    return _difference(name, estimand, mean_of(sides[0]), mean_of(sides[1]), "difference in differences")


def against_static(project: Effect, static: Effect, *, name: str = "project less static") -> Effect:
    """The gap of one's own set less that of a static public set; negative where the own set shows less of a gap.

    A static set without a fresh arm of its own has no gap: then there is nothing to compare, and `unmatched` says so.
    """
    estimand = "gap of this set less gap of the static set"
    if project.error is None or static.error is None:
        unknown = project.name if project.error is None else static.name
        return _untestable(name, estimand, f"the gap of {unknown} is not known")
    ours, theirs = (Mean(each.value or 0.0, each.error, 2, 2, True) for each in (project, static))
    return _difference(name, estimand, ours, theirs, "difference in differences")


def unmatched(static: Estimate) -> str:
    """The line that shows a static set beside a gap without comparing them."""
    return (
        f"{static.name}: {percent(static.value)}{interval_text(static)} of {counted(static.items, 'item')} pass"
        " (not matched: it has no fresh arm, so it has no gap)."
    )


def effect(name: str, estimand: str, value: float, error: float, method: str, p: float | None = None) -> Effect:
    """A difference with a normal interval; `p` from the same error where no better one is given."""
    reach = normal_quantile((1 + CONFIDENCE) / 2) * error
    return _effect(name, estimand, value, error, (value - reach, value + reach), method, p)


def _matched(name: str, pairs: Sequence[Pair], seed: int) -> Effect:
    differences = [(pair.stale.score or 0.0) - (pair.fresh.score or 0.0) for pair in pairs]
    if len(pairs) < 2:
        return _untestable(name, "gap between matched items", f"{counted(len(pairs), 'pair')} of alike items")
    sides = [[pair.stale.repository for pair in pairs], [pair.fresh.repository for pair in pairs]]
    clustered = min(len(set(side)) for side in sides) >= FEWEST_REPOSITORIES
    means = [mean_of(differences, side) for side in sides] if clustered else [mean_of(differences)]
    worst = max(means, key=lambda mean: mean.error or 0.0)
    where = "other repositories like these" if clustered else "more functions from the same repositories"
    low, high = worst.bounds((1 - CONFIDENCE) / 2) or (-1.0, 1.0)
    side = sides[means.index(worst)] if clustered else None
    flips = [sign_flip(each, side, seed=seed) for each in (differences, [-value for value in differences])]
    method = "matched pairs, cluster t by repository" if clustered else "matched pairs, paired t"
    return _effect(
        name,
        f"gap between matched items for {where}",
        worst.value,
        worst.error or 0.0,
        (max(-1.0, low), min(1.0, high)),
        method,
        min(1.0, 2 * min(flips)),
    )


def _simple(name: str, stale: Sequence[ArmItem], fresh: Sequence[ArmItem]) -> Effect:
    estimand = "gap between unmatched arms, in which difficulty may differ"
    if min(len(stale), len(fresh)) < 2:
        return _untestable(name, estimand, f"the arms have {len(stale)} and {len(fresh)} scored items")
    ours, theirs = (mean_of([each.score or 0.0 for each in arm]) for arm in (stale, fresh))
    return _difference(name, estimand, ours, theirs, "independent arms")


def _difference(name: str, estimand: str, first: Mean, second: Mean, method: str) -> Effect:
    return effect(
        name, estimand, first.value - second.value, math.hypot(first.error or 0.0, second.error or 0.0), method
    )


def _effect(
    name: str,
    estimand: str,
    value: float,
    error: float,
    bounds: tuple[float, float],
    method: str,
    p: float | None = None,
) -> Effect:
    if error <= 0:
        return _untestable(name, estimand, "all differences are the same, so their spread is not known")
    if p is None:
        p = 2 * normal_tail(abs(value / error))
    smallest = detectable(error, (1 - CONFIDENCE) / 2)
    low, high = bounds
    status = Status.GAP if low > 0 else Status.REVERSED if high < 0 else Status.NONE_SEEN
    head = f"{name}: {points(value)} ({100 * low:+.1f} to {100 * high:+.1f}), {status}"
    tail = f"; gaps above {100 * high:.1f} points are excluded" if status is Status.NONE_SEEN and high < 1 else ""
    sentence = f"{head}{tail}. Gaps from {100 * smallest:.1f} points on would be found with 80 % power."
    return Effect(name, estimand, value, error, low, high, p, smallest, method, status, sentence)


def _untestable(name: str, estimand: str, why: str) -> Effect:
    status = Status.NOT_TESTABLE
    return Effect(name, estimand, None, None, None, None, None, None, "none", status, f"{name}: {status}: {why}.")


def _needed(stale: Sequence[ArmItem]) -> int:
    """Items per arm for a gap of 10 points below the stale rate; at a rate of one half where that is not possible."""
    rate = math.fsum(each.score or 0.0 for each in stale) / len(stale) if stale else 0.5
    return items_per_arm(rate, rate - 0.1) if rate > 0.1 else items_per_arm(0.5, 0.4)
