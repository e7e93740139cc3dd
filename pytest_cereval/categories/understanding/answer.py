"""Turns the text of an answer into what it claims: which lines are wrong, why, or that nothing is.

Pure text work on hostile text: bounded, one pass, nothing executed. The corrected function itself is found elsewhere,
by `oracles.candidate`; here the text is only brought into a form in which that finds it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_cereval.oracles.blocks import split_lines, without_thinking
from pytest_cereval.oracles.candidate import MAX_ANSWER

MAX_LINES = 20
"""Lines that an answer can name; what comes behind is not looked at."""
MAX_EXPLANATION = 2000
_LONGEST = 400
_HIGHEST = 100_000
_FENCE = re.compile(r"[ \t]*+(`{3,}+|~{3,}+)")
# Possessive throughout, so that a long line without an end costs one pass and not one for each of its characters.
_LABEL = re.compile(
    r"[\s>*_#\-`\d.)]*+(?:(?:the|buggy|faulty|wrong|bug|error|fault|affected)\s++)*+"
    r"(line|bug|fault|location|why|explanation|reason|cause|because|fix|corrected|correction|function|answer)"
    r"(?:s|\(s\))?(?:\s++(?:numbers?|no\.?|function|code|version))?[*_`]*+\s*+([:=])?[*_`]*+\s*+(.*)",
    re.IGNORECASE,
)
_NAMES_LINE = ("line", "bug", "fault", "location", "answer")
_NAMES_REASON = ("why", "explanation", "reason", "cause", "because")
_NONE = re.compile(
    r"[\s*_`\"'(\[]*+(?:none|no|null|nil|n/?a|nothing|0|-+)[\s*_`\"')\]]*+(?=$|[.,;:!(\[–—-])", re.IGNORECASE
)
_NO_BUG = re.compile(
    r"\b(?:no|not (?:have|contain|hold) (?:a|any)|not see (?:a|any)|without (?:a|any))"
    r" (?:\w+ )?(?:bugs?|faults?|errors?|issues?|problems?|mistakes?)\b"
    r"|\b(?:bug|error)-free\b|\b(?:function|code|implementation|it) (?:is|looks|seems|appears) "
    r"(?:already |to be |entirely |perfectly )?(?:correct|right|fine)\b",
    re.IGNORECASE,
)
_YET = re.compile(r"\b(?:but|except|however|apart|although|yet)\b", re.IGNORECASE)
_NEAR = 80
_IN_PROSE = re.compile(
    r"\blines?\s{0,3}#?\s{0,3}(\d{1,6}(?:\s{0,2}(?:,|and|&|or|-|–|to)\s{0,2}\d{1,6})*)", re.IGNORECASE
)
_LIST = re.compile(r"[\s#`*_\"'(\[]*+((?:lines?\b|and\b|or\b|to\b|[\d\s,;&#L–-])*+)", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,6}")
_NUMBERED = re.compile(r"[ \t]*+\d{1,6}[ \t]*+[|:│](?: |$)")


@dataclass(frozen=True, slots=True)
class Claim:
    """What an answer says.

    lines: the lines it names, sorted, each once. denies: it says that there is no bug. explanation: its own words, cut;
    never scored. text: the answer with its code where `oracles.candidate.extract` finds it.
    """

    lines: tuple[int, ...]
    denies: bool
    explanation: str
    text: str


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
    start, end = text.find("{"), text.rfind("}")
    before = text[:start].strip()
    if start < 0 or end < start or not (not before or before.lower() in ("```json", "```", "json")):
        return None
    try:
        data = json.loads(text[start : end + 1], strict=False)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) and answer_schema()["properties"].keys() & data.keys() else None


def _of_json(data: Mapping[str, Any]) -> Claim:
    named = data.get("lines", data.get("line"))
    listed = named if isinstance(named, list) else [named]
    numbers = [number for item in listed[:MAX_LINES] for number in _numbers_in(item)]
    code, why = data.get("function"), data.get("explanation")
    code = code if isinstance(code, str) and code.strip() else ""
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    fenced = code if _FENCE.match(code) else f"{fence}python\n{code}\n{fence}"
    denies = not numbers and not code
    return Claim(_sorted(numbers), denies, _cut(why if isinstance(why, str) else ""), fenced if code else "")


def _numbers_in(item: Any) -> list[int]:
    if isinstance(item, bool):
        return []
    if isinstance(item, int):
        return [item] if 0 < item <= _HIGHEST else []
    return _numbers(item[:_LONGEST]) if isinstance(item, str) else []


def _of_prose(text: str) -> Claim:
    lines = split_lines(text)
    prose = list(_outside_fences(lines))
    labelled = [found for line in prose if (found := _labelled(line)) is not None]
    answer = "".join(_unnumbered(lines))
    why = _explanation(prose)
    for rest in [rest for kind, rest in labelled if kind in _NAMES_LINE]:
        numbers = _numbers(rest)
        if numbers:
            return Claim(_sorted(numbers), False, why, answer)
        if _NONE.match(rest) or _NO_BUG.search(rest):
            return Claim((), True, why, answer)
    return _unlabelled("".join(line[:_LONGEST] for line in prose), why, answer, coded=len(prose) < len(lines))


def _unlabelled(prose: str, why: str, answer: str, *, coded: bool) -> Claim:
    """What is said without a label: that there is no bug, or else the first line that is mentioned.

    Beside code no denial counts, since prose may say "no error" of the repaired function.
    """
    mentioned, denial = _IN_PROSE.search(prose), None if coded else _NO_BUG.search(prose)
    first = denial is not None and (mentioned is None or denial.start() < mentioned.start())
    if denial is not None and first and not _YET.search(prose, denial.end(), denial.end() + _NEAR):
        return Claim((), True, why, answer)
    return Claim(_sorted(_numbers(mentioned[1])) if mentioned is not None else (), False, why, answer)


def _labelled(line: str) -> tuple[str, str] | None:
    """The label that a line begins with and what follows; a number right behind `line` needs no colon."""
    found = _LABEL.match(line[:_LONGEST].rstrip())
    if found is None:
        return None
    kind, rest = found[1].lower(), found[3].strip()
    if not found[2] and not (kind == "line" and rest[:1].isdigit()):
        return None
    return kind, rest


def _numbers(text: str) -> list[int]:
    """The numbers at the beginning of a text, before anything that is no list of them; a range counts in full."""
    head = _LIST.match(text)
    part = head[1] if head else ""
    found = [int(number) for number in _NUMBER.findall(part)][:MAX_LINES]
    bounds = re.fullmatch(r"\D*(\d{1,6})\s*(?:-|–|to)\s*(\d{1,6})\D*", part)
    if bounds is not None and 0 < int(bounds[2]) - int(bounds[1]) <= MAX_LINES:
        found = list(range(int(bounds[1]), int(bounds[2]) + 1))
    return [number for number in found if 0 < number <= _HIGHEST]


def _sorted(numbers: list[int]) -> tuple[int, ...]:
    return tuple(sorted(set(numbers)))[:MAX_LINES]


def _outside_fences(lines: list[str]) -> Iterator[str]:
    inside = ""
    for line in lines:
        found = _FENCE.match(line)
        if found is not None and (not inside or (found[1][0] == inside[0] and len(found[1]) >= len(inside))):
            inside = "" if inside else found[1]
        elif not inside:
            yield line


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


def _explanation(prose: list[str]) -> str:
    """What follows the label of a reason, up to the next label; all prose where there is no such label."""
    found: list[str] = []
    taking = False
    for line in prose:
        label = _labelled(line)
        if label is not None:
            taking = label[0] in _NAMES_REASON
            found += [label[1]] if taking else []
        elif taking:
            found.append(line.strip())
    return _cut(" ".join(found) if any(found) else " ".join(line.strip() for line in prose))


def _cut(text: str) -> str:
    return " ".join(text[: 2 * MAX_EXPLANATION].split())[:MAX_EXPLANATION]
