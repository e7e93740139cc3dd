"""Turns one task and one completion into an attempt with a verdict; knows nothing of pytest.

A command line, a cluster job or a pytest item calls it alike. What the model did becomes a verdict; what we could not
do becomes an attempt that is `INVALID` and says why.
"""

from __future__ import annotations

import datetime
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pytest_cereval.categories.registry import BUILT_IN, Registry
from pytest_cereval.errors import CerevalError, SandboxError
from pytest_cereval.models.model import Completion, prompt_sha256
from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.candidate import Candidate, NoAnswer, extract
from pytest_cereval.oracles.checked import Check, Checkers, CheckOracle
from pytest_cereval.oracles.constraints import broken
from pytest_cereval.oracles.linting import Linter
from pytest_cereval.oracles.oracle import Finding, InTurn, Judged, Oracle
from pytest_cereval.oracles.recorded import JudgeSetting, RecordedCallOracle, Terms
from pytest_cereval.oracles.tested import TestOracle
from pytest_cereval.oracles.warm import workers_for
from pytest_cereval.oracles.workers import Workers
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.failure import CONSTRAINTS, SIGNATURE, failure_of
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.interpreter import Interpreter
from pytest_cereval.sandbox.sandbox import Sandbox
from pytest_cereval.source.repository import Checkout
from pytest_cereval.source.syntax import source_text
from pytest_cereval.static_sets.checkout import CHECK, static_checkout
from pytest_cereval.surveying import Surveyor
from pytest_cereval.tasks.suite import TaskOracle
from pytest_cereval.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Answer:
    """A completion, and whether it was taken from the store instead of being asked for."""

    completion: Completion
    reused: bool


@dataclass(frozen=True, slots=True)
class Bench:
    """Where attempts are judged: the same for a whole run. Without a `linter` nothing is linted, and
    without a `surveyor` nothing is said of dependencies and patterns. `registry` knows the categories.

    What candidates run in is kept warm until `close`.
    """

    checkout: Checkout
    sandbox: Sandbox
    interpreter: Interpreter
    oracles: Path
    linter: Linter | None = None
    surveyor: Surveyor | None = None
    registry: Registry = BUILT_IN
    _workers: dict[tuple[Path, frozenset[str], tuple[str, ...]], Workers] = field(default_factory=dict, repr=False)
    _checkers: list[Checkers] = field(default_factory=list, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def close(self) -> None:
        """End what was kept warm."""
        with self._lock:
            for workers in self._workers.values():
                workers.close()
            self._workers.clear()
            while self._checkers:
                self._checkers.pop().close()

    def workers_for(self, world: Setting, oracle: TaskOracle) -> Workers:
        """What the candidates of a task run in."""
        with self._lock:
            key = (world.checkout.runtime, world.import_roots, oracle.site_hidden)
            if key not in self._workers:
                self._workers[key] = workers_for(world, oracle.site_hidden, oracle.needed)
            return self._workers[key]

    def checkers(self) -> Checkers:
        """What the checks of static sets run in."""
        with self._lock:
            if not self._checkers:
                self._checkers.append(Checkers(self.sandbox, self.interpreter))
            return self._checkers[0]

    def judge(self, task: Task, answer: Answer, attempt: Attempt) -> Attempt:
        """The attempt with its verdict; raises `CerevalError` if no verdict can be given."""
        oracle = TaskOracle.load(self.oracles, task.id)
        if oracle is None:
            raise SandboxError(
                f"the oracle of {task.name} is gone from {self.oracles}",
                next_step="run again: the suite is rebuilt when its files are missing",
            )
        judged = self.judge_text(oracle, answer.completion.text)
        return replace(
            attempt,
            verdict=judged.verdict,
            detail=judged.detail,
            evidence=judged.evidence,
            candidate=judged.candidate,
            claimed=judged.claimed,
            scores=judged.scores,
        )

    def judge_text(self, oracle: TaskOracle, text: str, *, shrink: bool = True) -> Judged:
        """The verdict on the text of an answer, from extraction to evidence; raises `CerevalError`."""
        room = JudgeRoom(self, oracle, shrink)
        return self.registry.asked(oracle.category).judge(room, text)


@dataclass(frozen=True, slots=True)
class JudgeRoom:
    """Where one answer is judged; see `categories.category.Room`."""

    bench: Bench
    oracle: TaskOracle
    shrink: bool = True

    @property
    def world(self) -> Setting:
        """See `Room`."""
        return Setting(
            checkout=static_checkout(self.oracle.planted, self.bench.oracles) or self.bench.checkout,
            sandbox=self.bench.sandbox,
            interpreter=self.bench.interpreter,
            import_roots=self.oracle.import_roots,
            modules={self.oracle.function.name: self.oracle.module},
            view=self.oracle.view,
        )

    @property
    def workers(self) -> Workers:
        """See `Room`."""
        return self.bench.workers_for(self.world, self.oracle)

    @property
    def original(self) -> str:
        """See `Room`."""
        return source_text(self.world.checkout.runtime / self.oracle.function.path)

    def behaves(self, text: str, *, shrink: bool = True) -> Judged:
        """See `Room`."""
        oracle, function, original = self.oracle, self.oracle.function, self.original
        found = extract(text, function, original)
        if isinstance(found, NoAnswer):
            return Judged(
                Verdict.NO_ANSWER, found.reason, {**found.evidence(), "hidden": len(oracle.hidden), "checked": 0}
            )
        finding, remarks = self._surveyed(self._judge(shrink and self.shrink), found, original)
        told = {name: value for name, value in finding.evidence.items() if value not in (None, "", False)}
        more: dict[str, Any] = {
            "notes": list(found.notes),
            SIGNATURE: dict(zip(("given", "original"), found.signature, strict=False)),
            **remarks,
            CONSTRAINTS: list(
                broken(found.taken, function.source, original, finding.evidence.get("events", ()), oracle.events)
            ),
        }
        evidence = told | {name: value for name, value in more.items() if value}
        return Judged(finding.verdict, finding.detail, evidence, found.definition, claimed=True)

    def _judge(self, shrink: bool) -> Oracle:
        """Calls, tests, or calls and then tests, as the function's certificate says; a check for a static set's."""
        oracle, world = self.oracle, self.world
        setting = JudgeSetting(world, hidden=oracle.site_hidden)
        terms = Terms(oracle.core, oracle.level, oracle.seed, shrink)
        workers = self.bench.workers_for(world, oracle)
        if CHECK in oracle.planted:
            check = Check.from_dict(oracle.planted[CHECK])
            return CheckOracle(setting, workers, self.bench.checkers()).for_task(oracle.function, check)
        judge: Oracle = RecordedCallOracle(setting, workers).for_task(oracle.function, oracle.hidden, terms)
        if oracle.tests is not None:
            by_tests = TestOracle(world).for_task(oracle.function, oracle.tests)
            judge = InTurn(judge, by_tests) if oracle.hidden else by_tests
        return judge

    def _surveyed(self, judge: Oracle, candidate: Candidate, original: str) -> tuple[Finding, dict[str, Any]]:
        """The finding, and what is said beside it by those who work while the judge waits for the candidate."""
        surveyor = self.bench.surveyor
        if surveyor is None:
            return self._beside_linters(judge, candidate, original)
        with ThreadPoolExecutor(1, thread_name_prefix="cereval-survey") as pool:
            told = pool.submit(surveyor.survey, candidate, self.oracle, self.world.checkout, original)
            finding, remarks = self._beside_linters(judge, candidate, original)
            return finding, remarks | told.result()

    def _beside_linters(self, judge: Oracle, candidate: Candidate, original: str) -> tuple[Finding, dict[str, Any]]:
        if self.bench.linter is None:
            return judge.judge(candidate), {}
        with self.bench.linter.alongside(candidate, self.oracle.function.path, original) as remarks:
            finding = judge.judge(candidate)
            return finding, {"lint": remarks()}


def evaluate(bench: Bench, task: Task, answer: Answer, blank: Attempt) -> Attempt:
    """Judge an answer; `blank` comes from `blank_attempt`."""
    started = time.monotonic()
    attempt = replace(blank, completion=answer.completion.to_dict(), reused=answer.reused)
    try:
        attempt = bench.judge(task, answer, attempt)
    except CerevalError as error:
        attempt = invalid(attempt, error)
    failure = failure_of(attempt.verdict, attempt.evidence)
    return replace(attempt, failure=failure, judge_s=round(time.monotonic() - started, 4), ended=now())


def blank_attempt(task: Task, *, run_id: str, nodeid: str, sandbox_level: str, sample: int = 0) -> Attempt:
    """An attempt that has only begun; until it is judged it counts as our fault."""
    return Attempt(
        run_id=run_id,
        task_id=task.id,
        task_name=task.name,
        nodeid=nodeid,
        category=str(task.category),
        requirement=task.requirement.value,
        stratum=task.stratum,
        band=task.band.value,
        control=task.control,
        sample=sample,
        prompt_sha256=prompt_sha256(task.prompt),
        prompt_system=task.prompt.system,
        prompt_user=task.prompt.user,
        completion=None,
        reused=False,
        verdict=Verdict.INVALID,
        detail="not judged",
        evidence={},
        candidate="",
        sandbox_level=sandbox_level,
        judge_s=0.0,
        started=now(),
        ended=now(),
    )


def invalid(attempt: Attempt, error: Exception) -> Attempt:
    """The attempt as one that says nothing about the model."""
    evidence: dict[str, Any] = {"error": str(error)}
    detail = str(error).splitlines()[0] if str(error) else type(error).__name__
    return replace(attempt, verdict=Verdict.INVALID, detail=detail, evidence=evidence, ended=now())


def now() -> str:
    """The time, as ISO 8601 in UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
