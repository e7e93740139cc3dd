"""Turns runs of several models on several repositories into a table, and says how far their order can be trusted."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_cereval.errors import SettingsError
from pytest_cereval.statistics.chance import resamples
from pytest_cereval.statistics.distributions import kendall_tau_b
from pytest_cereval.statistics.noninferiority import Plan, compare_pairs
from pytest_cereval.statistics.paired import mcnemar_two_sided, sign_flip
from pytest_cereval.statistics.ranks import holm, kendall_w, ranks, smallest_p, tie_groups
from pytest_cereval.statistics.rates import Estimate, pass_rate
from pytest_cereval.statistics.records import Record
from pytest_cereval.statistics.samples import Item, Scope
from pytest_cereval.statistics.text import counted, percent

ALL = "all"
ALPHA = 0.05
DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Arm:
    """One run: a model on a repository."""

    model: str
    repository: str
    run_id: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Cell(Record):
    """One rate of the table and the run behind it."""

    model: str
    repository: str
    run_id: str
    rate: Estimate


@dataclass(frozen=True, slots=True)
class Difference(Record):
    """Two models on the same items, first less second. low, high: two-sided 95 %. p: two-sided, `adjusted` by Holm."""

    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    adjusted: float
    tied: bool


@dataclass(frozen=True, slots=True)
class Ranking(Record):
    """The models in order, on the items that all of them have a score on; left_out: items that some have none on.

    first: how often each model comes first when items are drawn again. groups: models that cannot be told apart.
    """

    repository: str
    items: int
    left_out: int
    order: tuple[str, ...]
    rates: dict[str, float]
    first: dict[str, float]
    differences: tuple[Difference, ...]
    groups: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Stability(Record):
    """Whether repositories order the models alike. tau: mean tau-b over pairs of repositories; low, high: its range
    with one repository left out. smallest_p: of perfect agreement between two, so many models allow no less.
    """

    repositories: tuple[str, ...]
    tau: float | None
    low: float | None
    high: float | None
    concordance: float | None
    smallest_p: float


@dataclass(frozen=True, slots=True)
class Comparison(Record):
    """The whole table. rankings: one per repository with two models, then one for all that every model was run on."""

    models: tuple[str, ...]
    repositories: tuple[str, ...]
    cells: tuple[Cell, ...]
    rankings: tuple[Ranking, ...]
    stability: Stability | None
    sentence: str


def compare_arms(arms: Sequence[Arm], scope: Scope = Scope.FUNCTIONS, *, seed: int = 0) -> Comparison:
    """Put runs side by side; that their conditions agree is checked elsewhere (`conditions`).

    Raises `SettingsError` for two runs of the same model on the same repository, or fewer than two runs.
    """
    table: dict[tuple[str, str], Arm] = {}
    for arm in arms:
        if (arm.model, arm.repository) in table:
            other = table[arm.model, arm.repository].run_id
            raise SettingsError(
                f"runs {other!r} and {arm.run_id!r} are both of {arm.model} on {arm.repository}",
                next_step="compare one run per model and repository",
            )
        table[arm.model, arm.repository] = arm
    if len(table) < 2:
        raise SettingsError("fewer than two runs to compare", next_step="name two or more runs")
    models = tuple(dict.fromkeys(arm.model for arm in arms))
    repositories = tuple(dict.fromkeys(arm.repository for arm in arms))
    cells = tuple(Cell(a.model, a.repository, a.run_id, pass_rate(a.model, a.items, scope)) for a in table.values())
    rankings = [
        ranking
        for name in repositories
        if (ranking := _ranking(name, {m: table[m, name].items for m in models if (m, name) in table}, scope, seed))
    ]
    shared = [name for name in repositories if all((model, name) in table for model in models)]
    if len(shared) > 1:
        pooled = {model: [item for name in shared for item in table[model, name].items] for model in models}
        pooled_ranking = _ranking(ALL, pooled, scope, seed)
        rankings += [pooled_ranking] if pooled_ranking else []
    stability = _stability([each for each in rankings if each.repository in shared], models)
    met = len({arm.repository for arm in arms}) < len(table)
    return Comparison(models, repositories, cells, tuple(rankings), stability, _sentence(rankings, met=met))


def first_place(rows: Sequence[Sequence[float]], clusters: Sequence[str], *, seed: int = 0) -> list[float]:
    """How often each column has the highest mean when clusters of rows are drawn again; equal firsts share."""
    import numpy as np

    names = list(dict.fromkeys(clusters))
    at = {name: index for index, name in enumerate(names)}
    sums = np.zeros((len(names), len(rows[0])))
    for row, name in zip(rows, clusters, strict=True):
        sums[at[name]] += row
    # The mean divides every column by the same number of rows, so sums order the models just as well.
    wins = np.zeros(sums.shape[1])
    for chosen in resamples(len(names), DRAWS, seed):
        total = sums[chosen].sum(axis=0)
        best = total > total.max() - 1e-9
        wins += best / best.sum()
    return [float(each) / DRAWS for each in wins]


def _ranking(name: str, models: Mapping[str, Sequence[Item]], scope: Scope, seed: int) -> Ranking | None:
    known = {model: {item.id: item for item in items if item.passes} for model, items in models.items()}
    if len(known) < 2:
        return None
    common = [item for item in next(iter(known.values())) if all(item in other for other in known.values())]
    if not common:
        return None
    rows = [[items[item].score or 0.0 for items in known.values()] for item in common]
    means = [math.fsum(column) / len(common) for column in zip(*rows, strict=True)]
    rates = dict(zip(known, means, strict=True))
    order = tuple(sorted(rates, key=lambda model: (-rates[model], model)))
    clusters = [next(iter(known.values()))[item].cluster(scope) for item in common]
    shares = first_place(rows, clusters, seed=seed)
    differences = _differences(order, known, common, scope, seed)
    tied = {(each.first, each.second): each.tied for each in differences}
    return Ranking(
        repository=name,
        items=len(common),
        left_out=len({item.id for items in models.values() for item in items}) - len(common),
        order=order,
        rates=rates,
        first=dict(zip(known, shares, strict=True)),
        differences=differences,
        groups=tie_groups(order, lambda first, second: tied[first, second]),
    )


def _differences(
    order: Sequence[str], known: Mapping[str, Mapping[str, Item]], common: Sequence[str], scope: Scope, seed: int
) -> tuple[Difference, ...]:
    plan = Plan(alpha=ALPHA / 2, scope=scope, seed=seed)
    found = []
    for first, second in itertools.combinations(order, 2):
        pairs = [(known[second][item], known[first][item]) for item in common]
        found.append((first, second, compare_pairs(pairs, plan), _p_value(pairs, scope, seed)))
    adjusted = holm([p for *_, p in found])
    return tuple(
        Difference(first, second, each.difference, each.lower, each.upper, p, better, better > ALPHA)
        for (first, second, each, p), better in zip(found, adjusted, strict=True)
    )


def _p_value(pairs: Sequence[tuple[Item, Item]], scope: Scope, seed: int) -> float:
    """Two-sided: McNemar's mid-p for whole, independent differences, else flips of the signs of clusters."""
    differences = [(new.score or 0.0) - (old.score or 0.0) for old, new in pairs]
    clusters = [old.cluster(scope) for old, _ in pairs]
    if len(set(clusters)) == len(clusters) and all(each in (-1, 0, 1) for each in differences):
        return mcnemar_two_sided(sum(each < 0 for each in differences), sum(each > 0 for each in differences))[1]
    both = (sign_flip(sided, clusters, seed=seed) for sided in (differences, [-each for each in differences]))
    return min(1.0, 2 * min(both))


def _stability(rankings: Sequence[Ranking], models: Sequence[str]) -> Stability | None:
    if len(rankings) < 2 or len(models) < 2:
        return None
    rates = {each.repository: [each.rates[model] for model in models] for each in rankings}
    tau = _mean_tau(list(rates.values()))
    without = (
        [_mean_tau([rates[other] for other in rates if other != left]) for left in rates] if len(rates) > 2 else []
    )
    known = [each for each in without if each is not None]
    return Stability(
        repositories=tuple(rates),
        tau=tau,
        low=min(known, default=None),
        high=max(known, default=None),
        concordance=kendall_w([ranks(each) for each in rates.values()]),
        smallest_p=smallest_p(len(models)),
    )


def _mean_tau(rates: Sequence[Sequence[float]]) -> float | None:
    found = [kendall_tau_b(first, second) for first, second in itertools.combinations(rates, 2)]
    known = [each for each in found if each is not None]
    return math.fsum(known) / len(known) if known else None


def _sentence(rankings: Sequence[Ranking], *, met: bool) -> str:
    if not rankings:
        what = "item has a score of every model" if met else "two models share a repository"
        return f"No {what}, so no order can be given."
    last = rankings[-1]
    groups = " > ".join(" = ".join(group) for group in last.groups)
    best = last.order[0]
    where = "all shared repositories" if last.repository == ALL else last.repository
    overlap = "" if sum(map(len, last.groups)) == len(last.order) else " Groups overlap: the order is not settled."
    return (
        f"On {counted(last.items, 'item')} of {where}: {groups} (models joined by = cannot be told apart at the 5 %"
        f" level, Holm-adjusted). {best} comes first in {percent(last.first[best])} of redrawn item sets.{overlap}"
    )
