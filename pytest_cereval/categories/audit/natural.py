"""Turns a checkout into the weaknesses that a pattern matcher suspects in it as it stands, with nothing planted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pytest_cereval.categories.audit.bandit import Pattern, patterns_below
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.repository import Checkout


@dataclass(frozen=True, slots=True)
class NaturalFinding:
    """A suspicion: `pattern` as Bandit gives it, and the name of the function around it, empty if there is none."""

    pattern: Pattern
    function: str

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only; `natural` tells it from what was planted."""
        return {**asdict(self.pattern), "function": self.function, "natural": True}


def natural_findings(checkout: Checkout, functions: Sequence[SourceFunction]) -> tuple[NaturalFinding, ...]:
    """All of them, in order of path and line; raises `OracleError` if Bandit is not installed or fails.

    They are listed and counted apart. Nothing says that they can be exploited.
    """
    found = patterns_below(checkout.runtime)
    return tuple(NaturalFinding(pattern, _function(pattern, functions)) for pattern in found)


def _function(pattern: Pattern, functions: Sequence[SourceFunction]) -> str:
    """The innermost function around a line."""
    around = [
        each for each in functions if each.path == pattern.path and each.first_line <= pattern.line <= each.last_line
    ]
    return max(around, key=lambda each: each.first_line).name if around else ""
