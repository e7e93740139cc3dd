"""Code generation: a function's body is asked for, and must do what the reference does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pytest_cereval.categories.category import Questions, Room, World
from pytest_cereval.oracles.cases import Certified
from pytest_cereval.oracles.oracle import Judged
from pytest_cereval.results.band import Band
from pytest_cereval.results.failure import CONSTRAINTS
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.tasks.prompt import code_generation_prompt
from pytest_cereval.tasks.question import Question
from pytest_cereval.tasks.select import requirement_of
from pytest_cereval.tasks.task import Requirement, Size

_BANDS = {
    (Requirement.DOCUMENTED, Size.SMALL): Band.TRIVIAL,
    (Requirement.DOCUMENTED, Size.MEDIUM): Band.STANDARD,
    (Requirement.DOCUMENTED, Size.LARGE): Band.HARD,
    (Requirement.INFERRED, Size.SMALL): Band.STANDARD,
    (Requirement.INFERRED, Size.MEDIUM): Band.HARD,
    (Requirement.INFERRED, Size.LARGE): Band.ADVERSARIAL,
}
"""By construction: how much is to be written, and whether an author said what it must do."""


class Generation:
    """See `category.Asked`."""

    def questions(self, world: World, items: Sequence[Certified]) -> Questions:
        """One question for each function."""
        asked = {}
        for item in items:
            prompt = code_generation_prompt(item.function, item.visible, world.surroundings, world.prompts)
            band = _BANDS[requirement_of(item.function), Size.of(item.function.statements)]
            asked[item.function.name] = (Question(prompt, band),)
        return asked

    def schema(self) -> dict[str, Any] | None:
        """None: an answer is code alone."""
        return None

    def judge(self, room: Room, text: str) -> Judged:
        """Right if it behaves and keeps the constraints that the question states."""
        judged = room.behaves(text)
        broken = judged.evidence.get(CONSTRAINTS)
        if judged.verdict.is_pass and broken:
            detail = f"{Verdict.FAIL_UNSAFE.meaning}: {'; '.join(broken)}"
            return replace(judged, verdict=Verdict.FAIL_UNSAFE, detail=detail)
        return judged
