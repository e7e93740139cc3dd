"""Turns the code of an answer into the names it takes from modules: packages, members, and keywords of calls.

Pure text work on hostile text. A name counts only where it certainly stands for what an import has bound: one that is
bound twice, or to anything else in its scope, is left out. So the list is a lower bound.
"""

from __future__ import annotations

import ast
import enum
import importlib.util
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

Path = tuple[str, ...]
"""The dotted name of a module that is imported, and attributes one after the other: `("os.path", "join")`."""
Bindings = dict[str, Path | None]
"""A name in a scope and what an import has bound to it; None where something else may have."""
MAX_REFERENCES = 500
_MAX_NAME = 200
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_IMPORTS = ("importlib", "import_module")
_SCOPES = (*_FUNCTIONS, ast.ClassDef, ast.Lambda)
_NO_IMPORT = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
_NO_MEMBER = frozenset({"AttributeError", "Exception", "BaseException"})
_NO_KEYWORD = frozenset({"TypeError", "Exception", "BaseException"})
_OTHER_PYTHONS = frozenset({"version_info", "hexversion", "platform", "PY2", "PY3", "nt", "posix", "win32"})


class Kind(enum.StrEnum):
    """What is referred to; each kind has a denominator of its own."""

    PACKAGE = "package"
    MEMBER = "member"
    KEYWORD = "keyword"


@dataclass(frozen=True, slots=True)
class Reference:
    """One mention; `line` counts from 1 in the code given. The path of a package is its top-level name alone.

    `guarded` ones stand where the code is prepared for their absence: in a `try` that catches it, behind a `hasattr`,
    or in a branch for another Python or platform.
    """

    kind: Kind
    path: Path
    line: int
    guarded: bool = False
    keyword: str = ""

    @property
    def top(self) -> str:
        """The top-level name of the module."""
        return self.path[0].partition(".")[0]

    @property
    def name(self) -> str:
        """The dotted name, a keyword in brackets behind it."""
        return f"{'.'.join(self.path)}{f'({self.keyword}=)' if self.keyword else ''}"[:_MAX_NAME]


def references(tree: ast.Module, package: str, outer: Mapping[str, Path | None] | None = None) -> list[Reference]:
    """All mentions in order of appearance, at most `MAX_REFERENCES`.

    `package` is the one that relative imports start from; `outer` are names that the file around the code binds. May
    raise `RecursionError`.
    """
    reader = _Reader(package, {**(outer or {}), **bindings(tree.body, package)})
    reader.tested = {path for node in ast.walk(tree) for path in reader.asked_for(node)}
    for statement in tree.body:
        reader.visit(statement)
    return reader.found[:MAX_REFERENCES]


def bindings(body: Iterable[ast.AST], package: str) -> Bindings:
    """What the nodes of one scope bind, nested functions and classes left out but for their names."""
    found: Bindings = {}
    for node in _own_nodes(body):
        for name, path in _bound_by(node, package):
            found[name] = path if found.get(name, path) == path else None
    return found


def _own_nodes(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _SCOPES):
            waiting += ast.iter_child_nodes(node)


def _bound_by(node: ast.AST, package: str) -> Iterator[tuple[str, Path | None]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.partition(".")[0]
            yield (alias.asname, (alias.name,)) if alias.asname else (top, (top,))
    elif isinstance(node, ast.ImportFrom):
        home = _home(node, package)
        for alias in node.names:
            yield alias.asname or alias.name, (home, alias.name) if home else None
    elif isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        yield node.name, None
    elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id, None
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        yield node.name, None
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest, None


def _home(node: ast.ImportFrom, package: str) -> str:
    """The absolute name of the module that is imported from; empty where there are more dots than packages."""
    try:
        return importlib.util.resolve_name("." * node.level + (node.module or ""), package)
    except (ImportError, ValueError):
        return ""


class _Reader(ast.NodeVisitor):
    """Collects references; the innermost scope comes last, scopes of classes are not seen from inside functions."""

    def __init__(self, package: str, module: Bindings) -> None:
        self.found: list[Reference] = []
        self.tested: set[Path] = set()
        self._package = package
        self._scopes: list[tuple[Bindings, bool]] = [(module, False)]
        self._guards: list[frozenset[str]] = []

    def asked_for(self, node: ast.AST) -> Iterator[Path]:
        """What a `hasattr` or a `getattr` with a constant name looks for, of names bound in the module's scope."""
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) > 1):
            return
        name = node.args[1]
        if node.func.id in ("hasattr", "getattr") and isinstance(name, ast.Constant) and isinstance(name.value, str):
            path = self._path(node.args[0])
            if path:
                yield (*path, name.value)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._import(alias.name, node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        home = _home(node, self._package)
        if not home:
            return
        members = [alias.name for alias in node.names if alias.name != "*"]
        if not members:
            self._import(home, node.lineno)
            return
        self._add(Kind.PACKAGE, (home.partition(".")[0],), node.lineno, _NO_IMPORT)
        for name in members:
            self._add(Kind.MEMBER, (home, name), node.lineno, _NO_IMPORT)

    def _import(self, name: str, line: int) -> None:
        top = name.partition(".")[0]
        self._add(Kind.PACKAGE, (top,), line, _NO_IMPORT)
        if name != top:
            self._add(Kind.MEMBER, (name,), line, _NO_IMPORT)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        path = self._path(node) if isinstance(node.ctx, ast.Load) else None
        if path is None:
            self.visit(node.value)
        else:
            self._add(Kind.MEMBER, path, node.lineno, _NO_MEMBER)

    def visit_Call(self, node: ast.Call) -> None:
        path = self._path(node.func)
        for keyword in node.keywords if path and len(path) > 1 else ():
            if keyword.arg:
                self._add(Kind.KEYWORD, path or (), keyword.value.lineno, _NO_KEYWORD, keyword.arg)
        name = _imported_by_name(node, path)
        if name:
            self._import(name, node.lineno)
        self.generic_visit(node)

    def visit_Try(self, node: ast.Try) -> None:
        self._guards.append(frozenset(name for handler in node.handlers for name in _caught(handler)))
        for statement in node.body:
            self.visit(statement)
        self._guards.pop()
        for part in (*node.handlers, *node.orelse, *node.finalbody):
            self.visit(part)

    def visit_If(self, node: ast.If) -> None:
        nodes = list(ast.walk(node.test))
        names = {getattr(item, "attr", None) or getattr(item, "id", None) for item in nodes}
        names |= {item.value for item in nodes if isinstance(item, ast.Constant) and isinstance(item.value, str)}
        self._guards.append(_NO_IMPORT | _NO_MEMBER if names & _OTHER_PYTHONS else frozenset())
        self.generic_visit(node)
        self._guards.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        arguments = node.args
        outside = [*node.decorator_list, *arguments.defaults, *filter(None, arguments.kw_defaults), node.returns]
        for part in [*outside, *(argument.annotation for argument in _arguments(arguments))]:
            if part is not None:
                self.visit(part)
        self._inside(node.body, _arguments(arguments))

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for part in [*node.args.defaults, *filter(None, node.args.kw_defaults)]:
            self.visit(part)
        self._inside([node.body], _arguments(node.args))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in [*node.decorator_list, *node.bases, *node.keywords]:
            self.visit(part)
        self._inside(node.body, (), is_class=True)

    def _inside(self, body: Sequence[ast.AST], arguments: Iterable[ast.arg], *, is_class: bool = False) -> None:
        found = bindings(body, self._package)
        found.update(dict.fromkeys((argument.arg for argument in arguments), None))
        self._scopes.append((found, is_class))
        for node in body:
            self.visit(node)
        self._scopes.pop()

    def _path(self, node: ast.AST) -> Path | None:
        """The dotted path of a name or of attributes of one; None where no import has certainly bound it."""
        names: list[str] = []
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        for number, (found, is_class) in enumerate(reversed(self._scopes)):
            if node.id in found and not (is_class and number):
                start = found[node.id]
                return None if start is None else (*start, *reversed(names))
        return None

    def _add(self, kind: Kind, path: Path, line: int, guard: frozenset[str], keyword: str = "") -> None:
        guarded = path in self.tested or any(guard & caught for caught in self._guards)
        if len(self.found) < MAX_REFERENCES:
            self.found.append(Reference(kind, path, line, guarded, keyword))


def _imported_by_name(node: ast.Call, path: Path | None) -> str:
    """The module that `import_module("name")` or `__import__("name")` imports; empty for other calls."""
    builtin = isinstance(node.func, ast.Name) and node.func.id == "__import__"
    first = node.args[0] if node.args and (builtin or path == _IMPORTS) else None
    name = first.value if isinstance(first, ast.Constant) else None
    return name if isinstance(name, str) and all(part.isidentifier() for part in name.split(".")) else ""


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    more = [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *more]


def _caught(handler: ast.ExceptHandler) -> Iterator[str]:
    """Bare names of the classes that a handler catches; a handler without one catches all."""
    if handler.type is None:
        yield "BaseException"
        return
    for kind in handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]:
        yield kind.id if isinstance(kind, ast.Name) else getattr(kind, "attr", "")
