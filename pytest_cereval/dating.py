"""Tells when the functions of a suite were written, from the repository's history; kept in the cache by commit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.history.read import read_freshness
from pytest_cereval.source.repository import Revision
from pytest_cereval.tasks import cache

_FORMAT = 1


def dates_of(
    spec: str, revision: Revision, functions: Sequence[SourceFunction], cache_folder: Path
) -> dict[str, dict[str, Any]]:
    """By the function's name, what the history tells of it (`Freshness.to_dict`); raises `SourceError`.

    Reading takes about ten milliseconds for each version of each file, and is done once for a commit.
    """
    file = cache_folder / "history" / f"{cache.cache_key(commit=revision.commit, format=_FORMAT)}.json"
    known: dict[str, dict[str, Any]] | None = cache.load(file)
    if known is not None and all(function.name in known for function in functions):
        return known
    found = read_freshness(spec, revision, functions)
    dates = {function.name: each.to_dict() for function, each in zip(functions, found, strict=True)}
    cache.save(file, dates)
    return dates
