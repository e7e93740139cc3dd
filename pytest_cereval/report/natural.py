"""Turns what a record knows of natural findings into a table and a sentence; they stand apart from every rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_cereval.results.apart import NATURAL, natural
from pytest_cereval.results.attempt import Attempt

CONFIRMED = "confirmed by an exploit"
_OPEN = "asked about, not confirmed"
_NOT_ASKED = "not asked about"
_NOT_SHOWN = "no run can show it"


@dataclass(frozen=True, slots=True)
class Row:
    """One finding; `cwe` is empty where Bandit names none."""

    place: str
    function: str
    code: str
    cwe: str
    severity: str
    message: str
    outcome: str


def sentence(provenance: Mapping[str, Any], attempts: Sequence[Attempt], tasks: Sequence[Mapping[str, Any]]) -> str:
    """How many there are and what became of them; empty for a record that knows nothing of them."""
    known = provenance.get(NATURAL)
    if not isinstance(known, Mapping):
        return ""
    if "problem" in known:
        return f"findings in the repository as it stands: {known['problem']}"
    listed = rows(provenance, attempts, tasks)
    asked = sum(row.outcome in (CONFIRMED, _OPEN) for row in listed)
    confirmed = sum(row.outcome == CONFIRMED for row in listed)
    cut = f", of which {len(listed)} are listed" if known.get("found", 0) > len(listed) else ""
    return (
        f"findings in the repository as it stands, by Bandit {known.get('version', '')}: {known.get('found', 0)}{cut}, "
        f"{asked} asked about, {confirmed} {CONFIRMED}; a match of a pattern is no proof, and none of them is in a rate"
    )


def rows(provenance: Mapping[str, Any], attempts: Sequence[Attempt], tasks: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The findings in order of path and line."""
    known = provenance.get(NATURAL)
    findings = known.get("findings") if isinstance(known, Mapping) else None
    outcomes = _outcomes(attempts, tasks)
    return [
        Row(
            place=f"{each.get('path', '')}:{each.get('line', '')}",
            function=str(each.get("function", "")),
            code=str(each.get("code", "")),
            cwe=f"CWE-{each['cwe']}" if each.get("cwe") else "",
            severity=str(each.get("severity", "")),
            message=str(each.get("message", "")),
            outcome=outcomes.get(_key(each)) or (_NOT_ASKED if each.get("can_be_confirmed") else _NOT_SHOWN),
        )
        for each in findings or ()
        if isinstance(each, Mapping)
    ]


def _outcomes(attempts: Sequence[Attempt], tasks: Sequence[Mapping[str, Any]]) -> dict[tuple[str, ...], str]:
    """By finding; one confirmed sample is enough."""
    confirmed = {each.task_id for each in natural(attempts) if each.verdict.is_pass}
    tried = {each.task_id for each in natural(attempts)}
    found: dict[tuple[str, ...], str] = {}
    for task in tasks:
        if task.get("category") == NATURAL and task["id"] in tried:
            outcome = CONFIRMED if task["id"] in confirmed else _OPEN
            found |= {_key(each): outcome for each in (task.get("about") or {}).get("findings", ())}
    return found


def _key(finding: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(finding.get(name, "")) for name in ("path", "line", "code"))
