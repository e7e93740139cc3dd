"""Turns a candidate and the recorded calls of a function into a verdict, through sandboxed workers that see
neither the reference nor what is expected.

A worker imports the repository with the changed file in it and answers one call at a time. All authority is
on this side: the calls, the clock, the comparison. A pass needs every call answered as the reference answers
it, by fresh processes under different hash seeds and orders, each still there and with nothing unasked on its channel
at the end. A few inputs that together tell all known faults apart are asked first; all of them before a pass.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_cereval.errors import CerevalError
from pytest_cereval.inside.equality import EXACT, Level
from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.candidate import Candidate, reference_as_candidate
from pytest_cereval.oracles.certificate import Input
from pytest_cereval.oracles.conversation import Conversation, JudgeLimits, Run
from pytest_cereval.oracles.differences import call_size, sentence, shown, smallest
from pytest_cereval.oracles.oracle import Finding
from pytest_cereval.oracles.pasting import pasteable
from pytest_cereval.oracles.shrinking import Shrinker, Shrunk
from pytest_cereval.oracles.warm import workers_for
from pytest_cereval.oracles.workers import Workers
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.forked import ParentLostError
from pytest_cereval.source.functions import SourceFunction

_OUTPUT_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class JudgeSetting:
    """Where candidates run: `world` as for the reference, and the inside paths that are masked for
    candidates.
    """

    world: Setting
    hidden: tuple[str, ...] = ()
    limits: JudgeLimits = field(default_factory=JudgeLimits)


@dataclass(frozen=True, slots=True)
class Terms:
    """How a task's candidates are held against the reference.

    The first `core` hidden inputs are asked first, all of them before a pass (`core` 0: all at once). `level` is how
    observations are compared, `seed` the one that examples were drawn from. Without `shrink` no smaller call is looked
    for after a difference, which is quicker and changes no verdict.
    """

    core: int = 0
    level: Level = EXACT
    seed: int = 0
    shrink: bool = True


@dataclass(frozen=True, slots=True)
class _Case:
    function: SourceFunction
    hidden: Sequence[Input]
    candidate: Candidate
    terms: Terms


class RecordedCallOracle:
    """Judges candidates of any function of one setting by its recorded calls; holds no state between them."""

    def __init__(self, setting: JudgeSetting, workers: Workers | None = None) -> None:
        """`workers` stay the caller's; without them the oracle has its own, which `close` ends."""
        self._setting = setting
        self._owns = workers is None
        self._workers = workers or workers_for(setting.world, setting.hidden)

    def close(self) -> None:
        """End the workers, if they are this oracle's own."""
        if self._owns:
            self._workers.close()

    def for_task(self, function: SourceFunction, hidden: Sequence[Input], terms: Terms = Terms()) -> TaskOracle:
        """The oracle of one task."""
        return TaskOracle(self, function, tuple(hidden), terms)

    def judge(
        self, function: SourceFunction, hidden: Sequence[Input], candidate: Candidate, terms: Terms = Terms()
    ) -> Finding:
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
        case = _Case(function, hidden, candidate, terms)
        verdict, outcome, second = self._decide(case)
        finding = _finding(verdict, outcome, second, case, time.monotonic() - start)
        finding.evidence["workers"] = self._workers.describe()
        return finding

    def _decide(self, case: _Case) -> tuple[Verdict, _Outcome, bool]:
        """The verdict, the run that it stands on, and whether that was the second one."""
        order = list(range(len(case.hidden)))
        first = self._run_until_in_time(case, order[: case.terms.core or None], hash_seed=0)
        if not first.run.clean:
            return _verdict(case, first.run), first, False
        other, seed = _second(order, case.candidate)
        again = self._run_until_in_time(case, other, hash_seed=seed)
        if again.run.clean:
            return Verdict.PASS, again, True
        if case.terms.core:
            # What the core did not show: a wrong answer if a run under the first seed shows it as well, else chance.
            once_more = self._run_until_in_time(case, order, hash_seed=0)
            if not once_more.run.clean:
                return _verdict(case, once_more.run), once_more, False
        timed_out = again.run.stopped is Verdict.FAIL_TIMEOUT and not again.run.differing
        return (Verdict.FAIL_TIMEOUT if timed_out else Verdict.FAIL_NONDET), again, True

    def _run_until_in_time(self, case: _Case, order: list[int], *, hash_seed: int) -> _Outcome:
        """One run, and one more if it timed out: to be slow once on a busy machine is no wrong answer."""
        outcome = self._run_twice_if_lost(case, order, hash_seed)
        if outcome.run.stopped is Verdict.FAIL_TIMEOUT and not outcome.run.differing:
            outcome = self._run_twice_if_lost(case, order, hash_seed)
        return outcome

    def _run_twice_if_lost(self, case: _Case, order: list[int], hash_seed: int) -> _Outcome:
        """One run, and one more if the warm interpreter that it was forked from ended: no doing of the candidate's."""
        try:
            return self._run(case, order, hash_seed)
        except ParentLostError:
            return self._run(case, order, hash_seed)

    def _run(self, case: _Case, order: list[int], hash_seed: int) -> _Outcome:
        limits = self._setting.limits
        shrunk = None
        path, source = case.function.path, case.candidate.source
        with self._workers.start(path, source, hash_seed=hash_seed, limits=limits.sandbox) as process:
            talk = Conversation(process, limits, case.terms.level)
            if talk.load(self._request(case.function, case.candidate.line)):
                talk.ask_all(case.hidden, order)
                if talk.run.differing:
                    asked = set(order)
                    talk.ask_all(case.hidden, [index for index in range(len(case.hidden)) if index not in asked])
                    if case.terms.shrink and talk.run.stopped is None:
                        shrunk = self._shrunk(case, Conversation(process, limits, case.terms.level))
                else:
                    talk.finish()
            talk.run.output = process.finish().output[-_OUTPUT_CHARACTERS:]
        return _Outcome(talk.run, shrunk)

    def _request(self, function: SourceFunction, line: int) -> dict[str, Any]:
        world = self._setting.world
        return world.target(function) | {"line": line, "path": world.paths(), "site": list(world.interpreter.site)}

    def _shrunk(self, case: _Case, talk: Conversation) -> Shrunk | None:
        """A small call on which the candidate differs, by a conversation of its own: the verdict does not hang on it,
        so no fault counts, neither of the candidate nor of ours.
        """
        shrinker = Shrinker(case.function, case.hidden, case.terms.seed, talk)
        if not shrinker.can_shrink:
            return None
        path, limits = case.function.path, self._setting.limits
        itself = reference_as_candidate(self._setting.world.checkout.runtime, case.function)
        with (
            contextlib.suppress(CerevalError),
            self._workers.start(path, itself.source, hash_seed=0, limits=limits.sandbox) as process,
        ):
            reference = Conversation(process, limits, case.terms.level)
            if reference.load(self._request(case.function, itself.line)):
                return shrinker.shrink(reference)
        return None


@dataclass(frozen=True, slots=True)
class _Outcome:
    """One run, and the small call that was looked for after a difference."""

    run: Run
    shrunk: Shrunk | None = None


@dataclass(frozen=True, slots=True)
class TaskOracle:
    """A `RecordedCallOracle` with the function and the hidden inputs of one task; see `oracle.Oracle`."""

    oracle: RecordedCallOracle
    function: SourceFunction
    hidden: tuple[Input, ...]
    terms: Terms = Terms()

    def judge(self, candidate: Candidate) -> Finding:
        """As `RecordedCallOracle.judge`."""
        return self.oracle.judge(self.function, self.hidden, candidate, self.terms)


def _second(order: list[int], candidate: Candidate) -> tuple[list[int], int]:
    """Another order and another hash seed, the same for the same answer."""
    number = int.from_bytes(hashlib.sha256(candidate.source.encode("utf-8", "backslashreplace")).digest()[:4], "big")
    shuffled = list(order)
    random.Random(number).shuffle(shuffled)  # noqa: S311 - an order, not a secret
    return (shuffled if shuffled != order else order[::-1]), number or 1


def _verdict(case: _Case, run: Run) -> Verdict:
    """What came first counts: once a call differs, how the process ended no longer matters."""
    if run.differing:
        return smallest(case.function.bare_name, case.hidden, run.differing).verdict
    return run.stopped or Verdict.PASS


def _finding(verdict: Verdict, outcome: _Outcome, second: bool, case: _Case, seconds: float) -> Finding:
    run, hidden = outcome.run, case.hidden
    evidence: dict[str, Any] = {
        "checked": run.checked,
        "differing": len(run.differing),
        "differing_at": sorted(found.index for found in run.differing) or None,
        "hidden": len(hidden),
        "smallest": None,
        "error": run.error,
        "output": run.output,
        "second_run": second,
        "events": list(run.events),
    }
    detail = f"{verdict.meaning}: {run.error}" if run.error else verdict.meaning
    if run.differing:
        evidence["smallest"] = _smallest_shown(case, outcome)
        detail = sentence(evidence["smallest"])
    if verdict is Verdict.FAIL_NONDET:
        detail = f"right in one run, and not in another order under another hash seed: {detail}"
    if verdict is Verdict.PASS:
        again = f"on {case.terms.core} of them twice" if case.terms.core else "twice"
        detail = f"agrees with the reference on all {len(hidden)} hidden calls, {again}"
    return Finding(verdict, " ".join(detail.split()), evidence, seconds)


def _smallest_shown(case: _Case, outcome: _Outcome) -> dict[str, str]:
    """The shortest call to read, of those asked and the one that shrinking gave, as texts."""
    name = case.function.bare_name
    found = smallest(name, case.hidden, outcome.run.differing)
    item = case.hidden[found.index]
    shrunk = outcome.shrunk
    # What is shown must be what the verdict is about.
    same = shrunk is not None and (shrunk.difference.verdict, shrunk.difference.aspect) == (found.verdict, found.aspect)
    if shrunk is not None and same and call_size(name, shrunk.input) < call_size(name, item):
        item, found = shrunk.input, shrunk.difference
    pasted = pasteable(case.function, item)
    return shown(name, item, found) | ({"paste": pasted} if pasted else {})
