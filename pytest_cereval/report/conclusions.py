"""Turns a run into what may be concluded from it and what may not, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_cereval.report.terminal import FULL_SANDBOX, RunInfo
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.statistics import CONFIDENCE, Summary

_FEW = 30
"""Scored tasks below which an interval is so wide that it is worth a warning."""


def may_conclude(summary: Summary, info: RunInfo, attempts: Sequence[Attempt]) -> list[str]:
    """What these attempts show."""
    if summary.rate is None:
        return []
    where = info.repository or "this commit"
    low, high = summary.interval
    controls = [each for each in attempts if each.control and each.verdict.is_scored]
    told = [
        f"{len(controls)} of these attempts are controls, in which nothing is wrong and it is right to report nothing: "
        f"{sum(each.verdict.is_pass for each in controls)} passed, by what they say and not by anything that was run."
    ]
    return [
        f"At {where}, with the recorded settings, the model's answers were right in "
        f"{summary.passed} of {summary.scored} attempts. Code in them was executed; none was judged by its looks.",
        *(told if controls else []),
        f"For more tasks made in the same way from this code, the share of passes lies between {100 * low:.0f} % and "
        f"{100 * high:.0f} %, with {100 * CONFIDENCE:.0f} % confidence.",
    ]


def may_not_conclude(summary: Summary, info: RunInfo, attempts: Sequence[Attempt]) -> list[str]:
    """What these attempts do not show, the general before what is special to this run."""
    lines = [
        "How the model does on other repositories, in other languages, or with other settings.",
        "That passing code is safe to ship: a pass says that it behaves like the original on the hidden inputs.",
    ]
    if summary.overall.tasks < _FEW:
        lines.append(f"Small differences: {summary.overall.tasks} scored tasks are few, and the interval is wide.")
    if info.limited:
        lines.append(f"The whole repository: {info.limited}.")
    if info.ledger:
        lines.append(f"Anything about the {sum(info.ledger.values())} functions without a task; the ledger says why.")
    if summary.invalid:
        lines.append(f"Anything from {summary.invalid} attempts that are INVALID by a fault of ours.")
    in_process = sum("assurance" in attempt.evidence for attempt in attempts)
    if in_process:
        lines.append(
            f"As much from {in_process} verdicts made by the repository's own tests in one process with the answer: "
            "they are marked, since such an answer could, with effort, deceive them."
        )
    weaker = sum(attempt.sandbox_level not in ("", FULL_SANDBOX) for attempt in attempts)
    if weaker:
        lines.append(f"That {weaker} answers were confined as by default: a weaker sandbox level was allowed.")
    return lines
