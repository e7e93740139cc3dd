"""Turns the prose of an answer into what it says of the bug: the lines it names, or that there is none, and why.

What stands behind a label counts before what is only said. Hostile text: every pattern is bounded or possessive.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_LINES = 20
"""Lines that an answer can name; what comes behind is not looked at."""
MAX_EXPLANATION = 2000
LONGEST = 400
"""Characters of a line of prose that are looked at."""
HIGHEST = 100_000
_NEAR = 80
# Possessive throughout, so that a long line without an end costs one pass and not one for each of its characters.
_LABEL = re.compile(
    r"[\s>*_#\-`\d.)]*+(?:(?:the|buggy|faulty|wrong|bug|error|fault|affected)\s++)*+"
    r"(line|bug|fault|location|why|explanation|reason|cause|because|fix|corrected|correction|function|answer)"
    r"(?:s|\(s\))?(?:\s++(?:numbers?|no\.?|function|code|version))?[*_`]*+\s*+([:=])?[*_`]*+\s*+(.*)",
    re.IGNORECASE,
)
_NAMES_LINE = ("line", "location")
_NAMES_BUG = ("bug", "fault", "answer")
_NAMES_REASON = ("why", "explanation", "reason", "cause", "because")
_WORD = r"(?:none|no|null|nil|n/?a|nothing|0|-+)"
_NONE = re.compile(
    rf"[\s*_`\"'(\[]*+(?:{_WORD}[*_`\"')\]]*+(?=\s*+$|\s*+[.,;:!(\[]|\s++[–—-])|none of\b)", re.IGNORECASE
)
_ONLY_NONE = re.compile(rf"[\s*_`\"'(\[]*+{_WORD}[*_`\"')\]]*+\s*+(?:$|[.;!](?!\s*+\d))", re.IGNORECASE)
_FAULTS = r"(?:(?!other|further|more|additional)\w+ )?(?:bugs?|faults?|issues?|problems?|mistakes?)\b"
_SEEN = r"(?:there (?:is|are|was|were)|see|saw|find|found|contains?|has|have|spot|detect|notice)"
_NO_BUG = re.compile(
    rf"\b(?:no|not (?:have|contain|hold|see|find) (?:a|any)|without (?:a|any)) {_FAULTS}"
    # "No error" alone may be the very bug: an error that is not raised.
    rf"|(?:\b{_SEEN} |^\W{{0,4}})no (?:(?!other|further|more|additional)\w+ )?errors?\b"
    r"(?! (?:handling|checks?|checking|messages?|codes?|raised|thrown|(?:is|are|was) (?:raised|thrown|reported|given)))"
    r"|\b(?:not (?:have|contain|hold|see|find)|without) (?:a|any) (?:\w+ )?errors?\b"
    r"|\b(?:bug|error)-free\b|\b(?:function|code|implementation|it) (?:is|looks|seems|appears) "
    r"(?:already |to be |entirely |perfectly )?(?:correct|right|fine)\b",
    re.IGNORECASE | re.MULTILINE,
)
_YET = re.compile(r"\b(?:but|except|however|apart|although|yet|besides|aside|other than)\b", re.IGNORECASE)
_REPAIRED = re.compile(
    r"\b(?:otherwise|apart|aside|besides|other than|rest|remainder|remaining|then|so that)\b"
    r"|\b(?:after|with|once) (?:this|that|these|those|the (?:fix|change|repair|correction))\b|n't (?:think|believe)\b",
    re.IGNORECASE,
)
_SENTENCE_ENDS = re.compile(r"[.!?;:\n]")
_MENTION = (
    r"\blines?\s{0,3}(?:(?:numbers?|no\.?) )?[#`*]{0,3}\s{0,3}(\d{1,6}(?:\s{0,2}(?:,|and|&|or|-|–|to)\s{0,2}\d{1,6})*)"
)
_IN_PROSE = re.compile(_MENTION, re.IGNORECASE)
_OF_ONE_LINE = re.compile(
    rf"\bno (?:\w+ )?(?:bugs?|faults?|errors?|issues?|problems?|mistakes?) (?:on|in|at|with) (?:the |this )?{_MENTION}",
    re.IGNORECASE,
)
_LIST = re.compile(
    r"[\s#`*_\"'(\[<]*+((?:lines?\b|numbers?\b|no\.?(?=\s*\d)|and\b|or\b|to\b|[\d\s,;&#L–-])*+)", re.IGNORECASE
)
_NUMBER = re.compile(r"\d{1,6}")
_BEHIND_NUMBERS = re.compile(r"[\s*_`\"')\]>]*+(?:\.?$|[|(:—])")


@dataclass(frozen=True, slots=True)
class Said:
    """What prose says of the bug.

    denies: that there is none. absolves: it says so without a label, beside code; whether that is meant of the function
    as it is shown or of the repaired one, its code must tell.
    """

    lines: tuple[int, ...] = ()
    denies: bool = False
    absolves: bool = False


def said(prose: Sequence[str], *, coded: bool) -> Said:
    """What is said in lines of prose; `coded` where there is code beside it."""
    labelled = _labelled_lines(prose)
    for kinds, reading in ((_NAMES_LINE, _behind_line), (_NAMES_BUG, _behind_bug)):
        for found in (reading(rest) for kind, rest in labelled if kind in kinds):
            if found is not None:
                return found
    return _unlabelled("".join(line[:LONGEST] for line in prose), coded=coded)


def _labelled_lines(prose: Sequence[str]) -> list[tuple[str, str]]:
    """Labels with what follows them: the next line that is not blank, where the rest of their own is."""
    rows: list[tuple[str, str]] = []
    below = ""
    for line in reversed(prose):
        kind, rest = label(line) or ("", "")
        if kind and not rest and label(below) is None and (kind not in _NAMES_LINE or _is_answer(below)):
            rest = below
        rows += [(kind, rest)] if rest else []
        below = line[:LONGEST].strip() or below
    return rows[::-1]


def _is_answer(line: str) -> bool:
    """Whether a line that stands below a label holds numbers or `none`, and is not the first item of a list."""
    head = _LIST.match(line)
    numbered = head is not None and _NUMBER.search(head[1]) and _BEHIND_NUMBERS.match(line, head.end())
    return bool(numbered or _ONLY_NONE.match(line))


def _behind_line(rest: str) -> Said | None:
    found = numbers(rest)
    if found:
        return Said(in_order(found))
    if _NONE.match(rest) or _is_denial(rest):
        return Said(denies=True)
    return _mentioned(rest)


def _behind_bug(rest: str) -> Said | None:
    """A number or `none` may begin a description here: `2 arguments`, `None is returned`."""
    return Said(denies=True) if _ONLY_NONE.match(rest) or _is_denial(rest) else _mentioned(rest)


def _mentioned(text: str) -> Said | None:
    found = _IN_PROSE.search(text)
    return Said(in_order(numbers(found[1]))) if found is not None else None


def _unlabelled(prose: str, *, coded: bool) -> Said:
    """What is said without a label: that there is no bug, or else the first line that is mentioned."""
    elsewhere = _OF_ONE_LINE.sub(" ", prose)
    denied, mentioned = _is_denial(elsewhere), _mentioned(elsewhere)
    if not denied and mentioned is None and elsewhere != prose:
        denied, mentioned = True, _mentioned(prose)
    if denied and not coded:
        return Said(denies=True)
    return Said(mentioned.lines if mentioned is not None else (), absolves=denied)


def _is_denial(prose: str) -> bool:
    """Whether a text says that there is no bug, without a "but" behind it, and not of the repaired function."""
    for found in _NO_BUG.finditer(prose):
        before = _SENTENCE_ENDS.split(prose[max(0, found.start() - _NEAR) : found.start()])[-1]
        if not _YET.search(prose, found.end(), found.end() + _NEAR) and not _REPAIRED.search(before):
            return True
    return False


def label(line: str) -> tuple[str, str] | None:
    """The label that a line begins with and what follows; a heading needs no colon, nor does `line` before a number."""
    found = _LABEL.match(line[:LONGEST].rstrip())
    if found is None:
        return None
    kind, rest = found[1].lower(), found[3].strip()
    heading = not rest and line.lstrip()[:1] in ("#", "*")
    if not found[2] and not heading and not (kind == "line" and rest[:1].isdigit()):
        return None
    return kind, rest


def numbers(text: str) -> list[int]:
    """The numbers at the beginning of a text, before anything that is no list of them; a range counts in full."""
    head = _LIST.match(text)
    part = head[1] if head else ""
    found = [int(number) for number in _NUMBER.findall(part)][:MAX_LINES]
    bounds = re.fullmatch(r"\D*(\d{1,6})\s*(?:-|–|to)\s*(\d{1,6})\D*", part)
    if bounds is not None and 0 < int(bounds[2]) - int(bounds[1]) <= MAX_LINES:
        found = list(range(int(bounds[1]), int(bounds[2]) + 1))
    return [number for number in found if 0 < number <= HIGHEST]


def in_order(found: list[int]) -> tuple[int, ...]:
    """Line numbers sorted, each once."""
    return tuple(sorted(set(found)))[:MAX_LINES]


def explanation(prose: Sequence[str]) -> str:
    """What follows the label of a reason, up to the next label; all prose where there is no such label."""
    found: list[str] = []
    taking = False
    for line in prose:
        labelled = label(line)
        if labelled is not None:
            taking = labelled[0] in _NAMES_REASON
            found += [labelled[1]] if taking else []
        elif taking:
            found.append(line.strip())
    return cut(" ".join(found) if any(found) else " ".join(line.strip() for line in prose))


def cut(text: str) -> str:
    """An explanation of bounded length on one line."""
    return " ".join(text[: 2 * MAX_EXPLANATION].split())[:MAX_EXPLANATION]
