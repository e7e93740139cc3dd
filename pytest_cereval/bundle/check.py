"""Defines what a verifier says: named checks, each with an outcome and its findings, and the exit code of them all."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pytest_cereval.errors import CerevalError

SHOWN = 40
"""Findings listed per check; the rest are counted."""


class Outcome(enum.StrEnum):
    """How a check ended. `UNCHECKED` was asked for and could not be done; `SKIPPED` was not asked for."""

    HOLDS = "holds"
    BROKEN = "BROKEN"
    UNCHECKED = "could not check"
    SKIPPED = "not asked for"


class ExitCode(enum.IntEnum):
    """How `cereval verify` ends; 2 is what click gives for a command line that cannot be used."""

    HOLDS = 0
    BROKEN = 1
    USAGE = 2
    UNCHECKED = 3

    @classmethod
    def of(cls, checks: Iterable[Check]) -> ExitCode:
        """Something broken outweighs something unchecked."""
        found = {each.outcome for each in checks}
        if Outcome.BROKEN in found:
            return cls.BROKEN
        return cls.UNCHECKED if Outcome.UNCHECKED in found else cls.HOLDS


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. about: what holds, or why it was not looked at. findings: what does not hold."""

    name: str
    outcome: Outcome
    about: str = ""
    findings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only."""
        return {
            "name": self.name,
            "outcome": self.outcome.value,
            "about": self.about,
            "findings": list(self.findings),
        }


def checked(name: str, about: str, find: Callable[[], Iterable[str]], doubt: str = "") -> Check:
    """Run one check on content that nobody vouches for; whatever it breaks over is a finding.

    doubt: why a finding may be due to this verifier instead; then it is told, but shows nothing broken.
    """
    try:
        findings = _few(find())
    except CerevalError as error:
        findings = (error.what,)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError, RecursionError) as error:
        findings = (f"it holds values that no run gives: {type(error).__name__}: {str(error)[:200]}",)
    if findings and doubt:
        return Check(name, Outcome.UNCHECKED, doubt, findings)
    return Check(name, Outcome.BROKEN if findings else Outcome.HOLDS, about, findings)


def unchecked(name: str, reasons: Sequence[str], about: str = "") -> Check:
    """A check that could not be done."""
    return Check(name, Outcome.UNCHECKED, about, _few(reasons))


def _few(findings: Iterable[str]) -> tuple[str, ...]:
    every = iter(findings)
    shown = tuple(islice(every, SHOWN))
    more = sum(1 for _ in every)
    return (*shown, f"… and {more} more") if more else shown
