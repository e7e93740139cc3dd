"""What was shown about a task's oracle before the task is asked: the certificate, and the inputs it stands on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from pytest_cereval.inside.equality import comparable
from pytest_cereval.inside.observation import digest

MIN_MUTATION_SCORE = 0.8


@dataclass(frozen=True, slots=True)
class Certificate:
    """Counts, not claims. `replays` are runs of every call in fresh processes under different hash seeds and orders.

    `equivalent` mutants compile to the reference's own bytecode and leave the denominator; `timed_out` ones are
    counted as killed, because the judge would fail them, and told apart here. `branches_total` is 0 where the function
    has no decision, so that a coverage of 0/0 is seen to be vacuous.
    """

    replays: int
    recorded_inputs: int
    edited_inputs: int
    stubs_rejected: int
    stubs_total: int
    mutants_killed: int
    mutants_total: int
    timed_out: int
    equivalent: int
    survivors: tuple[str, ...]
    rewrites_accepted: int
    rewrites_total: int
    branches_covered: int
    branches_total: int

    @property
    def mutation_score(self) -> float | None:
        """Killed mutants over mutants not shown equivalent; None where there are none."""
        return self.mutants_killed / self.mutants_total if self.mutants_total else None

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only, with the mutation score spelled out."""
        return asdict(self) | {"survivors": list(self.survivors), "mutation_score": self.mutation_score}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Certificate:
        """The inverse of `to_dict`."""
        known = {name: data[name] for name in cls.__slots__}
        return cls(**(known | {"survivors": tuple(data["survivors"])}))


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a function with what the reference does on it.

    `entry` holds a pickled recorded call in base64 and perhaps an edit of it (see `inside.edits`); it is opened in
    sandboxes only. `arguments` is the tree of the arguments before the call, `observation` what the reference did.
    `digest` covers both and does not depend on the pickle's bytes.
    """

    entry: dict[str, Any] = field(repr=False)
    arguments: Any
    arguments_shown: bool
    observation: dict[str, Any]
    digest: str

    @classmethod
    def observed(cls, entry: dict[str, Any], reply: dict[str, Any]) -> Input:
        """From what the reference process says of an entry."""
        key = digest([reply["before"], comparable(reply["observation"])])
        return cls(entry, reply["before"], reply["shown"], reply["observation"], key)

    @property
    def edited(self) -> bool:
        """Whether this is an edit of a recorded call rather than the call itself."""
        return bool(self.entry.get("edit"))

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Input:
        """The inverse of `to_dict`."""
        return cls(**data)


def behaviour(item: Input) -> str:
    """Digest of what the reference does on an input, for exact repetition."""
    return digest(comparable(item.observation))
