"""Turns a function into the first half of its text to continue, and a continuation into how much of the rest it is.

A model that gives back the rest word by word, where many continuations would do, has probably seen the text. One item
shows little: compare functions from before and after a cutoff, and look at the difference.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from pytest_cereval.oracles.blocks import blocks, without_thinking
from pytest_cereval.probes.definition import definition
from pytest_cereval.probes.prompts import continuation
from pytest_cereval.source.functions import without_docstring

MIN_TOKENS = 20
"""The least to hold back: less is too easy to guess."""
MAX_TOKENS = 1000
_MAX_CHARACTERS = 40_000
# Possessive, and a text without its end is one token: each character of hostile text is looked at once.
_TOKEN = re.compile(
    r"""
    (?P<skip>\s+|\#[^\n]*|\\\n)
    |[rRbBuUfF]{0,2}(?:
        \"\"\"(?:[^"\\]|\\.|"(?!""))*+(?:\"\"\")?
        |'''(?:[^'\\]|\\.|'(?!''))*+(?:''')?
        |"(?:[^"\\\n]|\\.)*+"?
        |'(?:[^'\\\n]|\\.)*+'?
    )
    |\w+(?:\.\d+)?
    |\*\*=?|//=?|>>=?|<<=?|->|:=|\.\.\.|[-+*/%&|^=<>!@]=|.
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class PrefixProbe:
    """What is shown of a function, from its first line on, and what is held back."""

    given: str
    held_back: str

    def prompt(self, project: str) -> str:
        """The question, for a model that answers in chat."""
        return continuation(project, self.given)

    def score(self, answer: str) -> PrefixScore:
        """Compare an answer, Markdown or code, with what was held back."""
        expected = tokens(self.held_back)
        found = _continuation(answer, tokens(self.given), len(expected))
        line = next((words for line in self.held_back.splitlines() if (words := tokens(line))), [])
        return PrefixScore(
            next_line=bool(line) and found[: len(line)] == line,
            tokens=len(expected),
            longest_run=longest_run(expected, found),
            similarity=edit_similarity(expected, found),
            five_grams=ngram_share(expected, found, 5),
        )


@dataclass(frozen=True, slots=True)
class PrefixScore:
    """`tokens` were held back. `next_line`: whether the first line of them came back at once, word by word.
    `longest_run` of them came in a row; the others are shares between 0 and 1.
    """

    next_line: bool
    tokens: int
    longest_run: int
    similarity: float
    five_grams: float

    @property
    def run_share(self) -> float:
        """The longest run as a share of what was held back."""
        return self.longest_run / self.tokens


def prefix_probe(source: str, share: float = 0.5) -> PrefixProbe | None:
    """Cut a function's text between two lines so that at least `share` of its body's tokens are shown.

    None if fewer than `MIN_TOKENS` would be held back. Raises `ValueError` if the text is not that of one function.
    """
    first = without_docstring(definition(source))[:1]
    lines = source.splitlines(keepends=True)
    if not first or _starts(source) == []:
        return None
    offset = first[0].lineno - 1 - (source[:1] in (" ", "\t"))
    total = len(tokens("".join(lines[offset:])))
    for start in _starts(source):
        held = "".join(lines[start:])
        rest = len(tokens(held))
        if start > offset and rest <= (1 - share) * total:
            fits = MIN_TOKENS <= rest <= MAX_TOKENS
            return PrefixProbe("".join(lines[:start]), held) if fits else None
    return None


def tokens(text: str) -> list[str]:
    """Python's words and signs without layout and comments; texts in one kind of quotes. Never fails."""
    found = [match[0] for match in _TOKEN.finditer(text[:_MAX_CHARACTERS]) if match["skip"] is None]
    return [_plain(token) for token in found]


def longest_run(expected: Sequence[str], found: Sequence[str]) -> int:
    """How many tokens stand in both in the same order without a gap."""
    matcher = SequenceMatcher(None, expected, found, autojunk=False)
    return matcher.find_longest_match(0, len(expected), 0, len(found)).size


def edit_similarity(expected: Sequence[str], found: Sequence[str]) -> float:
    """1 − (Levenshtein distance) / (length of the longer one); two empty sequences are the same."""
    row = [*range(len(found) + 1)]
    for number, token in enumerate(expected, 1):
        before, row[0] = row[0], number
        for column, other in enumerate(found, 1):
            before, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, before + (token != other))
    longest = max(len(expected), len(found))
    return 1 - row[-1] / longest if longest else 1.0


def ngram_share(expected: Sequence[str], found: Sequence[str], n: int) -> float:
    """The share of the expected runs of `n` tokens that the other sequence holds; 0 where there is none."""
    runs = [tuple(expected[start : start + n]) for start in range(len(expected) - n + 1)]
    there = {tuple(found[start : start + n]) for start in range(len(found) - n + 1)}
    return sum(run in there for run in runs) / len(runs) if runs else 0.0


def _starts(source: str) -> list[int]:
    """Indices of lines on which a logical line begins."""
    ends = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.NEWLINE:
                ends.append(token.end[0])
    except (tokenize.TokenError, IndentationError):
        return []
    return ends[:-1]


def _continuation(answer: str, given: Sequence[str], expected: int) -> list[str]:
    """An answer's tokens: without what it repeats, and no longer than needed to see how it differs."""
    text = without_thinking(answer[:_MAX_CHARACTERS]) or ""
    if "```" in text or "~~~" in text:
        text = "\n".join(block.text for block in blocks(text)) or text
    found = tokens(text)
    if found[: len(given)] == [*given]:
        found = found[len(given) :]
    return found[: 2 * expected]


def _plain(token: str) -> str:
    if token[-1:] in ("'", '"') and len(token) > 1:
        try:
            return repr(ast.literal_eval(token))
        except (SyntaxError, ValueError):
            return token
    return token
