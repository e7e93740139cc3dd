"""Says which of the constraints that a question states an answer breaks: by its text, and by what it did when run.

What the reference itself uses is never held against an answer, however often. That no file outside a temporary folder
is written is not looked for: the sandbox has no other place that can be written.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_cereval.oracles.blocks import parse

_CALLS = frozenset(
    {
        *("eval", "exec", "compile", "__import__", "timeit.timeit", "timeit.repeat", "importlib.import_module"),
        *("os.system", "os.popen", "os.fork", "os.forkpty", "pty.spawn"),
    }
)
_PREFIXES = ("os.exec", "os.spawn", "os.posix_spawn")
_MODULES = frozenset(
    {
        *("subprocess", "multiprocessing", "pty", "ctypes", "runpy", "code", "codeop"),
        *("socket", "socketserver", "ssl", "ftplib", "smtplib", "telnetlib", "poplib", "imaplib"),
        *("http.client", "http.server", "urllib.request", "requests", "httpx", "aiohttp", "urllib3", "paramiko"),
    }
)
"""Modules that run code or processes, leave the interpreter's rules, or reach for the network."""
Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def broken(
    taken: str, reference: str, original: str, events: Sequence[str] = (), allowed: Sequence[str] = ()
) -> tuple[str, ...]:
    """What an answer does that its question forbids, as sentences in order.

    `taken` is the definition with the imports and helpers that go with it, `reference` the function's own text and
    `original` that of its file, whose imports both may use. `events` and `allowed` are names of audit events that calls
    of the answer and of the reference raise.
    """
    file = _file(original)
    used = frozenset(_used(_parsed(taken), file))
    found = {f"uses {name}" for name in used - _known(reference, original)}
    found |= {f"raised {event} when run" for event in set(events) - set(allowed)}
    return tuple(sorted(found))


class _File(NamedTuple):
    """What the text of a file says: what its imported names stand for, constrained modules, and names it binds."""

    imported: dict[str, str]
    modules: frozenset[str]
    bound: frozenset[str]


@functools.lru_cache(maxsize=16)
def _file(original: str) -> _File:
    """Of a reference's file, which every answer to any of its functions is held against."""
    tree = _parsed(original)
    return _File(dict(_imported(tree)), frozenset(_modules(tree)), _bound(tree))


@functools.lru_cache(maxsize=256)
def _known(reference: str, original: str) -> frozenset[str]:
    """What is never held against an answer."""
    file = _file(original)
    return frozenset(_used(_parsed(reference), file)) | file.modules


def _parsed(text: str) -> ast.Module:
    """The tree; an empty one for a text that does not parse."""
    return ast.Module([*parse(text).body], [])


def _used(tree: ast.Module, file: _File) -> Iterator[str]:
    """Constrained modules that are imported, and constrained names that are read, called or not."""
    yield from _modules(tree)
    names = file.imported | dict(_imported(tree))
    hidden = (file.bound | _bound(tree)) - names.keys()
    inner: set[int] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name | ast.Attribute) or id(node) in inner or not isinstance(node.ctx, ast.Load):
            continue
        if isinstance(node, ast.Attribute):
            inner.update(map(id, _chain(node.value)))
        name = _resolved(node, names, hidden)
        if name in _CALLS or name.startswith(_PREFIXES):
            yield name


def _chain(node: ast.expr) -> Iterator[ast.expr]:
    """What a dotted name is made of, without what is called or indexed on the way."""
    while isinstance(node, ast.Attribute):
        yield node
        node = node.value
    if isinstance(node, ast.Name):
        yield node


def _modules(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _is_module(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if _is_module(node.module):
                yield node.module
            else:
                full = (f"{node.module}.{alias.name}" for alias in node.names)
                yield from (name for name in full if _is_module(name))


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """What each imported name stands for; a relative import stands for something of the repository."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.asname or alias.name.partition(".")[0], _first(alias)) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((alias.asname or alias.name, f"{module}.{alias.name}") for alias in node.names)


def _first(alias: ast.alias) -> str:
    return alias.name if alias.asname else alias.name.partition(".")[0]


def _bound(tree: ast.Module) -> frozenset[str]:
    """Names that the text binds itself, so that they are not the builtins of that name."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, Scope):
            arguments = node.args
            every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
            found |= {argument.arg for argument in every if argument is not None}
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return frozenset(found)


def _resolved(node: ast.Name | ast.Attribute, names: dict[str, str], hidden: frozenset[str]) -> str:
    """The dotted name of what is read, with import aliases undone; empty where it is no such name."""
    parts: list[str] = []
    at: ast.expr = node
    while isinstance(at, ast.Attribute):
        parts.append(at.attr)
        at = at.value
    if not isinstance(at, ast.Name) or at.id in hidden:
        return ""
    full = ".".join([names.get(at.id, at.id), *reversed(parts)])
    return full.removeprefix("builtins.")


def _is_module(name: str) -> bool:
    return any(name == known or name.startswith(f"{known}.") for known in _MODULES)
