"""Turns the attempts of a bundle into its statistics; the one function that writing and verifying share.

What is added to it must be a function of the rows alone, with seeds fixed, so that the same rows give the same bits.
A change of what it gives for old rows needs a new `FIGURES_FORMAT`: a bundle of another format is not re-derived.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.statistics import CONFIDENCE, summarise

FIGURES_FORMAT = 1


def figures(attempts: Sequence[Attempt]) -> dict[str, Any]:
    """Every statistic of one run as JSON builtins."""
    made = {
        "format": FIGURES_FORMAT,
        "confidence": CONFIDENCE,
        "summary": dataclasses.asdict(summarise(attempts)),
    }
    # Tuples become lists here, so that what is derived compares equal to what was read.
    plain: dict[str, Any] = json.loads(json.dumps(made, allow_nan=False))
    return plain
