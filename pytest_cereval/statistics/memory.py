"""Turns the scores of memorisation probes into what they show of old and of new functions: secondary evidence.

One probe shows little: short or common code is easy to guess, and not every model follows what a probe asks. So a
score means something only against that of functions that the model cannot have seen, and even that decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_cereval.source.history.freshness import Arm, Cutoff, Freshness
from pytest_cereval.statistics.effects import TAIL, Effect, difference, mean_of_rates, mean_of_steps, untestable
from pytest_cereval.statistics.ranks import holm
from pytest_cereval.statistics.records import Record
from pytest_cereval.statistics.unpaired import cliffs_delta, label_permutation

UNDATED = "without a history"
PUBLIC = "public set"


@dataclass(frozen=True, slots=True)
class Probed(Record):
    """One probe of one function. score: None where the model gave nothing that can be compared. signed: it may be
    negative, down to -1; else it is a share.
    """

    measure: str
    function: str
    repository: str
    score: float | None
    freshness: Freshness | None = None
    static_set: str = ""
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Recall(Record):
    """The functions of one arm. asked: probes; answered: those with a score. low, high: 95 %, None below two."""

    arm: str
    asked: int
    answered: int
    mean: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Remembered(Record):
    """One measure. difference: stale less fresh, with the p value of a permutation of labels; adjusted: that by Holm
    over all measures. auc: how often a stale function scores above a fresh one, ties for half; 0.5 tells nothing.
    """

    measure: str
    arms: tuple[Recall, ...]
    difference: Effect
    adjusted: float | None
    auc: float | None


def remembered(probed: Sequence[Probed], cutoff: Cutoff | None = None, *, seed: int = 0) -> tuple[Remembered, ...]:
    """One row per measure in order of appearance; without a cutoff, no function is stale or fresh."""
    rows = [_row(name, [each for each in probed if each.measure == name], cutoff, seed) for name in _measures(probed)]
    tested = [row.difference.p for row in rows if row.difference.p is not None]
    adjusted = iter(holm(tested))
    return tuple(row if row.difference.p is None else replace(row, adjusted=next(adjusted)) for row in rows)


def _measures(probed: Sequence[Probed]) -> list[str]:
    return list(dict.fromkeys(each.measure for each in probed))


def _row(measure: str, probed: Sequence[Probed], cutoff: Cutoff | None, seed: int) -> Remembered:
    groups: dict[str, list[Probed]] = {}
    for each in probed:
        groups.setdefault(_arm(each, cutoff), []).append(each)
    order = [*(arm.value for arm in Arm), UNDATED]
    names = sorted(groups, key=lambda name: (order.index(name) if name in order else len(order), name))
    stale, fresh = ([each for each in groups.get(arm, ()) if each.score is not None] for arm in (Arm.STALE, Arm.FRESH))
    scores = [[each.score or 0.0 for each in side] for side in (stale, fresh)]
    delta = cliffs_delta(*scores)
    return Remembered(
        measure=measure,
        arms=tuple(_recall(name, groups[name]) for name in names),
        difference=_difference(f"{measure}, stale less fresh", (stale, fresh), seed),
        adjusted=None,
        auc=None if delta is None else (delta + 1) / 2,
    )


def _arm(probed: Probed, cutoff: Cutoff | None) -> str:
    if probed.static_set:
        return f"{PUBLIC} {probed.static_set}"
    return cutoff.arm(probed.freshness).value if cutoff and probed.freshness else UNDATED


def _recall(arm: str, probed: Sequence[Probed]) -> Recall:
    scores = [each.score for each in probed if each.score is not None]
    if not scores:
        return Recall(arm, len(probed), 0, None, None, None)
    mean = mean_of_steps(scores) if probed[0].signed else mean_of_rates(scores)
    low, high = mean.bounds(TAIL) or (None, None)
    if low is None or high is None or not mean.error:
        return Recall(arm, len(probed), len(scores), mean.value, None, None)
    least = -1.0 if probed[0].signed else 0.0
    return Recall(arm, len(probed), len(scores), mean.value, max(least, low), min(1.0, high))


def _difference(name: str, sides: tuple[list[Probed], list[Probed]], seed: int) -> Effect:
    estimand = "extra recall of old functions; secondary evidence, and old code may just be more common"
    if min(map(len, sides)) < 2:
        why = f"{len(sides[0])} stale and {len(sides[1])} fresh functions have a score; each side needs two"
        return untestable(name, estimand, why)
    stale, fresh = ([each.score or 0.0 for each in side] for side in sides)
    signed = sides[0][0].signed
    ours, theirs = ((mean_of_steps if signed else mean_of_rates)(scores) for scores in (stale, fresh))
    found = difference(name, estimand, ours, theirs, "independent arms", widest=2.0 if signed else 1.0)
    if found.p is None:
        return found
    p = min(label_permutation(stale, fresh, seed=seed), label_permutation(fresh, stale, seed=seed))
    return replace(found, p=min(1.0, 2 * p))
