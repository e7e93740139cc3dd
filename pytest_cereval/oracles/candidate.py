"""Turns the text of an answer into a changed file: the original with one function replaced by the model's.

Pure text work on hostile text: bounded, parsed, never executed. The model's definition is taken, the
original's decorators stay, and what the definition needs beside it (imports, helpers) is put before it.

A body without its `def` line is no answer: a question asks for the whole definition, and to put a body under the
original's signature would judge a text that the model did not write. A definition whose signature differs is judged,
because its calls may work; the difference is named.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_cereval.oracles.additions import additions
from pytest_cereval.oracles.blocks import Block, blocks, without_thinking
from pytest_cereval.oracles.helpers import from_other_blocks
from pytest_cereval.oracles.places import place_of
from pytest_cereval.oracles.signature import mismatch
from pytest_cereval.results.failure import MISSING, Failure
from pytest_cereval.source.functions import FunctionNode, SourceFunction, without_docstring
from pytest_cereval.source.syntax import source_text

MAX_ANSWER = 200_000
"""Characters of an answer that are looked at; a longer one is no answer."""

NO_CODE = "no code in the answer"
NO_DEFINITION = "no definition of {name}"
ONLY_ASSIGNED = "no definition of {name}: it is assigned, and not defined with def"
ONLY_A_BODY = "no definition of {name}: a body without its def line"
NO_PARSE = "does not parse: {problem}"
NO_END = "thinking never ended"
TOO_LONG = "answer too long"
_SHOWN = 5
_LONGEST = 200
_ACCESSORS = ("getter", "setter", "deleter")
_BLOCK_FIELDS = ("body", "orelse", "finalbody", "handlers", "cases")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file to judge.

    `source` is the whole text of the file, `definition` what was taken from the answer (with the original's
    decorators), `line` where it starts in `source` (1-based, first decorator, as in `co_firstlineno`),
    `notes` what was dropped or kept beside it, `signature` its own and the original's signature where they differ,
    `added` the imports, helpers and methods of the answer that went into the file with it.
    """

    source: str
    definition: str
    line: int
    notes: tuple[str, ...] = ()
    signature: tuple[str, ...] = ()
    added: str = ""

    @property
    def taken(self) -> str:
        """All of the answer that is judged, at the margin: what was added, then the definition."""
        return f"{self.added}\n{self.definition}" if self.added else self.definition


def reference_as_candidate(runtime: Path, function: SourceFunction) -> Candidate:
    """The checkout's own text of a function, to be judged as an answer is."""
    return Candidate(source_text(runtime / function.path), function.source, function.first_line)


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why nothing can be judged; `reason` is one of the texts above, `failure` the class that it falls in."""

    reason: str
    failure: Failure = Failure.NO_CODE

    def evidence(self) -> dict[str, Any]:
        """What a verdict on it stands on; JSON builtins only."""
        return {"error": self.reason, MISSING: self.failure.value}


@dataclass(frozen=True, slots=True)
class Found:
    """A definition of the wanted name in an answer, with the classes around it, outermost first."""

    node: FunctionNode
    classes: tuple[ast.ClassDef, ...]


def extract(completion: str, function: SourceFunction, original: str) -> Candidate | NoAnswer:
    """Take the definition of `function` out of an answer and put it in the place of the original's.

    `original` is the text of the file that `function` was read from. Of several blocks the last that parses
    and defines the function counts, of several definitions in it the last with the same classes and the same
    accessor role. A definition without a body, as a sketch of a class repeats it, counts only where there is no other.
    """
    if len(completion) > MAX_ANSWER:
        return NoAnswer(TOO_LONG)
    text = without_thinking(completion)
    if text is None:
        return NoAnswer(NO_END)
    found = blocks(text)
    if not found:
        return NoAnswer(NO_CODE)
    for sketches in (False, True):
        for block in reversed(found):
            known = _definitions(block.body, (), function.bare_name)
            taken = _choose([item for item in known if sketches or _has_body(item.node)], function)
            if taken is not None:
                others = [other.body for other in found if other is not block]
                return _spliced([*from_other_blocks(block.body, others), *block.body], taken, function, original)
    return _why_none(found, function)


def _has_body(node: FunctionNode) -> bool:
    """Whether a body is more than a docstring, `...` and `pass`."""
    return any(
        not (isinstance(item, ast.Pass) or (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant)))
        for item in without_docstring(node)
    )


def _why_none(found: Sequence[Block], function: SourceFunction) -> NoAnswer:
    name = function.bare_name
    for block in reversed(found):
        if block.problem and f"def {name}" in block.text:
            return _unparsable(block.problem)
    if all(block.problem for block in found):
        return _unparsable(found[-1].problem)
    statements = [statement for block in found for statement in block.body]
    if any(isinstance(item, ast.Return | ast.Yield) for item in _outside_functions(statements)):
        return NoAnswer(ONLY_A_BODY.format(name=name), Failure.SIGNATURE)
    if any(isinstance(item, ast.Name) and item.id == name for item in _assigned(statements)):
        return NoAnswer(ONLY_ASSIGNED.format(name=name), Failure.SIGNATURE)
    others = [item.name for item in statements if isinstance(item, FunctionNode | ast.ClassDef)]
    shown = f" (it defines {', '.join(others[:_SHOWN])})"[:_LONGEST] if others else ""
    return NoAnswer(NO_DEFINITION.format(name=name) + shown, Failure.SIGNATURE if others else Failure.NO_CODE)


def _unparsable(problem: str) -> NoAnswer:
    return NoAnswer(NO_PARSE.format(problem=problem), Failure.UNPARSABLE)


def _outside_functions(statements: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = list(statements)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, FunctionNode | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(node)


def _assigned(statements: Sequence[ast.stmt]) -> list[ast.expr]:
    return [target for item in statements if isinstance(item, ast.Assign) for target in item.targets]


def _definitions(body: Sequence[ast.stmt], classes: tuple[ast.ClassDef, ...], name: str) -> list[Found]:
    """Definitions of `name` in these statements and in the classes and branches among them, not inside
    functions.
    """
    found: list[Found] = []
    waiting = [(statement, classes) for statement in reversed(body)]
    while waiting:
        statement, around = waiting.pop()
        if isinstance(statement, FunctionNode):
            found += [Found(statement, around)] if statement.name == name else []
            continue
        inner = (*around, statement) if isinstance(statement, ast.ClassDef) else around
        for field in reversed(_BLOCK_FIELDS):
            waiting += [(child, inner) for child in reversed(getattr(statement, field, None) or [])]
    return found


def _choose(found: Sequence[Found], function: SourceFunction) -> Found | None:
    """The best fitting definition; the later one of equals."""

    def fit(item: tuple[int, Found]) -> tuple[bool, bool, int]:
        number, definition = item
        innermost = definition.classes[-1].name if definition.classes else ""
        at_home = innermost == (function.parents[-1] if function.parents else "")
        return at_home, _role(definition.node) == function.role, number

    return max(enumerate(found), key=fit)[1] if found else None


def _role(node: FunctionNode) -> str:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Attribute) and decorator.attr in _ACCESSORS:
            return decorator.attr
    return ""


def _spliced(body: Sequence[ast.stmt], taken: Found, function: SourceFunction, original: str) -> Candidate | NoAnswer:
    """The original with `taken` and what goes with it; checked to parse and to define the function where it
    says.
    """
    place = place_of(function, original)
    try:
        added = additions(body, taken.node, taken.classes, function, place.around)
        own = {ast.unparse(decorator) for decorator in taken.node.decorator_list}
        taken.node.decorator_list = []
        bare = ast.unparse(taken.node)
        before = [line for text in added.module for line in text.split("\n")]
        inside = [line for text in added.methods for line in _indented(text, place.prefix)]
        definition = [*place.decorators, *_indented(bare, place.prefix)]
    except (ValueError, RecursionError, MemoryError, tokenize.TokenError) as error:
        return _unparsable(f"{type(error).__name__}: {error}"[:200])
    problem = place.problem(before, inside, definition)
    if problem:
        return _unparsable(problem)
    notes = added.notes + _decorator_notes(own, function)
    differs = mismatch(taken.node, place.reference)
    text = "\n".join(row.removeprefix(place.prefix) for row in definition)
    source, line = place.filled(before, inside, definition), place.line_of(before, inside)
    return Candidate(source, text, line, notes, differs, "\n".join([*added.module, *added.methods]))


def _decorator_notes(own: set[str], function: SourceFunction) -> tuple[str, ...]:
    return tuple(f"dropped the answer's decorator @{text}"[:200] for text in sorted(own - set(function.decorators)))


def _indented(text: str, prefix: str) -> list[str]:
    """The lines of unparsed code behind `prefix`, but for those that lie inside a multi-line string."""
    inside: set[int] = set()
    if prefix:
        for token in tokenize.generate_tokens(io.StringIO(text + "\n").readline):
            inside.update(range(token.start[0] + 1, token.end[0] + 1))
    return [line if number in inside else prefix + line for number, line in enumerate(text.split("\n"), 1)]
