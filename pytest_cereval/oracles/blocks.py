"""Turns the text of an answer into blocks of code that parse, best one last. Pure text work; nothing is
executed.

The text comes from a model and may be hostile: the parser is only reached with bounded text, and whatever it
raises on strange text becomes a `Block` with a `problem`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_cereval.source import syntax

MAX_FENCES = 64
_EXTENSIONS = 6
_CUTS = 20
_LANGUAGES = frozenset({"", "python", "py", "python3", "py3", "python2"})
_WRAPPERS = frozenset({"markdown", "md"})
_LOST_INDENTATION = ("    ", "\t", "  ")
# Possessive throughout, so that a long line without an end costs one pass and not one for each of its characters.
_FENCE = re.compile(r"[ \t]*+(`{3,}+|~{3,}+)[ \t]*+([\w+.-]*+)[^`]*+")
_THINKING = re.compile(r"[ \t]*+(?:<(think(?:ing)?)>|\[THINK\])")
_THINKING_STARTS = re.compile(f"^{_THINKING.pattern}", re.MULTILINE)
# At the end of a line: the opening tag may stand in the prompt, and code seldom ends a line so.
_THINKING_ENDS = re.compile(r"(?:</think(?:ing)?>|\[/THINK\])[ \t]*+$", re.MULTILINE)
# A fence behind prose, and a whole block on one line; only with a language, since backticks alone may be prose.
_FENCE_AFTER_PROSE = re.compile(r"^([^\n`]*+)(```[ \t]*+(?:python3?|py)[ \t]*+)$", re.MULTILINE | re.IGNORECASE)
_BLOCK_ON_A_LINE = re.compile(r"^[ \t]*+```(?:python3?|py)[ \t]++([^\n`]++)```[ \t]*+$", re.MULTILINE | re.IGNORECASE)
_QUOTED_FENCE = re.compile(r"^>[ \t]*+(?:```|~~~)", re.MULTILINE)
_QUOTE = re.compile(r"^> ?", re.MULTILINE)
_CODE_STARTS = re.compile(r"^[ \t]*(?:(?:async[ \t]+)?def\s|@|import\s|from\s|class\s)")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of code: its text and its statements, or the `problem` that kept it from being parsed."""

    text: str
    body: tuple[ast.stmt, ...] = ()
    problem: str = ""


def without_thinking(text: str) -> str | None:
    """The text without sections of thinking, as models mark them; None if one never ends."""
    kept: list[str] = []
    position = 0
    start = _THINKING_STARTS.search(text)
    while start is not None:
        # By hand: a pattern for the whole section would look for its end anew from each of many beginnings.
        closing = f"</{start[1]}>" if start[1] else "[/THINK]"
        end = text.find(closing, start.end())
        if end < 0:
            return None
        kept.append(text[position : start.start()])
        position = end + len(closing)
        # Without the section, what follows it stands at the beginning of a line.
        start = _THINKING.match(text, position) or _THINKING_STARTS.search(text, position)
    rest = "".join([*kept, text[position:]])
    ends = list(_THINKING_ENDS.finditer(rest))
    return rest[ends[-1].end() :] if ends else rest


def blocks(text: str) -> list[Block]:
    """All code in the order of the answer: the fenced blocks, or the answer itself where no fence is."""
    lines = split_lines(_fences_apart(text.removeprefix("\ufeff")))
    fences = [number for number, line in enumerate(lines) if _FENCE.fullmatch(line.rstrip("\r\n"))]
    if fences:
        return list(_fenced(lines, fences[:MAX_FENCES]))
    return _unfenced(lines)


def _fences_apart(text: str) -> str:
    """The text with each opening fence on a line of its own."""
    if _QUOTED_FENCE.search(text):
        text = _QUOTE.sub("", text)
    text = _BLOCK_ON_A_LINE.sub(r"```python\n\1\n```", text)
    return _FENCE_AFTER_PROSE.sub(lambda found: f"{found[1]}\n{found[2]}" if found[1].strip() else found[0], text)


def split_lines(text: str) -> list[str]:
    """Lines with their ends as Python's tokenizer counts them; `str.splitlines` also breaks at form feeds."""
    return [line for line in re.split(r"(?<=\n)|(?<=\r)(?!\n)", text) if line]


def parse(text: str) -> Block:
    """The statements of a text, which may be indented as a whole."""
    block = _parse(text)
    if block.problem and text[:1].isspace():
        # Under an `if` and not dedented: dedenting would change the text of multi-line strings.
        inner = _parse(f"if True:\n{text}")
        if not inner.problem and len(inner.body) == 1 and isinstance(inner.body[0], ast.If):
            return Block(text, tuple(inner.body[0].body))
    return _indented_again(text) if "unindent does not match" in block.problem else block


def _indented_again(text: str) -> Block:
    """A method in its class' indentation but for the first line, which models begin at the margin."""
    for indentation in _LOST_INDENTATION:
        inner = _parse(f"if True:\n{indentation}{text}")
        if not inner.problem and len(inner.body) == 1 and isinstance(inner.body[0], ast.If):
            return Block(text, tuple(inner.body[0].body))
    return _parse(text)


def _parse(text: str) -> Block:
    try:
        return Block(text, tuple(syntax.parse(text).body))
    except SyntaxError as error:
        return Block(text, problem=f"line {error.lineno}: {error.msg}"[:200])
    except (ValueError, RecursionError, MemoryError) as error:
        return Block(text, problem=f"{type(error).__name__}: {error}"[:200])


def _fenced(lines: list[str], fences: list[int]) -> Iterator[Block]:
    position = 0
    while position < len(fences):
        opening = _FENCE.fullmatch(lines[fences[position]].rstrip("\r\n"))
        assert opening is not None  # noqa: S101 - `fences` holds the lines that match
        ends = [index for index in range(position + 1, len(fences)) if _closes(lines[fences[index]], opening[1])]
        if opening[2].lower() in _WRAPPERS:
            position += 1
            continue
        if opening[2].lower() not in _LANGUAGES:
            position = ends[0] + 1 if ends else len(fences)
            continue
        block, used = _first_that_parses(lines, fences, position, ends)
        yield block
        position = used + 1


def _first_that_parses(lines: list[str], fences: list[int], position: int, ends: list[int]) -> tuple[Block, int]:
    """A fence inside a docstring looks like the end of a block, so that a later end may be the right one."""
    start = fences[position] + 1
    first: Block | None = None
    for index in ends[:_EXTENSIONS]:
        block = parse("".join(lines[start : fences[index]]))
        if not block.problem:
            return block, index
        first = first or block
    if first is not None:
        return first, ends[0]
    return parse("".join(lines[start:])), len(fences)


def _closes(line: str, fence: str) -> bool:
    text = line.strip()
    return len(text) >= len(fence) and set(text) == {fence[0]}


def _unfenced(lines: list[str]) -> list[Block]:
    whole = parse("".join(lines))
    if whole.body and any(not isinstance(item, ast.Expr) for item in whole.body):
        return [whole]
    start = next((number for number, line in enumerate(lines) if _CODE_STARTS.match(line)), None)
    return [] if start is None else [_before_prose(lines[start:])]


def _before_prose(lines: list[str]) -> Block:
    """The code before the prose that follows it: cut where a line at the margin is no code, never inside a
    definition.
    """
    whole = block = parse("".join(lines))
    for _ in range(_CUTS):
        cut = _last_margin(lines, block)
        if not block.problem or cut == 0:
            break
        lines = lines[:cut]
        block = parse("".join(lines))
    return whole if block.problem else block


def _last_margin(lines: list[str], block: Block) -> int:
    """The index of the last line at the margin that is not after the problem; 0 if only the first one is."""
    if lines[0][:1].isspace():
        return next((number for number, line in enumerate(lines) if not line[:1].isspace()), 0)
    found = re.match(r"line (\d+):", block.problem)
    problem = int(found[1]) if found else 1
    margins = (number for number, line in enumerate(lines[:problem]) if not line[:1].isspace())
    return max(margins, default=0)
