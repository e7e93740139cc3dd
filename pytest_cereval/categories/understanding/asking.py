"""Turns a function with a planted fault into the prompt: numbered lines, the code around it, perhaps a failing call."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Mapping
from typing import Any

from pytest_cereval.categories.category import World
from pytest_cereval.categories.understanding.editing import parsed_function
from pytest_cereval.models.model import Prompt
from pytest_cereval.source.functions import FunctionNode, SourceFunction
from pytest_cereval.tasks.context import context, estimate_tokens
from pytest_cereval.tasks.prompt import ELSEWHERE_SHARE, elsewhere, environment

CONTEXT_SHARE = 0.5
"""Part of the budget for code that the surroundings take; the function itself, shown in full, does not count."""
NOTE = "shown below"
_OBSERVED = {"value": "", "kind": "", "after": "leaves as arguments: ", "printed": "prints: "}


class Asker:
    """The prompts about one function, with and without faults: what they share is made once."""

    def __init__(self, function: SourceFunction, world: World) -> None:
        budget = int(world.prompts.context_tokens * CONTEXT_SHARE)
        source = world.surroundings.text(function.path)
        others = elsewhere(function, source, world.surroundings, int(budget * ELSEWHERE_SHARE))
        self._values: dict[str, Any] = {
            "path": function.path,
            "repository": world.surroundings.repository,
            "context": context(source, function, budget - estimate_tokens(others), note=NOTE, signature=False),
            "elsewhere": others,
            "qualname": function.qualname,
            "role": function.role,
            "docstring": function.docstring,
        }

    def prompt(self, shown: str, symptom: Mapping[str, str] | None = None) -> Prompt:
        """The question about a text of the function; `symptom` is a differing call as `recorded` tells it."""
        values = self._values | {"numbered": numbered(shown), "symptom": _told(symptom) if symptom else None}
        return Prompt(
            system=environment().get_template("code_understanding.system.j2").render().strip(),
            user=environment().get_template("code_understanding.user.j2").render(values).strip(),
        )


def _told(symptom: Mapping[str, str]) -> dict[str, str]:
    """The call on one line each; of changed arguments and output it is said that they are meant."""
    prefix = _OBSERVED.get(symptom["aspect"], "")
    texts = {name: " ".join(symptom[name].split()) for name in ("call", "expected", "observed")}
    return {"call": texts["call"], "expected": prefix + texts["expected"], "observed": prefix + texts["observed"]}


def snippet(text: str) -> str:
    """A function's text without its indentation, unless that would change a string in it."""
    text = text.rstrip("\n")
    moved = textwrap.dedent(text)
    try:
        same = _constants(parsed_function(moved)[0]) == _constants(parsed_function(text)[0])
    except SyntaxError:
        return text
    return moved if same else text


def _constants(node: FunctionNode) -> list[Any]:
    """The constants of a function but for strings that stand alone, on which nothing it does depends."""
    alone = {id(item.value) for item in ast.walk(node) if isinstance(item, ast.Expr)}
    return [item.value for item in ast.walk(node) if isinstance(item, ast.Constant) and id(item) not in alone]


def numbered(shown: str) -> list[str]:
    """The lines of a text with their numbers, from 1, and a bar before each."""
    lines = shown.split("\n")
    width = len(str(len(lines)))
    return [f"{number:>{width}} | {line}".rstrip() for number, line in enumerate(lines, 1)]
