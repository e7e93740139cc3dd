"""Ranks things."""


def ranked(items, limit=3):
    """The `limit` largest items, largest first; `ValueError` for a negative limit."""
    if limit < 0:
        raise ValueError(f"a negative limit: {limit}")
    return sorted(items, reverse=True)[:limit]
