"""Defines what is known of one run as a whole: when it was, how it ended, and what it was made from."""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass, field
from typing import Any


class RunStatus(enum.StrEnum):
    """How a run ended. One that was killed stays `running`: nobody was left to say otherwise."""

    running = "running"
    finished = "finished"
    interrupted = "interrupted"
    failed = "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `started` and `ended` are ISO 8601, UTC.

    `provenance` is JSON: what it takes to find or build the same again (repository, model, sampling, machine,
    versions, options). Reports show its keys as they are.
    """

    run_id: str
    started: str
    ended: str | None
    status: RunStatus
    provenance: dict[str, Any] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only."""
        return {**dataclasses.asdict(self), "status": self.status.value}
