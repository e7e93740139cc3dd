"""Turns an answer's code into what it refers to and which of that is not there: fabricated dependencies.

Each mention of a top-level package, of a member of a module and of a keyword of its callables is resolved in the
environment of the task. What the file around the reference mentions as well is no finding. The result is recorded
beside a verdict and never part of it, and it is a lower bound: objects, and names bound in more than one way, are not
followed, and a module member that exists on another platform only counts as absent.
"""

from __future__ import annotations

import enum
import functools
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pytest_cereval.dependencies.environment import World
from pytest_cereval.dependencies.references import Bindings, Kind, Reference, bindings, references
from pytest_cereval.errors import CerevalError
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.syntax import parse

MAX_FINDINGS = 40
_PROBLEM = 300


class Flaw(enum.StrEnum):
    """What is wrong with a mention.

    `UNRESOLVED_PACKAGE` is for packages that are not here while no registry snapshot says whether they exist at all;
    `SUSPECTED_MEMBER` for members that are missing from a module's source, where the module cannot be imported.
    """

    FABRICATED_PACKAGE = "fabricated_package"
    UNDECLARED_DEPENDENCY = "undeclared_dependency"
    UNRESOLVED_PACKAGE = "unresolved_package"
    FABRICATED_MEMBER = "fabricated_member"
    SUSPECTED_MEMBER = "suspected_member"
    FABRICATED_KEYWORD = "fabricated_keyword"

    @property
    def is_fabrication(self) -> bool:
        """Whether it shows that something was made up."""
        return self in (Flaw.FABRICATED_PACKAGE, Flaw.FABRICATED_MEMBER, Flaw.FABRICATED_KEYWORD)

    @property
    def kind(self) -> Kind:
        """The kind of mention that it is counted over."""
        if self is Flaw.FABRICATED_KEYWORD:
            return Kind.KEYWORD
        return Kind.MEMBER if self in (Flaw.FABRICATED_MEMBER, Flaw.SUSPECTED_MEMBER) else Kind.PACKAGE


@dataclass(frozen=True, slots=True)
class Dependency:
    """What is not there: its `name`, dotted up to the first step that is missing, and how many `times` it is mentioned.

    `line` is that of the first mention, from 1 in the code looked at. A `guarded` one is recorded and not counted,
    because the code is prepared for its absence.
    """

    flaw: Flaw
    name: str
    line: int
    times: int = 1
    guarded: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only."""
        return asdict(self) | {"flaw": self.flaw.value}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Dependency:
        """The inverse of `to_dict`; raises `ValueError` for an unknown flaw."""
        return cls(Flaw(data["flaw"]), data["name"], data["line"], data["times"], data["guarded"])


@dataclass(frozen=True, slots=True)
class Dependencies:
    """All mentions of one answer: how often each name is mentioned, by kind, and the findings among them.

    `unchecked` mentions are in no denominator: nothing could be found out about them, or they hang on a package that is
    not there. `problem` is why nothing was looked at, in words.
    """

    mentions: dict[Kind, dict[str, int]] = field(default_factory=dict)
    findings: tuple[Dependency, ...] = ()
    unchecked: int = 0
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only, for an attempt's evidence."""
        return {
            "mentions": {kind.value: dict(sorted(self.mentions.get(kind, {}).items())) for kind in Kind},
            "findings": [found.to_dict() for found in self.findings],
            "unchecked": self.unchecked,
            "problem": self.problem,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Dependencies:
        """The inverse of `to_dict`; raises `ValueError` or `KeyError` for anything else."""
        return cls(
            mentions={Kind(kind): dict(names) for kind, names in data["mentions"].items()},
            findings=tuple(Dependency.from_dict(found) for found in data["findings"]),
            unchecked=data["unchecked"],
            problem=data["problem"],
        )


def dependencies_of(
    definition_and_additions: str, original: str, function: SourceFunction, world: World
) -> Dependencies:
    """The mentions in what was taken from an answer; never raises for what a model wrote or a sandbox did.

    `definition_and_additions` is the definition, at the margin, below the imports and helpers that go with it;
    `original` is the text of the function's file, whose imports the answer may use and whose mentions are no findings.
    The first mention of a module starts a sandbox (about 0.1 s and its import), the next ones are looked up.
    """
    try:
        outer, excused = _around(original, _package(function))
        tree = parse(definition_and_additions)
        found = references(tree, _package(function), outer)
        bound = bindings(tree.body, _package(function))
        defined = frozenset(name for name, path in bound.items() if path is None)
        return _Reading(world, function.module, defined, excused).read(found)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return Dependencies(problem=f"cannot be read: {type(error).__name__}"[:_PROBLEM])
    except CerevalError as error:
        return Dependencies(problem=f"cannot be looked up: {error.what}".splitlines()[0][:_PROBLEM])


def _package(function: SourceFunction) -> str:
    """The package that relative imports of the function's file start from."""
    if function.path.endswith("__init__.py"):
        return function.module
    return function.module.rpartition(".")[0]


@functools.lru_cache(maxsize=16)
def _around(original: str, package: str) -> tuple[Bindings, frozenset[tuple[Kind, str]]]:
    """What a reference's file binds and mentions; every answer to any of its functions needs it."""
    tree = parse(original)
    return bindings(tree.body, package), frozenset((item.kind, item.name) for item in references(tree, package))


class _Reading:
    """The mentions of one answer on their way to a record."""

    def __init__(
        self, world: World, module: str, defined: frozenset[str], excused: frozenset[tuple[Kind, str]]
    ) -> None:
        self._world = world
        self._module = module
        self._defined = defined
        self._excused = excused

    def read(self, found: list[Reference]) -> Dependencies:
        """Look all of them up; raises `SandboxError`."""
        here = [item for item in found if item.top in self._world.modules and item.kind is not Kind.PACKAGE]
        for own in (True, False):
            names = [item.path[0] for item in here if (item.top in self._world.own) is own]
            if names:
                self._world.members(names[0].partition(".")[0]).prepare(names)
        mentions: dict[Kind, Counter[str]] = {kind: Counter() for kind in Kind}
        flawed: dict[tuple[Flaw, str, bool], Dependency] = {}
        unchecked = 0
        for item in found:
            checked, flaw, name = self._looked_up(item)
            unchecked += not checked
            if checked:
                mentions[item.kind][name] += 1
            if flaw is not None and (item.kind, item.name) not in self._excused:
                key = (flaw, name, item.guarded)
                before = flawed.get(key, Dependency(flaw, name, item.line, 0, item.guarded))
                flawed[key] = replace(before, times=before.times + 1)
        kept = tuple(flawed.values())[:MAX_FINDINGS]
        return Dependencies({kind: dict(names) for kind, names in mentions.items()}, kept, unchecked)

    def _looked_up(self, item: Reference) -> tuple[bool, Flaw | None, str]:
        """Whether anything could be said of a mention, what is wrong with it, and the name that this is about."""
        top = item.top
        if top not in self._world.modules:
            is_package = item.kind is Kind.PACKAGE
            return is_package, self._absent(top) if is_package else None, item.name
        if item.kind is Kind.PACKAGE or self._defines(item):
            return True, None, item.name
        found = self._world.members(top).look(item.path)
        if item.kind is Kind.KEYWORD:
            known = found.state == "there" and found.keywords is not None
            missing = found.keywords is not None and item.keyword not in found.keywords
            return known, Flaw.FABRICATED_KEYWORD if known and missing else None, item.name
        if found.state == "absent":
            return True, Flaw.SUSPECTED_MEMBER if found.static else Flaw.FABRICATED_MEMBER, ".".join(found.at)
        return found.state == "there", None, item.name

    def _absent(self, top: str) -> Flaw:
        if self._world.exists(top):
            return Flaw.UNDECLARED_DEPENDENCY
        return Flaw.FABRICATED_PACKAGE if self._world.registry.given else Flaw.UNRESOLVED_PACKAGE

    def _defines(self, item: Reference) -> bool:
        """Whether the answer takes from its own file what it adds to it."""
        return item.path[0] == self._module and bool(self._defined.intersection(item.path[1:2]))
