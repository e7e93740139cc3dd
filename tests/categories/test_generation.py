"""Code generation: a pass needs right behaviour and the stated constraints kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pytest_cereval.categories.category import Room
from pytest_cereval.categories.generation import Generation
from pytest_cereval.oracles.oracle import Judged
from pytest_cereval.results.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A room in which each answer comes to the same."""

    judged: Judged
    oracle: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(planted={}))

    def behaves(self, text: str, *, shrink: bool = True) -> Judged:
        return self.judged


def judged(verdict: Verdict, **evidence: Any) -> Judged:
    room = Behaviour(Judged(verdict, "told", evidence, "def f(): ...", claimed=True))
    return Generation().judge(cast(Room, room), "an answer")


def test_a_right_answer_that_breaks_a_constraint_does_not_pass() -> None:
    found = judged(Verdict.PASS, constraints=["uses eval"])

    assert found.verdict is Verdict.FAIL_UNSAFE
    assert found.detail.endswith("uses eval")
    assert found.claimed


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.FAIL_WRONG])
def test_otherwise_behaviour_decides(verdict: Verdict) -> None:
    broken = {} if verdict is Verdict.PASS else {"constraints": ["uses eval"]}

    assert judged(verdict, **broken).verdict is verdict
