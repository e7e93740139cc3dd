"""Turns scores of several models into ranks, agreement between rankings, and groups that cannot be told apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence


def ranks(values: Sequence[float]) -> list[float]:
    """Rank 1 for the highest; equal values share the mean of their ranks."""
    return [sum(other > value for other in values) + (values.count(value) + 1) / 2 for value in map(float, values)]


def kendall_w(rankings: Sequence[Sequence[float]]) -> float | None:
    """Kendall's coefficient of concordance, 1 for full agreement, without a correction for ties.

    12 S / (m^2 (n^3 - n)) for m rankings of n things; None below two of either.
    """
    m, n = len(rankings), len(rankings[0]) if rankings else 0
    if m < 2 or n < 2:
        return None
    sums = [math.fsum(ranking[at] for ranking in rankings) for at in range(n)]
    centre = math.fsum(sums) / n
    return 12 * math.fsum((each - centre) ** 2 for each in sums) / (m**2 * (n**3 - n))


def holm(p_values: Sequence[float]) -> list[float]:
    """P values adjusted for their number, in the same order (Holm 1979)."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda at: p_values[at])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def tie_groups(order: Sequence[str], tied: Callable[[str, str], bool]) -> tuple[tuple[str, ...], ...]:
    """The longest stretches of a ranking in which no two differ; stretches may overlap."""
    found: list[tuple[str, ...]] = []
    reached = 0
    for start in range(len(order)):
        end = start + 1
        while end < len(order) and all(tied(order[before], order[end]) for before in range(start, end)):
            end += 1
        if end > reached:
            found.append(tuple(order[start:end]))
            reached = end
    return tuple(found)


def smallest_p(models: int) -> float:
    """The one-sided p value of perfect agreement between two rankings of so many models: 1/n!."""
    return 1 / math.factorial(models)
