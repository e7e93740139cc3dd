"""Turns a function into twins with a changed requirement: one true sentence more, and a reference that obeys it.

A model that answers with the body it knows ignores the sentence; `same_body` tells. Only changes whose sentence is
true by construction are made. A default changed is not among them: the question shows the signature, so the body that
is known would still be right. What a twin cannot see: calls that come back to the function through others get the
changed behaviour, as they do for an answer to it.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_cereval.probes.definition import definition
from pytest_cereval.source.functions import FunctionNode, is_generator, without_docstring
from pytest_cereval.source.normal_form import bound_names

_PLAIN_DECORATORS = frozenset({"staticmethod", "classmethod", "property"})
_BOOLEAN_CALLS = frozenset({"isinstance", "issubclass", "callable", "hasattr", "bool", "any", "all"})
_SURE = ast.Is | ast.IsNot | ast.In | ast.NotIn
_OTHER_EXCEPTION = {
    "ValueError": "LookupError",
    "TypeError": "LookupError",
    "RuntimeError": "LookupError",
    "KeyError": "ValueError",
    "IndexError": "ValueError",
    "AttributeError": "ValueError",
}
_Inner = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """`requirement` goes below the description and wins over it; `source` is the reference that obeys it.

    `certain`: the original body fails on every call that gets to the change. Otherwise only a run can tell.
    """

    kind: str
    requirement: str
    original: str
    source: str
    certain: bool


def counterfactuals(source: str) -> tuple[Counterfactual, ...]:
    """All twins of the function in a text; raises `ValueError` if the text is not that of one function."""
    node = definition(source)
    found = []
    for kind, make, certain in _KINDS:
        made = make(copy.deepcopy(node))
        if made is not None:
            changed, requirement = made
            text = ast.unparse(ast.fix_missing_locations(changed))
            found.append(Counterfactual(kind, requirement, ast.unparse(node), text, certain))
    return tuple(found)


Made = tuple[FunctionNode, str] | None


def _negated(node: FunctionNode) -> Made:
    returns = _plain_returns(node)
    annotated = isinstance(node.returns, ast.Name) and node.returns.id == "bool"
    shadowed = bound_names(node) & _BOOLEAN_CALLS
    if not returns or shadowed or not all(_boolean(each.value, annotated) for each in returns):
        return None
    for each in returns:
        assert each.value is not None  # noqa: S101 - `_plain_returns` takes no other
        each.value = ast.UnaryOp(ast.Not(), each.value)
    return node, "Return False where the description says True, and True where it says False."


def _wrapped(node: FunctionNode) -> Made:
    returns = _plain_returns(node)
    for each in returns:
        assert each.value is not None  # noqa: S101 - `_plain_returns` takes no other
        each.value = ast.Tuple([each.value], ast.Load())
    return (node, "Return the described result as the only item of a tuple: `(result,)`.") if returns else None


def _boundary(node: FunctionNode) -> Made:
    """`if n < 0: raise ValueError` as the first statement: also when n is 0."""
    first = next(iter(without_docstring(node)), None)
    if not isinstance(first, ast.If) or not isinstance(first.test, ast.Compare) or len(first.test.ops) != 1:
        return None
    left, right = first.test.left, first.test.comparators[0]
    name, limit = (left, right) if isinstance(left, ast.Name) else (right, left)
    wider = {ast.Lt: ast.LtE, ast.Gt: ast.GtE}.get(type(first.test.ops[0]))
    plain = isinstance(name, ast.Name) and name.id in _parameters(node) and _is_integer(limit)
    done = _outcome(first.body)
    if wider is None or not plain or done is None:
        return None
    first.test.ops = [wider()]
    return node, f"{done} also when `{ast.unparse(name)}` is {ast.unparse(limit)}."


def _exception(node: FunctionNode) -> Made:
    """Every `raise ValueError(...)` raises another class."""
    guarded = ast.Try | ast.TryStar | ast.With | ast.AsyncWith | ast.Assert
    if _decorated(node) or any(isinstance(item, guarded) for item in ast.walk(node)):
        return None
    raised = [item.exc for item in _own(node) if isinstance(item, ast.Raise)]
    classes = [each.func if isinstance(each, ast.Call) else each for each in raised]
    names = {each.id if isinstance(each, ast.Name) else "" for each in classes}
    if len(names) != 1 or not names <= _OTHER_EXCEPTION.keys() or names & bound_names(node) or _calls_itself(node):
        return None
    old = names.pop()
    new = _OTHER_EXCEPTION[old]
    if new in bound_names(node):
        return None
    for each in classes:
        if isinstance(each, ast.Name):
            each.id = new
    return node, f"Where the function itself raises `{old}`, raise `{new}` instead, with the same arguments."


_KINDS = (
    ("return value negated", _negated, True),
    ("return value wrapped", _wrapped, True),
    ("boundary moved", _boundary, False),
    ("exception changed", _exception, True),
)


def _plain_returns(node: FunctionNode) -> list[ast.Return]:
    """All ways out with a value; empty where there is another way out, or the value is not what a caller gets."""
    special = node.name.startswith("__") and node.name.endswith("__")
    if special or _decorated(node) or is_generator(node) or _calls_itself(node) or not _ends(node.body):
        return []
    found = [item for item in _own(node) if isinstance(item, ast.Return)]
    return found if all(each.value is not None for each in found) else []


def _decorated(node: FunctionNode) -> bool:
    return any(ast.unparse(each) not in _PLAIN_DECORATORS for each in node.decorator_list)


def _calls_itself(node: FunctionNode) -> bool:
    inside = (item for statement in node.body for item in ast.walk(statement))
    return any(node.name in (getattr(item, "id", ""), getattr(item, "attr", "")) for item in inside)


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when the function does: not the bodies of definitions inside it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _Inner):
            yield child
            yield from _own(child)


def _ends(body: list[ast.stmt]) -> bool:
    """Whether the end of a block is surely not reached."""
    last = body[-1] if body else None
    if isinstance(last, ast.Return | ast.Raise):
        return True
    if isinstance(last, ast.If):
        return _ends(last.body) and _ends(last.orelse)
    if isinstance(last, ast.Try):
        whole = _ends(last.orelse or last.body) and all(_ends(handler.body) for handler in last.handlers)
        return whole or _ends(last.finalbody)
    return False


def _boolean(value: ast.expr | None, annotated: bool) -> bool:
    """Whether an expression surely gives True or False; `==` and `<` may give anything, unless annotated."""
    if isinstance(value, ast.Constant):
        return isinstance(value.value, bool)
    if isinstance(value, ast.UnaryOp):
        return isinstance(value.op, ast.Not)
    if isinstance(value, ast.BoolOp):
        return all(_boolean(part, annotated) for part in value.values)
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id in _BOOLEAN_CALLS
    return isinstance(value, ast.Compare) and (annotated or all(isinstance(each, _SURE) for each in value.ops))


def _parameters(node: FunctionNode) -> set[str]:
    return {argument.arg for argument in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]}


def _is_integer(value: ast.expr) -> bool:
    inner = value.operand if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub) else value
    return isinstance(inner, ast.Constant) and type(inner.value) is int


def _outcome(body: list[ast.stmt]) -> str | None:
    """What a block of one statement does, as the beginning of a sentence."""
    only = body[0] if len(body) == 1 else None
    if isinstance(only, ast.Raise):
        kind = only.exc.func if isinstance(only.exc, ast.Call) else only.exc
        return f"Raise `{kind.id}`" if isinstance(kind, ast.Name) else None
    if isinstance(only, ast.Return) and isinstance(only.value, ast.Constant):
        return f"Return `{ast.unparse(only.value)}`"
    return None
