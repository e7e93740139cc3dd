"""Turns a candidate that differs somewhere into a small call on which it differs, by way of Hypothesis."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pytest_cereval.inside.observation import canonical
from pytest_cereval.oracles.certificate import Input
from pytest_cereval.oracles.conversation import Conversation
from pytest_cereval.oracles.differences import Difference, call_size
from pytest_cereval.oracles.properties import EXAMPLES, shrink
from pytest_cereval.oracles.space import Change, changed_arguments, space_of
from pytest_cereval.source.functions import SourceFunction

MAX_TRIED = 150
SECONDS = 1.5
_MORE_EXAMPLES = 30


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The call, with what the reference does on it, and the candidate's difference."""

    input: Input
    difference: Difference


class Shrinker:
    """Looks for a small differing call around the recorded ones; live answers of both sides, within a bound."""

    def __init__(self, function: SourceFunction, hidden: Sequence[Input], seed: int, candidate: Conversation) -> None:
        self._function = function
        self._seed = seed
        self._candidate = candidate
        recorded = [(item.entry, item.arguments) for item in hidden if "call" in item.entry]
        self._bases = space_of(function, recorded)
        self._arguments = {canonical(entry): tree for entry, tree in recorded}
        self._known = {canonical(item.entry): item for item in hidden}
        self._classes = {item.observation["value"][1] for item in hidden if item.observation["kind"] == "raised"}
        self._tried: dict[str, Shrunk | None] = {}
        self._until = 0.0

    @property
    def can_shrink(self) -> bool:
        """Whether there is a call with a part that can be changed."""
        return any(base.places for base in self._bases)

    def shrink(self, reference: Conversation) -> Shrunk | None:
        """The differing call found that is the shortest to read; None if none turned up in time."""
        self._until = time.monotonic() + SECONDS

        def fails(change: Change) -> bool:
            return self._outcome(change, reference) is not None

        failing = shrink(self._bases, self._seed, fails, examples=EXAMPLES + _MORE_EXAMPLES)
        found = [outcome for outcome in (self._outcome(change, reference) for change in failing) if outcome is not None]
        name = self._function.bare_name
        return min(found, key=lambda outcome: call_size(name, outcome.input), default=None)

    def _outcome(self, change: Change, reference: Conversation) -> Shrunk | None:
        """The difference on a call; what is not asked for want of time counts as none."""
        entry = change.entry(self._bases)
        key = canonical(entry)
        if key not in self._tried:
            over = time.monotonic() > self._until or len(self._tried) >= MAX_TRIED
            lost = self._candidate.run.stopped is not None or reference.run.stopped is not None
            if over or lost:
                return None
            self._tried[key] = self._asked(change, entry, key, reference)
        return self._tried[key]

    def _asked(self, change: Change, entry: dict[str, Any], key: str, reference: Conversation) -> Shrunk | None:
        known = self._known.get(key)
        expected = known.observation if known is not None else self._expected(entry, reference)
        if expected is None:
            return None
        reply = self._candidate.ask(entry)
        found = self._candidate.compared(-1, expected, reply) if reply is not None else None
        if found is None:
            return None
        base = self._bases[change.base].entry
        arguments = changed_arguments(self._function, self._arguments[canonical(base)], change)
        return Shrunk(Input(entry, arguments, True, expected, ""), found)

    def _expected(self, entry: dict[str, Any], reference: Conversation) -> dict[str, Any] | None:
        """What the reference does, if that is what it does on purpose."""
        reply = reference.ask(entry)
        seen = reply.observation if reply is not None else None
        if seen is None or not seen["whole"]:
            return None
        return seen if seen["kind"] == "returned" or seen["value"][1] in self._classes else None
