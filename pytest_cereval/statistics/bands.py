"""Turns items into the pass rate of each difficulty band, a test of the trend, and what the bands tell in words."""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_cereval.statistics.distributions import normal_tail, t_tail
from pytest_cereval.statistics.rates import BANDS, Estimate, rates_by
from pytest_cereval.statistics.records import Record
from pytest_cereval.statistics.samples import Item, Scope
from pytest_cereval.statistics.text import interval_text, listed, percent

HIGH, LOW = 0.9, 0.1
"""Observed pass rates beyond which a band tells little: the usual cuts of "trivial" and "adversarial"."""


class Standing(enum.StrEnum):
    """What the pass rate of a band says of the model."""

    SATURATED = "saturated"
    NEARLY_SATURATED = "nearly saturated"
    INFORMATIVE = "informative"
    NEARLY_DEAD = "nearly dead"
    DEAD = "dead"
    UNSCORED = "unscored"


@dataclass(frozen=True, slots=True)
class BandRow(Record):
    """One band."""

    name: str
    rate: Estimate
    standing: Standing


@dataclass(frozen=True, slots=True)
class Trend(Record):
    """Whether harder bands pass less. z is negative then, p one-sided; `monotone` is of the observed rates.

    z is that of Cochran and Armitage; where items share clusters, z is the smaller one of that and of the same sum over
    its cluster-robust error, and p is of t with one degree of freedom less than there are clusters.
    """

    z: float
    p: float
    somers_d: float
    monotone: bool


@dataclass(frozen=True, slots=True)
class Bands(Record):
    """The bands of one model; controls are left out, since a band says how hard the fault is to find.

    saturated, dead: items of which every sample passes, or none, by name. With one sample each item is one or the
    other, so they are listed from two samples on (`samples`, the fewest). unbanded: items without a band.
    """

    model: str
    rows: tuple[BandRow, ...]
    trend: Trend | None
    samples: int
    saturated: tuple[str, ...]
    dead: tuple[str, ...]
    unbanded: int
    informative: str
    """The name of the band that tells most, empty where none does."""
    sentence: str


def bands_of(items: Sequence[Item], model: str = "the model", scope: Scope = Scope.FUNCTIONS) -> Bands:
    """The pass rate per band, in order of difficulty; bands of other names follow and have no part in the trend."""
    asked = [item for item in items if not item.control]
    rows = tuple(BandRow(each.name, each, _standing(each)) for each in rates_by(asked, "band", scope))
    best = min(
        (row for row in rows if row.standing is Standing.INFORMATIVE),
        key=lambda row: abs((row.rate.value or 0.0) - 0.5),
        default=None,
    )
    scored = [item for item in asked if item.score is not None]
    samples = min((item.samples for item in scored), default=0)
    return Bands(
        model=model,
        rows=rows,
        trend=_trend(scored, scope),
        samples=samples,
        saturated=tuple(item.label for item in scored if item.score == 1) if samples > 1 else (),
        dead=tuple(item.label for item in scored if item.score == 0) if samples > 1 else (),
        unbanded=sum(not item.band for item in asked),
        informative=best.name if best else "",
        sentence=_sentence(model, rows, best),
    )


def cochran_armitage(
    passes: Sequence[float], totals: Sequence[int], steps: Sequence[float] | None = None
) -> float | None:
    """The trend statistic z of pass counts over ordered groups; None where all pass or none does, or for one group.

    z = sum t(x - n p) / sqrt(p q (sum n t^2 - (sum n t)^2 / N)). `passes` may be sums of scores, which vary less than
    coins, so that |z| is then rather too small.
    """
    at = range(len(totals)) if steps is None else steps
    total = sum(totals)
    share = math.fsum(passes) / total if total else 0.0
    weighted = math.fsum(n * t for n, t in zip(totals, at, strict=True))
    spread = math.fsum(n * t * t for n, t in zip(totals, at, strict=True)) - weighted**2 / total if total else 0.0
    if not 0 < share < 1 or spread <= 0:
        return None
    lean = math.fsum(t * (x - n * share) for x, n, t in zip(passes, totals, at, strict=True))
    return lean / math.sqrt(share * (1 - share) * spread)


def somers_d(passes: Sequence[float], totals: Sequence[int]) -> float:
    """Somers' D of passing given the group: of two items of different groups, how much more often the later passes.

    0.0 where there is one group only.
    """
    lean = pairs = 0.0
    for late in range(len(totals)):
        for early in range(late):
            pairs += totals[late] * totals[early]
            lean += passes[late] * (totals[early] - passes[early]) - passes[early] * (totals[late] - passes[late])
    return lean / pairs if pairs else 0.0


def _trend(scored: Sequence[Item], scope: Scope) -> Trend | None:
    scores = [[item.score or 0.0 for item in scored if item.band == band] for band in BANDS]
    known = [(step, each) for step, each in enumerate(scores) if each]
    sums, totals = [math.fsum(each) for _, each in known], [len(each) for _, each in known]
    z = cochran_armitage(sums, totals, [step for step, _ in known]) if known else None
    if z is None:
        return None
    rates = [x / n for x, n in zip(sums, totals, strict=True)]
    monotone = all(after <= before for before, after in itertools.pairwise(rates))
    clusters = {item.cluster(scope) for item in scored if item.band in BANDS}
    if len(clusters) == sum(totals):
        return Trend(z, normal_tail(-z), somers_d(sums, totals), monotone)
    shared = min((z, _clustered_trend(scored, scope)), key=abs)
    p = t_tail(-shared, len(clusters) - 1) if len(clusters) > 1 else 1.0
    return Trend(shared, p, somers_d(sums, totals), monotone)


def _clustered_trend(scored: Sequence[Item], scope: Scope) -> float:
    """The trend's sum over its error if only clusters are independent (CR1); 0.0 where that is not known."""
    known = [(BANDS.index(item.band), item.score or 0.0, item.cluster(scope)) for item in scored if item.band in BANDS]
    step = math.fsum(at for at, _, _ in known) / len(known)
    rate = math.fsum(score for _, score, _ in known) / len(known)
    sums: dict[str, float] = {}
    for at, score, name in known:
        sums[name] = sums.get(name, 0.0) + (at - step) * (score - rate)
    spread = math.fsum(each**2 for each in sums.values()) * len(sums) / max(1, len(sums) - 1)
    return math.fsum(sums.values()) / math.sqrt(spread) if spread > 0 and len(sums) > 1 else 0.0


def _standing(rate: Estimate) -> Standing:
    if rate.value is None:
        return Standing.UNSCORED
    if rate.value in (0, 1):
        return Standing.SATURATED if rate.value == 1 else Standing.DEAD
    if rate.value >= HIGH:
        return Standing.NEARLY_SATURATED
    return Standing.NEARLY_DEAD if rate.value < LOW else Standing.INFORMATIVE


def _sentence(model: str, rows: Sequence[BandRow], best: BandRow | None) -> str:
    scored = [row for row in rows if row.standing is not Standing.UNSCORED]
    if not scored:
        return f"No band of {model} has a scored item, so none is known to be informative."
    if best is not None:
        others = [row for row in scored if row is not best]
        rest = f" The others: {listed([f'{row.name} is {row.standing}' for row in others])}." if others else ""
        return (
            f"The band that tells most about {model} is {best.name}: {percent(best.rate.value)} of"
            f" {best.rate.items} items pass{interval_text(best.rate)}.{rest}"
        )
    standings = {row.standing for row in scored}
    if standings == {Standing.SATURATED}:
        return f"No band is informative for {model}: all pass, so these items lie below what it can do."
    if standings == {Standing.DEAD}:
        return f"No band is informative for {model}: none passes, so these items lie above what it can do."
    return f"No band is clearly informative for {model}: {listed([f'{row.name} is {row.standing}' for row in scored])}."
