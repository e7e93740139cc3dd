"""Turns a Python file into pieces: its definitions and statements, each with the names it mentions.

A piece is what one name stands for: a function, a class without its functions, an import, an assignment. What runs on
import and may have an effect has no name by which it is reached, so it always counts.
"""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace

from pytest_cereval.source.functions import FunctionNode, without_docstring
from pytest_cereval.source.mentions import Text, last_word, text_of

_PLAIN_DECORATORS = frozenset(
    {
        *("property", "staticmethod", "classmethod", "cached_property"),
        *("abstractmethod", "lru_cache", "cache", "wraps", "contextmanager", "asynccontextmanager"),
        *("overload", "final", "override", "dataclass", "total_ordering", "runtime_checkable"),
    }
)
_PLAIN_CALLS = frozenset(
    {
        *("namedtuple", "TypeVar", "ParamSpec", "NewType", "compile", "getLogger", "Struct", "field", "object"),
        *("frozenset", "set", "dict", "list", "tuple", "str", "int", "float", "bytes", "bool", "len", "range"),
        *("defaultdict", "OrderedDict", "deque", "Counter", "property", "Lock", "RLock", "count", "MappingProxyType"),
    }
)
_PLAIN_MODULES = frozenset(
    {
        *("abc", "builtins", "collections", "contextlib", "dataclasses", "functools", "itertools", "logging", "re"),
        *("struct", "threading", "types", "typing", "t", "typing_extensions"),
    }
)
"""Where names with a dot before them may come from to be plain: `variable.set(...)` is no `set`."""
_OF_PROPERTIES = ("setter", "getter", "deleter")
_PLAIN_BASES = frozenset({"object", "ABC", "Generic", "Protocol"}) | {
    name for name, item in vars(builtins).items() if isinstance(item, type) and issubclass(item, BaseException)
}


@dataclass(frozen=True, slots=True)
class Piece:
    """`name` is what it binds, `owner` the bare name of the class it is in, `place` tells it from others in its file.

    head: what runs on import. body: what runs when a function is called; `line` is where that is defined, 0 for all
    else. always: the head has an effect beyond the name. bases: those of a class, by bare name. called: whether code
    of others may call any function of the class.
    """

    name: str
    owner: str
    place: str
    head: Text
    body: Text = field(default_factory=Text)
    line: int = 0
    always: bool = False
    is_class: bool = False
    bases: tuple[str, ...] = ()
    called: bool = False

    @property
    def is_future(self) -> bool:
        """Whether it is an import from `__future__`, which acts on its own file alone."""
        return self.head.text.startswith("from __future__ ")


def pieces_of(module: ast.Module, *, docstrings: bool, own: Collection[str] = ()) -> list[Piece]:
    """The pieces of one file, in order; docstrings are part of them only if they count.

    `own` are names that the repository defines: they do not stand for what they do elsewhere.
    """
    return list(_Reader(docstrings, frozenset(own)).pieces(module.body, ""))


def defined_in(module: ast.Module) -> Iterator[str]:
    """The names of all functions and classes in a file but for those in classes and functions."""
    waiting: list[ast.AST] = [*module.body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, FunctionNode | ast.ClassDef):
            yield node.name
        else:
            waiting += ast.iter_child_nodes(node)


def imported_from(module: ast.Module) -> Iterator[str]:
    """The top-level names of the packages that a file imports from."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


def bound_from_others(module: ast.Module, known: Collection[str]) -> Iterator[str]:
    """The names that a file imports from packages that are not known, `*` where all of one are imported."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            found = [alias for alias in node.names if alias.name.partition(".")[0] not in known]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found = node.names if (node.module or "").partition(".")[0] not in known else []
        else:
            continue
        yield from (alias.asname or alias.name.partition(".")[0] for alias in found)


class _Reader:
    """Goes through the statements of one file."""

    def __init__(self, docstrings: bool, own: frozenset[str]) -> None:
        self._docstrings = docstrings
        self._own = own
        self._seen: Counter[str] = Counter()
        self._under: list[str] = []

    def pieces(self, body: Iterable[ast.stmt], owner: str) -> Iterator[Piece]:
        for node in body:
            if isinstance(node, FunctionNode):
                yield self._function(node, owner)
            elif isinstance(node, ast.ClassDef):
                yield self._class(node, owner)
                yield from self.pieces(node.body, f"{owner}.{node.name}".lstrip("."))
            elif isinstance(node, ast.If | ast.Try):
                yield from self._branches(node, owner)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                yield from self._imports(node, owner)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                yield from self._assigned(node, owner)
            elif not isinstance(node, ast.Pass) and (self._docstrings or not _is_text(node)):
                yield self._piece("", owner, [node], always=True)

    def _piece(self, name: str, owner: str, nodes: list[ast.AST], **more: object) -> Piece:
        words = ".".join(filter(None, (owner, name)))
        self._seen[words] += 1
        place = f"{words}~{self._seen[words]}"
        head = text_of(nodes)
        head = replace(head, text="\n".join([*self._under, head.text]))
        return Piece(name, owner.rpartition(".")[2], place, head, **more)  # type: ignore[arg-type]

    def _function(self, node: FunctionNode, owner: str) -> Piece:
        """Decorators and defaults run on import, so that what they call has its effect there."""
        documented = len(node.body) - len(without_docstring(node))
        effects = self._has_effects(node.decorator_list)
        shown = documented * (self._docstrings or effects)
        head = type(node)(**{**vars(node), "body": [*node.body[:shown], ast.Pass()]})
        defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
        return self._piece(
            node.name,
            owner,
            [head],
            body=text_of([*without_docstring(node)]),
            line=node.lineno,
            always=effects or self._calls(defaults),
        )

    def _class(self, node: ast.ClassDef, owner: str) -> Piece:
        """A class without what is in it, which stands for itself; its docstring goes where others may take it."""
        bases = [last_word(base.value if isinstance(base, ast.Subscript) else base) for base in node.bases]
        bases = [base for base in bases if base not in _PLAIN_BASES or base in self._own]
        effects = self._has_effects(node.decorator_list) or self._calls(node.bases)
        foreign = any(last_word(each.value) != "ABCMeta" for each in node.keywords)
        documented = _is_text(node.body[0]) and (self._docstrings or effects or foreign or bool(bases))
        head = ast.ClassDef(**{**vars(node), "body": [*node.body[:documented], ast.Pass()]})
        piece = self._piece(
            node.name,
            owner,
            [head],
            always=effects or foreign,
            is_class=True,
            bases=tuple(bases),
            called=foreign or effects,
        )
        if any(last_word(each) == "runtime_checkable" for each in node.decorator_list):
            # Whether something is an instance depends on the names alone.
            members = {item.name for item in node.body if isinstance(item, FunctionNode)}
            piece = replace(piece, head=replace(piece.head, mentions=piece.head.mentions | members))
        return piece

    def _branches(self, node: ast.If | ast.Try, owner: str) -> Iterator[Piece]:
        """What is tested, and the pieces below it, each with the way that leads there."""
        if isinstance(node, ast.If):
            test = ast.unparse(node.test)
            yield self._piece("", owner, [node.test], always=True)
            yield from self._below(f"if {test}", node.body, owner)
            yield from self._below(f"if not {test}", node.orelse, owner)
            return
        yield self._piece("", owner, [each.type for each in node.handlers if each.type], always=True)
        yield from self._below("try", node.body, owner)
        for each in node.handlers:
            caught = f"except {ast.unparse(each.type) if each.type else ''} as {each.name}"
            yield from self._below(caught, each.body, owner)
        yield from self._below("try else", node.orelse, owner)
        yield from self._below("finally", node.finalbody, owner)

    def _below(self, way: str, body: Iterable[ast.stmt], owner: str) -> Iterator[Piece]:
        self._under.append(way)
        yield from self.pieces(body, owner)
        self._under.pop()

    def _imports(self, node: ast.Import | ast.ImportFrom, owner: str) -> Iterator[Piece]:
        for alias in node.names:
            one = (
                ast.Import([alias])
                if isinstance(node, ast.Import)
                else ast.ImportFrom(node.module, [alias], node.level)
            )
            always = alias.name == "*" or getattr(node, "module", None) == "__future__"
            yield self._piece(alias.asname or alias.name.partition(".")[0], owner, [one], always=always)

    def _assigned(self, node: ast.Assign | ast.AnnAssign, owner: str) -> Iterator[Piece]:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        parts = [item for target in targets for item in (target.elts if isinstance(target, ast.Tuple) else [target])]
        names = [item.id for item in parts if isinstance(item, ast.Name)]
        always = len(names) < len(parts) or self._calls([node.value] if node.value else [])
        always |= any(isinstance(item, ast.NamedExpr) for item in ast.walk(node))
        for name in names or [""]:
            yield self._piece(name, owner, [node], always=always or not name)

    def _has_effects(self, decorators: Iterable[ast.expr]) -> bool:
        """Whether one of them may do more than change what it stands on."""
        return not all(
            self._is_plain(each, _PLAIN_DECORATORS) or (isinstance(each, ast.Attribute) and each.attr in _OF_PROPERTIES)
            for each in decorators
        )

    def _calls(self, nodes: Iterable[ast.AST]) -> bool:
        """Whether something is called of which it is not known that it has no effect."""
        calls = (item for node in nodes for item in ast.walk(node) if isinstance(item, ast.Call))
        return not all(self._is_plain(call.func, _PLAIN_CALLS) for call in calls)

    def _is_plain(self, node: ast.expr, known: frozenset[str]) -> bool:
        """Whether a name, called or not, is a known one of the standard library."""
        if isinstance(node, ast.Call):
            return self._is_plain(node.func, known) and not self._calls([*node.args, *node.keywords])
        if isinstance(node, ast.Attribute):
            return node.attr in known and getattr(node.value, "id", "") in _PLAIN_MODULES - self._own
        return isinstance(node, ast.Name) and node.id in known - self._own


def place_of(path: str, place: str) -> str:
    """What stands for a piece between commits."""
    return f"{path}::{place}"


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
