"""Turns a candidate and the recorded calls of a function into a verdict, through sandboxed workers that see
neither the reference nor what is expected.

A worker imports the repository with the changed file in it and answers one call at a time. All authority is
on this side: the calls, the clock, the comparison. A pass needs every call answered as the reference answers
it, by two fresh processes under different hash seeds and orders, each still there and with nothing unasked on
its channel at the end.
"""

from __future__ import annotations

import hashlib
import random
import secrets
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_cereval.errors import CerevalError
from pytest_cereval.inside.framing import FrameClosed, FrameError, FrameTimeout
from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.candidate import Candidate
from pytest_cereval.oracles.certificate import Input
from pytest_cereval.oracles.differences import Difference, compare, sentence, shown, smallest
from pytest_cereval.oracles.oracle import Finding
from pytest_cereval.oracles.replies import ProtocolError, Reply, checked, safe
from pytest_cereval.oracles.workers import ColdWorkers
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.process import Process
from pytest_cereval.sandbox.sandbox import End, EndStatus, Limits
from pytest_cereval.source.functions import SourceFunction

MAX_DIFFERING = 30
_OUTPUT_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class JudgeLimits:
    """Seconds for one call and for the import; the sandbox's own bounds cover both and all calls."""

    call_s: float = 3.0
    load_s: float = 15.0
    sandbox: Limits = field(default_factory=lambda: Limits(wall_s=30, cpu_s=30))


@dataclass(frozen=True, slots=True)
class JudgeSetting:
    """Where candidates run: `world` as for the reference, and the inside paths that are masked for
    candidates.
    """

    world: Setting
    hidden: tuple[str, ...] = ()
    limits: JudgeLimits = field(default_factory=JudgeLimits)


@dataclass(slots=True)
class _Run:
    """What one worker process did. `stopped` is why it did not come to the end of the calls."""

    checked: int = 0
    differing: list[Difference] = field(default_factory=list)
    stopped: Verdict | None = None
    error: str = ""
    output: str = ""

    @property
    def clean(self) -> bool:
        return self.stopped is None and not self.differing


@dataclass(frozen=True, slots=True)
class _Case:
    function: SourceFunction
    hidden: Sequence[Input]
    candidate: Candidate


class RecordedCallOracle:
    """Judges candidates of any function of one setting by its recorded calls; holds no state between them."""

    def __init__(self, setting: JudgeSetting) -> None:
        self._setting = setting
        self._workers = ColdWorkers(setting.world, setting.hidden, setting.limits.sandbox)

    def for_task(self, function: SourceFunction, hidden: Sequence[Input]) -> TaskOracle:
        """The oracle of one task."""
        return TaskOracle(self, function, tuple(hidden))

    def judge(self, function: SourceFunction, hidden: Sequence[Input], candidate: Candidate) -> Finding:
        """The verdict on one candidate.

        Raises `CerevalError` without hidden inputs or for one that no message holds, and `SandboxError` when a
        sandbox cannot be started.
        """
        if not hidden:
            raise CerevalError(
                f"{function.name} has no hidden input, so no answer can be judged",
                next_step="leave the function out: only certified functions have inputs",
            )
        start = time.monotonic()
        case = _Case(function, hidden, candidate)
        verdict, run, second = self._decide(case)
        return _finding(verdict, run, second, case, time.monotonic() - start)

    def _decide(self, case: _Case) -> tuple[Verdict, _Run, bool]:
        """The verdict, the run that it stands on, and whether that was the second one."""
        order = list(range(len(case.hidden)))
        run = self._run_until_in_time(case, order, hash_seed=0)
        if not run.clean:
            return _verdict(case, run), run, False
        other, seed = _second(order, case.candidate)
        again = self._run_until_in_time(case, other, hash_seed=seed)
        if again.clean:
            return Verdict.PASS, again, True
        timed_out = again.stopped is Verdict.FAIL_TIMEOUT and not again.differing
        return (Verdict.FAIL_TIMEOUT if timed_out else Verdict.FAIL_NONDET), again, True

    def _run_until_in_time(self, case: _Case, order: list[int], *, hash_seed: int) -> _Run:
        """One run, and one more if it timed out: to be slow once on a busy machine is no wrong answer."""
        run = self._run(case, order, hash_seed)
        if run.stopped is Verdict.FAIL_TIMEOUT and not run.differing:
            run = self._run(case, order, hash_seed)
        return run

    def _run(self, case: _Case, order: list[int], hash_seed: int) -> _Run:
        world, limits = self._setting.world, self._setting.limits
        target = world.target(case.function) | {"line": case.candidate.line}
        request = target | {"path": world.paths(), "site": list(world.interpreter.site)}
        run = _Run()
        loaded = False
        with self._workers.start(case.function.path, case.candidate.source, hash_seed=hash_seed) as process:
            try:
                loaded = _load(process, request, limits.load_s, run)
                if loaded:
                    _ask_all(process, case.hidden, order, limits.call_s, run)
            except FrameTimeout as error:
                run.stopped, run.error = Verdict.FAIL_TIMEOUT, safe(str(error))
            except (FrameError, ProtocolError) as error:
                run.stopped, run.error = Verdict.FAIL_PROTOCOL, safe(str(error))[:500]
            except FrameClosed:
                run.stopped, run.error = _why_gone(process.finish(), limits.sandbox, loaded)
            run.output = process.finish().output[-_OUTPUT_CHARACTERS:]
        return run


@dataclass(frozen=True, slots=True)
class TaskOracle:
    """A `RecordedCallOracle` with the function and the hidden inputs of one task; see `oracle.Oracle`."""

    oracle: RecordedCallOracle
    function: SourceFunction
    hidden: tuple[Input, ...]

    def judge(self, candidate: Candidate) -> Finding:
        """As `RecordedCallOracle.judge`."""
        return self.oracle.judge(self.function, self.hidden, candidate)


def _load(process: Process, request: dict[str, Any], timeout_s: float, run: _Run) -> bool:
    reply = _ask(process, request, timeout_s, ("ready", "failed"))
    if reply.kind == "failed":
        run.stopped, run.error = Verdict.FAIL_LOAD, reply.note
    return reply.kind == "ready"


def _ask_all(process: Process, hidden: Sequence[Input], order: list[int], timeout_s: float, run: _Run) -> None:
    for index in order:
        item = hidden[index]
        reply = _ask(process, {"input": item.entry}, timeout_s, ("observation", "unbuilt", "too_big"))
        found = compare(index, item, reply)
        run.checked += 1
        if found is not None:
            run.differing.append(found)
            if len(run.differing) == MAX_DIFFERING:
                break
    _ask(process, {}, timeout_s, ("finished",))


def _ask(process: Process, content: dict[str, Any], timeout_s: float, allowed: tuple[str, ...]) -> Reply:
    """One exchange. The id is new and secret until it is sent, so that no reply can be written ahead of its
    question.
    """
    number = secrets.token_hex(8)
    try:
        process.send({"id": number, **content})
    except FrameError as error:  # ours, and thus no verdict on the candidate
        raise CerevalError(f"a hidden input cannot be sent to a worker: {error}") from error
    return checked(process.receive(timeout_s=timeout_s), number, allowed)


def _why_gone(end: End, limits: Limits, loaded: bool) -> tuple[Verdict, str]:
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


def _second(order: list[int], candidate: Candidate) -> tuple[list[int], int]:
    """Another order and another hash seed, the same for the same answer."""
    number = int.from_bytes(hashlib.sha256(candidate.source.encode("utf-8", "backslashreplace")).digest()[:4], "big")
    shuffled = list(order)
    random.Random(number).shuffle(shuffled)  # noqa: S311 - an order, not a secret
    return (shuffled if shuffled != order else order[::-1]), number or 1


def _verdict(case: _Case, run: _Run) -> Verdict:
    """What came first counts: once a call differs, how the process ended no longer matters."""
    if run.differing:
        return smallest(case.function.bare_name, case.hidden, run.differing).verdict
    return run.stopped or Verdict.PASS


def _finding(verdict: Verdict, run: _Run, second: bool, case: _Case, seconds: float) -> Finding:
    name, hidden = case.function.bare_name, case.hidden
    evidence: dict[str, Any] = {
        "checked": run.checked,
        "differing": len(run.differing),
        "hidden": len(hidden),
        "smallest": None,
        "error": run.error,
        "output": run.output,
        "second_run": second,
    }
    detail = f"{verdict.meaning}: {run.error}" if run.error else verdict.meaning
    if run.differing:
        found = smallest(name, hidden, run.differing)
        evidence["smallest"] = shown(name, hidden[found.index], found)
        detail = sentence(evidence["smallest"])
    if verdict is Verdict.FAIL_NONDET:
        detail = f"right in one run, and not in another order under another hash seed: {detail}"
    if verdict is Verdict.PASS:
        detail = f"agrees with the reference on all {len(hidden)} hidden calls, twice"
    return Finding(verdict, " ".join(detail.split()), evidence, seconds)
