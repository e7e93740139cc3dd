"""Turns stored answers into verdicts again, in the sandbox, and lists those that differ from the record.

Answers are the bundle's; questions' oracles never are: they come from the cache, where a build of the named commit has
put them, so a bundle cannot bring its own judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing

from pytest_cereval.build import Built
from pytest_cereval.bundle.check import Check, Outcome, unchecked
from pytest_cereval.bundle.contents import Contents
from pytest_cereval.bundle.rebuild import Place
from pytest_cereval.bundle.recorded import recorded_revision
from pytest_cereval.errors import CerevalError, SourceError
from pytest_cereval.evaluate import Bench
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.source.repository import Checkout, open_checkout
from pytest_cereval.tasks.suite import TaskOracle

NAME = "verdicts"
_TASK_ID = re.compile(r"[0-9a-f]{16}")
_OF_THE_MACHINE = (Verdict.FAIL_TIMEOUT, Verdict.FAIL_MEMORY, Verdict.FAIL_PROCESSES)


def rescore(contents: Contents, place: Place, built: Built | None) -> Check:
    """Judge every stored answer of a scored attempt again. built: from `rebuild`; else the cache must hold all."""
    try:
        files = built.checkout if built else _cached(contents, place)
        sandbox, interpreter = place.sandbox(), inspect_interpreter(place.python)
    except CerevalError as error:
        return unchecked(NAME, [error.what], error.next_step)
    differing: list[str] = []
    failed: list[str] = []
    asked = [each for each in contents.attempts if each.verdict.is_scored and each.completion is not None]
    with closing(Bench(files, sandbox, interpreter, place.cache)) as bench:
        for number, attempt in enumerate(asked, 1):
            place.progress("judging stored answers again", number, len(asked))
            try:
                differing += _judged(bench, attempt)
            except CerevalError as error:
                failed.append(f"{attempt.task_name}: {error.what}")
    about = f"{len(asked) - len(failed)} answers judged again, {len(differing)} verdicts differ"
    if differing:
        return Check(NAME, Outcome.BROKEN, about, (*differing, *failed))
    return unchecked(NAME, failed, about) if failed else Check(NAME, Outcome.HOLDS, about)


def _judged(bench: Bench, attempt: Attempt) -> Iterator[str]:
    # The id becomes a file's name below the cache; only what can be one is looked up.
    oracle = TaskOracle.load(bench.oracles, attempt.task_id) if _TASK_ID.fullmatch(attempt.task_id) else None
    if oracle is None:
        raise SourceError(f"the cache holds no oracle of task {attempt.task_id[:40]!r}")
    completion = attempt.completion or {}
    found = bench.judge_text(oracle, str(completion.get("text", "")), shrink=False)
    if found.verdict is not attempt.verdict:
        machine = {found.verdict, attempt.verdict} & set(_OF_THE_MACHINE)
        note = " (this depends on the machine as well)" if machine else ""
        where = f"{attempt.task_name} sample {attempt.sample}"
        yield f"{where}: {found.verdict.value} now, {attempt.verdict.value} told{note}"


def _cached(contents: Contents, place: Place) -> Checkout:
    files = open_checkout(place.cache, recorded_revision(contents))
    if not files.runtime.is_dir():
        raise SourceError(
            f"no checkout of {files.revision.short} lies in {place.cache}",
            next_step="give --repo=PATH, so that its tasks are built again",
        )
    return files
