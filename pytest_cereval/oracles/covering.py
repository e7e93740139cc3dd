"""Chooses few inputs that together do what all of them do."""

from __future__ import annotations

from collections.abc import Iterable, Set


def smallest_cover(wanted: Iterable[Set[str]]) -> set[str]:
    """Members such that every non-empty set of `wanted` holds one: the greedy set cover, ties by name.

    Greedy is within ln(n) + 1 of the smallest (Chvatal 1979, https://doi.org/10.1287/moor.4.3.233).
    """
    left = [group for group in wanted if group]
    chosen: set[str] = set()
    while left:
        counts: dict[str, int] = {}
        for group in left:
            for member in group:
                counts[member] = counts.get(member, 0) + 1
        best = min(counts, key=lambda member: (-counts[member], member))
        chosen.add(best)
        left = [group for group in left if best not in group]
    return chosen
