"""Turns an operation that a function has anyway into an unsafe one that does the same on every recorded call."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pytest_cereval.categories.audit.carriers import Carrier
from pytest_cereval.categories.audit.feature import SINK
from pytest_cereval.categories.audit.twin import Edit, original_line
from pytest_cereval.inside.shapes import code_shape
from pytest_cereval.results.band import Band
from pytest_cereval.source.functions import FunctionNode, SourceFunction, definition_of
from pytest_cereval.source.syntax import parse

_QUOTED = "'%s'"


@dataclass(frozen=True, slots=True)
class Replacement:
    """One operation, as it would be unsafe and as it would look so and not be; `carrier` gets the text to it."""

    cwe: int
    band: Band
    weak: Edit
    safe: Edit
    carrier: Carrier
    payload: str
    detector: dict[str, Any]


def replacements(original: str, function: SourceFunction, carriers: Sequence[Carrier]) -> Iterator[Replacement]:
    """What can be replaced, in the order of the text; the same carrier may serve several."""
    node = definition_of(parse(original), function)
    ways = {way.parameter: way for way in reversed(carriers)}
    reached = _reached(node, ways)
    for item in _own(node):
        if not isinstance(item, ast.expr) or item.lineno != item.end_lineno:
            continue
        made = _evaluated(item, reached)
        if made is None:
            continue
        weak, safe = _edit(original, item, made.weak, SINK), _edit(original, item, made.safe, "")
        detector = {"kind": "code", "shapes": [code_shape(made.meant)]}
        yield Replacement(95, made.band, weak, safe, reached[made.name], made.payload, detector)


class _Made(NamedTuple):
    """What evaluates the text in `name`, as `weak` and as `safe`; `meant` is what is evaluated for harmless texts."""

    name: str
    weak: str
    safe: str
    meant: str
    payload: str
    band: Band


_CALL = "().__class__.__name__.__eq__('\" + canary + \"')"
_CONVERSIONS = ("int", "float", "literal_eval")


def _evaluated(item: ast.expr, reached: dict[str, Carrier]) -> _Made | None:
    """A look-up, a conversion or a test for membership, written as code that is evaluated."""
    if isinstance(item, ast.Subscript):
        return _look_up(item, reached)
    if isinstance(item, ast.Compare):
        return _membership(item, reached)
    return _conversion(item, reached) if isinstance(item, ast.Call) else None


def _look_up(item: ast.Subscript, reached: dict[str, Carrier]) -> _Made | None:
    name, holder = getattr(item.slice, "id", ""), _dotted(item.value)
    if not isinstance(item.ctx, ast.Load) or name not in reached or not holder:
        return None
    weak, safe = f'eval("{holder}[{_QUOTED}]" % {name})', f'eval("{holder}[%r]" % ({name},))'
    payload = f"payload = \"x'] if 0 else {_CALL} or {holder}['x\""
    return _Made(name, weak, safe, f"{holder}['x']", payload, Band.STANDARD)


def _conversion(item: ast.Call, reached: dict[str, Carrier]) -> _Made | None:
    name = getattr(item.args[0], "id", "") if len(item.args) == 1 else ""
    if getattr(item.func, "id", "") not in _CONVERSIONS or name not in reached:
        return None
    return _Made(name, f"eval({name})", ast.unparse(item), "1", f'payload = "{_CALL}"', Band.TRIVIAL)


def _membership(item: ast.Compare, reached: dict[str, Carrier]) -> _Made | None:
    name, holder = getattr(item.left, "id", ""), _dotted(item.comparators[0])
    if len(item.ops) != 1 or not isinstance(item.ops[0], ast.In | ast.NotIn) or name not in reached or not holder:
        return None
    word = "in" if isinstance(item.ops[0], ast.In) else "not in"
    weak, safe = f'eval("{_QUOTED} {word} {holder}" % {name})', f'eval("%r {word} {holder}" % ({name},))'
    return _Made(name, weak, safe, f"'x' {word} {holder}", f"payload = \"x' in {_CALL} or 'x\"", Band.HARD)


def _dotted(node: ast.expr) -> str:
    """A name or an attribute chain that code can be written with; names mangled by a class are not."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or any(part.startswith("__") for part in parts):
        return ""
    return ".".join([node.id, *reversed(parts)])


def _reached(node: FunctionNode, ways: dict[str, Carrier]) -> dict[str, Carrier]:
    """Names that hold an attacker's text: parameters that are one, and what loops over keys or members."""
    found = {
        name: way for name, way in ways.items() if way.argument == "payload" and not way.expression.startswith('"')
    }
    for item in _own(node):
        if not isinstance(item, ast.For):
            continue
        source = item.iter
        target = item.target
        if isinstance(source, ast.Call) and isinstance(source.func, ast.Attribute) and source.func.attr == "items":
            source = source.func.value
            target = target.elts[0] if isinstance(target, ast.Tuple) else target
        elif isinstance(source, ast.Call) and len(source.args) == 1:
            source = source.args[0]
        if isinstance(source, ast.Name) and isinstance(target, ast.Name) and source.id in ways:
            way = ways[source.id]
            if way.argument != "payload":
                found[target.id] = way
    assigned = {item.id for item in _own(node) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)}
    return {name: way for name, way in found.items() if name not in assigned or way.parameter != name}


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a function that share its names: not those of functions, classes and comprehensions inside it."""
    inner = (
        *FunctionNode.__args__,
        ast.Lambda,
        ast.ClassDef,
        ast.ListComp,
        ast.SetComp,
        ast.DictComp,
        ast.GeneratorExp,
    )
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, inner):
            yield child
            yield from _own(child)


def _edit(original: str, item: ast.expr, text: str, mark: str) -> Edit:
    row = original_line(original, item.lineno).rstrip("\r\n").encode()
    changed = row[: item.col_offset] + text.encode() + row[item.end_col_offset :]
    return Edit(item.lineno, 1, (changed.decode() + mark,))
