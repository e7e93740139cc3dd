"""Reads one source file into `SourceFunction` records: every function, with what a task needs to know of it."""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pytest_cereval.source.files import module_name
from pytest_cereval.source.syntax import parse

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_ACCESSORS = ("getter", "setter", "deleter")


@dataclass(frozen=True, slots=True)
class SourceFunction:
    """One function as it stands in a pinned file.

    `first_line` is the line of the first decorator (1-based, as in `co_firstlineno`), `def_line` that of `def`,
    `last_line` the last one. `role` tells property accessors of the same name apart; `ordinal` does the same for
    repeated definitions. `parents` are the enclosing classes and functions, outermost first.
    """

    path: str
    module: str
    import_root: str
    qualname: str
    role: str
    ordinal: int
    first_line: int
    def_line: int
    last_line: int
    parents: tuple[str, ...]
    nested: bool
    is_async: bool
    is_generator: bool
    docstring: str | None
    parameters: tuple[str, ...]
    decorators: tuple[str, ...]
    statements: int
    source: str

    @property
    def name(self) -> str:
        """The readable, unique name inside a repository, such as `pkg.module.Class.attr.setter`."""
        suffix = (f".{self.role}" if self.role else "") + (f"~{self.ordinal}" if self.ordinal else "")
        return f"{self.module}.{self.qualname}{suffix}"

    @property
    def bare_name(self) -> str:
        """The name after `def`."""
        return self.qualname.rpartition(".")[2]

    @property
    def is_trivial(self) -> bool:
        """Whether the body is nothing but a docstring, `pass` or `...`: there is no behaviour to ask for."""
        return self.statements == 0

    @property
    def source_sha256(self) -> str:
        """Digest of the function's text, decorators included."""
        return hashlib.sha256(self.source.encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only; keys are stable."""
        return {name: _plain(getattr(self, name)) for name in self.__slots__}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> SourceFunction:
        """The inverse of `to_dict`."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        return cls(**values)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def extract_functions(tree: Path, path: PurePosixPath) -> tuple[SourceFunction, ...]:
    """All functions of one file, in order of appearance, nested ones included.

    Raises `SyntaxError` or `UnicodeDecodeError` for a file that this interpreter cannot parse; the caller puts the
    file on the ledger.
    """
    text = (tree / path).read_bytes()
    module = parse(text, filename=path.as_posix())
    lines = io.StringIO(_decode(text)).readlines()  # str.splitlines would also split at form feeds
    dotted, root = module_name(tree, path)
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for node, parents, nested in walk_functions(module):
        qualname = ".".join([*parents, node.name])
        role = accessor_role(node)
        found.append(
            SourceFunction(
                path=path.as_posix(),
                module=dotted,
                import_root=root,
                qualname=qualname,
                role=role,
                ordinal=seen[(qualname, role)],
                first_line=first_line(node),
                def_line=node.lineno,
                last_line=node.end_lineno or node.lineno,
                parents=parents,
                nested=nested,
                is_async=isinstance(node, ast.AsyncFunctionDef),
                is_generator=is_generator(node),
                docstring=ast.get_docstring(node),
                parameters=_parameters(node.args),
                decorators=tuple(ast.unparse(decorator) for decorator in node.decorator_list),
                statements=_count_statements(node),
                source="".join(lines[first_line(node) - 1 : node.end_lineno]),
            )
        )
        seen[(qualname, role)] += 1
    return tuple(found)


def first_line(node: FunctionNode | ast.ClassDef) -> int:
    """The line that `co_firstlineno` reports: the first decorator's, else that of `def`."""
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def definition_in(inside: ast.AST, name: str, line: int) -> FunctionNode | None:
    """The definition of this bare name whose `first_line` is `line`, or None."""
    found = (node for node in ast.walk(inside) if isinstance(node, FunctionNode) and first_line(node) == line)
    return next((node for node in found if node.name == name), None)


def definition_of(inside: ast.AST, function: SourceFunction) -> FunctionNode:
    """The definition that a record describes; raises `LookupError` if it is not where the record says."""
    found = definition_in(inside, function.bare_name, function.first_line)
    if found is None:
        raise LookupError(f"{function.name} is not at {function.path}:{function.first_line}")
    return found


def without_docstring(node: FunctionNode) -> list[ast.stmt]:
    """The statements of a function body after its docstring."""
    has_docstring = ast.get_docstring(node, clean=False) is not None
    return node.body[1:] if has_docstring else node.body


def _decode(text: bytes) -> str:
    encoding, _ = tokenize.detect_encoding(io.BytesIO(text).readline)
    return text.decode(encoding)


def walk_functions(
    node: ast.AST, parents: tuple[str, ...] = (), nested: bool = False
) -> Iterator[tuple[FunctionNode, tuple[str, ...], bool]]:
    """All definitions in order of appearance, each with its enclosing names and whether a function is among them."""
    for child in _statements(node):
        if isinstance(child, FunctionNode):
            yield child, parents, nested
            yield from walk_functions(child, (*parents, child.name, "<locals>"), True)
        elif isinstance(child, ast.ClassDef):
            yield from walk_functions(child, (*parents, child.name), nested)
        else:
            yield from walk_functions(child, parents, nested)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """The blocks of a compound statement; expressions, which are most of a tree, hold no definitions."""
    for name in ("body", "handlers", "cases", "orelse", "finalbody"):
        yield from getattr(node, name, ())


def accessor_role(node: FunctionNode) -> str:
    """`setter`, `getter` or `deleter` for an accessor of a property, else empty."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Attribute) and decorator.attr in _ACCESSORS:
            return decorator.attr
    return ""


def _parameters(arguments: ast.arguments) -> tuple[str, ...]:
    plain = [*arguments.posonlyargs, *arguments.args]
    names = [argument.arg for argument in plain]
    names += [f"*{arguments.vararg.arg}"] if arguments.vararg else []
    names += [argument.arg for argument in arguments.kwonlyargs]
    names += [f"**{arguments.kwarg.arg}"] if arguments.kwarg else []
    return tuple(names)


def is_generator(node: FunctionNode) -> bool:
    """Whether a function's own body yields."""
    return any(isinstance(child, (ast.Yield, ast.YieldFrom)) for child in _own_nodes(node))


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a function body without those of functions, lambdas and classes inside it."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (*FunctionNode.__args__, ast.Lambda, ast.ClassDef)):
            yield from _own_nodes(child)


def _count_statements(node: FunctionNode) -> int:
    def empty(statement: ast.stmt) -> bool:
        constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        return constant or isinstance(statement, ast.Pass)

    body = without_docstring(node)
    if all(empty(statement) for statement in body):
        return 0
    return sum(isinstance(child, ast.stmt) for statement in body for child in [statement, *_own_nodes(statement)])
