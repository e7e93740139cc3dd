"""Turns scores on stale and on fresh items into the contamination gap, with what it can and cannot exclude.

A raw difference between arms is confounded by difficulty: fresh code may just be harder. Three designs answer that, the
best last: matched pairs, the difference to the gap of a static set, and two models whose cutoffs straddle some items
(`straddle`). Freshness itself (first appearance, cutoff, guard band) is decided elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_cereval.statistics.clustered import mean_of
from pytest_cereval.statistics.effects import (
    Effect,
    difference,
    effect,
    mean_of_rates,
    mean_of_steps,
    paired_effect,
    untestable,
)
from pytest_cereval.statistics.matching import ArmItem, Balance, Pair, balance, match
from pytest_cereval.statistics.paired import sign_flip
from pytest_cereval.statistics.rates import FEWEST_REPOSITORIES, Estimate
from pytest_cereval.statistics.records import Record
from pytest_cereval.statistics.sizes import items_per_arm
from pytest_cereval.statistics.text import counted, interval_text, listed, percent


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


def contamination_gap(stale: Sequence[ArmItem], fresh: Sequence[ArmItem], *, name: str = "gap", seed: int = 0) -> Gap:
    """Match the arms and compare their scores."""
    pairs = match(stale, fresh)
    arms = [[each for each in arm if each.score is not None] for arm in (stale, fresh)]
    table = balance(arms[0], arms[1], pairs)
    off = [row.covariate for row in table if not row.balanced] if pairs else []
    return Gap(
        matched=_matched(name, pairs, seed),
        simple=independent_gap(f"{name}, all items", arms[0], arms[1]),
        pairs=pairs,
        balance=table,
        unmatched_stale=len(arms[0]) - len(pairs),
        unmatched_fresh=len(arms[1]) - len(pairs),
        unscored_stale=len(stale) - len(arms[0]),
        unscored_fresh=len(fresh) - len(arms[1]),
        needed=_needed(arms[0]),
        caution=f"Matching left the arms unlike in {listed(off)}." if off else "",
    )


def independent_gap(name: str, stale: Sequence[ArmItem], fresh: Sequence[ArmItem]) -> Effect:
    """The gap between two arms as they are, functions for clusters; items without a score are left out."""
    arms = [[each for each in arm if each.score is not None] for arm in (stale, fresh)]
    estimand = "gap between unmatched arms, in which difficulty may differ"
    if min(len({each.cluster for each in arm}) for arm in arms) < 2:
        return untestable(name, estimand, f"the arms have {len(arms[0])} and {len(arms[1])} scored items")
    ours, theirs = (mean_of_rates([each.score or 0.0 for each in arm], [each.cluster for each in arm]) for arm in arms)
    return difference(name, estimand, ours, theirs, "independent arms, clustered by function")


def against_static(project: Effect, static: Effect, *, name: str = "project less static") -> Effect:
    """The gap of one's own set less that of a static public set; negative where the own set shows less of a gap.

    A static set without a fresh arm of its own has no gap: then there is nothing to compare, and `unmatched` says so.
    """
    estimand = "gap of this set less gap of the static set"
    if project.error is None or static.error is None:
        unknown = project.name if project.error is None else static.name
        return untestable(name, estimand, f"the gap of {unknown} is not known")
    value = (project.value or 0.0) - (static.value or 0.0)
    return effect(name, estimand, value, math.hypot(project.error, static.error), "difference in differences")


def unmatched(static: Estimate) -> str:
    """The line that shows a static set beside a gap without comparing them."""
    return (
        f"{static.name}: {percent(static.value)}{interval_text(static)} of {counted(static.items, 'item')} pass"
        " (not matched: it has no fresh arm, so it has no gap)."
    )


def _matched(name: str, pairs: Sequence[Pair], seed: int) -> Effect:
    """The widest of the errors that clusters of either side give: pairs share a function with each other there."""
    differences = [(pair.stale.score or 0.0) - (pair.fresh.score or 0.0) for pair in pairs]
    repositories = [[pair.stale.repository for pair in pairs], [pair.fresh.repository for pair in pairs]]
    functions = [[pair.stale.cluster for pair in pairs], [pair.fresh.cluster for pair in pairs]]
    if min(len(set(side)) for side in functions) < 2:
        return untestable(name, "gap between matched items", f"{counted(len(pairs), 'pair')} of alike items")
    wide = min(len(set(side)) for side in repositories) >= FEWEST_REPOSITORIES
    sides = repositories if wide else functions
    where = "other repositories like these" if wide else "more functions from the same repositories"
    means = [mean_of_steps(differences, side) for side in sides]
    worst = max(means, key=lambda mean: mean.error or 0.0)
    side = sides[means.index(worst)]
    flips = [sign_flip(each, side, seed=seed) for each in (differences, [-value for value in differences])]
    cluster = "repository" if wide else "function"
    method = "matched pairs, paired t" if worst.independent else f"matched pairs, cluster t by {cluster}"
    estimand = f"gap between matched items for {where}"
    return paired_effect(name, estimand, differences, worst, method, min(1.0, 2 * min(flips)))


def _needed(stale: Sequence[ArmItem]) -> int:
    """Items per arm for a gap of 10 points below the stale rate; at a rate of one half where that is not possible."""
    rate = mean_of([each.score or 0.0 for each in stale]).value if stale else 0.5
    return items_per_arm(rate, rate - 0.1) if rate > 0.1 else items_per_arm(0.5, 0.4)
