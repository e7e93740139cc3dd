"""Turns a Python file into pieces: its definitions and statements, each with the names it mentions.

A piece is what one name stands for: a function, a class without its functions, an import, an assignment. What runs on
import and may have an effect has no name by which it is reached, so it always counts.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pytest_cereval.source.functions import FunctionNode, without_docstring

_PLAIN_DECORATORS = frozenset(
    {
        *("property", "staticmethod", "classmethod", "setter", "getter", "deleter", "cached_property"),
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
_PLAIN_BASES = frozenset({"object", "ABC", "Generic", "Protocol"}) | {
    name for name, item in vars(builtins).items() if isinstance(item, type) and issubclass(item, BaseException)
}
_ANY_NAME = frozenset(
    {
        *("eval", "exec", "globals", "locals", "vars", "dir", "__import__", "__dict__", "__globals__"),
        *("__subclasses__", "__getattribute__", "getmembers", "getattr_static", "import_module", "reload"),
        *("find_spec", "spec_from_file_location", "pkgutil", "runpy", "entry_points", "gc", "ctypes"),
        *("pickle", "copyreg", "locate", "getmodule", "_getframe", "currentframe", "stack"),
    }
)
_SEES_CODE = frozenset(
    {
        *("getsource", "getsourcelines", "findsource", "linecache", "__code__", "co_code", "co_names", "co_consts"),
        *("f_lineno", "tb_lineno", "format_exc", "format_tb", "print_exc", "extract_tb", "extract_stack"),
        *("format_stack", "format_exception", "subprocess", "Popen", "check_output", "system", "execv", "spawnv"),
    }
)
"""What may tell of code that is not run, or run some in a process that nobody watches."""
_BY_NAME = {"getattr": 1, "setattr": 1, "hasattr": 1, "delattr": 1, "attrgetter": 0, "methodcaller": 0}
_WORD = re.compile(r"[^\W\d]\w*")
_MANGLED = re.compile(r"_[^\W_]\w*?(__\w+)")
_LONGEST = 400
"""Characters of a text that may name something; what is longer is prose."""


@dataclass(frozen=True, slots=True)
class Text:
    """Normal text, without comments and layout, and the names in it.

    anything: which names it uses is known at run time only. sees_code: it may look at the text of other code.
    """

    text: str = ""
    mentions: frozenset[str] = frozenset()
    anything: bool = False
    sees_code: bool = False


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


def pieces_of(module: ast.Module, *, docstrings: bool) -> list[Piece]:
    """The pieces of one file, in order; docstrings are part of them only if they count."""
    return list(_Reader(docstrings).pieces(module.body, ""))


def words_of(text: str) -> frozenset[str]:
    """The identifiers in a text that may stand for something; none in prose."""
    return frozenset(_WORD.findall(text)) if len(text) <= _LONGEST else frozenset()


def names_in(source: str) -> frozenset[str]:
    """All identifiers in a text of code."""
    return frozenset(_WORD.findall(source))


def imported_from(module: ast.Module) -> Iterator[str]:
    """The top-level names of the packages that a file imports from."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


class _Reader:
    """Goes through the statements of one file."""

    def __init__(self, docstrings: bool) -> None:
        self._docstrings = docstrings
        self._seen: Counter[str] = Counter()

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
                yield self._piece("", owner, [node], always=not _is_text(node))

    def _piece(self, name: str, owner: str, nodes: list[ast.AST], **more: object) -> Piece:
        words = ".".join(filter(None, (owner, name)))
        self._seen[words] += 1
        place = f"{words}~{self._seen[words]}"
        return Piece(name, owner.rpartition(".")[2], place, _text(nodes), **more)  # type: ignore[arg-type]

    def _function(self, node: FunctionNode, owner: str) -> Piece:
        """Decorators and defaults run on import, so that what they call has its effect there."""
        documented = len(node.body) - len(without_docstring(node))
        head = type(node)(**{**vars(node), "body": [*node.body[: documented * self._docstrings], ast.Pass()]})
        effects = any(_last(each) not in _PLAIN_DECORATORS for each in node.decorator_list)
        defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
        return self._piece(
            node.name,
            owner,
            [head],
            body=_text([*without_docstring(node)]),
            line=node.lineno,
            always=effects or _calls(defaults),
        )

    def _class(self, node: ast.ClassDef, owner: str) -> Piece:
        """A class without what is in it, which stands for itself."""
        head = ast.ClassDef(**{**vars(node), "body": [ast.Pass()]})
        bases = (_last(base.value if isinstance(base, ast.Subscript) else base) for base in node.bases)
        effects = any(_last(each) not in _PLAIN_DECORATORS for each in node.decorator_list)
        foreign = any(_last(each.value) != "ABCMeta" for each in node.keywords)
        return self._piece(
            node.name,
            owner,
            [head],
            always=effects or foreign,
            is_class=True,
            bases=tuple(base for base in bases if base not in _PLAIN_BASES),
            called=foreign or effects,
        )

    def _branches(self, node: ast.If | ast.Try, owner: str) -> Iterator[Piece]:
        if isinstance(node, ast.If):
            yield self._piece("", owner, [node.test], always=True)
            yield from self.pieces([*node.body, *node.orelse], owner)
            return
        yield self._piece("", owner, [each.type for each in node.handlers if each.type], always=True)
        handled = [item for each in node.handlers for item in each.body]
        yield from self.pieces([*node.body, *handled, *node.orelse, *node.finalbody], owner)

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
        always = len(names) < len(parts) or _calls([node.value] if node.value else [])
        for name in names or [""]:
            yield self._piece(name, owner, [node], always=always or not name)


def place_of(path: str, place: str) -> str:
    """What stands for a piece between commits."""
    return f"{path}::{place}"


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _text(nodes: list[ast.AST]) -> Text:
    inner = [item for node in nodes for item in ast.walk(node)]
    mentions = _mentions_of(inner)
    return Text(
        "\n".join(ast.unparse(ast.fix_missing_locations(node)) for node in nodes),
        mentions,
        anything=bool(mentions & _ANY_NAME) or any(map(_is_unknown, inner)),
        sees_code=bool(mentions & _SEES_CODE),
    )


def _mentions_of(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """All names, attributes and identifiers in texts, private ones also as they are written in their class."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.alias):
            found.update(node.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            found.update((node.module or "").split("."))
        elif isinstance(node, ast.MatchClass):
            found.update(node.kwd_attrs)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= words_of(node.value)
    found |= {inner[1] for name in found if (inner := _MANGLED.fullmatch(name))}
    return frozenset(found - {"", "*"})


def _calls(nodes: Iterable[ast.AST]) -> bool:
    """Whether something is called of which it is not known that it has no effect."""
    calls = (item for node in nodes for item in ast.walk(node) if isinstance(item, ast.Call))
    return any(_last(call.func) not in _PLAIN_CALLS for call in calls)


def _last(node: ast.AST) -> str:
    """The last word of a dotted name, of what is called where it is a call."""
    if isinstance(node, ast.Call):
        return _last(node.func)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_unknown(node: ast.AST) -> bool:
    """Whether an attribute is looked up by a name that only the run knows, or a module in the list of all."""
    if isinstance(node, ast.Attribute):
        return node.attr == "modules" and getattr(node.value, "id", "") == "sys"
    if not isinstance(node, ast.Call) or _last(node.func) not in _BY_NAME:
        return False
    given = node.args[_BY_NAME[_last(node.func)] :]
    return not given or not isinstance(given[0], ast.Constant)
