"""What a category makes of a certified function: a question with its truth, before it has an id."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from pytest_cereval.models.model import Prompt
from pytest_cereval.results.band import Band


@dataclass(frozen=True, slots=True)
class Question:
    """One question about one function.

    label: tells several questions about one function apart within a category; empty where there is one.
    about: what a report says of the question beside its prompt, JSON builtins; no model sees it.
    planted: what the category's judge must know, JSON builtins; it lies in the oracle file.
    control: whether nothing is wrong with what is shown, so that a claim of a fault is a false alarm.
    """

    prompt: Prompt
    band: Band
    label: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    planted: dict[str, Any] = field(default_factory=dict)
    control: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only."""
        return asdict(self) | {"band": self.band.value}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Question:
        """The inverse of `to_dict`."""
        return cls(**(data | {"band": Band(data["band"]), "prompt": Prompt(**data["prompt"])}))
