"""Renders a `code_generation` question from templates; the text that golden files pin down."""

from __future__ import annotations

import ast
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from pytest_cereval.models.model import Prompt
from pytest_cereval.oracles.certificate import Input
from pytest_cereval.oracles.examples import example_lines
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.syntax import parse, source_text
from pytest_cereval.tasks.context import context, estimate_tokens

ELSEWHERE_SHARE = 0.25
"""Part of the context budget that definitions from other files may take."""


@dataclass(frozen=True, slots=True)
class PromptSettings:
    """`context_tokens` bounds the code around the function, by estimate; see `tasks.context`."""

    context_tokens: int = 2000


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a prompt may draw from: file texts by path, and all functions of the repository by module and name."""

    repository: str
    tree: Path
    functions: Mapping[tuple[str, str], SourceFunction]

    def text(self, path: str) -> str:
        """A file's text."""
        return source_text(self.tree / path)


def code_generation_prompt(
    function: SourceFunction, visible: Sequence[Input], surroundings: Surroundings, settings: PromptSettings
) -> Prompt:
    """The question for one function; it never holds the reference's body."""
    source = surroundings.text(function.path)
    others = elsewhere(function, source, surroundings, int(settings.context_tokens * ELSEWHERE_SHARE))
    values = {
        "path": function.path,
        "repository": surroundings.repository,
        "context": context(source, function, settings.context_tokens - estimate_tokens(others)),
        "elsewhere": others,
        "qualname": function.qualname,
        "role": function.role,
        "signature": signature(function),
        "requirement": function.docstring,
        "examples": [example_lines(function.bare_name, item) for item in visible],
        "method": receiver(function),
        "kind": kind(function),
    }
    return Prompt(
        system=environment().get_template("code_generation.system.j2").render().strip(),
        user=environment().get_template("code_generation.user.j2").render(values).strip(),
    )


def signature(function: SourceFunction) -> str:
    """Decorators and the `def` line, with annotations and defaults, and no body."""
    node = parse(_dedented(function.source)).body[0]
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)  # noqa: S101 - it was extracted as one
    node.body = [ast.Expr(ast.Constant(...))]
    return ast.unparse(node)


def receiver(function: SourceFunction) -> str:
    """`self` or `cls` as the function calls it; empty for plain functions and static methods."""
    if not function.parents or "staticmethod" in function.decorators or not function.parameters:
        return ""
    return function.parameters[0].lstrip("*")


def kind(function: SourceFunction) -> str:
    """What a call of the function makes, where that is not its value at once; empty for other functions."""
    if function.is_async:
        return (
            "an asynchronous generator (`async def` with `yield`)"
            if function.is_generator
            else "a coroutine (`async def`)"
        )
    return "a generator (`yield`)" if function.is_generator else ""


def elsewhere(function: SourceFunction, source: str, surroundings: Surroundings, budget: int) -> str:
    """Signatures and docstrings of the repository's own functions that the file imports and the function names."""
    node = parse(_dedented(function.source))
    used = {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
    shown: list[str] = []
    for statement in parse(source).body:
        if not isinstance(statement, ast.ImportFrom):
            continue
        module = _absolute(statement, function.module)
        for alias in statement.names:
            found = surroundings.functions.get((module, alias.name))
            if found is not None and (alias.asname or alias.name) in used:
                text = f"# {found.path}\n{_brief(found)}"
                if estimate_tokens("\n\n".join([*shown, text])) <= budget:
                    shown.append(text)
    return "\n\n".join(shown)


def _absolute(statement: ast.ImportFrom, module: str) -> str:
    if not statement.level:
        return statement.module or ""
    package = module.split(".")[: -statement.level]
    return ".".join([*package, statement.module] if statement.module else package)


def _brief(function: SourceFunction) -> str:
    lines = signature(function).splitlines()
    if function.docstring:
        first = function.docstring.split("\n\n")[0].replace("\n", "\n    ")
        lines.insert(-1, f'    """{first}"""')
    return "\n".join(lines)


def _dedented(source: str) -> str:
    import textwrap

    return textwrap.dedent(source)


@functools.cache
def environment() -> jinja2.Environment:
    """The templates of all questions."""
    # Prompts are plain text for a model; escaping would change the code. The report escapes what it shows.
    return jinja2.Environment(
        loader=jinja2.PackageLoader("pytest_cereval.tasks"),
        autoescape=False,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=False,
    )
