"""Says which of the constraints that a question states an answer breaks: by its text, and by what it did when run.

The text is compared with the original file, so that nothing is held against an answer that the original does as well.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence

_CALLS = frozenset(
    {
        *("eval", "exec", "compile", "__import__", "builtins.eval", "builtins.exec"),
        *("os.system", "os.popen", "os.fork", "os.forkpty", "pty.spawn", "importlib.import_module"),
    }
)
_PREFIXES = ("os.exec", "os.spawn", "os.posix_spawn")
_MODULES = frozenset(
    {
        *("subprocess", "multiprocessing", "pty", "ctypes", "socket", "socketserver", "ssl", "ftplib", "smtplib"),
        *("telnetlib", "poplib", "imaplib", "http.client", "http.server", "urllib.request", "requests", "httpx"),
        *("aiohttp", "urllib3", "paramiko"),
    }
)
"""Modules that start processes, leave the interpreter's rules, or reach for the network."""


def broken(candidate: str, original: str, events: Sequence[str] = (), allowed: Sequence[str] = ()) -> tuple[str, ...]:
    """What the changed file uses more often than the original one, and what its calls did that the reference's do not.

    `events` and `allowed` are names of audit events, of the answer and of the reference.
    """
    used, known = Counter(_used(candidate)), Counter(_used(original))
    found = {f"uses {name}" for name in used if used[name] > known[name]}
    found |= {f"raised {event} when run" for event in set(events) - set(allowed)}
    return tuple(sorted(found))


def _used(text: str) -> Iterator[str]:
    """Names of what is constrained, once for each use; nothing for a text that does not parse."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    names = dict(_imported(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _is_module(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            if _is_module(node.module):
                yield node.module
            else:
                yield from (name for name in full if _is_module(name))
        elif isinstance(node, ast.Call):
            called = _resolved(node.func, names)
            if called in _CALLS or called.startswith(_PREFIXES):
                yield called.removeprefix("builtins.")


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """What each imported name stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.asname or alias.name, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def _resolved(called: ast.expr, names: dict[str, str]) -> str:
    """The dotted name of what is called, with import aliases undone; empty where it is no name."""
    parts: list[str] = []
    while isinstance(called, ast.Attribute):
        parts.append(called.attr)
        called = called.value
    if not isinstance(called, ast.Name):
        return ""
    return ".".join([names.get(called.id, called.id), *reversed(parts)])


def _is_module(name: str) -> bool:
    return any(name == known or name.startswith(f"{known}.") for known in _MODULES)
