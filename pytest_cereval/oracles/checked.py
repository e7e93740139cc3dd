"""Turns a candidate and a problem's own check into a verdict: the oracle of static sets.

The candidate runs in the same workers as for recorded calls, the check in a sandbox of its own; all that passes between
both goes through the judge, as calls and as trees of plain data. So an answer sees neither the check nor what it
expects. A pass needs two fresh processes under different hash seeds to satisfy the check.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from pytest_cereval.errors import SandboxError
from pytest_cereval.inside.equality import EXACT
from pytest_cereval.inside.framing import FrameClosed, FrameError, FrameTimeout
from pytest_cereval.oracles.candidate import Candidate
from pytest_cereval.oracles.conversation import Conversation, Run
from pytest_cereval.oracles.oracle import Finding
from pytest_cereval.oracles.recorded import JudgeSetting
from pytest_cereval.oracles.render import render_observation
from pytest_cereval.oracles.replies import Reply, safe
from pytest_cereval.oracles.workers import Workers
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.forked import ParentLostError
from pytest_cereval.sandbox.interpreter import Interpreter
from pytest_cereval.sandbox.process import Process
from pytest_cereval.sandbox.sandbox import Limits, Sandbox
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.layout import python_program

CHECK_S = 60.0
"""Seconds of wall time for one check with all its calls."""
_LIMITS = Limits(wall_s=3600, cpu_s=3600, memory_mb=2048, processes=16, files=64)
_OUTPUT_CHARACTERS = 2000
_BY = {
    "check": Verdict.FAIL_WRONG,
    "exception": Verdict.FAIL_EXCEPTION,
    "value": Verdict.FAIL_UNREPRESENTABLE,
    "end": Verdict.FAIL_WRONG,
}


@dataclass(frozen=True, slots=True)
class Check:
    """What judges the function `entry_point`: `test` defines `check(candidate)`, which may use what `prompt` defines.

    `calls` is how often it called the reference.
    """

    prompt: str
    test: str
    entry_point: str
    calls: int = 0

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Check:
        """The inverse of `to_dict`."""
        return cls(**data)


class Checkers:
    """Warm processes that run checks, as many as are needed at a time; they end with `close`."""

    def __init__(self, sandbox: Sandbox, interpreter: Interpreter) -> None:
        self._sandbox = sandbox
        self._interpreter = interpreter
        self._idle: list[Process] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        """End all that wait for work."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.finish()

    @contextlib.contextmanager
    def one(self) -> Iterator[Process]:
        """A checker, which is kept if nothing was raised; raises `SandboxError` if it cannot be started."""
        with self._lock:
            process = self._idle.pop() if self._idle else None
        if process is None:
            process = self._sandbox.start(python_program(self._interpreter, "checker", binds=()), _LIMITS)
        try:
            yield process
        except BaseException:
            process.finish()
            raise
        with self._lock:
            self._idle.append(process)


@dataclass(slots=True)
class Checked:
    """One run: what became of the worker, and what the check said; `called` is the last call, `reply` its result."""

    run: Run
    failed: str = ""
    by: str = ""
    called: str = ""
    reply: dict[str, Any] | None = None

    @property
    def last(self) -> str:
        """The last call with its result, in words; empty before the first."""
        if not self.called:
            return ""
        return f"{self.called} {_told(self.reply) if self.reply is not None else 'is not answered'}"

    @property
    def verdict(self) -> Verdict:
        """What this run alone says."""
        if self.run.stopped is not None:
            return self.run.stopped
        return _BY[self.by] if self.by else Verdict.PASS


@dataclass(frozen=True, slots=True)
class CheckOracle:
    """Judges candidates of functions of one setting by checks; workers and checkers stay the caller's."""

    setting: JudgeSetting
    workers: Workers
    checkers: Checkers = field(repr=False)

    def for_task(self, function: SourceFunction, check: Check) -> CheckedTask:
        """The oracle of one task."""
        return CheckedTask(self, function, check)

    def judge(self, function: SourceFunction, check: Check, candidate: Candidate) -> Finding:
        """The verdict on one candidate; raises `SandboxError` when a sandbox or a checker fails."""
        started = time.monotonic()
        found = self._until_in_time(function, check, candidate, 0)
        verdict, second = found.verdict, False
        if verdict is Verdict.PASS:
            second = True
            found = self._until_in_time(function, check, candidate, _seed(candidate))
            verdict = found.verdict
            if verdict not in (Verdict.PASS, Verdict.FAIL_TIMEOUT):
                verdict = Verdict.FAIL_NONDET
        return _finding(verdict, found, check, second, self.workers.describe(), time.monotonic() - started)

    def _until_in_time(self, function: SourceFunction, check: Check, candidate: Candidate, seed: int) -> Checked:
        """One run, and one more if it timed out: to be slow once on a busy machine is no wrong answer."""
        found = self._unless_lost(function, check, candidate, seed)
        timed_out = found.verdict is Verdict.FAIL_TIMEOUT
        return self._unless_lost(function, check, candidate, seed) if timed_out else found

    def _unless_lost(self, function: SourceFunction, check: Check, candidate: Candidate, seed: int) -> Checked:
        with contextlib.suppress(ParentLostError):
            return self.run(function, check, candidate, seed)
        return self.run(function, check, candidate, seed)

    def run(self, function: SourceFunction, check: Check, candidate: Candidate, seed: int) -> Checked:
        """One worker under a hash seed, and one check; no verdict stands on this alone. Raises `SandboxError`."""
        world, limits = self.setting.world, self.setting.limits
        where = {"line": candidate.line, "path": world.paths(), "site": list(world.interpreter.site)}
        with self.workers.start(function.path, candidate.source, hash_seed=seed, limits=limits.sandbox) as process:
            talk = Conversation(process, limits, EXACT)
            found = Checked(talk.run)
            if talk.load(world.target(function) | where):
                try:
                    with self.checkers.one() as checker:
                        _relay(checker, talk, check, found)
                except FrameTimeout:
                    talk.run.stopped, talk.run.error = Verdict.FAIL_TIMEOUT, "the check does not end with its values"
                talk.finish()
            talk.run.output = process.finish().output[-_OUTPUT_CHARACTERS:]
        return found


@dataclass(frozen=True, slots=True)
class CheckedTask:
    """A `CheckOracle` with the function and the check of one task; see `oracle.Oracle`."""

    oracle: CheckOracle
    function: SourceFunction
    check: Check

    def judge(self, candidate: Candidate) -> Finding:
        """As `CheckOracle.judge`."""
        return self.oracle.judge(self.function, self.check, candidate)


def _relay(checker: Process, talk: Conversation, check: Check, found: Checked) -> None:
    """Carry calls to the candidate and values to the check until that has decided.

    Raises `FrameTimeout` when the check does not end, and `SandboxError` when the checker is gone or talks nonsense.
    """
    number = secrets.token_hex(8)
    deadline = time.monotonic() + CHECK_S
    request = {"id": number, "prompt": check.prompt, "test": check.test, "entry_point": check.entry_point, "seed": 0}
    try:
        checker.send(request)
        while True:
            message = checker.receive(timeout_s=max(0.0, deadline - time.monotonic()))
            if message.pop("id", None) != number:
                raise FrameError("an answer to another question")
            if "call" not in message:
                found.failed, found.by = message.get("failed", ""), message.get("by", "")
                return
            told = _passed_on(talk, check, message, found)
            try:
                checker.send(told)
            except FrameError:  # only what no honest worker sends does not fit
                talk.run.stopped, talk.run.error = Verdict.FAIL_PROTOCOL, "a value that is too big"
                checker.send({"lost": "a value that is too big"})
    except (FrameClosed, FrameError) as error:
        raise SandboxError(f"the process that runs a check ended: {error}") from error


def _passed_on(talk: Conversation, check: Check, message: dict[str, Any], found: Checked) -> dict[str, Any]:
    """What the check is told of a call."""
    found.called, found.reply = f"{check.entry_point}({message['shown']})", None
    reply = talk.ask({"call": message["call"]})
    if reply is None:
        return {"lost": "the worker is gone"}
    if reply.observation is None:
        talk.run.stopped, talk.run.error = _stopped(reply), reply.note
        return {"lost": reply.kind}
    talk.run.checked += 1
    found.reply = reply.observation
    return {"kind": reply.observation["kind"], "value": reply.observation["value"]}


def _stopped(reply: Reply) -> Verdict:
    return Verdict.FAIL_UNREPRESENTABLE if reply.kind == "too_big" else Verdict.FAIL_EXCEPTION


def _told(observation: dict[str, Any]) -> str:
    """What a call did, in words; the tree comes from the candidate and may have any shape."""
    verb = "" if observation["kind"] == "raised" else "gives "
    try:
        return f"{verb}{render_observation(observation)}"
    except (LookupError, ValueError, TypeError, AttributeError, OverflowError, RecursionError, MemoryError):
        return "does what cannot be shown"


def _seed(candidate: Candidate) -> int:
    """Another hash seed than 0, the same for the same answer."""
    digest = hashlib.sha256(candidate.source.encode("utf-8", "backslashreplace")).digest()
    return int.from_bytes(digest[:4], "big") or 1


def _finding(verdict: Verdict, found: Checked, check: Check, second: bool, workers: str, seconds: float) -> Finding:
    run = found.run
    said = run.error or found.failed
    error = f"{said}; last call: {found.last}" if said and found.last else said
    evidence: dict[str, Any] = {
        "checked": run.checked,
        "differing": int(bool(found.by) and run.stopped is None),
        "hidden": check.calls,
        "smallest": None,
        "error": safe(error),
        "output": run.output,
        "second_run": second,
        "workers": workers,
    }
    meaning = verdict.meaning if run.stopped or found.by != "check" else "does not satisfy the problem's own check"
    detail = f"{meaning}: {evidence['error']}" if error else meaning
    if verdict is Verdict.FAIL_NONDET:
        detail = f"right in one run, and not under another hash seed: {detail}"
    if verdict is Verdict.PASS:
        detail = f"satisfies the problem's own check, {run.checked} calls, twice"
    return Finding(verdict, " ".join(detail.split()), evidence, seconds)
