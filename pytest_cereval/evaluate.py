"""Turns one task and one completion into an attempt with a verdict; knows nothing of pytest.

A command line, a cluster job or a pytest item calls it alike. What the model did becomes a verdict; what we could not
do becomes an attempt that is `INVALID` and says why.
"""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_cereval.errors import CerevalError, SandboxError
from pytest_cereval.models.model import Completion, prompt_sha256
from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.candidate import NoAnswer, extract
from pytest_cereval.oracles.recorded import JudgeSetting, RecordedCallOracle
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.interpreter import Interpreter
from pytest_cereval.sandbox.sandbox import Sandbox
from pytest_cereval.source.repository import Checkout
from pytest_cereval.tasks.prompt import file_text
from pytest_cereval.tasks.suite import TaskOracle
from pytest_cereval.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Answer:
    """A completion, and whether it was taken from the store instead of being asked for."""

    completion: Completion
    reused: bool


@dataclass(frozen=True, slots=True)
class Bench:
    """Where attempts are judged: the same for a whole run."""

    checkout: Checkout
    sandbox: Sandbox
    interpreter: Interpreter
    oracles: Path

    def judge(self, task: Task, answer: Answer, attempt: Attempt) -> Attempt:
        """The attempt with its verdict; raises `CerevalError` if no verdict can be given."""
        oracle = TaskOracle.load(self.oracles, task.id)
        if oracle is None:
            raise SandboxError(
                f"the oracle of {task.name} is gone from {self.oracles}",
                next_step="run again: the suite is rebuilt when its files are missing",
            )
        function = oracle.function
        original = file_text(self.checkout.runtime / function.path)
        found = extract(answer.completion.text, function, original)
        if isinstance(found, NoAnswer):
            evidence = {"error": found.reason, "hidden": len(oracle.hidden), "checked": 0}
            return replace(attempt, verdict=Verdict.NO_ANSWER, detail=found.reason, evidence=evidence)
        world = Setting(
            checkout=self.checkout,
            sandbox=self.sandbox,
            interpreter=self.interpreter,
            import_roots=oracle.import_roots,
            modules={function.name: oracle.module},
        )
        judge = RecordedCallOracle(JudgeSetting(world, hidden=oracle.site_hidden))
        finding = judge.judge(function, oracle.hidden, found)
        told = {name: value for name, value in finding.evidence.items() if value not in (None, "", False)}
        evidence = told | ({"notes": list(found.notes)} if found.notes else {})
        return replace(
            attempt,
            verdict=finding.verdict,
            detail=finding.detail,
            evidence=evidence,
            candidate=found.definition,
        )


def evaluate(bench: Bench, task: Task, answer: Answer, blank: Attempt) -> Attempt:
    """Judge an answer; `blank` comes from `blank_attempt`."""
    started = time.monotonic()
    attempt = replace(blank, completion=answer.completion.to_dict(), reused=answer.reused)
    try:
        attempt = bench.judge(task, answer, attempt)
    except CerevalError as error:
        attempt = invalid(attempt, error)
    return replace(attempt, judge_s=round(time.monotonic() - started, 4), ended=now())


def blank_attempt(task: Task, *, run_id: str, nodeid: str, sandbox_level: str, sample: int = 0) -> Attempt:
    """An attempt that has only begun; until it is judged it counts as our fault."""
    return Attempt(
        run_id=run_id,
        task_id=task.id,
        task_name=task.name,
        nodeid=nodeid,
        category=task.category.value,
        requirement=task.requirement.value,
        stratum=task.stratum,
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
