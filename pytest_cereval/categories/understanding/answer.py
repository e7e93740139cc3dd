"""Turns the text of an answer into what it claims: which lines are wrong, why, or that nothing is.

Pure text work on hostile text: bounded, one pass, nothing executed. The corrected function itself is found elsewhere,
by `oracles.candidate`; here the text is only brought into a form in which that finds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_cereval.categories.structured import json_object
from pytest_cereval.categories.understanding.wording import (
    HIGHEST,
    LONGEST,
    MAX_LINES,
    cut,
    explanation,
    in_order,
    label,
    numbers,
    said,
)
from pytest_cereval.oracles.blocks import split_lines, without_thinking
from pytest_cereval.oracles.candidate import MAX_ANSWER

_FENCE = re.compile(r"[ \t]*+(`{3,}+|~{3,}+)[ \t]*+([\w+.-]*+)")
_NUMBERED = re.compile(r"[ \t]*+\d{1,6}[ \t]*+[|:│](?: |$)")
_PLAIN = frozenset({"", "text", "txt", "plain", "plaintext", "markdown", "md", "none", "answer", "yaml"})
_CODE = re.compile(
    r"[ \t]*+(?:\d{1,6}[ \t]*+[|│]|@\w|>>>|File \"|Traceback|(?:async[ \t]++)?(?:def|class|for|while|with|if|elif)\b.*:"
    r"|(?:return|import|from|raise|else|try|except|assert|print)\b|[{(\[]|[\w.\[\]\"']++[ \t]*+[-+*/|&%]?=(?!=)"
    r"|\w++:[ \t]*+[\w\[\], .|]++=|[\w.]++\()"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """What an answer says.

    lines: the lines it names, sorted, each once. denies: it says that there is no bug. explanation: its own words, cut;
    never scored. text: the answer with its code where `oracles.candidate.extract` finds it. absolves: it says somewhere
    that there is no bug, which holds if its code changes nothing.
    """

    lines: tuple[int, ...]
    denies: bool
    explanation: str
    text: str
    absolves: bool = False


def answer_schema() -> dict[str, Any]:
    """The JSON schema of a constrained answer; `lines` and `function` are empty where there is no bug."""
    return {
        "type": "object",
        "properties": {
            "lines": {"type": "array", "items": {"type": "integer", "minimum": 1}, "maxItems": MAX_LINES},
            "explanation": {"type": "string"},
            "function": {"type": "string"},
        },
        "required": ["lines", "explanation", "function"],
        "additionalProperties": False,
    }


def read(completion: str) -> Claim:
    """What an answer claims; one too long to be looked at, or that never ends thinking, claims nothing."""
    text = without_thinking(completion) if len(completion) <= MAX_ANSWER else None
    if text is None:
        return Claim((), False, "", completion)
    data = _as_json(text)
    return _of_json(data) if data is not None else _of_prose(text)


def _as_json(text: str) -> dict[str, Any] | None:
    """The object that an answer is, alone or in a fence; None where it is none, or has no key of the schema."""
    data = json_object(text)
    return data if data is not None and answer_schema()["properties"].keys() & data.keys() else None


def _of_json(data: Mapping[str, Any]) -> Claim:
    named = data.get("lines", data.get("line"))
    listed = named if isinstance(named, list) else [named]
    found = [number for item in listed[:MAX_LINES] for number in _numbers_in(item)]
    code, why = data.get("function"), data.get("explanation")
    code = code if isinstance(code, str) and code.strip() else ""
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    fenced = code if _FENCE.match(code) else f"{fence}python\n{code}\n{fence}"
    denies = not found and not code
    return Claim(in_order(found), denies, cut(why if isinstance(why, str) else ""), fenced if code else "")


def _numbers_in(item: Any) -> list[int]:
    if isinstance(item, bool):
        return []
    if isinstance(item, int):
        return [item] if 0 < item <= HIGHEST else []
    return numbers(item[:LONGEST]) if isinstance(item, str) else []


def _of_prose(text: str) -> Claim:
    lines = split_lines(text)
    prose, coded = _prose(lines)
    found = said(prose, coded=coded)
    answer = "".join(_unnumbered(lines))
    return Claim(found.lines, found.denies, explanation(prose), answer, found.absolves)


def _prose(lines: list[str]) -> tuple[list[str], bool]:
    """The lines of an answer that are no code, with those of fences that hold none, and whether there is code."""
    prose: list[str] = []
    block: list[str] = []
    fence = language = ""
    coded = False
    for line in [*lines, ""]:
        found = _FENCE.match(line)
        if not fence and found is not None:
            fence, language, block = found[1], found[2].lower(), []
        elif not fence:
            prose.append(line)
        elif not line or (found is not None and found[1][0] == fence[0] and len(found[1]) >= len(fence)):
            is_code = _is_code(block, language)
            coded |= is_code
            prose += [] if is_code else block
            fence = ""
        else:
            block.append(line)
    return prose, coded


def _is_code(block: list[str], language: str) -> bool:
    """Whether a fenced block is more than words; one in a language is, unless it begins with a label."""
    filled = [line[:LONGEST] for line in block if line.strip()]
    if any(_CODE.match(line) for line in filled):
        return True
    return language not in _PLAIN and not (filled and label(filled[0]) is not None)


def _unnumbered(lines: list[str]) -> Iterator[str]:
    """The answer, with the numbers taken off fenced blocks whose every line carries one."""
    block: list[str] = []
    inside = False
    for line in lines:
        if _FENCE.match(line):
            yield from _bare(block) if inside else block
            yield line
            block, inside = [], not inside
        else:
            block.append(line)
    yield from _bare(block) if inside else block


def _bare(block: list[str]) -> list[str]:
    filled = [line for line in block if line.strip()]
    if not filled or not all(_NUMBERED.match(line) for line in filled):
        return block
    return [_NUMBERED.sub("", line, count=1) if line.strip() else line for line in block]
