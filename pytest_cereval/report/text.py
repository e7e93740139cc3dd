"""Turns an attempt into the plain text under a failing item, with model text made safe to print."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_cereval.report.remarks import KEYS, remarks
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.printing import one_line, printable
from pytest_cereval.results.statistics import cost_of

LINE_LIMIT = 400
CANDIDATE_LINES = 60
REQUIREMENT_LINES = 12
OUTPUT_LINES = 12
VALUE_LIMIT = 1200
_KNOWN_EVIDENCE = (
    *("checked", "differing", "hidden", "smallest", "error", "output", "missing", "signature", "workers"),
    *("differing_at", "events", *KEYS),
)
PASTE = "this call as Python"
_KNOWN_SMALLEST = ("call", "expected", "observed", "aspect", "where")
_ASPECTS = {
    "value": "the returned value differs",
    "kind": "one returns and the other raises, or they raise different things",
    "after": "the arguments differ after the call",
    "arguments": "it cannot be called with these arguments",
    "printed": "what is printed differs",
}


def failure_text(attempt: Attempt, requirement: str = "") -> str:
    """Why this attempt ended so; `requirement` is the task's text, without which the prompt is shown."""
    return "\n".join(_lines(attempt, requirement))


def evidence_counts(evidence: Mapping[str, Any]) -> str:
    """How many calls were run and differ, in words; empty where nothing was counted."""
    checked, differing, hidden = (evidence.get(key) for key in ("checked", "differing", "hidden"))
    if checked is None:
        return ""
    of_hidden = "" if hidden is None else f" of {hidden} hidden"
    differ = "" if differing is None else f", {differing} differ{'s' if differing == 1 else ''}"
    return f"{checked}{of_hidden} {'tests' if 'assurance' in evidence else 'calls'} checked{differ}"


def other_evidence(evidence: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Evidence that no sentence here was written for, as name and text."""
    rows = [(key, value) for key, value in evidence.items() if key not in _KNOWN_EVIDENCE]
    smallest = evidence.get("smallest")
    if isinstance(smallest, dict):
        more = {key: value for key, value in smallest.items() if key not in _KNOWN_SMALLEST}
        rows += [(PASTE if key == "paste" else f"smallest {key}", more[key]) for key in more]
    signature = evidence.get("signature")
    if isinstance(signature, dict):
        shown = f"{signature.get('given')}\nwhere the original is\n{signature.get('original')}"
        rows.append(("another signature", shown))
    rows += [(title, [one_line(line) for line in lines]) for title, lines in remarks(evidence)]
    return [(key, _plain(value)) for key, value in rows]


def aspect_meaning(smallest: Mapping[str, Any]) -> str:
    """In what the two results differ, in words; an unknown aspect stands for itself."""
    aspect = str(smallest.get("aspect", ""))
    return _ASPECTS.get(aspect, aspect)


def cost_line(attempt: Attempt) -> str:
    """Tokens and times of one attempt."""
    parts = []
    completion = attempt.completion
    if completion is not None:
        parts += [
            f"{completion['prompt_tokens']} prompt tokens ({completion['cached_tokens']} cached)",
            f"{completion['completion_tokens']} completion tokens",
        ]
        if (speed := cost_of([attempt]).tokens_per_s) is not None:
            parts.append(f"{speed:.1f} tokens/s")
        parts.append(f"generated in {completion['wall_s']:.2f} s")
        parts.append(f"ended by {completion['finish_reason']}")
    if attempt.reused:
        parts.append("reused from an earlier run")
    parts.append(f"judged in {attempt.judge_s:.2f} s")
    if attempt.sandbox_level:
        parts.append(f"sandbox level {attempt.sandbox_level}")
    return ", ".join(parts)


def _lines(attempt: Attempt, requirement: str) -> Iterator[str]:
    shown = f" ({attempt.failure.value})" if attempt.failure else ""
    yield f"{attempt.verdict.value}{shown}: {attempt.verdict.meaning}"
    # The oracle's one-line detail says what the smallest call below says at length.
    if attempt.detail and not isinstance(attempt.evidence.get("smallest"), dict):
        yield f"  {one_line(attempt.detail, LINE_LIMIT)}"
    yield ""
    sample = f", sample {attempt.sample}" if attempt.sample else ""
    yield f"{one_line(attempt.task_name)} ({attempt.category}, {attempt.requirement} requirement{sample})"
    yield from evidence_lines(attempt.evidence)
    if requirement:
        yield from _block("requirement", requirement, REQUIREMENT_LINES)
    else:
        yield from _block("prompt", attempt.prompt_user, REQUIREMENT_LINES)
    yield from _block("answer as judged", attempt.candidate, CANDIDATE_LINES)
    yield ""
    yield cost_line(attempt)


def evidence_lines(evidence: Mapping[str, Any]) -> Iterator[str]:
    """What a verdict stands on, in paragraphs: the smallest differing call, errors, output, notes."""
    counts = evidence_counts(evidence)
    smallest = evidence.get("smallest")
    if isinstance(smallest, dict):
        yield ""
        yield "smallest differing call" + (f" ({counts})" if counts else "")
        yield from _indented(str(smallest.get("call", "")), VALUE_LIMIT)
        for key in ("expected", "observed"):
            if smallest.get(key):
                text = printable(str(smallest[key]), VALUE_LIMIT)
                yield f"  {key}  " + text.replace("\n", "\n            ")
        place = ": ".join(filter(None, (aspect_meaning(smallest), str(smallest.get("where", "")))))
        if place:
            yield f"  so        {one_line(place, VALUE_LIMIT)}"
    elif counts:
        yield ""
        yield counts
    if evidence.get("error"):
        yield from _block("error", str(evidence["error"]), OUTPUT_LINES, tail=True)
    if evidence.get("output"):
        yield from _block("output of the sandboxed process", str(evidence["output"]), OUTPUT_LINES, tail=True)
    for key, text in other_evidence(evidence):
        if key == PASTE and max(map(len, text.splitlines()), default=0) > LINE_LIMIT:
            continue  # cut short it could not be pasted; the page of the case has it whole
        yield from _block(one_line(key), text, OUTPUT_LINES)


def _block(title: str, text: str, limit: int, *, tail: bool = False) -> Iterator[str]:
    if not text.strip():
        return
    lines = printable(text.strip("\n")).split("\n")
    left_out = len(lines) - limit
    yield ""
    yield title
    if left_out > 0 and tail:
        yield f"  … {left_out} lines before"
    shown = lines if left_out <= 0 else lines[-limit:] if tail else lines[:limit]
    yield from (f"  {line[:LINE_LIMIT]}{'…' if len(line) > LINE_LIMIT else ''}".rstrip() for line in shown)
    if left_out > 0 and not tail:
        yield f"  … {left_out} more lines"


def _plain(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return "\n".join(value)
    return value if isinstance(value, str) else json.dumps(value, indent=1)


def _indented(text: str, limit: int) -> Iterator[str]:
    yield from (f"  {line}" for line in printable(text, limit).split("\n"))
