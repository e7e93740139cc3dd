"""Turns recorded calls into a space of calls near them: which places can be changed, and what may stand there.

Pure data: trees of arguments in, paths of edits (`inside.edits`) and trees out. Nothing is invented outside of what was
recorded but for small steps, corner values of the same type, and what an annotation allows.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_cereval.inside.observation import canonical
from pytest_cereval.oracles.render import is_plain
from pytest_cereval.source.functions import FunctionNode, SourceFunction
from pytest_cereval.source.syntax import parse

MAX_BASES = 12
MAX_PLACES = 40
_MAX_DEPTH = 4
_MAX_PLAIN_TEXT = 1500
Tree = Any
Entry = dict[str, Any]
Path = list[list[Any]]


@dataclass(frozen=True, slots=True)
class Place:
    """One part of a call: where it is, what stands there, and what else was seen at places of the same name.

    `optional` marks an argument that a call may leave out; `annotation` is the parameter's, where it has one.
    """

    path: Path
    tree: Tree
    others: tuple[Tree, ...]
    optional: bool = False
    annotation: str = ""

    @property
    def is_parameter(self) -> bool:
        """Whether this is a whole argument."""
        return len(self.path) == 1


@dataclass(frozen=True, slots=True, repr=False)
class Base:
    """A recorded call with the places in it that hold plain data, whole arguments first."""

    entry: Entry
    places: tuple[Place, ...]

    def __repr__(self) -> str:
        # Hypothesis writes strategies into notes, also where a draw comes to nothing, and warns of long ones.
        return f"Base({len(self.places)} places)"


@dataclass(frozen=True, slots=True)
class Change:
    """A call of the space: the number of its base, and the edits made to it, as (path, operator, operand)."""

    base: int
    edits: tuple[tuple[Any, ...], ...]

    def entry(self, bases: Sequence[Base]) -> Entry:
        """The call as an input."""
        entry = bases[self.base].entry
        for edit in self.edits:
            entry = {"base": entry, "edit": list(edit), "donor": None, "generated": True}
        return entry


def space_of(function: SourceFunction, calls: Sequence[tuple[Entry, Tree]]) -> tuple[Base, ...]:
    """The calls with the shortest arguments, shortest first, with their places; `calls` are (entry, arguments)."""
    parameters = parameters_of(function)
    chosen = sorted(calls, key=lambda call: (len(canonical(call[1])), canonical(call[1])))[:MAX_BASES]
    found = [(entry, list(_places(tree, parameters))[:MAX_PLACES]) for entry, tree in chosen]
    seen: dict[str, dict[str, Tree]] = defaultdict(dict)
    for _, places in found:
        for label, place in places:
            seen[label].setdefault(canonical(place.tree), place.tree)
    return tuple(
        Base(
            entry,
            tuple(
                Place(place.path, place.tree, tuple(seen[label].values()), place.optional, place.annotation)
                for label, place in places
            ),
        )
        for entry, places in found
    )


def changed_arguments(function: SourceFunction, arguments: Tree, change: Change) -> Tree:
    """The tree of a base's arguments with the edits made, for people to read."""
    names = {repr(parameter.step): name for name, parameter in parameters_of(function).items()}
    tree = arguments
    for path, operator, operand in change.edits:
        name = names[repr(path[0])]
        pairs = [pair for pair in tree[1:] if operator != "omit" or pair[0] != name]
        if operator == "tree":
            pairs = [[key, _replaced(value, path[1:], operand) if key == name else value] for key, value in pairs]
        tree = [tree[0], *pairs]
    return tree


def _replaced(tree: Tree, path: Path, new: Tree) -> Tree:
    if not path:
        return new
    (tag, key), rest = path[0], path[1:]
    changed = list(tree)
    if tag == "i":
        changed[key + 1] = _replaced(tree[key + 1], rest, new)
    elif tag == "d":
        name, value = tree[key + 1]
        changed[key + 1] = [name, _replaced(value, rest, new)]
    else:
        state = [[name, _replaced(value, rest, new) if name == key else value] for name, value in tree[3][1:]]
        changed[3] = [tree[3][0], *state]
    return changed


@dataclass(frozen=True, slots=True)
class Parameter:
    """How a named parameter is reached in a recorded call (`step`), and what a caller is told of it."""

    step: list[Any]
    optional: bool
    annotation: str


def parameters_of(function: SourceFunction) -> dict[str, Parameter]:
    """The named parameters, in order, without free positional and keyword ones."""
    node = next(item for item in ast.walk(parse(_dedented(function.source))) if isinstance(item, FunctionNode))
    positional = [*node.args.posonlyargs, *node.args.args]
    first_default = len(positional) - len(node.args.defaults)
    found = {}
    for number, argument in enumerate(positional):
        optional = number >= max(first_default, len(node.args.posonlyargs))
        found[argument.arg] = Parameter(["p", number], optional, _annotation(argument))
    for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        found[argument.arg] = Parameter(["k", argument.arg], default is not None, _annotation(argument))
    return found


def _annotation(argument: ast.arg) -> str:
    return ast.unparse(argument.annotation) if argument.annotation else ""


def _dedented(source: str) -> str:
    """The text of a definition as a module of its own."""
    return f"if True:\n{source}" if source[:1] in " \t" else source


def _places(arguments: Tree, parameters: dict[str, Parameter]) -> Iterator[tuple[str, Place]]:
    """Places with their labels; places of one label hold the same kind of thing in different calls."""
    queue: list[tuple[str, Place]] = []
    for name, tree in arguments[1:] if type(arguments) is list else ():
        known = parameters.get(name) if type(name) is str else None
        if known is not None:
            place = Place([known.step], tree, (), known.optional, known.annotation)
            queue.append((f"{name}:{_kind(tree)}", place))
    while queue:
        label, place = queue.pop(0)
        if _is_small(place.tree):
            yield label, place
        if len(place.path) < _MAX_DEPTH:
            queue += [
                (f"{inner}:{_kind(tree)}", Place([*place.path, step], tree, ()))
                for step, inner, tree in _inner(place.tree, label)
            ]


def _inner(tree: Tree, label: str) -> Iterator[tuple[list[Any], str, Tree]]:
    if type(tree) is not list or not tree:
        return
    if tree[0] in ("l", "t"):
        yield from ((["i", number], f"{label}[]", item) for number, item in enumerate(tree[1:4]))
    elif tree[0] == "d":
        for number, (key, value) in enumerate(tree[1:9]):
            yield ["d", number], key if type(key) is str else f"{label}[]", value
    elif tree[0] == "o" and type(tree[3]) is list:
        yield from ((["a", name], str(name), value) for name, value in tree[3][1:25] if type(name) is str)


def _is_small(tree: Tree) -> bool:
    return is_plain(tree) and tree is not None and len(canonical(tree)) <= _MAX_PLAIN_TEXT


def _kind(tree: Tree) -> str:
    return str(tree[0]) if type(tree) is list else type(tree).__name__
