"""Says whether a function does something by itself that an auditor may well report: nothing is planted beside it."""

from __future__ import annotations

import ast
import textwrap

from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.syntax import parse

_CALLS = frozenset(
    {"eval", "exec", "compile", "__import__", "open", "input", "globals", "vars", "mktemp", "urlopen", "Popen"}
)
_MODULES = frozenset(
    {
        "os",
        "subprocess",
        "shutil",
        "pickle",
        "marshal",
        "shelve",
        "yaml",
        "socket",
        "urllib",
        "requests",
        "http",
        "sqlite3",
    }
    | {
        "tempfile",
        "importlib",
        "xml",
        "ElementTree",
        "etree",
        "minidom",
        "ctypes",
        "random",
        "hashlib",
        "ssl",
        "zipfile",
    }
    | {
        "tarfile",
        "cloudpickle",
        "dill",
        "jinja2",
        "pty",
        "telnetlib",
        "ftplib",
        "smtplib",
        "paramiko",
        "httpx",
        "aiohttp",
    }
)
_BY_NAME = frozenset({"getattr", "setattr", "delattr"})
_PATTERNS = frozenset({"compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"})


def risk_of(function: SourceFunction) -> str:
    """The first operation of a function that may be held against it, as text; empty if there is none."""
    for node in ast.walk(parse(textwrap.dedent(function.source))):
        if isinstance(node, ast.Call):
            risk = _of_call(node)
            if risk:
                return risk
        if isinstance(node, ast.Assert):
            return "assert"
    return ""


def _of_call(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Name):
        if function.id in _CALLS:
            return function.id
        if function.id in _BY_NAME and len(node.args) > 1 and not isinstance(node.args[1], ast.Constant):
            return f"{function.id} with a computed name"
        return ""
    if not isinstance(function, ast.Attribute):
        return ""
    root: ast.expr = function
    while isinstance(root, ast.Attribute):
        root = root.value
    name = root.id if isinstance(root, ast.Name) else ""
    if name in _MODULES:
        return f"{name}.{function.attr}"
    if name == "re" and function.attr in _PATTERNS and node.args and not isinstance(node.args[0], ast.Constant):
        return f"re.{function.attr} with a computed pattern"
    if function.attr == "format" and not isinstance(function.value, ast.Constant) and name not in ("str",):
        return "format of a computed template"
    return ""
