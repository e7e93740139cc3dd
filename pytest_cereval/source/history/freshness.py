"""Turns when a function was first seen and last changed, and a model's cutoff, into the arm that it belongs to."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pytest_cereval.errors import SettingsError

GUARD_DAYS = 183
"""Half a year on either side: a stated cutoff and the one that shows in a model's answers differ."""


class Arm(enum.StrEnum):
    """Where a function stands relative to a cutoff; what is not clearly on one side is on neither."""

    STALE = "stale"
    FRESH = "fresh"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Freshness:
    """What the history tells of one function. Dates are those of committers, in UTC.

    `first_seen` is the earliest commit that holds the function or anything it descends from, on any branch;
    `last_changed` is when its body, as it stands now, came into the main line. `bounded` says that the history does not
    reach further back there, so that both dates are "at latest".
    """

    first_seen: datetime
    first_commit: str
    last_changed: datetime
    last_commit: str
    bounded: bool

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only; dates in ISO 8601."""
        return {
            "first_seen": self.first_seen.isoformat(),
            "first_commit": self.first_commit,
            "last_changed": self.last_changed.isoformat(),
            "last_commit": self.last_commit,
            "bounded": self.bounded,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Freshness:
        """The inverse of `to_dict`."""
        dates = {name: datetime.fromisoformat(data[name]) for name in ("first_seen", "last_changed")}
        return cls(**{**data, **dates})


@dataclass(frozen=True, slots=True)
class Cutoff:
    """The day a model's training data ends, and how many days around it belong to neither arm."""

    day: date
    guard_days: int = GUARD_DAYS

    def arm(self, freshness: Freshness) -> Arm:
        """Stale: not changed since before the band. Fresh: not there in any form until after it, and surely so.

        A function changed after the band that is older than it is unclear: a model may know its older form. An upper
        bound on a date is enough to be stale and never enough to be fresh.
        """
        guard = timedelta(days=self.guard_days)
        if freshness.last_changed.astimezone(UTC).date() < self.day - guard:
            return Arm.STALE
        if freshness.first_seen.astimezone(UTC).date() > self.day + guard and not freshness.bounded:
            return Arm.FRESH
        return Arm.UNCLEAR


def parse_cutoff(text: str, guard_days: int = GUARD_DAYS) -> Cutoff:
    """`2024-06-30` or `2024-06`, which means the last day of that month; raises `SettingsError` for anything else."""
    next_step = "give the day the training data ends, such as --cereval-cutoff=2024-06-30"
    if guard_days < 0:
        raise SettingsError(f"the guard band cannot be {guard_days} days", next_step="give 0 or more days")
    try:
        if len(text) == len("2024-06"):
            following = date.fromisoformat(f"{text}-28") + timedelta(days=4)
            day = following.replace(day=1) - timedelta(days=1)
        else:
            day = date.fromisoformat(text)
        timedelta(days=guard_days) + datetime(day.year, day.month, day.day)
        return Cutoff(day, guard_days)
    except (ValueError, OverflowError) as error:
        raise SettingsError(f"not a cutoff date: {text!r}", next_step=next_step) from error
