"""Turns what the hooks of `conftest.py` files give into a `Registry`, and tells their hooks of attempts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.categories.guarded import Guarded
from pytest_cereval.categories.identity import failure, file_of, identified, shown
from pytest_cereval.categories.property import Property
from pytest_cereval.categories.registry import KNOWN, Registry
from pytest_cereval.categories.stated import Stated
from pytest_cereval.errors import CerevalError, ExtensionError
from pytest_cereval.results.apart import NATURAL
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.statistics.thresholds import ALL

_MARK = re.compile(r"\w+")
# Marks that pytest and its plugins act on, whether or not they are registered yet.
_MARKS = ("skip", "skipif", "xfail", "parametrize", "usefixtures", "filterwarnings", "tryfirst", "trylast", "timeout")
_MAX_SAYS = 300
_OUTCOMES = (SystemExit, pytest.fail.Exception, pytest.skip.Exception)  # no `Exception`, any of them


def registered(config: pytest.Config) -> Registry:
    """Our categories with what `conftest.py` files add; raises `ExtensionError` for what cannot be used."""
    marks = {found[0] for line in config.getini("markers") if (found := _MARK.match(line))}
    taken = {*KNOWN, NATURAL, *marks, *_MARKS, ALL, "documented", "inferred"}
    added: list[Guarded] = []
    givers = _givers(config, "pytest_cereval_categories")
    for found in _given(config, "pytest_cereval_categories"):
        identity = identified(found, "category", ("questions", "judge"), frozenset(taken), givers)
        taken.add(identity.name)
        added.append(Guarded(found, identity))
    stated: list[Stated] = []
    givers = _givers(config, "pytest_cereval_properties")
    for found in _given(config, "pytest_cereval_properties"):
        names = frozenset(each.identity.name for each in stated)
        stated.append(_stated(found, Stated(found, identified(found, "property", (), names, givers))))
    by_name: Callable[[Guarded | Stated], str] = lambda each: each.identity.name  # noqa: E731
    return Registry(tuple(sorted(added, key=by_name)), tuple(sorted(stated, key=by_name)))


class Listeners:
    """Tells `pytest_cereval_attempt` hooks of attempts; what they raise is kept in `faults`, each text once."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.faults: dict[str, None] = {}

    def tell(self, attempt: Attempt) -> None:
        """Give each hook a copy of the attempt."""
        hook = self._config.hook.pytest_cereval_attempt
        if not hook.get_hookimpls():
            return
        try:
            hook(config=self._config, attempt=attempt.to_dict())
        except (Exception, *_OUTCOMES) as error:  # noqa: BLE001 - somebody else's code, which must not break the record
            self.faults.setdefault(f"pytest_cereval_attempt raised {failure(error)}")


def _given(config: pytest.Config, name: str) -> list[Any]:
    """What the implementations of a hook return, as one list."""
    try:
        results = getattr(config.hook, name)(config=config)
    except CerevalError:
        raise
    except Exception as error:
        raise ExtensionError(f"{name} raised {failure(error)}", next_step="correct it in the conftest.py") from error
    found: list[Any] = []
    for result in results:
        if isinstance(result, str | bytes | dict):
            raise ExtensionError(f"{name} gives {shown(result)}", next_step="give an object, or a list of objects")
        found += result if isinstance(result, Sequence | set | frozenset) else [result]
    return found


def _givers(config: pytest.Config, name: str) -> list[Path]:
    """The files that implement a hook: with what an object is made is written there."""
    return [file for each in getattr(config.hook, name).get_hookimpls() for file in file_of(each.function)]


def _stated(found: Any, stated: Stated) -> Stated:
    """The property, if it is one; raises `ExtensionError` for what can never fail or says nothing."""
    who = f"property {stated.identity.name!r}"
    if not isinstance(found, Property):
        raise ExtensionError(
            f"{who} is no Property", next_step="make its class one of pytest_cereval.categories.property.Property"
        )
    says = found.says
    if not isinstance(says, str) or not 0 < len(says.strip()) <= _MAX_SAYS or not says.isprintable():
        raise ExtensionError(
            f"{who} says {str(says)[:80]!r}", next_step="give it `says`: one sentence for the question"
        )
    own = {each for each in ("applies", "breaks", "reads", "calls", "holds") if _overrides(found, each)}
    for needed in ("applies", "breaks"):
        if needed not in own:
            raise ExtensionError(f"{who} has no `{needed}`", next_step="write what docs/add-a-category.md lists")
    if "reads" not in own and not {"calls", "holds"} <= own:
        raise ExtensionError(f"{who} looks at nothing", next_step="write `reads`, or both `calls` and `holds`")
    return stated


def _overrides(found: Property, method: str) -> bool:
    return getattr(type(found), method) is not getattr(Property, method)
