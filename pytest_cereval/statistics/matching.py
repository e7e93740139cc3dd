"""Turns two arms of items into pairs alike in length, complexity, category and repository, and says how alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pytest_cereval.errors import SettingsError
from pytest_cereval.statistics.distributions import best_pairs
from pytest_cereval.statistics.records import Record

WIDEST = 1.5
"""Items of a pair are never further apart in length than by this factor."""
_COMPLEXITY, _REPOSITORY = 0.1, 0.01
_NEVER = 1e6


@dataclass(frozen=True, slots=True)
class ArmItem(Record):
    """One item of an arm. length: lines of the function. complexity: cyclomatic, or any other measure from 1 on.

    score: the share of samples that pass, None where nothing is scored. function: what several items may share.
    """

    id: str
    score: float | None
    length: float
    complexity: float
    category: str = ""
    repository: str = ""
    function: str = ""

    @property
    def cluster(self) -> str:
        """What the item shares its luck with."""
        return "\n".join((self.repository, self.function or self.id))


@dataclass(frozen=True, slots=True)
class Pair(Record):
    """Two items that were taken for alike."""

    stale: ArmItem
    fresh: ArmItem


@dataclass(frozen=True, slots=True)
class Balance(Record):
    """How alike the arms are in one covariate. smd: standardised mean difference, stale less fresh.

    `balanced` asks for |smd| <= 0.1 and, for numbers, variances within a factor of two. smd is None, and the covariate
    not balanced, where both arms are constant and differ.
    """

    covariate: str
    stale: float
    fresh: float
    smd_before: float | None
    smd: float | None
    variance_ratio: float | None
    balanced: bool


def match(stale: Sequence[ArmItem], fresh: Sequence[ArmItem], *, widest: float = WIDEST) -> tuple[Pair, ...]:
    """As many pairs as there can be, together as near as they can be; each item is in one pair at most.

    Categories agree exactly, lengths within the factor `widest`. Among these, nearness in log length counts ten times
    as much as in log complexity, and that more than another repository. Items without a score take no part. Raises
    `SettingsError` for lengths or complexities that are not positive.
    """
    arms = [
        sorted((each for each in arm if each.score is not None), key=lambda each: each.id) for arm in (stale, fresh)
    ]
    for each in (*arms[0], *arms[1]):
        if not (each.length > 0 and each.complexity > 0):
            raise SettingsError(
                f"item {each.id!r} has length {each.length!r} and complexity {each.complexity!r}",
                next_step="give numbers above 0 for both, or leave the item out",
            )
    pairs: list[Pair] = []
    for category in sorted({each.category for each in arms[0]}):
        ours, theirs = ([each for each in arm if each.category == category] for arm in arms)
        cost = [[_distance(one, other, widest) for other in theirs] for one in ours]
        found = best_pairs(cost)
        pairs += [Pair(ours[row], theirs[column]) for row, column in found if cost[row][column] < _NEVER]
    return tuple(pairs)


def balance(stale: Sequence[ArmItem], fresh: Sequence[ArmItem], pairs: Sequence[Pair]) -> tuple[Balance, ...]:
    """The table of covariates before and after matching; one row per category where there are several."""
    measures: list[tuple[str, Callable[[ArmItem], float]]] = [
        ("log length", lambda each: math.log(each.length)),
        ("log complexity", lambda each: math.log(each.complexity)),
    ]
    categories = sorted({each.category for each in (*stale, *fresh)})
    if len(categories) > 1:
        measures += [(f"category {name}", _is_category(name)) for name in categories]
    rows = []
    for name, measure in measures:
        before = smd([measure(each) for each in stale], [measure(each) for each in fresh])
        rows.append(_row(name, [measure(p.stale) for p in pairs], [measure(p.fresh) for p in pairs], before))
    return tuple(rows)


def smd(first: Sequence[float], second: Sequence[float]) -> float | None:
    """The difference of means over the root of the mean variance; None where it is not defined."""
    if min(len(first), len(second)) < 2:
        return None
    spread = math.sqrt((_variance(first) + _variance(second)) / 2)
    gap = _mean(first) - _mean(second)
    if spread < 1e-12:
        return 0.0 if abs(gap) < 1e-12 else None
    return gap / spread


def _distance(one: ArmItem, other: ArmItem, widest: float) -> float:
    length = abs(math.log(one.length / other.length))
    if length > math.log(widest) + 1e-9:
        return _NEVER
    complexity = abs(math.log(one.complexity / other.complexity))
    return length + _COMPLEXITY * complexity + _REPOSITORY * (one.repository != other.repository)


def _is_category(name: str) -> Callable[[ArmItem], float]:
    return lambda each: float(each.category == name)


def _row(name: str, stale: Sequence[float], fresh: Sequence[float], before: float | None) -> Balance:
    after = smd(stale, fresh)
    numbers = min(len(stale), len(fresh)) > 1 and not name.startswith("category")
    ratio = _variance(stale) / _variance(fresh) if numbers and _variance(fresh) > 1e-12 else None
    even = after is not None and abs(after) <= 0.1 and (ratio is None or 0.5 <= ratio <= 2)
    return Balance(name, _mean(stale), _mean(fresh), before, after, ratio, even)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def _variance(values: Sequence[float]) -> float:
    mean = _mean(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
