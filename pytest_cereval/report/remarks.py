"""Turns what is said of an answer outside its verdict into titled lines: linters, dependencies, unsafe patterns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

KEYS = ("lint", "dependencies", "screening", "constraints")
"""The keys of evidence that are told here."""


def remarks(evidence: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Title and lines of each kind that has something to say; not yet safe to print."""
    told = [
        ("constraints of the question that it breaks", list(_each(evidence.get("constraints"), str))),
        ("linters say, outside the verdict", list(_each(evidence.get("lint"), _lint))),
        ("dependencies that are not there", list(_dependencies(evidence.get("dependencies")))),
        (
            "unsafe patterns beyond the reference's: a screening, not a proof",
            list(_screening(evidence.get("screening"))),
        ),
    ]
    return [(title, lines) for title, lines in told if lines]


def _each(value: Any, say: Callable[[Any], str]) -> Iterator[str]:
    if isinstance(value, list):
        yield from (say(each) for each in value)


def _lint(remark: Any) -> str:
    """`line 3: F821 Undefined name `x` (ruff)`."""
    if not isinstance(remark, dict):
        return str(remark)
    code, message, tool = (str(remark.get(key, "")) for key in ("code", "message", "tool"))
    return f"line {remark.get('line')}: {code} {message} ({tool})"


def _dependencies(found: Any) -> Iterator[str]:
    if not isinstance(found, dict):
        return
    if found.get("problem"):
        yield f"not looked up: {found['problem']}"
    for each in found.get("findings") or ():
        if isinstance(each, dict):
            flaw = str(each.get("flaw", "")).replace("_", " ")
            guarded = ", guarded" if each.get("guarded") else ""
            yield f"line {each.get('line')}: {each.get('name')} ({flaw}{guarded})"


def _screening(found: Any) -> Iterator[str]:
    if not isinstance(found, dict):
        return
    if found.get("failed"):
        yield f"not screened: {found['failed']}"
    for each in found.get("findings") or ():
        if isinstance(each, dict):
            weakness = f"CWE-{each['cwe']}" if each.get("cwe") else ""
            yield f"line {each.get('line')}: {weakness} {each.get('code', '')} {each.get('message', '')}".replace(
                "  ", " "
            )
