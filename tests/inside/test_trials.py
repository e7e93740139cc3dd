"""A variant is told apart by another outcome, or by inputs that cannot be made with it; never by a fault of ours."""

from __future__ import annotations

import base64
import pickle
import sys
import types
from typing import Any

import pytest

from pytest_cereval.inside import trials
from pytest_cereval.inside.subject import Subject
from pytest_cereval.inside.view import EVERYTHING

SOURCE = """
class Box:
    def __init__(self, size):
        self.size = size

    def __setstate__(self, state):
        if state["size"] > 2:
            self.size = state["size"]
        else:
            self.size = 0
"""


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = types.ModuleType("boxes")
    exec(SOURCE, vars(made))  # noqa: S102 - our own text
    monkeypatch.setitem(sys.modules, "boxes", made)
    return made


def subject_of(module: Any, name: str, calls: list[tuple[Any, ...]]) -> Subject:
    subject = Subject.__new__(Subject)
    subject.function = getattr(module.Box, name)
    subject.view = EVERYTHING
    subject.entries = [entry(*call) for call in calls]
    subject.before, subject.expected, subject.lines, subject.order, subject.edited = [], [], [], [], set()
    request = {"cpu_s": 10.0, "level": {}, "plain": SOURCE, "qualname": f"Box.{name}"}
    assert "cpu_s" in trials.expect(subject, request)
    return subject


def entry(*positional: Any) -> dict[str, Any]:
    call = {"names": ["self", "state"], "positional": list(positional), "star": (), "keyword": {}, "double_star": {}}
    return {"call": base64.b64encode(pickle.dumps(call)).decode()}


def tried(subject: Subject, source: str, qualname: str = "Box.__setstate__") -> dict[str, Any]:
    request = {"source": source, "qualname": qualname, "span": None, "start": 0, "cpu_s": 10.0}
    return trials.try_variant(subject, request)


def test_an_input_that_a_variant_cannot_rebuild_tells_it_apart(module: Any) -> None:
    subject = subject_of(module, "__setstate__", [(module.Box(3), {"size": 5})])
    found = tried(subject, SOURCE.replace('state["size"] > 2', 'state["volume"] > 2'))
    assert found["differs"] == [0]


def test_a_variant_that_does_the_same_is_not_told_apart(module: Any) -> None:
    subject = subject_of(module, "__setstate__", [(module.Box(3), {"size": 5})])
    assert tried(subject, SOURCE.replace("> 2", "> 1"))["differs"] == []


def test_a_fault_of_ours_tells_nothing(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = subject_of(module, "__setstate__", [(module.Box(3), {"size": 5})])

    def broken(*_: Any) -> str:
        raise KeyError("a slip of ours")

    monkeypatch.setattr(trials, "text_of", broken)
    found = tried(subject, SOURCE.replace("> 2", "> 7"))
    assert found == {"failed": "KeyError: a slip of ours"}
