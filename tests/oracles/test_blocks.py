"""Sections of thinking are taken out of an answer in one pass, however many there are."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cereval.oracles.blocks import without_thinking

OPENING = re.compile(r"^[ \t]*(?:<(think(?:ing)?)>|\[THINK\])", re.MULTILINE)
CLOSING = re.compile(r"(?:</think(?:ing)?>|\[/THINK\])[ \t]*$", re.MULTILINE)
PARTS = [
    "<think>",
    "</think>",
    "<thinking>",
    "</thinking>",
    "[THINK]",
    "[/THINK]",
    "\n",
    " ",
    "\t",
    "a",
    "</th",
    "ink>",
]


def one_by_one(text: str) -> str | None:
    """The same by its definition: as long as a section begins at the beginning of a line, it is taken out."""
    while found := OPENING.search(text):
        closing = f"</{found[1]}>" if found[1] else "[/THINK]"
        _, closed, answer = text[found.end() :].partition(closing)
        if not closed:
            return None
        text = text[: found.start()] + answer
    return CLOSING.split(text)[-1]


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("<think>a</think>b", "b"),
        ("<think>a</think><think>b</think>c", "c"),
        ("a\n  <thinking>b</thinking> [THINK]c[/THINK]d", "a\nd"),
        ("a <think>b</think>c", "a <think>b</think>c"),
        ("it begins in the prompt</think>\na", "\na"),
        ("a\n<think>b", None),
        ("<think>a</think>\n<think>b</thinking>", None),
    ],
)
def test_sections_go_and_the_rest_stays(text: str, rest: str | None) -> None:
    assert without_thinking(text) == rest


@given(st.lists(st.sampled_from(PARTS), max_size=30).map("".join))
def test_one_pass_does_what_one_by_one_does(text: str) -> None:
    assert without_thinking(text) == one_by_one(text)


@pytest.mark.parametrize(
    "text",
    [
        "a\n" * 50_000 + "<think></think>\n" * 6_200,
        "   \n" * 25_000 + "<think></think>\n" * 6_200,
        "a" * 100_000 + "\n" + "[THINK][/THINK]" * 6_000,
        " " * 100_000 + "\n" + "<think></think> " * 6_000,
    ],
    ids=["lines before", "blank lines before", "all on one line", "white space before"],
)
def test_many_sections_cost_no_more_than_their_length(text: str) -> None:
    begun = time.process_time()

    without_thinking(text)

    assert time.process_time() - begun < 1.0
