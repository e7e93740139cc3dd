"""Turns the records of many answers into rates of fabricated dependencies under three denominators.

Counts alone: intervals belong to whoever knows which answers share a task. A rate is a lower bound (see `findings`),
and of one environment and one snapshot, since names that are made up today may be registered tomorrow.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pytest_cereval.dependencies.findings import Dependencies, Flaw
from pytest_cereval.dependencies.references import Kind


@dataclass(frozen=True, slots=True)
class Share:
    """`found` out of `among`; `rate` is None where there is nothing to count over."""

    found: int
    among: int

    @property
    def rate(self) -> float | None:
        """Between 0 and 1."""
        return self.found / self.among if self.among else None

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only, the rate spelled out."""
        return {"found": self.found, "among": self.among, "rate": self.rate}


@dataclass(frozen=True, slots=True)
class Tally:
    """`per_reference`: flawed mentions among mentions of the flaw's kind. `per_response`: answers with at least one
    among answers that were read. `unique`: distinct flawed names among distinct names of the kind, over all answers.

    `fabricating` answers make up at least one package, member or keyword. `not_read` answers gave no code, did not
    parse or could not be looked up; they are in no denominator.
    """

    responses: int
    not_read: int
    unchecked: int
    per_reference: dict[Flaw, Share]
    per_response: dict[Flaw, Share]
    unique: dict[Flaw, Share]
    fabricating: Share

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only."""
        shares = {
            name: {flaw.value: share.to_dict() for flaw, share in getattr(self, name).items()}
            for name in ("per_reference", "per_response", "unique")
        }
        return {
            "responses": self.responses,
            "not_read": self.not_read,
            "unchecked": self.unchecked,
            **shares,
            "fabricating": self.fabricating.to_dict(),
            "bound": "lower",
        }


def fabricates(record: Dependencies) -> bool:
    """Whether an answer makes anything up: the yes or no that two models are compared by, task by task."""
    return any(found.flaw.is_fabrication and not found.guarded for found in record.findings)


def tally(records: Iterable[Dependencies | None]) -> Tally:
    """Count over answers; None stands for one that gave no code to look at."""
    known = list(records)
    read = [record for record in known if record is not None and not record.problem]
    mentions = {kind: sum(sum(record.mentions.get(kind, {}).values()) for record in read) for kind in Kind}
    names = {kind: {name for record in read for name in record.mentions.get(kind, {})} for kind in Kind}
    per_reference, per_response, unique = {}, {}, {}
    for flaw in Flaw:
        found = [[item for item in record.findings if item.flaw is flaw and not item.guarded] for record in read]
        per_reference[flaw] = Share(sum(item.times for items in found for item in items), mentions[flaw.kind])
        per_response[flaw] = Share(sum(bool(items) for items in found), len(read))
        unique[flaw] = Share(len({item.name for items in found for item in items}), len(names[flaw.kind]))
    return Tally(
        responses=len(read),
        not_read=len(known) - len(read),
        unchecked=sum(record.unchecked for record in read),
        per_reference=per_reference,
        per_response=per_response,
        unique=unique,
        fabricating=Share(sum(map(fabricates, read)), len(read)),
    )
