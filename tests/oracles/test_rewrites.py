"""Rewrites change the text of a function and nothing that it does."""

from __future__ import annotations

import ast
import textwrap
from typing import Any

import pytest

from pytest_cereval.oracles.rewrites import extract_result, rename_locals, swap_branches
from pytest_cereval.source.functions import FunctionNode

FUNCTIONS = [
    """
    def f(a):
        total = 0
        for item in a:
            if item > 2:
                total += item
            elif item == 2:
                continue
            else:
                total -= item
        return total
    """,
    """
    def f(a):
        try:
            first, *rest = a
        except ValueError as error:
            return type(error).__name__
        return [first + item for item in rest if item]
    """,
    """
    def f(a):
        count = len(a)
        def inner():
            return count + 1
        return inner() if a else None
    """,
    """
    def f(a):
        match a:
            case [first, *others]:
                return others, first
        if not a:
            return
        return (lambda x: x)(a)
    """,
    """
    def f(a):
        for item in a:
            got = yield item
            if got:
                return got
        else:
            return 5
    """,
]


def node(text: str) -> FunctionNode:
    found = ast.parse(textwrap.dedent(text)).body[0]
    assert isinstance(found, FunctionNode)
    return found


def outcome(definition: FunctionNode, given: list[int]) -> Any:
    space: dict[str, Any] = {}
    text = ast.unparse(ast.fix_missing_locations(definition))
    exec(compile(text, "rewritten", "exec"), space)  # noqa: S102 - a function of this file
    found = space["f"](given)
    return list(found) if hasattr(found, "send") else found


@pytest.mark.parametrize("rewrite", [rename_locals, swap_branches, extract_result])
@pytest.mark.parametrize("text", FUNCTIONS)
def test_a_rewrite_keeps_the_behaviour(rewrite: Any, text: str) -> None:
    original = node(text)
    before = ast.unparse(original)
    changed = rewrite(original)
    assert ast.unparse(original) == before
    for given in ([], [1], [2, 3], [5, 0, 2, 7]):
        assert outcome(changed, given) == outcome(original, given)


@pytest.mark.parametrize(
    ("rewrite", "before", "after"),
    [
        (rename_locals, "x = a\nreturn x", "x_rewritten = a\nreturn x_rewritten"),
        (rename_locals, "x = a\nreturn locals()", "x = a\nreturn locals()"),
        (rename_locals, "a = a + 1\nreturn a", "a = a + 1\nreturn a"),
        (rename_locals, "global x\nx = a", "global x\nx = a"),
        (swap_branches, "if a:\n    b()\nelse:\n    c()", "if not a:\n    c()\nelse:\n    b()"),
        (swap_branches, "if a:\n    b()", "if a:\n    b()"),
        (extract_result, "return a + 1", "result_rewritten = a + 1\nreturn result_rewritten"),
        (extract_result, "return", "return"),
    ],
)
def test_known_rewrites(rewrite: Any, before: str, after: str) -> None:
    changed = rewrite(node("def f(a):\n" + textwrap.indent(before, "    ")))
    assert ast.unparse(ast.fix_missing_locations(changed)) == "def f(a):\n" + textwrap.indent(after, "    ")
