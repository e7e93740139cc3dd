"""Turns the messages of a session into checked claims about tests; the boundary between that process and the judge.

A message can only say "this test ended like that", of tests that were asked for, in their order, once each, in words
that pytest uses. Anything else is a `ProtocolError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_cereval.oracles.replies import ProtocolError, safe, shown_keys
from pytest_cereval.results.verdict import Verdict

_PHASES = ("setup", "call", "teardown")
_WORDS = ("passed", "failed", "skipped", "xfailed", "xpassed")
_MAX_TEXT = 2000
_MAX_CHANGED = 200
# What an assertion raises: the value is wrong. Everything else was raised where it should not have been.
_ASSERTIONS = ("AssertionError", "Failed")


@dataclass(frozen=True, slots=True)
class Claim:
    """How one test is said to have ended: a word for each phase that ran, and what was raised in one line."""

    name: str
    phases: tuple[tuple[str, str], ...]
    raised: str

    @property
    def word(self) -> str:
        """`passed` if all three phases were, else the first other one, such as `call skipped`."""
        given = dict(self.phases)
        found = [f"{phase} {given.get(phase, 'missing')}" for phase in _PHASES if given.get(phase) != "passed"]
        return found[0] if found else "passed"

    @property
    def fails_in_call(self) -> bool:
        """Whether it failed where a twin must: in the test itself."""
        return self.word == "call failed"

    @property
    def verdict(self) -> Verdict:
        """The verdict on an answer with which it ends so."""
        if self.word == "passed":
            return Verdict.PASS
        if not self.word.endswith("failed") or self.word.endswith("xfailed"):
            return Verdict.FAIL_VACUOUS
        if self.raised.startswith("MemoryError"):
            return Verdict.FAIL_MEMORY
        return Verdict.FAIL_WRONG if self.raised.startswith(_ASSERTIONS) else Verdict.FAIL_EXCEPTION


@dataclass(slots=True)
class Claims:
    """What a session has said so far about the `expected` tests, which are in the order in which they run.

    `missing` is why they could not be collected, `broken` what ended the session from inside, `changed` what of the
    test machinery is said to be no longer what it was.
    """

    expected: Sequence[str]
    all: list[Claim] = field(default_factory=list)
    collected: bool = False
    over: bool = False
    missing: str | None = None
    broken: str = ""
    changed: tuple[str, ...] = ()

    @property
    def failing(self) -> list[Claim]:
        """Claims of tests that did not pass."""
        return [claim for claim in self.all if claim.word != "passed"]

    def take(self, message: dict[str, Any], number: str) -> None:
        """One message; raises `ProtocolError`."""
        if message.get("id") != number or type(message["id"]) is not str or self.over:
            raise ProtocolError("a message to something that was not asked")
        kinds = [key for key in message if key != "id"]
        allowed = ("test", "finished") if self.collected else ("collected", "missing")
        if len(kinds) != 1 or kinds[0] not in allowed:
            raise ProtocolError(f"a message with the keys {shown_keys(kinds)}")
        content = message[kinds[0]]
        if kinds[0] == "collected":
            self.collected = True
        elif kinds[0] == "missing":
            self.missing, self.over = safe(_text(content)), True
        elif kinds[0] == "test":
            self._take_test(content)
        else:
            self._finish(content)

    def _take_test(self, content: Any) -> None:
        if type(content) is not dict or content.keys() != {"name", "phases", "raised"}:
            raise ProtocolError("a test of another shape")
        if len(self.all) >= len(self.expected) or content["name"] != self.expected[len(self.all)]:
            raise ProtocolError("a test out of its turn")
        phases = content["phases"]
        if type(phases) is not dict or not all(key in _PHASES and word in _WORDS for key, word in phases.items()):
            raise ProtocolError("a test with other phases than there are")
        self.all.append(Claim(content["name"], tuple(phases.items()), _text(content["raised"])))

    def _finish(self, content: Any) -> None:
        if type(content) is not dict or content.keys() != {"broken", "changed"}:
            raise ProtocolError("an end of another shape")
        changed = content["changed"]
        if type(changed) is not list or len(changed) > _MAX_CHANGED:
            raise ProtocolError("an end of another shape")
        self.broken, self.over = safe(_text(content["broken"])), True
        self.changed = tuple(safe(_text(name)) for name in changed)
        if not self.broken and len(self.all) < len(self.expected):
            self.missing = f"{len(self.all)} of {len(self.expected)} tests were reported"


def _text(content: Any) -> str:
    if type(content) is not str or len(content) > _MAX_TEXT:
        raise ProtocolError("something that is no short text")
    return content
