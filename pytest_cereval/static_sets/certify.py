"""Turns a problem into a task's check, or a ledger entry: the reference must satisfy it, and an empty body must not.

That is a light certificate: how many wrong answers a check lets through is the data set's own, and nothing is added.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

from pytest_cereval.errors import CerevalError
from pytest_cereval.oracles.blocks import split_lines
from pytest_cereval.oracles.candidate import Candidate, reference_as_candidate
from pytest_cereval.oracles.certificate import Certificate
from pytest_cereval.oracles.checked import Check, Checkers, CheckOracle
from pytest_cereval.oracles.confirm import Judging
from pytest_cereval.oracles.recorded import JudgeSetting
from pytest_cereval.oracles.warm import workers_for
from pytest_cereval.source.functions import FunctionNode, SourceFunction, first_line, without_docstring
from pytest_cereval.source.ledger import LedgerEntry, Reason
from pytest_cereval.source.syntax import parse
from pytest_cereval.static_sets.problems import Problem

ORACLE = "check"
"""What a certificate of a static set says of its oracle."""
_DETAIL = 300
_RUNS = 2


class Asked(NamedTuple):
    """A problem with the function that it asks for."""

    problem: Problem
    function: SourceFunction


def certified(
    judging: Judging,
    items: Sequence[Asked],
    *,
    workers: int = 2,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> list[Check | LedgerEntry]:
    """For each item its check with the number of calls, or why it is not asked; in order."""
    started = workers_for(judging.setting, judging.hidden, judging.needed)
    checkers = Checkers(judging.setting.sandbox, judging.setting.interpreter)
    oracle = CheckOracle(JudgeSetting(judging.setting, hidden=judging.hidden), started, checkers)
    results = []
    with contextlib.closing(started), contextlib.closing(checkers), ThreadPoolExecutor(max(1, workers)) as pool:
        for number, result in enumerate(pool.map(lambda item: _outcome(oracle, item), items), 1):
            progress("checking the references of the static set", number, len(items))
            results.append(result)
    return results


def certificate_of(check: Check) -> Certificate:
    """What was shown of a check: two runs of the reference, and one emptied body."""
    return Certificate(
        replays=_RUNS,
        recorded_inputs=check.calls,
        borrowed_inputs=0,
        edited_inputs=0,
        generated_inputs=0,
        stubs_rejected=1,
        stubs_total=1,
        mutants_killed=0,
        mutants_total=0,
        timed_out=0,
        equivalent=0,
        killed=(),
        survivors=(),
        rewrites_accepted=0,
        rewrites_total=0,
        branches_covered=0,
        branches_total=0,
        oracle=ORACLE,
    )


def _outcome(oracle: CheckOracle, item: Asked) -> Check | LedgerEntry:
    problem, function = item
    check = Check(problem.prompt, problem.test, problem.entry_point)
    place = (function.name, function.path, function.def_line)
    reference = reference_as_candidate(oracle.setting.world.checkout.runtime, function)
    try:
        passed = oracle.judge(function, check, reference)
        if not passed.verdict.is_pass:
            return LedgerEntry(*place, Reason.BROKEN_PIPELINE, passed.detail[:_DETAIL])
        if oracle.judge(function, check, emptied(reference, function)).verdict.is_pass:
            return LedgerEntry(*place, Reason.WEAK_STUB)
    except CerevalError as error:
        return LedgerEntry(*place, Reason.INTERNAL, error.what[:_DETAIL])
    return replace(check, calls=passed.evidence["checked"])


def emptied(reference: Candidate, function: SourceFunction) -> Candidate:
    """The reference's file with `pass` for the body of the function; its docstring stays."""
    lines = split_lines(reference.source)
    node = next(
        node
        for node in parse(reference.source).body
        if isinstance(node, FunctionNode) and first_line(node) == function.first_line
    )
    body = without_docstring(node) or node.body
    start = first_line(body[0]) if isinstance(body[0], FunctionNode) else body[0].lineno
    kept = lines[start - 1].encode()[: body[0].col_offset].decode()
    text = "".join([*lines[: start - 1], f"{kept}pass\n", *lines[node.end_lineno or start :]])
    return Candidate(text, reference.definition, function.first_line)
