"""Turns the rows of a bundle into what `cereval report` says of the run: rates with their estimand, bands, overturned.

Like `figures` it is a function of the files alone, with all seeds fixed. Unlike them it rests on numerical libraries,
whose versions are kept with the bundle: other versions may give other last digits, and then nothing is shown broken.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Sequence
from typing import Any

from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.run import Run
from pytest_cereval.statistics.runs import describe_items, stored

ANALYSIS_FORMAT = 1
_LIBRARIES = ("numpy", "scipy")


def analysis(run: Run, attempts: Sequence[Attempt], tasks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The report of one run as JSON builtins (`RunReport`), for claims about more functions like these."""
    report = describe_items(stored(run, attempts, tasks))
    # Tuples become lists here, so that what is derived compares equal to what was read.
    plain: dict[str, Any] = json.loads(json.dumps({"format": ANALYSIS_FORMAT, "report": report.to_dict()}))
    return plain


def libraries() -> dict[str, str]:
    """The versions that an analysis made now rests on."""
    return {name: importlib.metadata.version(name) for name in _LIBRARIES}
