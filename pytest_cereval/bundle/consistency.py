"""Turns the records of a bundle into sentences about what contradicts itself there; digests have no part in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_cereval.bundle.canonical import part
from pytest_cereval.bundle.contents import Contents
from pytest_cereval.models.model import Prompt, prompt_sha256
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.failure import failure_of
from pytest_cereval.results.verdict import Verdict

_OF_TASK = ("category", "requirement", "stratum", "band", "control")


def row_findings(contents: Contents) -> Iterator[str]:
    """What no run gives: attempts at no task, two at one sample, verdicts that their own evidence denies."""
    tasks = {str(task.get("id")): task for task in contents.tasks}
    if len(tasks) != len(contents.tasks):
        yield "tasks.jsonl holds a task twice"
    yield from _task_findings(tasks)
    seen = Counter((each.task_id, each.sample) for each in contents.attempts)
    yield from (
        f"results.jsonl holds sample {sample} of task {task} twice" for (task, sample), n in seen.items() if n > 1
    )
    for number, attempt in enumerate(contents.attempts, 1):
        where = f"results.jsonl:{number} ({attempt.task_name})"
        if attempt.run_id != contents.run.run_id:
            yield f"{where} is of run {attempt.run_id!r}"
        if attempt.task_id in tasks:
            yield from (f"{where}: {each}" for each in _against_task(attempt, tasks[attempt.task_id]))
        else:
            yield f"{where} is at task {attempt.task_id!r}, which tasks.jsonl does not hold"
        yield from (f"{where}: {each}" for each in _against_itself(attempt))


def class_findings(contents: Contents) -> Iterator[str]:
    """Attempts whose class of failure is not the one that their verdict and evidence give."""
    for number, attempt in enumerate(contents.attempts, 1):
        expected = failure_of(attempt.verdict, attempt.evidence)
        if attempt.failure is not expected:
            said, due = (each.value if each else "no failure" for each in (attempt.failure, expected))
            where = f"results.jsonl:{number} ({attempt.task_name})"
            yield f"{where} is of class {said!r}, where {attempt.verdict.value} and its evidence give {due!r}"


def _task_findings(tasks: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, task in tasks.items():
        prompt = part(task, "prompt")
        if not all(isinstance(prompt.get(each), str) for each in ("system", "user")):
            yield f"tasks.jsonl: task {name} has no prompt"


def _against_task(attempt: Attempt, task: Mapping[str, Any]) -> Iterator[str]:
    if attempt.task_name != task.get("name"):
        yield f"its task is called {task.get('name')!r}"
    for name in _OF_TASK:
        # Records of old versions lack what was added later.
        if name in task and task[name] != getattr(attempt, name):
            yield f"{name} is {getattr(attempt, name)!r}, its task says {task[name]!r}"
    prompt = part(task, "prompt")
    if (attempt.prompt_system, attempt.prompt_user) != (prompt.get("system"), prompt.get("user")):
        yield "its prompt is not its task's"
    elif attempt.prompt_sha256 != (digest := prompt_sha256(Prompt(**prompt))):
        yield f"its prompt has the digest {digest}, not {attempt.prompt_sha256}"


def _against_itself(attempt: Attempt) -> Iterator[str]:
    if attempt.verdict.is_scored and attempt.completion is None:
        yield f"{attempt.verdict.value} without an answer"
    if attempt.verdict is Verdict.PASS:
        yield from _against_pass(attempt)


def _against_pass(attempt: Attempt) -> Iterator[str]:
    evidence = attempt.evidence
    if evidence.get("smallest") or evidence.get("differing"):
        yield "PASS, but its evidence shows a call that differs"
    asked, hidden = evidence.get("checked"), evidence.get("hidden")
    # Where tests judge, those that ran are counted another way than those that were chosen.
    if "assurance" not in evidence and isinstance(asked, int) and isinstance(hidden, int) and asked < hidden:
        yield f"PASS after {asked} of {hidden} hidden calls"
