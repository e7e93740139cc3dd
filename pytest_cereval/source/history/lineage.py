"""Turns the commits of a history into when each function of the last one was first seen, and when it last changed.

First seen is found on all branches, and errs towards early dates: a version of a function descends from the version
of the same name that the commit replaces; from a function that had this body before, wherever that was; else from one
that the same commit takes away, if it has the same qualified name or shares at least half of its lines. Last changed
is found on the main line, and errs towards late dates: a body that is new to a function there counts as a change,
unless the same commit takes the same body away elsewhere, which is a move or a renaming. So neither a squashed branch
nor a copy of old code passes for old or new.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pytest_cereval.source.history.blobs import Blobs, Key
from pytest_cereval.source.history.commits import Commit

SHARED_LINES = 0.5
"""The share of the longer version's lines that two versions must share to count as one function, rewritten."""
_MIN_SHARED = 3

Place = tuple[str, Key]


@dataclass(frozen=True, slots=True)
class Version:
    """A function in a file, with the number of its shape."""

    path: str
    key: Key
    shape: int

    @property
    def place(self) -> Place:
        """Where it stands, whatever its body."""
        return self.path, self.key


@dataclass(frozen=True, slots=True)
class Sighting:
    """A commit in which something was seen; `bounded`: it may have been there before."""

    date: int
    commit: str
    bounded: bool


@dataclass(slots=True)
class _Step:
    """What one commit does to functions; `blind` says that a file it replaces could not be read."""

    arrived: list[Version]
    gone: list[Version]
    replaced: dict[Place, list[Version]]
    blind: bool


@dataclass(slots=True)
class Origins:
    """First sightings, over the whole history."""

    blobs: Blobs
    _of: dict[Version, Sighting] = field(default_factory=dict)
    _bodies: dict[int, Sighting] = field(default_factory=dict)

    def read(self, commits: Iterable[Commit]) -> None:
        """Take in commits, parents before children."""
        for commit in commits:
            step = _step(self.blobs, commit)
            here = Sighting(commit.date, commit.id, commit.bounded or step.blind)
            ancestors = {version: self._ancestors(version, step) for version in step.arrived}
            new = [version for version, known in ancestors.items() if not known]
            for version, similar in _rewritten(self.blobs, new, step.gone):
                ancestors[version].append(self._of[similar])
            for version, known in ancestors.items():
                before = [self._of[version]] if version in self._of else []
                self._of[version] = _earliest([*before, *known] or [here])
            for version in step.arrived:
                known_body = self._bodies.get(version.shape)
                self._bodies[version.shape] = _earliest([here] if known_body is None else [known_body, here])

    def of(self, version: Version) -> Sighting | None:
        """The first sighting of a version that the history holds."""
        return self._of.get(version)

    def _ancestors(self, version: Version, step: _Step) -> list[Sighting]:
        found = [self._of[before] for before in step.replaced.get(version.place, ())]
        moved = [self._of[before] for before in step.gone if before.shape == version.shape]
        body = self._bodies.get(version.shape)
        return [*found, *moved, *([body] if body is not None else [])]


@dataclass(slots=True)
class Changes:
    """The last change of each function that is there now, over the main line."""

    blobs: Blobs
    _of: dict[Place, Sighting] = field(default_factory=dict)

    def read(self, commits: Iterable[Commit]) -> None:
        """Take in commits of the main line, first one first."""
        for commit in commits:
            step = _step(self.blobs, commit)
            here = Sighting(commit.date, commit.id, commit.bounded)
            moved: dict[int, list[Sighting]] = defaultdict(list)
            for version in step.gone:
                moved[version.shape].append(self._of.pop(version.place, here))
            for version in step.arrived:
                self._of[version.place] = max(moved.get(version.shape, [here]), key=lambda sighting: sighting.date)

    def of(self, place: Place) -> Sighting | None:
        """The last change of the function at a place."""
        return self._of.get(place)


def _step(blobs: Blobs, commit: Commit) -> _Step:
    step = _Step([], [], defaultdict(list), False)
    for change in commit.changes:
        before: dict[Version, None] = {}
        for blob in change.before:
            held = blobs.functions(blob)
            step.blind = step.blind or held is None
            before |= dict.fromkeys(_versions(blobs, change.path, blob))
        after = dict.fromkeys(_versions(blobs, change.path, change.after)) if change.after else {}
        step.arrived += [version for version in after if version not in before]
        for version in before:
            if version not in after:
                step.gone.append(version)
                step.replaced[version.place].append(version)
    return step


def _versions(blobs: Blobs, path: str, blob: str) -> Iterator[Version]:
    for held in blobs.functions(blob) or ():
        yield Version(path, held.key, held.shape)


def _earliest(sightings: list[Sighting]) -> Sighting:
    """The earliest one; one bound among them bounds it, since what it bounds may be earlier still."""
    first = min(sightings, key=lambda sighting: sighting.date)
    return Sighting(first.date, first.commit, any(sighting.bounded for sighting in sightings))


def _rewritten(blobs: Blobs, new: list[Version], gone: list[Version]) -> Iterator[tuple[Version, Version]]:
    """Pairs of versions that are one function rewritten: the same name in another file, or much the same lines."""
    names: dict[Key, list[Version]] = defaultdict(list)
    lines: dict[int, list[Version]] = defaultdict(list)
    for old in gone:
        names[old.key].append(old)
        for line in set(blobs.shapes[old.shape].lines):
            lines[line].append(old)
    for version in new:
        own = blobs.shapes[version.shape].lines
        shared: Counter[Version] = Counter()
        for line in set(own):
            shared.update(lines.get(line, ()))
        for old, count in shared.items():
            longest = max(len(set(own)), len(set(blobs.shapes[old.shape].lines)))
            if count >= max(_MIN_SHARED, SHARED_LINES * longest):
                yield version, old
        yield from ((version, old) for old in names.get(version.key, ()))
