"""Which code stands behind each category; the one place that knows all of them."""

from __future__ import annotations

from pytest_cereval.categories.audit.audit import Audit
from pytest_cereval.categories.category import Asked
from pytest_cereval.categories.generation import Generation
from pytest_cereval.categories.understanding.understanding import Understanding
from pytest_cereval.tasks.task import Category


def asked(category: Category) -> Asked:
    """What asks the questions of a category, and judges the answers."""
    return _KNOWN[category]


_KNOWN: dict[Category, Asked] = {
    Category.CODE_GENERATION: Generation(),
    Category.CODE_UNDERSTANDING: Understanding(),
    Category.SECURITY_AUDIT: Audit(),
}
KNOWN = tuple(_KNOWN)
"""The categories that can be asked for, in order."""


def named(text: str) -> tuple[Category, ...]:
    """The categories of a list with commas, in order; raises `ValueError` for a list with anything else in it."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or not set(names) <= set(KNOWN):
        raise ValueError(f"must be one or more of {', '.join(KNOWN)}")
    return tuple(category for category in KNOWN if category in names)
