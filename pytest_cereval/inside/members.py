"""Turns names of modules into what they hold, by importing each in a fork that ends. Standard library only.

Runs in a sandbox of its own, before or beside the judging of an answer and never in one process with it: what is
imported are the standard library, installed packages and the repository's reference. Where a module cannot be
imported, its source is read instead, and the reply says so.
"""

from __future__ import annotations

import ast
import importlib
import importlib.machinery
import inspect
import os
import pkgutil
import sys
import sysconfig
import types
import warnings
from collections.abc import Iterator
from typing import Any

from .forks import in_fork
from .framing import FrameClosed, read_frame, write_frame
from .location import located
from .syntax import parse
from .worker import set_path

MODULE, OTHER, MISSING, STATIC, UNKNOWN = "module", "other", "missing", "static", "unknown"
"""What becomes of a name: a module that was imported, something else, nothing there, its source alone, or no idea."""
MAX_NAMES = 5000
_CPU_S = 20.0


def main() -> None:
    """Answer frames until the channel closes: `{"standard": true}`, `{"modules": [key]}` or `{"attribute": key}`."""
    source, sink = int(os.environ["CEREVAL_READ_FD"]), int(os.environ["CEREVAL_WRITE_FD"])
    request = located(read_frame(source))
    set_path(request["path"], request["site"])
    while True:
        write_frame(sink, {"id": request["id"], **answer(request)})
        try:
            request = read_frame(source)
        except FrameClosed:
            return


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The reply to one request, without its id."""
    if "standard" in request:
        return {"standard": sorted(standard_names())}
    if "attribute" in request:
        return {"there": looked_up(request["attribute"])["state"] not in (MISSING, UNKNOWN)}
    return {"modules": {name: looked_up(name) for name in request["modules"]}}


def standard_names() -> set[str]:
    """Top-level names of this interpreter's standard library; before 3.10 what lies in its folder."""
    names = getattr(sys, "stdlib_module_names", None)
    if names is not None:
        return set(names)
    folder = sysconfig.get_path("stdlib")
    places = [folder, os.path.join(folder, "lib-dynload")]  # noqa: PTH118 - as `sys.path` holds them
    return {*sys.builtin_module_names, *(found.name for found in pkgutil.iter_modules(places))}


def attribute_of(key: str, name: str) -> str:
    """The key of an attribute: `module.name:attribute.attribute`; that of a module is its name."""
    return f"{key}.{name}" if ":" in key else f"{key}:{name}"


def looked_up(name: str) -> dict[str, Any]:
    """What lies at a key; see `held` for a module."""
    found = in_fork(lambda: _imported(name), _CPU_S)
    if "state" in found:
        return found
    why = found.get("failed") or ("timed out" if "timed_out" in found else "its import ended the process")
    return {**({"state": UNKNOWN} if ":" in name else from_source(name)), "why": str(why)[:300]}


def _imported(name: str) -> dict[str, Any]:
    warnings.simplefilter("ignore")
    # What a module prints while it is imported is of no interest to anybody.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    try:
        found = walk(name)
    except NotThere:
        return {"state": MISSING}
    return held(found) if isinstance(found, types.ModuleType) else {"state": OTHER}


class NotThere(Exception):
    """A part of a dotted name is neither an attribute nor a module."""


def walk(key: str) -> Any:
    """The object at a key: the module is imported, then attributes; raises `NotThere` or what an import raises."""
    name, _, attributes = key.partition(":")
    try:
        found: Any = importlib.import_module(name)
    except ModuleNotFoundError as error:
        # A top-level module is only looked up where one of its name is known, perhaps on another platform.
        if error.name is not None and "." in error.name and f"{name}.".startswith(f"{error.name}."):
            raise NotThere(key) from None
        raise
    for attribute in filter(None, attributes.split(".")):
        try:
            found = getattr(found, attribute)
        except AttributeError:
            raise NotThere(key) from None
    return found


def held(module: types.ModuleType) -> dict[str, Any]:
    """The names in a module; which are modules; submodules on disk; keyword names of what can be called.

    `modules` gives the key of each, empty where it cannot be imported under its name. Names that the source binds in
    some branch are among the names. `lazy` modules make attributes when they are asked for, so that a name that is not
    listed may be there all the same.
    """
    space = vars(module)
    listed = {*space, *dir(module), *dir(types.ModuleType), *_in_source(module)}
    names = sorted(item for item in listed if isinstance(item, str))
    keywords = {name: accepted(value) for name, value in list(space.items()) if callable(value)}
    modules = {name: value for name, value in list(space.items()) if isinstance(value, types.ModuleType)}
    return {
        "state": MODULE,
        "names": names[:MAX_NAMES],
        "modules": {name: _key_of(value) for name, value in modules.items() if isinstance(name, str)},
        "submodules": _below(getattr(module, "__path__", None)),
        "lazy": "__getattr__" in space or type(module) is not types.ModuleType or len(names) > MAX_NAMES,
        "keywords": {name: found for name, found in keywords.items() if found is not None},
    }


def _key_of(module: types.ModuleType) -> str:
    name = getattr(module, "__name__", None)
    return name if isinstance(name, str) and sys.modules.get(name) is module else ""


def _below(path: Any) -> list[str]:
    return sorted({found.name for found in pkgutil.iter_modules(list(path or []))})


def _in_source(module: types.ModuleType) -> set[str]:
    """Names that the module's source binds; some only on another platform, or where an optional package is there."""
    tree = _parsed(getattr(module, "__file__", None))
    return set(bound_names(tree)) - {"*"} if tree is not None else set()


def _parsed(file: Any) -> ast.Module | None:
    if not isinstance(file, str) or not file.endswith(".py"):
        return None
    try:
        with open(file, "rb") as text:  # noqa: PTH123 - the one call of its kind here
            return parse(text.read())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def accepted(function: Any) -> list[str] | None:
    """The parameter names of a callable, sorted; None where any keyword may do, or nothing is known.

    What lies behind a wrapper counts as well as the wrapper, since either may take a keyword.
    """
    names: set[str] = set()
    for follow in (True, False):
        try:
            parameters = inspect.signature(function, follow_wrapped=follow).parameters.values()
        except BaseException:  # noqa: BLE001 - many builtins tell no signature, and descriptors may raise anything
            return None
        if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
            return None
        names |= {parameter.name for parameter in parameters}
    return sorted(names)


def from_source(name: str) -> dict[str, Any]:
    """The names that a module's source binds; `UNKNOWN` where there is no source, `MISSING` where nothing is there."""
    places: Any = None
    spec = None
    for number, _ in enumerate(name.split("."), 1):
        dotted = ".".join(name.split(".")[:number])
        try:
            spec = importlib.machinery.PathFinder.find_spec(dotted, places)
        except BaseException:  # noqa: BLE001 - a path hook may raise anything
            return {"state": UNKNOWN}
        if spec is None:
            return {"state": MISSING if number > 1 and places else UNKNOWN}
        places = list(spec.submodule_search_locations or [])
    tree = _parsed(spec.origin if spec is not None else None)
    if tree is None:
        return {"state": UNKNOWN}
    bound = set(bound_names(tree))
    return {
        "state": STATIC,
        "names": sorted((bound - {"*"}) | set(dir(types.ModuleType))),
        "modules": {},
        "submodules": _below(places),
        "lazy": bool({"*", "__getattr__"} & bound),
        "keywords": {},
    }


def bound_names(tree: ast.Module) -> Iterator[str]:
    """Names that a module's own statements may bind, in whatever branch, and `*` where more may be bound than is seen.

    What functions bind counts where they declare it global.
    """
    yield from ("__file__", "__path__", "__all__")
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
            yield from (name for item in ast.walk(node) if isinstance(item, ast.Global) for name in item.names)
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Name) and node.id in ("globals", "vars", "locals", "setattr", "exec"):
            yield "*"
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name
        waiting += ast.iter_child_nodes(node)


if __name__ == "__main__":
    main()
