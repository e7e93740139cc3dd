"""One function under one hash seed: what a reference process is asked about it, and the replays that are left.

The last replay brings the trees of what the reference does, which takes longest, so it comes first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pytest_cereval.oracles.bench import Bench
from pytest_cereval.oracles.cases import Case
from pytest_cereval.oracles.certificate import Input
from pytest_cereval.oracles.replay import REPLAYS, Repetition, differing, fetched
from pytest_cereval.source.functions import SourceFunction


@dataclass(frozen=True, slots=True)
class Turn:
    """A case, and the hash seed of the process that is asked about it."""

    case: Case
    hash_seed: int = 0

    @property
    def function(self) -> SourceFunction:
        """The case's."""
        return self.case.function

    @property
    def effort(self) -> float:
        """Grows with the work that the function makes, which has more to try where it is longer."""
        return float(len(self.function.source) * (1 + len(self.case.inputs)))


@dataclass(frozen=True, slots=True)
class Replayed:
    """What one replay showed, and the inputs with their trees, by digest, if it was to bring them."""

    repetition: Repetition
    trees: Mapping[str, Input] = field(default_factory=dict)


def under(hash_seed: int, cases: Sequence[Case]) -> list[Turn]:
    """All cases under one hash seed."""
    return [Turn(case, hash_seed) for case in cases]


def all_replays(cases: Sequence[Case]) -> list[Turn]:
    """Every case under each hash seed but that of the first look."""
    return [Turn(case, seed) for seed in range(REPLAYS - 1, 0, -1) for case in cases]


def repeat(bench: Bench, turn: Turn) -> Repetition:
    """What this process, going through the inputs in an order of its own, answers otherwise."""
    return differing(bench, turn.function, turn.case.inputs, turn.hash_seed)


def replay(bench: Bench, turn: Turn) -> Replayed:
    """As `repeat`; in the last replay an input is lost as well if its arguments are not what they were."""
    if turn.hash_seed != REPLAYS - 1:
        return Replayed(repeat(bench, turn))
    trees = fetched(bench, turn.function, turn.case.inputs, turn.hash_seed)
    lost = frozenset(item.digest for item in turn.case.inputs if item.digest not in trees)
    return Replayed(Repetition(lost), trees)
