"""Turns the text of an answer into what it claims, its exploit and perhaps a fix; bounded, never executed."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pytest_cereval.categories.structured import json_object
from pytest_cereval.oracles.blocks import Block, blocks, without_thinking
from pytest_cereval.oracles.candidate import MAX_ANSWER, NO_END, TOO_LONG, NoAnswer
from pytest_cereval.results.failure import Failure
from pytest_cereval.source.functions import FunctionNode, SourceFunction

NO_VERDICT = "no verdict in the answer"
_MAX_LINES = 400
_MAX_LINE = 300
# Each is tried on lines of bounded length only, and repeats nothing inside a repeat.
_VERDICT = re.compile(r"\W*(?:final )?verdict\W+(.*)", re.IGNORECASE)
# The first of these decides: what follows it explains, and may use the other's words.
_SAID = re.compile(
    r"\b(?:(?P<safe>safe|secure|invulnerable|none|clean|false|no(?! (?:longer )?(?:safe|secure))"
    r"|(?:not?|never|isn't|without)(?: an?| any| exploitabl[ey])* (?:vulnerab\w*|weak\w*|unsafe|insecure|exploitable))"
    r"|(?P<weak>(?:not|never|isn't|no longer)(?: an?| entirely| fully| really)* (?:safe|secure|clean)"
    r"|vulnerab\w*|unsafe|insecure|yes|weak\w*|true|exploitable))\b",
    re.IGNORECASE,
)
_CWE = re.compile(r"\bCWE\W{0,3}(\d{1,5})\b", re.IGNORECASE)
_NUMBERED = re.compile(r"\W*cwe(?:[ _]id)?\W+(\d{1,5})\b", re.IGNORECASE)
_LINE = re.compile(r"\W*lines?\W+(?:number\W+|no\W+)?(\d{1,7})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer says. `cwe` and `line` are None where it does not; `problem` is why its exploit cannot be run."""

    vulnerable: bool
    cwe: int | None = None
    line: int | None = None
    exploit: str = ""
    fix: str = ""
    problem: str = ""

    def told(self) -> dict[str, Any]:
        """What it claims, as evidence."""
        return {"reports": "vulnerable" if self.vulnerable else "safe", "cwe": self.cwe, "line": self.line}


def answer_schema() -> dict[str, Any]:
    """A JSON schema for answers, for models that can be held to one; `parse_answer` takes both forms."""
    number = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 99_999}, {"type": "null"}]}
    return {
        "type": "object",
        "properties": {
            "verdict": {"enum": ["vulnerable", "safe"]},
            "cwe": number,
            "line": number,
            "exploit": {"type": "string"},
            "fix": {"type": "string"},
        },
        "required": ["verdict", "cwe", "line", "exploit"],
        "additionalProperties": False,
    }


def parse_answer(text: str, function: SourceFunction) -> Answer | NoAnswer:
    """What the answer says, in words or as JSON."""
    if len(text) > MAX_ANSWER:
        return NoAnswer(TOO_LONG)
    rest = without_thinking(text)
    if rest is None:
        return NoAnswer(NO_END)
    data = _json(rest)
    return _of_json(data, function) if data is not None else _of_words(rest, function)


def _json(text: str) -> dict[str, Any] | None:
    data = json_object(text)
    return data if data is not None and isinstance(data.get("verdict"), str) else None


def _of_json(data: dict[str, Any], function: SourceFunction) -> Answer | NoAnswer:
    vulnerable = _said(data["verdict"][:_MAX_LINE])
    if vulnerable is None:
        return NoAnswer(NO_VERDICT)
    numbers = [re.search(r"\d{1,7}", str(data.get(name))[:_MAX_LINE]) for name in ("cwe", "line")]
    cwe, line = (int(found[0]) if found else None for found in numbers)
    exploit, fix = (data.get(name) if isinstance(data.get(name), str) else "" for name in ("exploit", "fix"))
    found = [*blocks(exploit or ""), *blocks(fix or "")]
    return Answer(vulnerable, cwe, line, *_codes(found, function))


def _of_words(text: str, function: SourceFunction) -> Answer | NoAnswer:
    rows = [row[:_MAX_LINE] for row in text.split("\n", _MAX_LINES)[:_MAX_LINES]]
    verdicts = [said for row in rows if (found := _VERDICT.match(row)) and (said := _said(found[1])) is not None]
    code = _codes(blocks(text), function)
    if not verdicts and not code[0]:
        return NoAnswer(NO_VERDICT, Failure.NO_CODE)
    vulnerable = verdicts[0] if verdicts else True
    return Answer(vulnerable, _first(rows, _NUMBERED, _CWE), _first(rows, _LINE), *code)


def _said(text: str) -> bool | None:
    """Whether a few words say that there is a weakness; None if they say neither."""
    found = _SAID.search(text)
    return None if found is None else found["weak"] is not None


def _first(rows: Sequence[str], *patterns: re.Pattern[str]) -> int | None:
    """The first number by the first pattern that finds one; patterns that begin a line come first."""
    for pattern in patterns:
        for row in rows:
            found = pattern.match(row) if pattern is not _CWE else pattern.search(row)
            if found:
                return int(found[1])
    return None


def _codes(found: Sequence[Block], function: SourceFunction) -> tuple[str, str, str]:
    """The exploit, the fix, and why there is no exploit."""
    name = function.bare_name
    exploits = [block for block in found if "exploit" in _defined(block)]
    fixes = [block for block in found if name in _defined(block)]
    fix = fixes[-1].text if fixes else ""
    if not exploits:
        broken = [block.problem for block in found if block.problem and "def exploit" in block.text]
        return "", fix, f"the exploit does not parse: {broken[-1]}" if broken else "no exploit is given"
    last = exploits[-1]
    if name not in _defined(last):
        return _text(last), fix, ""
    others = [item for item in last.body if not (isinstance(item, FunctionNode) and item.name == name)]
    # A helper of the exploit may bear the function's name; a fix is what nothing else in the block uses.
    used = any(isinstance(node, ast.Name) and node.id == name for item in others for node in ast.walk(item))
    kept = last.body if used else others
    try:
        return ast.unparse(ast.Module(list(kept), [])), fix, ""
    except (ValueError, RecursionError):
        return "", fix, "the exploit cannot be read"


def _text(block: Block) -> str:
    try:
        return ast.unparse(ast.Module(list(block.body), []))
    except (ValueError, RecursionError):
        return block.text


def _defined(block: Block) -> set[str]:
    """What a block defines at its top level, or in a class there."""
    inner = [member for item in block.body if isinstance(item, ast.ClassDef) for member in item.body]
    return {item.name for item in (*block.body, *inner) if isinstance(item, FunctionNode)}
