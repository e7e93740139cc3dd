"""Turns the attempts of one run into what may be claimed of it: five criteria, each with a status and its reason.

One run of one model on one commit settles little. A criterion that needs more is `not testable` here, and says what it
needs; it is never left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_cereval.bundle import layout
from pytest_cereval.bundle.canonical import part
from pytest_cereval.results.apart import rated
from pytest_cereval.results.attempt import Attempt

SUPPORTED, NOT_SUPPORTED, INCONCLUSIVE, NOT_TESTABLE = "supported", "not supported", "inconclusive", "not testable"
_ELSEWHERE = (
    (
        "C1",
        "tasks that cannot have been learned by heart score close to well-known ones",
        "needs tasks from before and after the model's stated cutoff, and a static benchmark of the same model",
    ),
    (
        "C3",
        "the tasks tell strong answers from weak ones",
        "needs the answers of several models to the same tasks",
    ),
    (
        "C4",
        "rankings hold across models and repositories",
        "needs runs of several models on several repositories under the same conditions",
    ),
    (
        "C5",
        "the distance to a frontier model and the share of fabricated dependencies are known",
        "needs a run of such a model on the same tasks",
    ),
)


def claims(attempts: Sequence[Attempt]) -> list[dict[str, Any]]:
    """C1 to C5 with `statement`, `status`, `because`, `rows` (a file of the bundle) and `threats`."""
    made = [
        {
            "id": name,
            "statement": statement,
            "status": NOT_TESTABLE,
            "because": needs,
            "rows": layout.RESULTS,
            "threats": [],
        }
        for name, statement, needs in _ELSEWHERE
    ]
    return sorted([*made, _execution(attempts)], key=lambda each: str(each["id"]))


def _execution(attempts: Sequence[Attempt]) -> dict[str, Any]:
    # Where nothing is wrong the right answer is to say so, and nothing is left to execute.
    passes = [each for each in rated(attempts) if each.verdict.is_pass and not each.control]
    bare = [each for each in passes if not _executed(each)]
    if not passes:
        status, because = INCONCLUSIVE, "no answer that can be executed passes"
    elif bare:
        status, because = NOT_SUPPORTED, f"{len(bare)} of {len(passes)} passes carry no evidence of an execution"
    else:
        status, because = SUPPORTED, f"all {len(passes)} passes carry the evidence of their execution"
    in_process = sum(each.evidence.get("assurance") == "in_process" for each in passes)
    weaker = sum(each.sandbox_level != "ns" for each in passes)
    threats = [
        f"{count} of {len(passes)} passes {what}"
        for count, what in (
            (in_process, "were judged by tests in the interpreter that runs the answer"),
            (weaker, "were judged in a weaker sandbox than namespaces"),
        )
        if count
    ]
    return {
        "id": "C2",
        "statement": "every reported pass was verified by execution, controls aside",
        "status": status,
        "because": because,
        "rows": layout.RESULTS,
        "threats": threats,
    }


def _executed(attempt: Attempt) -> bool:
    checked = attempt.evidence.get("checked")
    return (isinstance(checked, int) and checked > 0) or bool(part(attempt.evidence, "exploit").get("event"))
