"""Turns what an answer claims, and how its function behaves, into a verdict with both parts of the score."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pytest_cereval.categories.category import Room
from pytest_cereval.categories.understanding.answer import Claim, read
from pytest_cereval.categories.understanding.editing import parsed_function
from pytest_cereval.oracles.candidate import Candidate, NoAnswer, extract
from pytest_cereval.oracles.oracle import Judged
from pytest_cereval.results.verdict import Verdict

TOLERANCE = 0
"""How many lines a named line may be off; kept with every question, so that a later change shows."""
NOTHING = "neither a line, nor code, nor that there is no bug"


def judge(room: Room, text: str) -> Judged:
    """The verdict on an answer to a question with one or more planted faults, or with none."""
    planted, claim = room.oracle.planted, read(text)
    evidence: dict[str, Any] = {"claimed_lines": list(claim.lines), "explanation": claim.explanation}
    state = _claims(room, claim, planted["shown"])
    if state is None:
        evidence |= NoAnswer(NOTHING).evidence()
        return Judged(Verdict.NO_ANSWER, NOTHING, evidence, scores=_scores(planted))
    if not state:
        evidence["claimed_lines"] = []
    if planted["control"]:
        return _of_control(state, claim, evidence)
    faulty = [fault["lines"] for fault in planted["faults"]]
    evidence |= {"faulty_lines": faulty, "tolerance": planted["tolerance"]}
    if not state:
        detail = f"says that there is no bug; line {_told(faulty)} is wrong"
        return Judged(Verdict.FAIL_MISSED, detail, evidence, scores=_scores(planted))
    return _of_fix(room, claim, evidence, located(claim.lines, faulty, planted["tolerance"]))


def located(claimed: Sequence[int], faulty: Sequence[Sequence[int]], tolerance: int) -> bool:
    """Whether every fault is named, and nothing else: to name all lines is to name none."""

    def near(line: int, lines: Collection[int]) -> bool:
        return any(abs(line - each) <= tolerance for each in lines)

    every = all(any(near(line, lines) for line in claimed) for lines in faulty)
    return every and all(any(near(line, lines) for lines in faulty) for line in claimed)


def _claims(room: Room, claim: Claim, shown: str) -> bool | None:
    """Whether an answer claims a bug; None if it claims neither that nor the opposite.

    Who gives the function back as it was shown, and names no line or says that there is no bug, has found nothing wrong
    with it.
    """
    if claim.denies or (claim.lines and not claim.absolves):
        return not claim.denies
    found = extract(claim.text, room.oracle.function, room.original)
    if not isinstance(found, Candidate):
        return False if claim.absolves else None
    return _meaning(found.definition) != _meaning(shown)


def _meaning(text: str) -> str:
    try:
        return ast.dump(parsed_function(text)[0])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text


def _scores(planted: Mapping[str, Any]) -> dict[str, bool]:
    return {} if planted["control"] else {"located": False, "fixed": False}


def _of_control(state: bool, claim: Claim, evidence: dict[str, Any]) -> Judged:
    if not state:
        return Judged(Verdict.PASS, "says that there is no bug, and there is none", evidence)
    where = f" in line {', '.join(map(str, claim.lines))}" if claim.lines else ""
    return Judged(Verdict.FAIL_FALSE_ALARM, f"reports a bug{where} where there is none", evidence, claimed=True)


def _of_fix(room: Room, claim: Claim, evidence: dict[str, Any], is_located: bool) -> Judged:
    found = room.behaves(claim.text)
    fixed = found.verdict.is_pass
    evidence = found.evidence | evidence | _passed(room, found)
    scores = {"located": is_located, "fixed": fixed}
    named = f"line {', '.join(map(str, claim.lines))}" if claim.lines else "no line"
    verdict, detail = found.verdict, found.detail
    if fixed and is_located:
        detail = f"names {named}, and {found.detail}"
    elif fixed:
        verdict = Verdict.FAIL_LOCATION
        detail = f"repairs the function, but names {named} where line {_told(evidence['faulty_lines'])} is wrong"
    # A line alone is no claim of a repair, and nothing was run that could overturn it.
    return Judged(verdict, detail, evidence, found.candidate, bool(found.candidate), scores)


def _passed(room: Room, found: Judged) -> dict[str, Any]:
    """Of the hidden inputs that show the fault and of the others, how many pass now, and of how many.

    Left out where not all of them were asked, since a check ends early once too many differ or its process is lost.
    """
    hidden = len(room.oracle.hidden)
    differing = [] if found.verdict.is_pass else found.evidence.get("differing_at")
    if differing is None or (not found.verdict.is_pass and found.evidence.get("checked") != hidden):
        return {}
    shows = set(room.oracle.planted["exposed"])
    failed = set(differing)
    return {
        "fail_to_pass": [len(shows - failed), len(shows)],
        "pass_to_pass": [hidden - len(shows | failed), hidden - len(shows)],
    }


def _told(faulty: Sequence[Sequence[int]]) -> str:
    return " and ".join("/".join(map(str, lines)) for lines in faulty)
