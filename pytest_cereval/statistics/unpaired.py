"""Turns two independent groups of values into how often one is ahead, and how likely that is by chance."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from pytest_cereval.statistics.chance import DRAWS, shuffles

_EXACT = 20_000
"""Up to this many ways to label the values all of them are tried; above, `chance.DRAWS` of them are drawn."""
_ROUNDING = 1e-9


def cliffs_delta(first: Sequence[float], second: Sequence[float]) -> float | None:
    """How much more often a value of the first group is above one of the second than below it, from -1 to 1.

    (delta + 1) / 2 is the area under the ROC curve. None for an empty group.
    """
    if not first or not second:
        return None
    ahead = sum((one > other) - (one < other) for one in first for other in second)
    return ahead / (len(first) * len(second))


def label_permutation(first: Sequence[float], second: Sequence[float], *, seed: int = 0) -> float:
    """One-sided p value for a larger mean of the first: the share of labellings with at least this difference.

    Exact where there are few labellings, else from seeded draws. 1.0 for an empty group.
    """
    values, size = [*first, *second], len(first)
    if not first or not second:
        return 1.0
    # With the sum of all values fixed, the first group's sum orders the differences of means just as well.
    seen = math.fsum(first) - _ROUNDING
    ways = math.comb(len(values), size)
    if ways <= _EXACT:
        return sum(math.fsum(chosen) >= seen for chosen in itertools.combinations(values, size)) / ways
    hits = sum(math.fsum(values[at] for at in order[:size]) >= seen for order in shuffles(len(values), DRAWS, seed))
    return (hits + 1) / (DRAWS + 1)
