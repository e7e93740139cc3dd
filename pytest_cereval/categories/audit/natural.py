"""Turns a checkout into the weaknesses that a pattern matcher suspects in it as it stands, with nothing planted."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pytest_cereval.categories.audit.bandit import INSTALL, Pattern, is_installed, patterns_below
from pytest_cereval.errors import OracleError
from pytest_cereval.source.functions import SourceFunction, extract_functions
from pytest_cereval.source.repository import Checkout
from pytest_cereval.tasks import cache

KINDS: Mapping[str, str] = {
    "B102": "executed",
    "B301": "unpickle",
    "B307": "executed",
    "B310": "request",
    "B314": "entities",
    "B602": "command",
    "B604": "command",
    "B605": "command",
    "B608": "spans",
    "B609": "command",
}
"""By Bandit's test id, the kind of sink (see `inside.sinks`) that an exploit has to reach to confirm such a finding.

Other tests warn of what no run of one function can show: a weak cipher, a constant, an import.
"""
MEANING = "matches of patterns in the repository as it is; a screening, not a proof"
MOST = 500


@dataclass(frozen=True, slots=True)
class NaturalFinding:
    """A suspicion: `pattern` as Bandit gives it, and the name of the function around it, empty if there is none."""

    pattern: Pattern
    function: str

    @property
    def kind(self) -> str:
        """The kind of sink by which an exploit confirms it; empty if none can."""
        return KINDS.get(self.pattern.code, "") if self.function else ""

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only; `natural` tells it from what was planted."""
        return {**asdict(self.pattern), "function": self.function, "can_be_confirmed": bool(self.kind), "natural": True}


def natural_findings(checkout: Checkout, functions: Sequence[SourceFunction]) -> tuple[NaturalFinding, ...]:
    """All of them, in order of path and line; raises `OracleError` if Bandit is not installed or fails.

    They are listed and counted apart. Nothing says that they can be exploited.
    """
    return tuple(NaturalFinding(pattern, _function(pattern, functions)) for pattern in _below(checkout.runtime))


def findings_record(checkout: Checkout, cache_folder: Path | None) -> dict[str, Any]:
    """What a record and a report tell: `findings`, at most 500 of `found`, and Bandit's `version`, as JSON builtins.

    Without Bandit, or where it fails, `problem` says so; nothing is raised, since no verdict depends on it.
    """
    if not is_installed():
        return {"problem": f"Bandit is not installed, so nothing was looked for; {INSTALL}"}
    version = importlib.metadata.version("bandit")
    name = cache.cache_key(tree=checkout.revision.tree_hash, bandit=version, kinds=dict(KINDS))
    file = cache_folder / "natural" / f"{name}.json" if cache_folder else None
    known = cache.load(file) if file else None
    if isinstance(known, dict):
        return known
    try:
        patterns = _below(checkout.runtime)
    except OracleError as error:
        return {"problem": error.what}
    functions = _functions(checkout.runtime, {pattern.path for pattern in patterns})
    findings = [NaturalFinding(pattern, _function(pattern, functions)).to_dict() for pattern in patterns]
    told = {"version": version, "meaning": MEANING, "found": len(findings), "findings": findings[:MOST]}
    if file is not None:
        cache.save(file, told)
    return told


@functools.lru_cache(maxsize=4)
def _below(folder: Path) -> tuple[Pattern, ...]:
    """Once for a checkout, which never changes."""
    return patterns_below(folder)


def _functions(tree: Path, paths: set[str]) -> list[SourceFunction]:
    return [each for path in sorted(paths) for each in extract_functions(tree, PurePosixPath(path))]


def _function(pattern: Pattern, functions: Sequence[SourceFunction]) -> str:
    """The innermost function around a line."""
    around = [
        each for each in functions if each.path == pattern.path and each.first_line <= pattern.line <= each.last_line
    ]
    return max(around, key=lambda each: each.first_line).name if around else ""
