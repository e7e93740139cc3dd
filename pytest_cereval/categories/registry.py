"""Which code stands behind each category; the one place that knows all of them, those of a `conftest.py` included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_cereval.categories.audit.audit import Audit
from pytest_cereval.categories.audit.suspected import Suspected
from pytest_cereval.categories.category import Asked
from pytest_cereval.categories.generation import Generation
from pytest_cereval.categories.guarded import Guarded
from pytest_cereval.categories.stated import Stated
from pytest_cereval.categories.understanding.understanding import Understanding
from pytest_cereval.errors import ExtensionError
from pytest_cereval.results.apart import NATURAL
from pytest_cereval.tasks.task import Category

_OURS: dict[str, Asked] = {
    Category.CODE_UNDERSTANDING: Understanding(),
    Category.SECURITY_AUDIT: Audit(),
    NATURAL: Suspected(),
}
KNOWN = tuple(Category)
"""The package's own categories, in order; natural findings are asked about beside them, where that is wanted."""


@dataclass(frozen=True, slots=True)
class Registry:
    """The categories of a run: ours, and what a `conftest.py` `added`; `stated` are demands on `code_generation`."""

    added: tuple[Guarded, ...] = ()
    stated: tuple[Stated, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All categories that can be asked for, in order."""
        return (*KNOWN, *(each.identity.name for each in self.added))

    def asked(self, category: str) -> Asked:
        """What asks the questions of a category and judges the answers; raises `ExtensionError` if nobody here does."""
        if category == Category.CODE_GENERATION:
            return Generation(self.stated)
        added = {each.identity.name: each for each in self.added}
        found = _OURS.get(category) or added.get(category)
        if found is None:
            raise ExtensionError(
                f"category {category!r} is one of a conftest.py, which is not here",
                next_step="use pytest in the folder of that conftest.py; `cereval` commands read none",
            )
        return found

    def identities(self, category: str = "") -> list[dict[str, str]]:
        """What a `conftest.py` has to do with a category, or with any."""
        stated = [each.identity for each in self.stated if category in ("", Category.CODE_GENERATION)]
        added = [each.identity for each in self.added if category in ("", each.identity.name)]
        return [each.to_dict() for each in (*added, *stated)]

    def told(self) -> dict[str, Any]:
        """For settings that shape a suite; empty where no `conftest.py` adds anything."""
        return {"extensions": self.identities()} if self.added or self.stated else {}

    def named(self, text: str) -> tuple[str, ...]:
        """The categories of a list with commas, in order; raises `ValueError` for a list with anything else in it."""
        names = [name.strip() for name in text.split(",") if name.strip()]
        if not names or not set(names) <= set(self.names):
            raise ValueError(f"must be one or more of {', '.join(self.names)}")
        return tuple(category for category in self.names if category in names)


BUILT_IN = Registry()


def asked(category: str) -> Asked:
    """What asks the questions of one of our categories, and judges the answers."""
    return BUILT_IN.asked(category)


def named(text: str) -> tuple[str, ...]:
    """As `Registry.named`, of our categories."""
    return BUILT_IN.named(text)
