"""Turns a checkout into what its code relies on: private names that are read, and dictionaries whose order matters.

Decided by names alone, tests included, and on the strict side: a name that is read anywhere else counts everywhere.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_cereval.source.syntax import parse

Place = tuple[str, int]
_REFLECTIVE = ("__dict__", "vars", "__getstate__", "__reduce__", "__reduce_ex__", "getmembers")
_BY_NAME = {"getattr": 1, "hasattr": 1, "attrgetter": 0}
_ORDERED_CALLS = {"list", "tuple", "enumerate", "zip", "iter", "next", "reversed", "join"}
_VIEWS = {"items", "keys", "values"}


@dataclass(frozen=True, slots=True)
class Usage:
    """`reads` maps private names to the places that read them, `reflective` are places that may read any name;
    `ordered` are bare names of functions whose result some caller goes through in order.

    Where something is reflective, nobody asks for the rest of it: only the first such file is there, and not all reads.
    """

    reads: dict[str, tuple[Place, ...]]
    reflective: tuple[Place, ...]
    ordered: frozenset[str]

    def private_names(self) -> tuple[str, ...] | None:
        """Private names that some code reads, sorted; None if some code may read any name.

        What only the function itself reads counts, too: it may carry something from one call to the next.
        """
        return None if self.reflective else tuple(sorted(self.reads))


def usage(tree: Path) -> Usage:
    """Read all Python files below `tree`; those that do not parse rely on nothing."""
    reads: dict[str, list[Place]] = defaultdict(list)
    reflective: list[Place] = []
    ordered: set[str] = set()
    for path in sorted(tree.rglob("*.py")):
        try:
            module = parse(path.read_bytes())
        except (SyntaxError, ValueError, RecursionError):
            continue
        name = path.relative_to(tree).as_posix()
        if not reflective:  # afterwards every name counts, whoever reads it
            reflective += [(name, line) for line in _reflects(module)]
            for read, line in () if reflective else _reads(module, ""):
                reads[read].append((name, line))
        ordered |= set(_ordered(module))
    return Usage({key: tuple(places) for key, places in reads.items()}, tuple(reflective), frozenset(ordered))


def _reads(node: ast.AST, owner: str) -> Iterator[tuple[str, int]]:
    """Private names that are read as attributes, or spelled out as text, with their lines; mangled as Python does."""
    if isinstance(node, ast.Assign) and any(_is_slots(target) for target in node.targets):
        return
    name = _read_name(node)
    if name.startswith("_") and not name.endswith("__"):
        mangled = f"_{owner.lstrip('_')}{name}" if owner and name.startswith("__") else name
        yield mangled, getattr(node, "lineno", 0)
    if isinstance(node, ast.ClassDef):
        # Fields of a dataclass and the like are read by code that is generated.
        fields = (item.target for item in node.body if isinstance(item, ast.AnnAssign))
        yield from ((field.id, node.lineno) for field in fields if isinstance(field, ast.Name) and field.id[:1] == "_")
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Attribute):
        yield from _reads(ast.Attribute(node.target.value, node.target.attr, ast.Load(), lineno=node.lineno), owner)
    inner = node.name if isinstance(node, ast.ClassDef) else owner
    for child in ast.iter_child_nodes(node):
        yield from _reads(child, inner)


def _read_name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Store):
        return node.attr
    if isinstance(node, ast.Constant) and type(node.value) is str and node.value.isidentifier():
        return node.value
    return ""


def _is_slots(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id == "__slots__"


def _reflects(module: ast.Module) -> Iterator[int]:
    for node in ast.walk(module):
        name = getattr(node, "attr", None) or getattr(node, "id", None) or getattr(node, "name", None)
        if name in _REFLECTIVE or _reads_any(node):
            yield getattr(node, "lineno", 0)


def _reads_any(node: ast.AST) -> bool:
    """Whether an attribute is read by a name that is only known at run time."""
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    place = _BY_NAME.get(name)
    return place is not None and any(not isinstance(item, ast.Constant) for item in node.args[place:])


def _ordered(module: ast.Module) -> Iterator[str]:
    """Bare names of functions whose result is turned into a sequence, unpacked, or gone through in a loop that ends
    early or grows something.
    """
    for parent in ast.walk(module):
        for expression in _gone_through(parent):
            if (
                isinstance(expression, ast.Call)
                and isinstance(expression.func, ast.Attribute)
                and expression.func.attr in _VIEWS
            ):
                expression = expression.func.value
            if isinstance(expression, ast.Call):
                func = expression.func
                yield func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


def _gone_through(parent: ast.AST) -> Iterator[ast.expr]:
    if isinstance(parent, ast.Call):
        name = parent.func.attr if isinstance(parent.func, ast.Attribute) else getattr(parent.func, "id", "")
        yield from parent.args if name in _ORDERED_CALLS else ()
        yield from (item.value for item in parent.args if isinstance(item, ast.Starred))
    elif isinstance(parent, ast.ListComp | ast.GeneratorExp):
        yield from (generator.iter for generator in parent.generators)
    elif isinstance(parent, ast.For) and any(isinstance(item, _GROWING) or _appends(item) for item in ast.walk(parent)):
        yield parent.iter
    elif isinstance(parent, ast.Assign) and any(isinstance(target, ast.Tuple | ast.List) for target in parent.targets):
        yield parent.value


_GROWING = (ast.Return, ast.Break, ast.Yield, ast.YieldFrom)


def _appends(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in ("append", "extend", "insert", "write", "writelines")
