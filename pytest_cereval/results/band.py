"""The four steps of difficulty, from trivial to adversarial; what puts a task into one is its category's to say."""

from __future__ import annotations

import enum


class Band(enum.StrEnum):
    """How hard a task is, measured or by construction, never by a model's opinion."""

    TRIVIAL = "trivial"
    STANDARD = "standard"
    HARD = "hard"
    ADVERSARIAL = "adversarial"
