"""Turns what became of a function, certified, asked about or refused, into the content of a cache file, and back."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pytest_cereval.oracles.cases import Certified
from pytest_cereval.oracles.certificate import Certificate, Input
from pytest_cereval.oracles.sessions import file_of
from pytest_cereval.oracles.tested import Tests
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.ledger import LedgerEntry
from pytest_cereval.tasks.question import Question


def outcome_from(data: dict[str, Any]) -> Certified | LedgerEntry:
    """What became of a function, from its file."""
    if "ledger" in data:
        return LedgerEntry.from_dict(data["ledger"])
    certified = data["certified"]
    return Certified(
        function=SourceFunction.from_dict(certified["function"]),
        certificate=Certificate.from_dict(certified["certificate"]),
        visible=tuple(Input.from_dict(item) for item in certified["visible"]),
        hidden=tuple(Input.from_dict(item) for item in certified["hidden"]),
        core=certified["core"],
        tests=Tests.from_dict(certified["tests"]) if certified["tests"] else None,
        events=tuple(certified["events"]),
    )


def outcome_dict(outcome: Certified | LedgerEntry) -> dict[str, Any]:
    """The inverse of `outcome_from`."""
    return {"ledger": outcome.to_dict()} if isinstance(outcome, LedgerEntry) else {"certified": certified_dict(outcome)}


def certified_dict(item: Certified) -> dict[str, Any]:
    """JSON builtins only."""
    return {
        "function": item.function.to_dict(),
        "certificate": item.certificate.to_dict(),
        "visible": [entry.to_dict() for entry in item.visible],
        "hidden": [entry.to_dict() for entry in item.hidden],
        "core": item.core,
        "tests": item.tests.to_dict() if item.tests else None,
        "events": list(item.events),
    }


def questions_from(data: dict[str, Any]) -> tuple[Question, ...] | LedgerEntry:
    """What is asked about a function, from its file."""
    if "ledger" in data:
        return LedgerEntry.from_dict(data["ledger"])
    return tuple(Question.from_dict(each) for each in data["questions"])


def questions_dict(told: tuple[Question, ...] | LedgerEntry) -> dict[str, Any]:
    """JSON builtins only."""
    if isinstance(told, LedgerEntry):
        return {"ledger": told.to_dict()}
    return {"questions": [each.to_dict() for each in told]}


def what_judges(item: Certified, full: Path) -> tuple[str, ...]:
    """Digests, sorted, of the hidden inputs, or of the tests that stand for them, each with the text of its file."""
    digests = [entry.digest for entry in item.hidden]
    for test in item.tests.ids if item.tests else ():
        digests.append(hashlib.sha256(test.encode() + b"\0" + (full / file_of(test)).read_bytes()).hexdigest())
    return tuple(sorted(digests))
