"""What a category is, and what it may use to make questions and to judge answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.cases import Certified
from pytest_cereval.oracles.confirm import Judging
from pytest_cereval.oracles.oracle import Judged
from pytest_cereval.oracles.workers import Workers
from pytest_cereval.source.ledger import LedgerEntry
from pytest_cereval.tasks.prompt import PromptSettings, Surroundings
from pytest_cereval.tasks.question import Question
from pytest_cereval.tasks.suite import TaskOracle

Progress = Callable[[str, int, int], None]
Questions = Mapping[str, tuple[Question, ...] | LedgerEntry]
"""By the function's name, what is asked about it in order of preference, or why nothing is."""


@dataclass(frozen=True, slots=True)
class World:
    """Where questions are made.

    `judging` says how answers will be judged, so that what is planted can be tried in the same way. `hint` is `none`,
    or `symptom` where a question may show a failing call. `per_function` bounds the faults asked about each function.
    `workers` is how many processes may work at a time, without any influence on the result.
    """

    judging: Judging
    surroundings: Surroundings
    prompts: PromptSettings
    workers: int
    progress: Progress
    hint: str = "none"
    per_function: int = 1

    @property
    def setting(self) -> Setting:
        """Where the reference's code runs."""
        return self.judging.setting


class Room(Protocol):
    """Where one answer is judged."""

    @property
    def oracle(self) -> TaskOracle:
        """The function, its hidden inputs, and what was planted."""
        ...

    @property
    def world(self) -> Setting:
        """The checkout, the sandbox and the interpreter; what a candidate must not see is `oracle.site_hidden`."""
        ...

    @property
    def original(self) -> str:
        """The text of the file that the function is in."""
        ...

    @property
    def workers(self) -> Workers:
        """What a candidate for the function runs in; not the caller's to close."""
        ...

    def behaves(self, text: str, *, shrink: bool = True) -> Judged:
        """Whether the function in an answer does what the reference does on all inputs; raises `CerevalError`."""
        ...


class Asked(Protocol):
    """A category of the package."""

    def questions(self, world: World, items: Sequence[Certified]) -> Questions:
        """For each item either questions or a ledger entry; raises `CerevalError` for faults of ours."""
        ...

    def schema(self) -> dict[str, Any] | None:
        """The JSON schema of a constrained answer; None where an answer is code alone."""
        ...

    def judge(self, room: Room, text: str) -> Judged:
        """The verdict on the text of an answer; raises `CerevalError` if there can be none."""
        ...


class Added(Protocol):
    """A category of a `conftest.py`: the same, with a name and a version. It may have `schema`, too.

    name: small letters, digits and underscores, and no name of a mark that there is. version: raised with any change of
    what is asked or accepted.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def questions(self, world: World, items: Sequence[Certified]) -> Questions:
        """See `Asked`."""
        ...

    def judge(self, room: Room, text: str) -> Judged:
        """See `Asked`."""
        ...
