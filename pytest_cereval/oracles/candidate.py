"""Turns the text of an answer into a changed file: the original with one function replaced by the model's.

Pure text work on hostile text: bounded, parsed, never executed. The model's definition is taken, the
original's decorators stay, and what the definition needs beside it (imports, helpers) is put before it.

A body without its `def` line is no answer: a question asks for the whole definition, and to put a body under the
original's signature would judge a text that the model did not write. A definition whose signature differs is judged,
because its calls may work; the difference is named.
"""

from __future__ import annotations

import ast
import functools
import io
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_cereval.oracles.additions import additions
from pytest_cereval.oracles.blocks import Block, blocks, parse, split_lines, without_thinking
from pytest_cereval.oracles.helpers import from_other_blocks
from pytest_cereval.oracles.signature import mismatch
from pytest_cereval.results.failure import Failure
from pytest_cereval.source.functions import FunctionNode, SourceFunction, first_line, without_docstring
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
    lines = split_lines(original)
    module = _parsed(original)
    home = next((item for item in module if _encloses(item, function.first_line)), None)
    if home is None:
        raise LookupError(f"{function.name} is not at line {function.first_line} of the text given for its file")
    prefix = _indentation(lines[function.def_line - 1])
    end = "\r\n" if lines[0].endswith("\r\n") else "\n"
    try:
        added = additions(body, taken.node, taken.classes, function, module)
        own = {ast.unparse(decorator) for decorator in taken.node.decorator_list}
        taken.node.decorator_list = []
        bare = ast.unparse(taken.node)
        before = [line for text in added.module for line in text.split("\n")]
        inside = [line for text in added.methods for line in _indented(text, prefix)]
        decorators = lines[function.first_line - 1 : function.def_line - 1]
        definition = [*(line.rstrip("\r\n") for line in decorators), *_indented(bare, prefix)]
    except (ValueError, RecursionError, MemoryError, tokenize.TokenError) as error:
        return _unparsable(f"{type(error).__name__}: {error}"[:200])
    top = _statement_line(home) - 1
    source = "".join(lines[:top]) + _joined(before, end) + "".join(lines[top : function.first_line - 1])
    source += _joined([*inside, *definition], end) + "".join(lines[function.last_line :])
    line = function.first_line + len(before) + len(inside)
    problem = _check(source, line, function.bare_name)
    if problem:
        return _unparsable(problem)
    notes = added.notes + _decorator_notes(own, function)
    differs = mismatch(taken.node, _reference(home, function))
    text = "\n".join(row.removeprefix(prefix) for row in definition)
    return Candidate(source, text, line, notes, differs, "\n".join([*added.module, *added.methods]))


@functools.lru_cache(maxsize=8)
def _parsed(original: str) -> tuple[ast.stmt, ...]:
    """The statements of a reference's file, which every answer to any of its functions needs; nobody changes them."""
    return parse(original).body


def _reference(home: ast.stmt, function: SourceFunction) -> FunctionNode:
    return next(
        node
        for node in ast.walk(home)
        if isinstance(node, FunctionNode)
        and node.name == function.bare_name
        and first_line(node) == function.first_line
    )


def _decorator_notes(own: set[str], function: SourceFunction) -> tuple[str, ...]:
    return tuple(f"dropped the answer's decorator @{text}"[:200] for text in sorted(own - set(function.decorators)))


def _encloses(statement: ast.stmt, line: int) -> bool:
    return _statement_line(statement) <= line <= (statement.end_lineno or statement.lineno)


def _statement_line(statement: ast.stmt) -> int:
    return first_line(statement) if isinstance(statement, FunctionNode | ast.ClassDef) else statement.lineno


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t\f"))]


def _joined(lines: Sequence[str], end: str) -> str:
    return "".join(f"{line}{end}" for line in lines)


def _indented(text: str, prefix: str) -> list[str]:
    """The lines of unparsed code behind `prefix`, but for those that lie inside a multi-line string."""
    inside: set[int] = set()
    if prefix:
        for token in tokenize.generate_tokens(io.StringIO(text + "\n").readline):
            inside.update(range(token.start[0] + 1, token.end[0] + 1))
    return [line if number in inside else prefix + line for number, line in enumerate(text.split("\n"), 1)]


def _check(source: str, line: int, name: str) -> str:
    """Why `source` is not a file with the function at `line`, or nothing."""
    block = parse(source)
    if block.problem:
        return block.problem
    nodes = (node for statement in block.body if _encloses(statement, line) for node in ast.walk(statement))
    if any(isinstance(node, FunctionNode) and node.name == name and first_line(node) == line for node in nodes):
        return ""
    return f"no {name} at line {line} once it is in its file"
