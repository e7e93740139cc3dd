"""What is bound anew, gone, or has other code in the test machinery is named."""

from __future__ import annotations

import builtins
import sys
import types
import unittest

import pytest
from _pytest.reports import TestReport as Report

from pytest_cereval.inside.guard import Guard, strangers


@pytest.fixture
def guard() -> Guard:
    return Guard()


def test_nothing_has_changed_at_first(guard: Guard) -> None:
    assert guard.changed() == []


def test_another_builtin_is_named(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(builtins, "sorted", lambda items: items)
        patch.setattr(builtins, "sorted_as_well", len, raising=False)
        changed = guard.changed()
    assert changed == ["builtins.sorted", "builtins.sorted_as_well"]


def test_other_code_in_the_same_function_is_named(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        other = (lambda self, first, second, msg=None: None).__code__
        patch.setattr(unittest.TestCase.assertEqual, "__code__", other)
        changed = guard.changed()
    assert changed == ["unittest.TestCase.assertEqual"]


def test_another_way_to_report_is_named(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Report, "from_item_and_call", classmethod(lambda cls, item, call: None))
        changed = guard.changed()
    assert changed == ["_pytest.reports.TestReport.from_item_and_call"]


def test_an_import_hook_is_named(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "meta_path", [*sys.meta_path, object()])
        changed = guard.changed()
    assert changed == ["sys.meta_path"]


def test_names_that_tests_get_are_named(guard: Guard) -> None:
    space = {"f": len}
    guard.watch("tests.some", space)
    assert guard.changed() == []
    space["__warningregistry__"] = len
    space["sorted"] = len
    del space["f"]
    assert guard.changed() == ["tests.some.f", "tests.some.sorted"]


def test_functions_of_a_file_in_foreign_modules_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    foreign, own = types.ModuleType("foreign"), types.ModuleType("own")
    own.__file__ = "/repo/own.py"
    for module in (foreign, own):
        monkeypatch.setitem(sys.modules, module.__name__, module)
        module.close = eval(compile("lambda: None", "/repo/answer.py", "eval"))  # type: ignore[attr-defined]  # noqa: S307
    assert strangers("/repo/answer.py", "/repo") == ["foreign.close"]
