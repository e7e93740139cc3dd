"""Turns two arms on the same items into one of three verdicts: not worse than a margin, worse, or undecided.

Margin, alpha and what is claimed are said beforehand, in a `Plan`. "No significant difference" is never a pass: only a
bound that excludes a loss of the margin is.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_cereval.errors import SettingsError
from pytest_cereval.statistics.clustered import bank_error, mean_of
from pytest_cereval.statistics.distributions import normal_quantile
from pytest_cereval.statistics.paired import bonett_price, wild_cluster
from pytest_cereval.statistics.rates import FEWEST_REPOSITORIES
from pytest_cereval.statistics.records import Record
from pytest_cereval.statistics.samples import Item, Scope
from pytest_cereval.statistics.sizes import items_for_margin

FEW_CLUSTERS = 20
"""Below this, a pass needs the wild cluster bootstrap to agree: the t interval is too narrow for uneven clusters."""
_ROUNDING = 1e-12


class Verdict(enum.StrEnum):
    """What a gate says."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOT_EVALUATED = "NOT EVALUATED"


@dataclass(frozen=True, slots=True)
class Plan(Record):
    """What is said before the new run is looked at. margin: the loss in pass rate that is still accepted (0.05: five
    points). alpha: of each one-sided bound. seed: of the bootstrap. Raises `SettingsError` for values that decide
    nothing.
    """

    margin: float = 0.05
    alpha: float = 0.05
    scope: Scope = Scope.FUNCTIONS
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.margin < 1:
            raise SettingsError(
                f"a margin of {self.margin!r}", next_step="give a loss in pass rate between 0 and 1, such as 0.05"
            )
        if not 0 < self.alpha < 0.5:
            raise SettingsError(
                f"an alpha of {self.alpha!r}", next_step="give a chance of error between 0 and 0.5, such as 0.05"
            )


@dataclass(frozen=True, slots=True)
class Compared(Record):
    """Paired differences, new less old, with one-sided bounds. error: the larger standard error of those behind them.

    wild_p: of the wild cluster bootstrap against a loss of the margin, where there are few clusters.
    """

    difference: float
    lower: float
    upper: float
    error: float
    items: int
    clusters: int
    method: str
    wild_p: float | None

    def verdict(self, plan: Plan) -> Verdict:
        """PASS excludes a loss of the margin, FAIL excludes no loss at all."""
        agreed = self.wild_p is None or self.wild_p <= plan.alpha
        if self.lower > -plan.margin and agreed:
            return Verdict.PASS
        return Verdict.FAIL if self.upper < 0 else Verdict.INCONCLUSIVE

    def items_needed(self, plan: Plan) -> int:
        """Items that would decide with 80 % power: if nothing is lost or, where that many were not enough, if the
        difference is as observed.
        """
        variance = self.items * self.error**2
        needed = items_for_margin(variance, plan.margin, plan.alpha)
        if needed > self.items:
            return needed
        routes = [gap for gap in (plan.margin + self.difference, -self.difference) if gap > 0]
        return min(items_for_margin(variance, gap, plan.alpha) for gap in routes)


def fewest_clusters(alpha: float) -> int:
    """So many clusters have enough patterns of signs for the wild cluster bootstrap to show anything at `alpha`."""
    return math.ceil(-math.log2(alpha))


def pairs_of(old: Sequence[Item], new: Sequence[Item]) -> list[tuple[Item, Item]]:
    """Items of both arms by id, in order of the old; raises `SettingsError` naming some that only one arm has."""
    after = {item.id: item for item in new}
    before = {item.id for item in old}
    alone = [item.label for item in old if item.id not in after] + [item.label for item in new if item.id not in before]
    if alone:
        raise SettingsError(
            f"{len(alone)} items are in one of the two runs only, {alone[0]!r} among them",
            next_step="compare runs of the same tasks",
        )
    return [(item, after[item.id]) for item in old]


def compare_pairs(pairs: Sequence[tuple[Item, Item]], plan: Plan, *, worst: bool = False) -> Compared:
    """Bounds of the mean difference. `worst`: as if all that is missing had passed before and failed now.

    Whole differences (one sample, or samples that all agree): the wider of Bonett and Price's bounds and cluster t.
    Else cluster t, which is paired t where no cluster has two items. For fixed items: the normal bound from the spread
    of samples. Raises `SettingsError` where the scope cannot be claimed from these items.
    """
    known = list(pairs) if worst else [pair for pair in pairs if pair[0].passes and pair[1].passes]
    if not known:
        raise SettingsError("no item has a score in both runs", next_step="`cereval inspect RUN` shows what failed")
    scores = [_scores(pair, worst) for pair in known]
    differences = [after - before for before, after in scores]
    clusters = [old.cluster(plan.scope) for old, _ in known]
    if plan.scope is Scope.BANK:
        samples = [[max(2, each.samples + each.invalid) if worst else each.samples for each in pair] for pair in known]
        return _over_bank(samples, scores, differences, plan)
    groups = len(set(clusters))
    if plan.scope is Scope.REPOSITORIES and groups < FEWEST_REPOSITORIES:
        raise SettingsError(
            f"{groups} repositories are too few for a claim about others",
            next_step=f"compare runs on at least {FEWEST_REPOSITORIES} repositories, or claim less: functions or files",
        )
    return _over_clusters(differences, clusters, plan)


def _scores(pair: tuple[Item, Item], worst: bool) -> tuple[float, float]:
    old, new = pair
    if not worst:
        return old.score or 0.0, new.score or 0.0
    before = old.filled(True) if old.invalid or not old.passes else old.score or 0.0
    after = new.filled(False) if new.invalid or not new.passes else new.score or 0.0
    return before, after


def _over_clusters(differences: Sequence[float], clusters: Sequence[str], plan: Plan) -> Compared:
    mean = mean_of(differences, clusters)
    if mean.groups < 2 <= mean.n:
        raise SettingsError(
            f"all {mean.n} items lie in one cluster, which says nothing of {plan.scope.estimand}",
            next_step=f"claim less, for example {Scope.FUNCTIONS}",
        )
    bounds = mean.bounds(plan.alpha)
    lows, highs, errors, methods = [], [], [], []
    if bounds is not None:
        lows, highs, errors = [bounds[0]], [bounds[1]], [mean.error or 0.0]
        methods = ["paired t" if mean.independent else "cluster t"]
    whole = all(value in (-1, 0, 1) for value in differences)
    if whole or bounds is None or not mean.error or mean.error < _ROUNDING:
        regressed, improved = sum(value < 0 for value in differences), sum(value > 0 for value in differences)
        low, high = bonett_price(regressed, improved, mean.n, plan.alpha)
        lows, highs = [*lows, low], [*highs, high]
        errors.append((high - low) / 2 / normal_quantile(1 - plan.alpha))
        methods.insert(0, "Bonett-Price")
    wild = None
    if mean.groups < FEW_CLUSTERS:
        wild = wild_cluster(differences, clusters, -plan.margin, seed=plan.seed)
        wild = 1.0 if wild is None else wild
        methods.append("wild cluster bootstrap")
    method = " and ".join(methods)
    # The t interval of few clusters does not know that no two rates are further apart than one.
    low, high = max(-1.0, min(lows)), min(1.0, max(highs))
    return Compared(mean.value, low, high, max(errors), mean.n, mean.groups, method, wild)


def _over_bank(
    samples: Sequence[Sequence[int]],
    scores: Sequence[tuple[float, float]],
    differences: Sequence[float],
    plan: Plan,
) -> Compared:
    errors = [bank_error([score[arm] for score in scores], [counts[arm] for counts in samples]) for arm in (0, 1)]
    if errors[0] is None or errors[1] is None:
        raise SettingsError(
            "one sample of an item does not show the noise of generation",
            next_step="ask with two or more samples per task, or claim something about more functions",
        )
    mean, error = math.fsum(differences) / len(differences), math.hypot(errors[0], errors[1])
    reach = normal_quantile(1 - plan.alpha) * error
    n = len(differences)
    return Compared(mean, mean - reach, mean + reach, error, n, n, "normal, within items", None)
