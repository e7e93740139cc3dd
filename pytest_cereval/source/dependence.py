"""Turns a checkout into what each function's results depend on: a digest that changes when any of it does.

Of code that was run the text counts, and which functions were run is told by whoever watched. Of all else it counts
whether it is there and what is done on import, by name: what a text mentions, what that mentions, and so on, members
only of classes that are mentioned. Too much is taken in rather than too little.
"""

from __future__ import annotations

import builtins
import hashlib
import io
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.pieces import Piece, Text, imported_from, pieces_of, place_of
from pytest_cereval.source.syntax import parse

_CALLED_BY_OTHERS = frozenset(
    name
    for kind in (list, dict, set, str, bytes, bytearray, int, io.StringIO, io.BytesIO, io.RawIOBase)
    for name in dir(kind)
) | {"default", "send", "throw", "run"}
"""Methods that code of others calls on what it is given."""
_BUILTIN = frozenset(dir(builtins))
_READS_DOCSTRINGS = (b"__doc__", b"getdoc", b"doctest")


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
        files = {path.relative_to(tree).as_posix(): path.read_bytes() for path in sorted(tree.rglob("*.py"))}
        self.everything = _digest(f"{place}\0{_digest(content)}" for place, content in files.items())
        documented = any(word in content for content in files.values() for word in _READS_DOCSTRINGS)
        foreign: set[str] = set()
        for path, content in files.items():
            try:
                module = parse(content)
                found = pieces_of(module, docstrings=documented)
            except (SyntaxError, ValueError, RecursionError):
                found = [Piece("", "", "", Text(_digest(content)), always=True)]
            else:
                foreign |= set(imported_from(module))
            for piece in found:
                self._add(piece, path)
        own = {part for path in files for part in Path(path).with_suffix("").parts}
        self._foreign = sorted(foreign - own - sys.stdlib_module_names)
        self._called = self._called_classes()
        self._watched = tuple(self._lines.values())

    def _add(self, piece: Piece, path: str) -> None:
        place = self._ids[id(piece)] = place_of(path, piece.place)
        self._placed[place] = piece
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

    @property
    def functions(self) -> tuple[tuple[str, int], ...]:
        """Path and line of every function whose running can be watched; its number is its place in this list."""
        return tuple(self._lines)

    def acting(self, paths: Collection[str]) -> list[str]:
        """Those of the files that do more on import than define names, sorted: that they are imported counts."""
        return sorted(
            path
            for path in paths
            if any(piece.always and not piece.is_future for piece in self._within_file.get(path, ()))
        )

    def places(self, numbers: Iterable[int]) -> list[str]:
        """What stands for these functions between commits, sorted."""
        return sorted(self._ids[id(self._watched[number])] for number in numbers)

    def names_beside(self, function: SourceFunction) -> list[str]:
        """All names that the rest of the function's file defines or mentions, sorted."""
        found: set[str] = set()
        for piece in self._within_file.get(function.path, ()):
            if piece.line != function.def_line:
                found |= {piece.name} | piece.head.mentions | piece.body.mentions
        return sorted(found)

    def of(self, function: SourceFunction, ran: Sequence[str], words: Collection[str]) -> str | None:
        """The digest for one function; None where something that was run is not there, or `function` itself.

        `ran` are the places of what was run for its results, on import too; `words` further names in its inputs.
        """
        own = self._lines.get((function.path, function.def_line))
        if own is None or any(place not in self._placed for place in ran):
            return None
        # What the functions that it calls mention guides which inputs are tried.
        callees = [piece for name in own.body.mentions for piece in self._named.get(name, ()) if piece.line]
        run = [own, *(self._placed[place] for place in ran), *callees]
        if any(piece.body.sees_code for piece in run):
            return f"everything {self.everything}"
        taken = self._reached(run, {*words, *function.parents})
        bodies = sorted({self._bodies[id(piece)] for piece in run})
        return _digest([*self._foreign, *bodies, *sorted(self._heads[id(piece)] for piece in taken)])

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
        return not piece.line or special or piece.owner in self._called

    def take(self, piece: Piece) -> None:
        """Take a piece as there, and follow what it does on import."""
        if id(piece) not in self.taken:
            self.taken[id(piece)] = piece
            self.read(piece.head)

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


def _digest(parts: Iterable[str] | str | bytes) -> str:
    if isinstance(parts, bytes):
        return hashlib.sha256(parts).hexdigest()
    return hashlib.sha256(("\n".join(parts) if not isinstance(parts, str) else parts).encode()).hexdigest()
