"""Turns a worker into what its candidate did on the calls it is asked: one exchange after the other, each checked.

All authority is on this side: the calls, the clock, the comparison.
"""

from __future__ import annotations

import secrets
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_cereval.errors import CerevalError
from pytest_cereval.inside.equality import Level
from pytest_cereval.inside.framing import FrameClosed, FrameError, FrameTimeout, body_of, parse_message
from pytest_cereval.oracles.certificate import Input
from pytest_cereval.oracles.differences import Difference, compare
from pytest_cereval.oracles.replies import ProtocolError, Reply, checked, safe
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.process import Process
from pytest_cereval.sandbox.sandbox import End, EndStatus, Limits

MAX_DIFFERING = 30
_OBSERVED = ("kind", "value", "after", "printed", "whole")  # in the order in which a worker sends them


@dataclass(frozen=True, slots=True)
class JudgeLimits:
    """Seconds for one call and for the import; the sandbox's own bounds cover both and all calls."""

    call_s: float = 3.0
    load_s: float = 15.0
    sandbox: Limits = field(default_factory=lambda: Limits(wall_s=30, cpu_s=30))


@dataclass(slots=True)
class Run:
    """What one worker did. `stopped` is why it did not come to the end of the calls.

    `events` are names of what the calls started, as far as the worker tells; known at the end only.
    """

    checked: int = 0
    differing: list[Difference] = field(default_factory=list)
    stopped: Verdict | None = None
    error: str = ""
    output: str = ""
    events: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether every call was answered as it should be."""
        return self.stopped is None and not self.differing


class Conversation:
    """One worker and what has become of it; after `run.stopped` is set it is not talked to any more."""

    def __init__(self, process: Process, limits: JudgeLimits, level: Level) -> None:
        self.run = Run()
        self._process = process
        self._limits = limits
        self._level = level
        self._loaded = False

    def load(self, request: dict[str, Any]) -> bool:
        """Have the worker import the candidate; False if it did not."""
        reply = self._exchange(request, self._limits.load_s, ("ready", "failed"))
        if reply is not None and reply.kind == "failed":
            self.run.stopped, self.run.error = Verdict.FAIL_LOAD, reply.note
        self._loaded = reply is not None and reply.kind == "ready"
        return self._loaded

    def ask_all(self, hidden: Sequence[Input], order: Sequence[int]) -> None:
        """Ask the inputs of these numbers, until too many differ or the worker is lost."""
        for index in order:
            if self.run.stopped or len(self.run.differing) >= MAX_DIFFERING:
                return
            item = hidden[index]
            reply = self.ask(item.entry, item.observation)
            found = self.compared(index, item.observation, reply) if reply is not None else None
            if reply is not None and self.run.stopped is None:
                self.run.checked += 1
                self.run.differing += [found] if found is not None else []

    def finish(self) -> None:
        """Have the worker say that it is still there, and that nothing unasked is on its channel."""
        if self.run.stopped is None:
            reply = self._exchange({}, self._limits.call_s, ("finished",))
            self.run.events = reply.events if reply is not None else ()

    def ask(self, entry: dict[str, Any], expected: dict[str, Any] | None = None) -> Reply | None:
        """The reply to one input; None if the worker is lost, and `run.stopped` says why.

        A reply that is, byte for byte, the one with the `expected` observation is not looked at any further.
        """
        allowed = ("observation", "unbuilt", "too_big")
        return self._exchange({"input": entry}, self._limits.call_s, allowed, expected)

    def compared(self, index: int, expected: dict[str, Any], reply: Reply) -> Difference | None:
        """The difference from what is expected, if there is one."""
        try:
            return compare(index, expected, reply, self._level)
        except ProtocolError as error:
            self.run.stopped, self.run.error = Verdict.FAIL_PROTOCOL, safe(str(error))[:500]
            return None

    def _exchange(
        self,
        content: dict[str, Any],
        timeout_s: float,
        allowed: tuple[str, ...],
        expected: dict[str, Any] | None = None,
    ) -> Reply | None:
        """One exchange. The id is new and secret until it is sent, so that no reply can be written ahead of it."""
        number = secrets.token_hex(8)
        try:
            self._send({"id": number, **content})
            body = self._process.receive_body(timeout_s=timeout_s)
            if expected is not None and body == _body_with(number, expected):
                return Reply("observation", observation=expected)
            return checked(parse_message(body), number, allowed)
        except FrameTimeout as error:
            self.run.stopped, self.run.error = Verdict.FAIL_TIMEOUT, safe(str(error))
        except (FrameError, ProtocolError) as error:
            self.run.stopped, self.run.error = Verdict.FAIL_PROTOCOL, safe(str(error))[:500]
        except FrameClosed:
            self.run.stopped, self.run.error = why_gone(self._process.finish(), self._limits.sandbox, self._loaded)
        return None

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._process.send(message)
        except FrameError as error:  # ours, and thus no verdict on the candidate
            raise CerevalError(f"a hidden input cannot be sent to a worker: {error}") from error


def _body_with(number: str, expected: dict[str, Any]) -> bytes:
    """The reply of a worker that did what is expected; cheaper to make than any reply is to read."""
    told = {key: expected[key] for key in _OBSERVED if key in expected}
    return body_of({"id": number, "observation": told})


def why_gone(end: End, limits: Limits, loaded: bool) -> tuple[Verdict, str]:
    """Why a worker hung up, as far as its end tells; an exit code of 0 is no excuse."""
    how = f"{end.status.value} {end.code}" if end.code is not None else end.status.value
    used_up = end.code == signal.SIGXCPU or (end.code == signal.SIGKILL and end.wall_s >= limits.cpu_s)
    if end.reason == "output":
        return Verdict.FAIL_OUTPUT, f"printed {end.output_bytes} bytes"
    if end.reason == "wall" or (end.status is EndStatus.SIGNALLED and used_up):
        return Verdict.FAIL_TIMEOUT, "used up the time of the whole check"
    if end.output.rstrip().endswith("MemoryError"):
        return Verdict.FAIL_MEMORY, "the worker itself found no memory any more"
    if not loaded:
        return Verdict.FAIL_LOAD, f"the process ended while the file was imported ({how})"
    return Verdict.FAIL_EARLY_EXIT, f"the process ended before all calls were answered ({how})"
