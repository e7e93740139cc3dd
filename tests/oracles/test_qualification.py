"""Further inputs are sought in rounds, the largest only where a certificate is within reach."""

from __future__ import annotations

from typing import Any, cast

import pytest

from pytest_cereval.inside.equality import Level
from pytest_cereval.oracles.qualification import FEW_EDITS, LAST_EDITS, MANY_EDITS, Terms, _extend
from pytest_cereval.oracles.trial import Result, Trial
from pytest_cereval.oracles.variants import Variant


class Rounds:
    """In place of a trial: notes how many edits were asked for; `kills` mutants die in each round."""

    def __init__(self, kills: int) -> None:
        self.kills = kills
        self.limits: list[int] = []

    def held_twice(self, lent: object) -> list[Any]:
        return []

    def extend(self, results: list[Result], lent: object, limit: int) -> None:
        self.limits.append(limit)
        for result in [each for each in results if each.passes][: self.kills]:
            result.passes = False


def sought(killed: int, total: int, kills: int = 0) -> list[int]:
    """The rounds for a function of whose mutants so many are killed at first."""
    variant = cast(Variant, None)
    mutants = [Result(variant, passes=number >= killed) for number in range(total)]
    rounds = Rounds(kills)
    _extend(cast(Trial, rounds), [], mutants, Terms(Level()))
    return rounds.limits


@pytest.mark.parametrize(
    ("killed", "kills", "expected"),
    [
        (10, 0, [*FEW_EDITS]),
        (8, 0, [*FEW_EDITS]),
        (7, 0, [*MANY_EDITS, LAST_EDITS]),
        (6, 0, [*MANY_EDITS, LAST_EDITS]),
        (5, 0, [*MANY_EDITS]),
        (7, 1, [MANY_EDITS[0]]),
        (6, 1, [*MANY_EDITS]),
        (4, 1, [*MANY_EDITS, LAST_EDITS]),
    ],
)
def test_rounds_go_on_while_a_certificate_is_within_reach(killed: int, kills: int, expected: list[int]) -> None:
    assert sought(killed, 10, kills) == expected
