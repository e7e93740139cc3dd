"""Says what an oracle is: something that turns a candidate into a `Finding`, a verdict with its evidence."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from pytest_cereval.oracles.candidate import Candidate
from pytest_cereval.results.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict, why in one line (`detail`), and what it stands on.

    `evidence` holds JSON builtins only: `checked` and `differing` count hidden inputs, `hidden` is how many
    there are, `smallest` the shortest differing call with `expected`, `observed`, `aspect` and `where`, or
    null; `error` is what the worker said or failed with, `output` the end of what the sandboxed process
    printed. `seconds` is wall time.
    """

    verdict: Verdict
    detail: str
    evidence: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only."""
        return asdict(self) | {"verdict": self.verdict.value}


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of the text of an answer; `candidate` is what was judged, empty where there was nothing to judge.

    `claimed` says that the answer claims success (it holds code that parses, reports a bug or a weakness),
    whether or not that is so. `scores` are the parts a category scores beside the verdict, such as `located`.
    """

    verdict: Verdict
    detail: str
    evidence: dict[str, Any]
    candidate: str = ""
    claimed: bool = False
    scores: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InTurn:
    """Two oracles, the second of which judges only what passes the first."""

    first: Oracle
    second: Oracle

    def judge(self, candidate: Candidate) -> Finding:
        """See `Oracle`."""
        found = self.first.judge(candidate)
        if not found.verdict.is_pass:
            return found
        last = self.second.judge(candidate)
        evidence = {"calls": found.detail, **last.evidence}
        return Finding(last.verdict, last.detail, evidence, found.seconds + last.seconds)


class Oracle(Protocol):
    """Decides about one task's candidates; each call stands alone and may run for seconds."""

    def judge(self, candidate: Candidate) -> Finding:
        """Raises `SandboxError` when nothing can be decided because the sandbox fails; that is no verdict."""
        ...
