"""Turns the record of a run into the options under which its questions come about again.

What shapes questions stands in a run's record under the names of options, so that what an answer was given to need not
be typed again, and cannot be typed wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pytest_cereval.errors import StoreError

_NOT_GIVEN = ("", "None")


def question_options(provenance: Mapping[str, Any], known: Collection[str]) -> dict[str, str]:
    """Values by the name of the option, as they stand on a command line; a flag that is set has an empty text.

    known: the names of the options that there are. Raises `StoreError` for a record that does not say what was asked.
    """
    suite, options = provenance.get("suite"), provenance.get("options")
    if not isinstance(suite, dict) or not isinstance(options, dict) or "categories" not in suite:
        raise StoreError(
            "the run does not say what shaped its questions: it was made by an earlier version",
            next_step="make the run again with this version of pytest-cereval",
        )
    found: dict[str, str] = {}
    for key, value in suite.items():
        name = key.replace("_", "-")
        if name in known and name != "static":
            _put(found, name, value)
    # A public set and a date are kept as they were given; what the suite says of the set is what came of it.
    for name in ("static", "cutoff"):
        if str(options.get(name, "")) not in _NOT_GIVEN:
            found[name] = str(options[name])
    # Names of tasks depend on the interpreter; on another machine it lies elsewhere, and must be named anew.
    python = Path(str(options.get("python", "")))
    if python.is_absolute() and python.is_file():
        found["python"] = str(python)
    shard = provenance.get("shard")
    if isinstance(shard, dict) and shard:
        found["shard"] = f"{shard['number']}/{shard['count']}"
    return found


def _put(found: dict[str, str], name: str, value: Any) -> None:
    if isinstance(value, bool):
        if value:
            found[name] = ""
    elif isinstance(value, list):
        found[name] = ",".join(map(str, value))
    else:
        found[name] = str(value)
