"""Holds the function on which a run's judge is tried before it judges a model: small, exact, easy to get wrong."""

from __future__ import annotations


def ranked(items: list[int], limit: int = 3) -> list[int]:
    """The `limit` largest items, largest first; `ValueError` for a negative limit."""
    if limit < 0:
        raise ValueError(f"a negative limit: {limit}")
    return sorted(items, reverse=True)[:limit]
