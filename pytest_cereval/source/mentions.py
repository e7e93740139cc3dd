"""Turns code into normal text with the names that it mentions, and says where names alone do not tell what it uses."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass

_ANY_NAME = frozenset(
    {
        *("eval", "exec", "globals", "locals", "vars", "dir", "__import__", "__dict__", "__globals__"),
        *("__subclasses__", "__getattribute__", "getmembers", "getattr_static", "import_module", "reload"),
        *("find_spec", "spec_from_file_location", "pkgutil", "runpy", "entry_points", "gc", "ctypes"),
        *("pickle", "copyreg", "locate", "getmodule", "_getframe", "currentframe", "stack"),
    }
)
_LISTS_FILES = frozenset({"listdir", "scandir", "iterdir", "glob", "iglob", "rglob", "walk"})
"""Which modules there are may be found in the folder."""
_SEES_CODE = frozenset(
    {
        *("getsource", "getsourcelines", "findsource", "linecache", "__code__", "co_code", "co_names", "co_consts"),
        *("f_lineno", "tb_lineno", "format_exc", "format_tb", "print_exc", "extract_tb", "extract_stack"),
        *("format_stack", "format_exception", "subprocess", "Popen", "check_output", "system", "popen"),
        *(
            "traceback",
            "TracebackException",
            "co_firstlineno",
            "co_lines",
            "runpy",
            "run_path",
            "exec",
        ),
        *("execv", "execve", "execvp", "execl", "execlp", "spawnv", "spawnl", "posix_spawn", "posix_spawnp"),
        *("multiprocessing", "ProcessPoolExecutor", "create_subprocess_exec", "create_subprocess_shell"),
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


def words_of(text: str) -> frozenset[str]:
    """The identifiers in a text that may stand for something; none in prose."""
    return frozenset(_WORD.findall(text)) if len(text) <= _LONGEST else frozenset()


def names_in(source: str) -> frozenset[str]:
    """All identifiers in a text of code."""
    return frozenset(_WORD.findall(source))


def text_of(nodes: list[ast.AST]) -> Text:
    inner = [item for node in nodes for item in ast.walk(node)]
    mentions = _mentions_of(inner)
    words = mentions - _prose_in(inner)
    return Text(
        "\n".join(ast.unparse(ast.fix_missing_locations(node)) for node in nodes),
        mentions,
        anything=bool(mentions & _ANY_NAME or words & _LISTS_FILES)
        or any(map(_is_unknown, inner))
        or _is_handed_on(inner),
        sees_code=_sees_code(words) and not all(isinstance(node, ast.Import | ast.ImportFrom) for node in nodes),
    )


def _sees_code(words: frozenset[str]) -> bool:
    """`platform.system` is a harmless namesake of what starts programs."""
    found = words & _SEES_CODE
    return bool(found) and not (found == {"system"} and "platform" in words)


def _prose_in(nodes: list[ast.AST]) -> frozenset[str]:
    """Identifiers that stand only in texts of several words."""
    prose: list[ast.AST] = [
        node
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not node.value.isidentifier()
    ]
    left = set(map(id, prose))
    return _mentions_of(prose) - _mentions_of(node for node in nodes if id(node) not in left)


def _mentions_of(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """All names, attributes and identifiers in texts, private ones also as they are written in their class."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.alias):
            found.update(["__all__"] if node.name == "*" else node.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            found.update((node.module or "").split("."))
        elif isinstance(node, ast.MatchClass):
            found.update(node.kwd_attrs)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= words_of(node.value)
    found |= {inner[1] for name in found if (inner := _MANGLED.fullmatch(name))}
    return frozenset(found - {"", "*"})


def last_word(node: ast.AST) -> str:
    """The last word of a dotted name, of what is called where it is a call."""
    if isinstance(node, ast.Call):
        return last_word(node.func)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_unknown(node: ast.AST) -> bool:
    """Whether an attribute is looked up by a name that only the run knows, or a module in the list of all."""
    if isinstance(node, ast.Attribute):
        return node.attr == "modules" and getattr(node.value, "id", "") == "sys"
    if not isinstance(node, ast.Call) or last_word(node.func) not in _BY_NAME:
        return False
    given = node.args[_BY_NAME[last_word(node.func)] :]
    return not given or not isinstance(given[0], ast.Constant)


def _is_handed_on(nodes: Iterable[ast.AST]) -> bool:
    """Whether what looks attributes up by name is used otherwise than by calling it."""
    nodes = list(nodes)
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    return any(last_word(node) in _BY_NAME and id(node) not in called for node in nodes if isinstance(node, ast.Name))
