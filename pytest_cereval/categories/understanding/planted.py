"""A fault that was seen to show: what the question is made of, and what the judge must know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_cereval.categories.understanding.difficulty import Distance
from pytest_cereval.categories.understanding.drafts import Draft
from pytest_cereval.results.band import Band


@dataclass(frozen=True, slots=True)
class Planted:
    """One or two faults in a function's text.

    exposed: numbers of the inputs on which they show, hidden ones first. inputs: how many there are. made: by what the
    band came about.
    """

    draft: Draft
    exposed: frozenset[int]
    inputs: int
    band: Band
    made: str
    distances: tuple[Distance, ...]

    @property
    def text(self) -> str:
        """The function with the faults in it, indented as in its file."""
        return self.draft.change.text

    @property
    def lines(self) -> tuple[tuple[int, ...], ...]:
        """For each fault the lines of the text by which it may be named, from 1."""
        return self.draft.change.lines

    @property
    def share(self) -> float:
        """Inputs on which it shows over all inputs."""
        return len(self.exposed) / self.inputs

    @property
    def operators(self) -> tuple[str, ...]:
        """The names of the operators."""
        return tuple(fault.operator.name for fault in self.draft.faults)

    @property
    def first_lines(self) -> tuple[int, ...]:
        """The first line of each fault."""
        return tuple(lines[0] for lines in self.lines)

    def brief(self) -> dict[str, Any]:
        """One row of the pool, as JSON builtins."""
        return {
            "operators": list(self.operators),
            "lines": [list(lines) for lines in self.lines],
            "exposed": len(self.exposed),
            "band": self.band.value,
            "made": self.made,
        }
