"""What is said of an answer outside its verdict, in lines that people read."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cereval.report.remarks import KEYS, remarks
from pytest_cereval.report.text import other_evidence

EVIDENCE: dict[str, Any] = {
    "constraints": ["uses eval"],
    "lint": [{"tool": "ruff", "code": "F821", "line": 3, "message": "Undefined name `x`"}],
    "dependencies": {
        "mentions": {},
        "findings": [{"flaw": "fabricated_package", "name": "fastjsonx", "line": 1, "times": 1, "guarded": True}],
        "unchecked": 0,
        "problem": "",
    },
    "screening": {"findings": [{"cwe": 78, "code": "B602", "line": 4, "severity": "high", "message": "shell=True"}]},
}


def test_each_kind_has_its_lines() -> None:
    assert [lines for _, lines in remarks(EVIDENCE)] == [
        ["uses eval"],
        ["line 3: F821 Undefined name `x` (ruff)"],
        ["line 1: fastjsonx (fabricated package, guarded)"],
        ["line 4: CWE-78 B602 shell=True"],
    ]


def test_what_has_nothing_to_say_is_not_mentioned() -> None:
    assert remarks({"dependencies": {"mentions": {"package": {"os": 1}}, "findings": [], "problem": ""}}) == []


def test_why_nothing_was_looked_up_is_said() -> None:
    told = remarks({"dependencies": {"problem": "cannot be read"}, "screening": {"failed": "bandit ended"}})

    assert [lines for _, lines in told] == [["not looked up: cannot be read"], ["not screened: bandit ended"]]


@pytest.mark.parametrize("odd", [None, 3, "text", [3], {"findings": [3]}, {"findings": None}])
def test_a_record_of_another_shape_harms_nothing(odd: Any) -> None:
    for key in KEYS:
        remarks({key: odd})


def test_text_of_a_model_is_made_safe_in_them() -> None:
    (row,) = other_evidence({"constraints": ["uses \x1b[2J\nforged line"]})

    assert row[1] == "uses \\x1b[2J\\nforged line"
