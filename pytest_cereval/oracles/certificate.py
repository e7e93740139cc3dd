"""What was shown about a task's oracle before the task is asked: a certificate, and the inputs it stands on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from pytest_cereval.inside.equality import EXACT, Level

MIN_MUTATION_SCORE = 0.8
FROM_CALLS = (
    *("recorded_inputs", "borrowed_inputs", "edited_inputs", "generated_inputs"),
    *("equality", "seed", "laws", "drawn"),
)
"""What of a certificate tells of calls alone."""
_LISTS = ("killed", "survivors", "laws")


@dataclass(frozen=True, slots=True)
class Certificate:
    """Counts, not claims.

    `replays` are runs of every input in fresh processes under different hash seeds and orders. Inputs are counted by
    where they come from: a call as recorded, a receiver borrowed from another method's call, an edit of either, or an
    example that Hypothesis drew near them.
    `equivalent` mutants compile to the reference's own bytecode and leave the denominator; `timed_out` ones, which end
    by a limit or a crash, are counted as killed, because the judge would fail them, and told apart here. `killed` and
    `survivors` name the mutants by line and fault. `equality` is the level at which observations are compared, `seed`
    the one from which `drawn` examples came, `laws` names what the reference keeps to beside them (see `algebra`).
    `oracle` is `calls`, or `tests` where the repository's own tests judge, in one process with the answer; an input is
    then a test. With `both` calls judge first and `tests` tests what passes there; a mutant or stub is then told apart
    if either does. `branches_total` is 0 where the function has no decision: a coverage of 0/0 is vacuous.
    """

    replays: int
    recorded_inputs: int
    borrowed_inputs: int
    edited_inputs: int
    generated_inputs: int
    stubs_rejected: int
    stubs_total: int
    mutants_killed: int
    mutants_total: int
    timed_out: int
    equivalent: int
    killed: tuple[str, ...]
    survivors: tuple[str, ...]
    rewrites_accepted: int
    rewrites_total: int
    branches_covered: int
    branches_total: int
    equality: Level = EXACT
    seed: int = 0
    laws: tuple[str, ...] = ()
    drawn: int = 0
    tests: int = 0
    oracle: str = "calls"

    @property
    def mutation_score(self) -> float | None:
        """Killed mutants over mutants not shown equivalent; None where there are none."""
        return self.mutants_killed / self.mutants_total if self.mutants_total else None

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only, with the mutation score spelled out."""
        lists = {name: list(getattr(self, name)) for name in _LISTS}
        return asdict(self) | lists | {"mutation_score": self.mutation_score}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Certificate:
        """The inverse of `to_dict`."""
        known = {name: data[name] for name in cls.__slots__}
        lists = {name: tuple(data[name]) for name in _LISTS}
        return cls(**(known | lists | {"equality": Level(**data["equality"])}))


def edited(entry: dict[str, Any]) -> bool:
    """Whether an entry is an edit of a call rather than the call itself."""
    return bool(entry.get("edit")) and not generated(entry)


def generated(entry: dict[str, Any]) -> bool:
    """Whether an entry was drawn by Hypothesis."""
    return bool(entry.get("generated"))


def borrowed(entry: dict[str, Any]) -> bool:
    """Whether an entry has its receiver from another method's call, and is not edited."""
    return bool(entry.get("borrow"))


@dataclass(frozen=True, slots=True)
class Example:
    """What a prompt can show of an input: the arguments without the state of `self`, and what the call does."""

    arguments: Any
    observation: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Glimpse:
    """An input by its digests, before its trees are fetched; `example` only where it is short enough to be shown.

    `outcome` is a digest of the value or exception class alone, `behaviour` of all that equality may look at, `rough`
    of the same with floats cut to twelve digits, `digest` of that and the arguments before. `printed` says whether the
    call prints, `changed` whether it leaves its arguments other than they were.
    """

    entry: dict[str, Any] = field(repr=False)
    digest: str
    behaviour: str
    rough: str
    outcome: str
    printed: bool
    changed: bool
    example: Example | None

    @classmethod
    def told(cls, entry: dict[str, Any], told: dict[str, Any]) -> Glimpse:
        """From what the reference process tells of an entry."""
        example = Example(**told["example"]) if told["example"] else None
        return cls(
            entry,
            told["key"],
            told["behaviour"],
            told["rough"],
            told["outcome"],
            told["printed"],
            told["changed"],
            example,
        )


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a function with what the reference does on it.

    `entry` holds a pickled recorded call in base64 and perhaps what is borrowed or edited (see `inside.calls`); it is
    opened in sandboxes only. `arguments` is the tree of the arguments before the call, and `arguments_shown` says
    whether it is whole; `observation` is what the reference did. `digest` covers both trees and does not depend on the
    pickle's bytes.
    """

    entry: dict[str, Any] = field(repr=False)
    arguments: Any
    arguments_shown: bool
    observation: dict[str, Any]
    digest: str

    @classmethod
    def observed(cls, entry: dict[str, Any], reply: dict[str, Any]) -> Input:
        """From what the reference process shows of an entry."""
        return cls(entry, reply["before"], reply["shown"], reply["observation"], reply["key"])

    @property
    def edited(self) -> bool:
        """Whether this is an edit of a call rather than the call itself."""
        return edited(self.entry)

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only; the trees are shared, not copied."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Input:
        """The inverse of `to_dict`."""
        return cls(**data)
