"""Turns a function's text, as it stands in a file or an answer, into its definition, and tells the same body again."""

from __future__ import annotations

import ast

from pytest_cereval.source.functions import FunctionNode
from pytest_cereval.source.normal_form import normal_form
from pytest_cereval.source.syntax import parse


def definition(source: str) -> FunctionNode:
    """The one function that a text defines, indented or not; raises `ValueError` for any other text."""
    indented = source[:1] in (" ", "\t")
    try:
        body = parse(f"if 1:\n{source}" if indented else source).body
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ValueError(f"not the text of a function: {error}") from error
    if indented and len(body) == 1 and isinstance(body[0], ast.If):
        body = body[0].body
    if len(body) != 1 or not isinstance(body[0], FunctionNode):
        raise ValueError("not the text of one function")
    return body[0]


def same_body(reference: str, answer: str) -> bool:
    """Whether an answer is the reference, but for names of its own, comments, layout and docstrings.

    Both are the text of one definition. An answer that is no such text is not the reference.
    """
    try:
        return normal_form(definition(answer)) == normal_form(definition(reference))
    except (ValueError, RecursionError):
        return False
