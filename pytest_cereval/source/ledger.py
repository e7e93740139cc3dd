"""Accounts for every function: it became a task, or one named reason says why not."""

from __future__ import annotations

import enum
from dataclasses import asdict, dataclass
from typing import Any


class Reason(enum.StrEnum):
    """Why a function or file yields no task; each value is a stable name for exports."""

    UNPARSABLE = "unparsable file"
    NESTED = "nested in another function"
    TRIVIAL = "empty body"
    SHADOWED = "redefined later in the same file"
    NOT_CALLED = "never called by the repository's tests"
    OUT_OF_TIME = "not called in the time for recording"
    UNPICKLABLE = "arguments cannot be recorded by value"
    UNREACHABLE = "not reachable after import"
    UNBUILT = "arguments cannot be rebuilt without the tests"
    UNOBSERVABLE = "result cannot be shown as data"
    UNREPRODUCIBLE = "calls differ between two recordings"
    UNSTABLE = "reference differs between replays"
    CRASHED = "the reference process ends while its calls are replayed"
    WEAK_STUB = "an emptied body passes"
    WEAK_MUTANTS = "too many mutants survive"
    REJECTS_REWRITE = "a behaviour-preserving rewrite fails"
    BROKEN_PIPELINE = "the reference fails as a candidate"
    NO_FAULT = "no injected bug could be certified"
    NO_WEAKNESS = "no weakness could be planted and exploited"
    UNFIT = "nothing to ask in a category of a conftest.py"
    UNPROVED = "a property of a conftest.py could not be shown"
    NO_FINDING = "no natural finding that an exploit could confirm"
    INTERNAL = "pytest-cereval itself failed on it"
    NOT_SELECTED = "not selected by the limit"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One function (or unparsable file, with an empty `function`) that yields no task, and why.

    `category` is empty where this holds for every category, else the one for which it does.
    """

    function: str
    path: str
    line: int
    reason: Reason
    detail: str = ""
    category: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only."""
        return asdict(self) | {"reason": self.reason.value}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> LedgerEntry:
        """The inverse of `to_dict`; raises `ValueError` for an unknown reason."""
        return cls(**(data | {"reason": Reason(data["reason"])}))
