"""What an operator puts in an expression's place is parsed as what it means, whatever stands around it."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cereval.categories.understanding.catalogue import Fault, proposed
from pytest_cereval.categories.understanding.editing import FunctionText, applied
from pytest_cereval.source.functions import SourceFunction

Meant = Callable[[Any], list[ast.expr]]


def _without(node: ast.BoolOp) -> list[ast.expr]:
    rest = [[other for other in node.values if other is not value] for value in node.values]
    return [values[0] if len(values) == 1 else ast.BoolOp(node.op, values) for values in rest]


def _swapped(node: ast.Call) -> list[ast.expr]:
    found: list[ast.expr] = []
    for place in range(len(node.args) - 1):
        args = [*node.args]
        args[place : place + 2] = args[place + 1], args[place]
        found.append(ast.Call(node.func, args, node.keywords))
    return found


def _copied(node: Any) -> list[ast.expr]:
    if isinstance(node, ast.Subscript):
        return [node.value]
    return [node.func.value] if isinstance(node.func, ast.Attribute) and not node.args else [node.args[0]]


def _keyed(node: Any) -> list[ast.expr]:
    load = ast.Load()
    if isinstance(node, ast.Subscript):
        return [ast.Call(ast.Attribute(node.value, "get", load), [node.slice], [])]
    if len(node.args) == 2:
        return [ast.Call(node.func, node.args[:1], [])]
    return [ast.Subscript(node.func.value, node.args[0], load)]


MEANT: dict[str, Meant] = {
    "dropped condition": _without,
    "dropped step": lambda node: [node.left],
    "missing await": lambda node: [node.value],
    "missing call": lambda node: [node.func.value],
    "missing choice": lambda node: [node.body, node.orelse],
    "missing conversion": lambda node: [node.args[0]],
    "missing fallback": lambda node: [node.values[0]],
    "missing key": _keyed,
    "negated part": lambda node: [node.operand] if isinstance(node, ast.UnaryOp) else [],
    "shared instead of copied": _copied,
    "swapped arguments": _swapped,
    "swapped operands": lambda node: [ast.BinOp(node.right, node.op, node.left)],
    "swapped values": lambda node: [ast.Tuple([*reversed(node.elts)], ast.Load())],
}
"""The trees that each operator may put in the place of a node."""
SOURCES = [
    "not (a or b) and c",
    "str(a or b).strip()",
    "(a + b) - c",
    "a - b - c",
    "-a ** -b",
    "list(a + b)[0]",
    "(a or b)[:].x",
    "(a or b).copy().x",
    "(a or b).get(c) + (a and b).get(c, (a or b))",
    "(a or b)[c] * (a)[b, c] - a[(b, c)]",
    "(a + b).strip().split() * 2",
    "(await a or b).x + -(await c)",
    "(not (lambda: a) if b else (lambda: c)) + 1",
    "f((a or b), (c + 1) - 2)",
    "((a or b), (yield))",
    "(a or b) and (b or c) and (c)",
    "x[len(a + b) - 1 : (a or b)]",
    "f(key=not (a if b else c), *str(a or b))",
    "[x for x in str(a if b else c) if not (a if b else c)]",
    "str(\n    a\n    or b  # why\n) + c",
    "sorted(a\n    + b)",
    "str(a\n    + b) + c",
    "sorted(x for x in a)[0]",
]
NAMES = st.sampled_from("abc").map(lambda name: ast.Name(name, ast.Load()))


def _grown(inner: st.SearchStrategy[ast.expr]) -> st.SearchStrategy[ast.expr]:
    load, pair = ast.Load(), st.lists(inner, min_size=2, max_size=2)
    step = st.just(ast.Constant(1))
    arithmetic = st.sampled_from([ast.Add(), ast.Sub(), ast.Mult(), ast.Pow(), ast.Mod()])
    return st.one_of(
        st.builds(ast.BoolOp, st.sampled_from([ast.And(), ast.Or()]), st.lists(inner, min_size=2, max_size=3)),
        st.builds(ast.BinOp, inner, arithmetic, inner | step),
        st.builds(ast.UnaryOp, st.sampled_from([ast.Not(), ast.USub()]), inner),
        st.builds(lambda two: ast.Compare(two[0], [ast.Lt()], [two[1]]), pair),
        st.builds(ast.IfExp, inner, inner, inner),
        st.builds(ast.Await, inner),
        st.builds(lambda node: ast.Lambda(ast.arguments([], [], None, [], [], None, []), node), inner),
        st.builds(lambda node: ast.Call(ast.Name("str", load), [node], []), inner),
        st.builds(lambda two: ast.Call(ast.Name("f", load), two, []), pair),
        st.builds(lambda node: ast.Call(ast.Attribute(node, "strip", load), [], []), inner),
        st.builds(lambda node: ast.Call(ast.Attribute(node, "copy", load), [], []), inner),
        st.builds(lambda two: ast.Call(ast.Attribute(two[0], "get", load), two[1:], []), pair),
        st.builds(lambda node: ast.Subscript(node, ast.Slice(), load), inner),
        st.builds(lambda two: ast.Subscript(two[0], two[1], load), pair),
        st.builds(lambda two: ast.Tuple(two, load), pair),
    )


EXPRESSIONS = st.recursive(NAMES, _grown, max_leaves=8)


def text_of(expression: str) -> FunctionText:
    source = f"async def f(a, b, c):\n    return {expression}\n"
    return FunctionText(cast(SourceFunction, SimpleNamespace(source=source)))


def with_other(root: ast.AST, node: ast.AST, other: ast.AST) -> str:
    """The tree with one node replaced, as a dump."""
    return ast.dump(_changed(root, node, other))


def _changed(value: Any, node: ast.AST, other: ast.AST) -> Any:
    if value is node:
        return other
    if not isinstance(value, ast.AST) or not any(item is node for item in ast.walk(value)):
        return value
    changed = copy.copy(value)
    for name, inner in ast.iter_fields(value):
        many = isinstance(inner, list)
        setattr(
            changed, name, [_changed(item, node, other) for item in inner] if many else _changed(inner, node, other)
        )
    return changed


def wrong(text: FunctionText) -> list[tuple[str, str]]:
    """What faults put in an expression's place is not what their operator means, or does not parse."""
    return [(fault.operator.name, made) for fault in proposed(text) if (made := _misread(text, fault))]


def _misread(text: FunctionText, fault: Fault) -> str:
    node = fault.site.node
    wanted = MEANT.get(fault.operator.name, lambda node: [])(node)
    if not wanted:
        return ""
    made = applied(text.text, fault.proposal.edits).text
    try:
        got = ast.dump(ast.parse(made).body[0])
    except SyntaxError:
        return made
    return "" if got in {with_other(text.node, node, other) for other in wanted} else made


@pytest.mark.parametrize("expression", SOURCES)
def test_parentheses_are_put_where_the_meaning_needs_them(expression: str) -> None:
    assert wrong(text_of(expression)) == []


@given(EXPRESSIONS)
def test_any_expression_is_read_as_it_is_meant(node: ast.expr) -> None:
    assert wrong(text_of(ast.unparse(node))) == []


@given(EXPRESSIONS)
def test_parentheses_beyond_need_do_no_harm(node: ast.expr) -> None:
    wrapped = re.sub(r"\bb\b", "( b )", re.sub(r"\ba\b", "(a)", ast.unparse(node)))

    assert wrong(text_of(wrapped)) == []


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("negated part", "not (a or b) and c", "(a or b) and c"),
        ("missing conversion", "str(a or b).strip()", "(a or b).strip()"),
        ("missing conversion", "str(a or b)", "a or b"),
        ("missing conversion", "f(str(a or b), c)", "f(a or b, c)"),
        ("swapped operands", "(a + b) - c", "c - (a + b)"),
        ("swapped operands", "a * b - c", "c - a * b"),
        ("swapped operands", "a - b - c", "c - (a - b)"),
        ("shared instead of copied", "list(a + b)[0]", "(a + b)[0]"),
        ("dropped step", "x[len(a) - 1 :]", "x[len(a) :]"),
        ("missing key", "a[b, c]", "a.get((b, c))"),
        ("swapped arguments", "f((a + b), c)", "f(c, (a + b))"),
        ("first item left out", "[x for x in (a, b)]", "[x for x in list((a, b))[1:]]"),
        ("empty value coerced", "a if b else c", "(a if b else c) or None"),
        ("empty value coerced", "f(a if b else c)", "f(a if b else c) or None"),
    ],
)
def test_no_more_parentheses_are_put_than_a_person_would(name: str, before: str, after: str) -> None:
    text = text_of(before)

    made = [applied(text.text, each.proposal.edits).text for each in proposed(text) if each.operator.name == name]

    assert text.text.replace(before, after) in made


def test_what_is_unpacked_takes_the_place_of_no_single_value() -> None:
    text = text_of("f(str(*a), b.get(*c))")

    assert not {fault.operator.name for fault in proposed(text)} & {"missing conversion", "missing key"}


def test_a_loop_over_a_bare_row_of_items_goes_over_their_list() -> None:
    source = "def f(a, b):\n    for x in a, b:\n        f(x)\n    return 1\n"
    text = FunctionText(cast(SourceFunction, SimpleNamespace(source=source)))

    made = [applied(text.text, each.proposal.edits).text for each in proposed(text)]

    assert source.replace("a, b:", "list((a, b))[1:]:") in made
