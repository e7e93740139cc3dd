"""Hooks that a `conftest.py` or another plugin may implement; see `docs/add-a-category.md`.

A `conftest.py` must lie where pytest reads it before it collects: in pytest's root folder, or beside an argument.
Where pytest-cereval is not always installed, implement a hook with `@pytest.hookimpl(optionalhook=True)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_cereval.api import Category, Property


@pytest.hookspec
def pytest_cereval_categories(config: pytest.Config) -> Category | Sequence[Category] | None:
    """Give categories of questions beside those of the package.

    :param pytest.Config config: the session's configuration; options are known, `cereval` settings are not read yet.
    :returns: one object with the methods of `pytest_cereval.api.Category`, several of them in a list, or None. Each has
        a `name`, which is a mark, a value of `--cereval-categories` and of `--cereval-gate`, and a `version`.

    Called once, when pytest is configured and an evaluation was asked for; else never. It is called in the controlling
    process, which makes the questions, and in every worker of xdist, which judges answers: all must give the same.
    Identity, version and a digest of the class' files go into caches and the record. Whatever this raises ends pytest
    with exit code 4.
    """


@pytest.hookspec
def pytest_cereval_properties(config: pytest.Config) -> Property | Sequence[Property] | None:
    """Give properties that answers of `code_generation` must have beside doing what the reference does.

    :param pytest.Config config: the session's configuration; options are known, `cereval` settings are not read yet.
    :returns: one object of a subclass of `pytest_cereval.api.Property`, several of them in a list, or None.

    Called when and where `pytest_cereval_categories` is. The properties' own methods are called in the controlling
    process while tasks are built, and wherever answers are judged.
    """


@pytest.hookspec
def pytest_cereval_attempt(config: pytest.Config, attempt: dict[str, Any]) -> None:
    """See an attempt as soon as it is in the record.

    :param pytest.Config config: the session's configuration.
    :param dict attempt: the attempt as a line of `results.jsonl` holds it, texts included; changing it changes nothing.
        Its texts are the model's: escape them, and run none of them.
    :returns: nothing that is looked at.

    Called once for each attempt, in the controlling process only, in the order in which attempts end. What it raises
    is told at the end of the session and changes neither the record nor the exit code.
    """
