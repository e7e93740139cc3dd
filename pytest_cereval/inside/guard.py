"""Tells what of the test machinery is no longer what it was: names bound anew, functions with other code.

In the same process as what it watches, so a hint and never a proof: an answer that goes to the length of restoring what
it changed, or of changing this, is not seen. Standard library and pytest.
"""

from __future__ import annotations

import builtins
import importlib
import sys
import types
import unittest
from collections.abc import Iterator, Mapping
from typing import Any

# Copies of its own, so that binding a builtin anew does not blind the guard as well.
globals().update({name: value for name, value in vars(builtins).items() if not name.startswith("_")})
_WATCHED = (
    ("_pytest.runner", "", "CallInfo"),
    ("_pytest.reports", "", "TestReport", "BaseReport"),
    ("_pytest.python", "", "Function"),
    ("_pytest.unittest", "", "TestCaseFunction"),
    ("_pytest.outcomes", ""),
    ("_pytest.python_api", ""),
    ("pytest", ""),
    ("json", ""),
)
_MAX_MODULES = 2000


class Guard:
    """A picture of namespaces; `changed` names what has been bound anew since, is gone, or has other code."""

    def __init__(self) -> None:
        self._holders: list[tuple[str, Mapping[str, Any], dict[str, Any], bool]] = []
        self._finders = list(sys.meta_path)
        for name, space in _spaces():
            self.watch(name, space, closed=name == "builtins")

    def watch(self, name: str, space: Mapping[str, Any], *, closed: bool = True) -> None:
        """Look at one more namespace from now on; in a `closed` one new names count as well."""
        self._holders.append((name, space, {key: _identity(value) for key, value in space.items()}, closed))

    def changed(self) -> list[str]:
        """Names such as `builtins.len`, sorted."""
        found = [] if sys.meta_path == self._finders else ["sys.meta_path"]
        for name, space, before, closed in self._holders:
            new = [key for key in list(space) if closed and key not in before and not key.startswith("__")]
            found += [f"{name}.{key}" for key in new]
            for key, value in before.items():
                if key not in space or not _same(value, _identity(space[key])):
                    found.append(f"{name}.{key}")
        return sorted(set(found))


def strangers(file: str, root: str) -> list[str]:
    """Names in modules from outside `root` that are bound to functions of `file`, sorted."""
    found = []
    for name, module in list(sys.modules.items())[:_MAX_MODULES]:
        home = getattr(module, "__file__", None)
        if not isinstance(module, types.ModuleType) or (isinstance(home, str) and home.startswith(f"{root}/")):
            continue
        for key, value in list(vars(module).items()):
            if isinstance(value, types.FunctionType) and value.__code__.co_filename == file:
                found.append(f"{name}.{key}")
    return sorted(found)


def _spaces() -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "builtins", vars(builtins)
    yield "unittest.TestCase", vars(unittest.TestCase)
    yield "unittest.TestResult", vars(unittest.TestResult)
    for name, *holders in _WATCHED:
        try:
            module = importlib.import_module(name)
        except ImportError:  # another version of pytest
            continue
        for holder in holders:
            space = getattr(module, holder, None) if holder else module
            if space is not None:
                yield (f"{name}.{holder}" if holder else name), vars(space)


def _identity(value: Any) -> tuple[Any, Any]:
    function = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
    return value, function.__code__ if isinstance(function, types.FunctionType) else None


def _same(left: tuple[Any, Any], right: tuple[Any, Any]) -> bool:
    return left[0] is right[0] and left[1] is right[1]
