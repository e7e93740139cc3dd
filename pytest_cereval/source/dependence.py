"""Turns a checkout into what each function's results depend on: a digest that changes when any of it does.

Of code that was run the text counts, and which functions were run is told by whoever watched. Of all else it counts
whether it is there and what is done on import, by name: what a text mentions, what that mentions, and so on, members
only of classes that are mentioned. Too much is taken in rather than too little.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import io
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from pytest_cereval.inside.ran import files_below
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.mentions import Text
from pytest_cereval.source.pieces import (
    Piece,
    bound_from_others,
    defined_in,
    imported_from,
    pieces_of,
    place_of,
)
from pytest_cereval.source.syntax import parse

_CALLED_BY_OTHERS = frozenset(
    name
    for kind in (list, dict, set, str, bytes, bytearray, int, io.StringIO, io.BytesIO, io.RawIOBase)
    for name in dir(kind)
) | {"default", "send", "throw", "run"}
"""Methods that code of others calls on what it is given."""
_READ = "read "
"""Before the path of a file."""
_BUILTIN = frozenset(dir(builtins))
_READS_DOCSTRINGS = (b"__doc__", b"getdoc", b"doctest", b"pydoc", b"import fire")


class Dependence:
    """The pieces of a tree by name; `everything` is a digest of all its code."""

    def __init__(self, tree: Path) -> None:
        self._named: dict[str, list[Piece]] = defaultdict(list)
        self._within: dict[str, list[Piece]] = defaultdict(list)
        self._classes: dict[str, list[Piece]] = defaultdict(list)
        self._within_file: dict[str, list[Piece]] = defaultdict(list)
        self._ids: dict[int, str] = {}
        self._heads: dict[int, str] = {}
        self._bodies: dict[int, str] = {}
        self._always: list[Piece] = []
        self._lines: dict[tuple[str, int], Piece] = {}
        self._placed: dict[str, Piece] = {}
        self._order: dict[int, int] = {}
        self._tree = tree
        self._files = files_below(str(tree))
        self._others: dict[str, frozenset[str]] = {}
        files = {path.relative_to(tree).as_posix(): path.read_bytes() for path in sorted(tree.rglob("*.py"))}
        self.everything = _digest(f"{place}\0{_digest(content)}" for place, content in files.items())
        documented = any(word in content for content in files.values() for word in _READS_DOCSTRINGS)
        own = {part for path in files for part in Path(path).with_suffix("").parts}
        known = own | sys.stdlib_module_names
        modules = {path: _parsed(content) for path, content in files.items()}
        defined = own.union(*(defined_in(module) for module in modules.values() if module))
        foreign: set[str] = set()
        for path, module in modules.items():
            try:
                found = pieces_of(module, docstrings=documented, own=defined) if module else None
            except RecursionError:
                found = None
            if module:
                foreign |= set(imported_from(module))
                self._others[path] = frozenset(bound_from_others(module, known))
            if found is None:
                found = [Piece("", "", "", Text(_digest(files[path])), always=True)]
            for piece in found:
                self._add(piece, path)
        self._foreign = sorted(foreign - known)
        self._always += self._registered()
        self._called = self._called_classes()
        self._watched = tuple(self._lines.values())

    def _add(self, piece: Piece, path: str) -> None:
        place = self._ids[id(piece)] = place_of(path, piece.place)
        self._placed[place] = piece
        self._order[id(piece)] = len(self._order)
        self._heads[id(piece)] = f"{place}\0\0{_digest(piece.head.text)}"
        self._bodies[id(piece)] = f"{place}\0{_digest(piece.body.text)}"
        if piece.always or (piece.name in _BUILTIN and not piece.owner):
            self._always.append(piece)
        self._within_file[path].append(piece)
        if piece.line:
            self._lines[path, piece.line] = piece
        if piece.name:
            self._named[piece.name].append(piece)
        if piece.owner:
            self._within[piece.owner].append(piece)
        if piece.is_class:
            self._classes[piece.name].append(piece)

    def _called_classes(self) -> frozenset[str]:
        """Classes with a base or metaclass that is not of this repository, or that inherit from such a class."""
        called: set[str] = set()
        before = -1
        while len(called) != before:
            before = len(called)
            for name, found in self._classes.items():
                bases = [base for each in found for base in each.bases]
                if any(each.called for each in found) or any(
                    base in called or base not in self._classes for base in bases
                ):
                    called.add(name)
        return frozenset(called)

    def _registered(self) -> list[Piece]:
        """Classes that a base may take note of as soon as they are made, so that no name need lead to them."""
        noting = {
            name for name in self._classes if any(each.name == "__init_subclass__" for each in self._within[name])
        }
        found: dict[int, Piece] = {}
        before = -1
        while len(found) != before:
            before = len(found)
            for path, pieces in self._within_file.items():
                others = self._others.get(path, frozenset())
                for piece in pieces:
                    unknown = "*" in others and not self._classes.keys() >= set(piece.bases)
                    if piece.bases and (unknown or noting & set(piece.bases) or others & piece.head.mentions):
                        found[id(piece)] = piece
                        noting.add(piece.name)
        return list(found.values())

    @property
    def functions(self) -> tuple[tuple[str, int], ...]:
        """Path and line of every function whose running can be watched; its number is its place in this list."""
        return tuple(self._lines)

    def acting(self, paths: Sequence[str]) -> list[str]:
        """Those of the files that do more on import than define names: that they are imported counts, and when."""
        return [
            path
            for path in paths
            if any(piece.always and not piece.is_future for piece in self._within_file.get(path, ()))
        ]

    def places(self, numbers: Iterable[int]) -> list[str]:
        """What stands for these functions, and for files that follow on them, between commits, sorted."""
        last = len(self._watched)
        return sorted(
            self._ids[id(self._watched[number])] if number < last else f"{_READ}{self._files[number - last]}"
            for number in numbers
        )

    def names_beside(self, function: SourceFunction) -> list[str]:
        """All names that the rest of the function's file defines or mentions, sorted."""
        found: set[str] = set()
        for piece in self._within_file.get(function.path, ()):
            if piece.line != function.def_line:
                found |= {piece.name} | piece.head.mentions | piece.body.mentions
        return sorted(found)

    def of(self, function: SourceFunction, ran: Sequence[str], words: Collection[str]) -> str | None:
        """The digest for one function; None where something that was run is not there, or `function` itself.

        `ran` are the places of what was run and read for its results, on import too; `words` are further names in its
        inputs.
        """
        own = self._lines.get((function.path, function.def_line))
        read = [place.removeprefix(_READ) for place in ran if place.startswith(_READ)]
        ran = [place for place in ran if not place.startswith(_READ)]
        if own is None or any(place not in self._placed for place in ran) or not set(self._files).issuperset(read):
            return None
        texts = [_digest((self._tree / file).read_bytes()) for file in read]
        # What the functions that it calls mention guides which inputs are tried.
        run = [own, *(self._placed[place] for place in ran), *self._callees(own)]
        if any(piece.body.sees_code for piece in run):
            return _digest(["everything", self.everything, *texts])
        # What a name stands for, and what a class or a table holds first, depends on the order in a file.
        taken = sorted(self._reached(run, {*words, *function.parents}), key=lambda piece: self._order[id(piece)])
        if any(piece.head.sees_code for piece in taken):
            return _digest(["everything", self.everything, *texts])
        bodies = sorted({self._bodies[id(piece)] for piece in run})
        return _digest([*self._foreign, *texts, *bodies, *(self._heads[id(piece)] for piece in taken)])

    def _callees(self, own: Piece) -> list[Piece]:
        """Functions that a function may call, under another name also."""
        named = [piece for name in own.body.mentions for piece in self._named.get(name, ())]
        other = [name for piece in named if not (piece.line or piece.is_class) for name in piece.head.mentions]
        return [
            piece for piece in (*named, *(each for name in other for each in self._named.get(name, ()))) if piece.line
        ]

    def _reached(self, run: Sequence[Piece], words: Iterable[str]) -> Iterable[Piece]:
        """The pieces whose being there counts: all of them where it is not known which."""
        reach = _Reach(self._named, self._within, self._classes, self._called)
        for piece in self._always:
            reach.take(piece)
        for piece in run:
            reach.take(piece)
            reach.read(piece.body)
            reach.live({piece.owner} - {""})
        reach.mention(words)
        return reach.taken.values() if reach.finished() else self._placed.values()


class _Reach:
    """Grows from what is mentioned to what that mentions."""

    def __init__(
        self,
        named: dict[str, list[Piece]],
        within: dict[str, list[Piece]],
        classes: dict[str, list[Piece]],
        called: frozenset[str],
    ) -> None:
        self._named, self._within, self._classes, self._called = named, within, classes, called
        self.taken: dict[int, Piece] = {}
        self._mentioned: set[str] = set()
        self._live: set[str] = set()
        self._waiting: list[str] = []
        self._anything = False

    def read(self, text: Text) -> None:
        """Follow a text."""
        self._anything |= text.anything
        self.mention(text.mentions)

    def mention(self, names: Iterable[str]) -> None:
        """Take names as used."""
        new = set(names) - self._mentioned
        self._mentioned |= new
        self._waiting += new

    def live(self, names: Iterable[str]) -> None:
        """Take classes as existing: what code of others may call in them, and what of them is used already."""
        for name in set(names) - self._live:
            self._live.add(name)
            self.mention([name])
            for piece in self._within.get(name, ()):
                if self._may_be_called(piece) or piece.name in self._mentioned:
                    self.take(piece)

    def _may_be_called(self, piece: Piece) -> bool:
        special = piece.name in _CALLED_BY_OTHERS or (piece.name.startswith("__") and piece.name.endswith("__"))
        special |= "abstractmethod" in piece.head.mentions
        return not piece.line or special or piece.owner in self._called

    def take(self, piece: Piece) -> None:
        """Take a piece as there, and follow what it does on import."""
        if id(piece) not in self.taken:
            self.taken[id(piece)] = piece
            self.read(piece.head)
            if piece.is_class:
                self.live({piece.name})
            elif "abstractmethod" in piece.head.mentions:
                # Without it a class that inherits cannot be made.
                self.mention([piece.name])

    def finished(self) -> bool:
        """Follow all names; False as soon as something uses what cannot be known."""
        while self._waiting and not self._anything:
            name = self._waiting.pop()
            for piece in self._named.get(name, ()):
                if not piece.owner or piece.owner in self._live or piece.is_class:
                    self.take(piece)
            if name in self._classes:
                self.live({name})
        return not self._anything


def _parsed(content: bytes) -> ast.Module | None:
    try:
        return parse(content)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _digest(parts: Iterable[str] | str | bytes) -> str:
    if isinstance(parts, bytes):
        return hashlib.sha256(parts).hexdigest()
    return hashlib.sha256(("\n".join(parts) if not isinstance(parts, str) else parts).encode()).hexdigest()
