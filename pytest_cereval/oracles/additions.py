"""Chooses what of an answer goes into the file beside the asked function: imports, helpers, new methods."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pytest_cereval.source.functions import FunctionNode, SourceFunction

_MAX_NOTES = 20
_BLOCK_FIELDS = ("body", "orelse", "finalbody", "handlers", "cases")


@dataclass(frozen=True, slots=True)
class Additions:
    """Texts to put before the top-level statement that holds the function, and before the function in its
    class.
    """

    module: tuple[str, ...]
    methods: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Around:
    """The names that a function's file binds at its top, and those that the class around the function binds."""

    module: frozenset[str]
    methods: frozenset[str]


def around(function: SourceFunction, original: Sequence[ast.stmt]) -> Around:
    """What the statements of the function's file bind around it."""
    return Around(frozenset(bound(original)), frozenset(bound(_class_body(original, function))))


def additions(
    body: Sequence[ast.stmt],
    taken: FunctionNode,
    classes: Sequence[ast.ClassDef],
    function: SourceFunction,
    around: Around,
) -> Additions:
    """Everything an answer's definition may need: what the file has already is not replaced, statements are
    not run.

    `body` are the statements of the answer's block, `classes` those around `taken` in it, `around` what the file
    has. Raises `ValueError` or `RecursionError` where a statement cannot be written as text.
    """
    known = around.module
    notes: list[str] = []
    texts = []
    bare_methods: list[ast.stmt] = []
    for statement in body:
        if statement is taken or _holds(statement, classes) or _is_the_function(statement, function):
            continue
        if not classes and function.parents and _is_method(statement):
            bare_methods.append(statement)
            continue
        kept, note = _kept(statement, known, function)
        notes += [note] if note else []
        texts += [ast.unparse(kept)] if kept is not None else []
    methods, more = _new_members(taken, classes[-1].body if classes else bare_methods, function, around)
    if classes and function.parents and classes[-1].name != function.parents[-1]:
        notes.append(f"took the definition out of a class {classes[-1].name}"[:200])
        methods, more = (), []
    return Additions(tuple(texts), methods, tuple([*notes, *more][:_MAX_NOTES]))


def _kept(statement: ast.stmt, known: frozenset[str], function: SourceFunction) -> tuple[ast.stmt | None, str]:
    """The statement as far as it goes into the file, and a note on what does not."""
    if isinstance(statement, ast.Import):
        return statement, ""
    if isinstance(statement, ast.ImportFrom):
        return _kept_import(statement, known, function), ""
    names = defined(statement)
    if not names:
        return None, _dropped(statement)
    if names & known:
        return None, f"kept the file's own {', '.join(sorted(names & known))}"[:200]
    return statement, ""


def _kept_import(statement: ast.ImportFrom, known: frozenset[str], function: SourceFunction) -> ast.ImportFrom | None:
    """Without what the file would import from itself: at that moment it is not complete yet."""
    if statement.module == "__future__":
        return None
    own = _module_of(statement, function) == function.module
    names = [alias for alias in statement.names if not (own and (alias.asname or alias.name) in known)]
    return ast.ImportFrom(statement.module, names, statement.level) if names else None


def _module_of(statement: ast.ImportFrom, function: SourceFunction) -> str:
    """The dotted name that is imported from, with leading dots resolved."""
    if not statement.level:
        return statement.module or ""
    here = function.module.split(".")
    is_package = function.path.endswith("__init__.py")
    base = here[: len(here) - statement.level + is_package]
    return ".".join([*base, *filter(None, [statement.module])])


def _dropped(statement: ast.stmt) -> str:
    constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return "" if constant else f"dropped a statement of the answer: {type(statement).__name__.lower()}"


def _is_the_function(statement: ast.stmt, function: SourceFunction) -> bool:
    """Other versions of the asked function at the top of the block; they would never be called."""
    return isinstance(statement, FunctionNode) and statement.name == function.bare_name


def _holds(statement: ast.stmt, classes: Sequence[ast.ClassDef]) -> bool:
    return bool(classes) and any(item is classes[0] for item in ast.walk(statement))


def _is_method(statement: ast.stmt) -> bool:
    """Whether a definition outside a class is meant to be in one, beside the asked method."""
    if not isinstance(statement, FunctionNode):
        return False
    arguments = [*statement.args.posonlyargs, *statement.args.args]
    bound = bool(arguments) and arguments[0].arg in ("self", "cls")
    return bound or any(ast.unparse(item) == "staticmethod" for item in statement.decorator_list)


def _new_members(
    taken: FunctionNode, body: Sequence[ast.stmt], function: SourceFunction, around: Around
) -> tuple[tuple[str, ...], list[str]]:
    """Methods among `body` that the original's class has not, and new class attributes that `taken` uses.

    Other attributes stay out: in an enumeration, say, each would be one more member.
    """
    theirs = around.methods | {function.bare_name}
    used = {node.attr for node in ast.walk(taken) if isinstance(node, ast.Attribute)}
    texts, notes = [], []
    for item in body if function.parents else ():
        names = defined(item)
        if item is taken or not names or names & theirs:
            continue
        if isinstance(item, FunctionNode):
            texts.append(ast.unparse(item))
            notes.append(f"added the method {item.name}"[:200])
        elif isinstance(item, ast.Assign) and names & used:
            texts.append(ast.unparse(item))
            notes.append(f"added the attribute {', '.join(sorted(names))}"[:200])
    return tuple(texts), notes


def _class_body(original: Sequence[ast.stmt], function: SourceFunction) -> Sequence[ast.stmt]:
    """The statements of the innermost class around the function."""
    around = [
        item
        for statement in original
        if statement.lineno <= function.first_line <= (statement.end_lineno or statement.lineno)
        for item in ast.walk(statement)
        if isinstance(item, ast.ClassDef) and item.lineno <= function.first_line <= (item.end_lineno or item.lineno)
    ]
    return max(around, key=lambda item: item.lineno).body if around else ()


def bound(body: Iterable[ast.stmt]) -> set[str]:
    """Names that these statements bind, also in branches, loops and `with`, but not inside functions and
    classes.
    """
    return {name for statement in _own_statements(body) for name in (*defined(statement), *_others(statement))}


def _own_statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    waiting: list[ast.stmt] = list(body)
    while waiting:
        statement = waiting.pop()
        yield statement
        if not isinstance(statement, FunctionNode | ast.ClassDef):
            for field in _BLOCK_FIELDS:
                waiting += getattr(statement, field, None) or []


def defined(statement: ast.stmt) -> set[str]:
    """The name of a function or class, or those that a simple assignment binds."""
    if isinstance(statement, FunctionNode | ast.ClassDef):
        return {statement.name}
    targets: list[ast.expr] = []
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets = [statement.target]
    elif isinstance(statement, ast.Assign):
        targets = statement.targets
    if not all(isinstance(target, ast.Name) for target in targets):
        return set()
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _others(statement: ast.stmt) -> set[str]:
    """Names bound by imports and by targets inside other statements."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
    if isinstance(statement, FunctionNode | ast.ClassDef):
        return set()
    parts = [item for item in ast.iter_child_nodes(statement) if not isinstance(item, ast.stmt)]
    names = (item for part in parts for item in ast.walk(part) if isinstance(item, ast.Name))
    return {item.id for item in names if isinstance(item.ctx, ast.Store)}
