"""Turns a candidate into the patterns of weak code that it has and the reference has not.

A match is a screening, not a proof: nothing is executed, and nothing is decided by it.
"""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import asdict
from typing import Any

from pytest_cereval.categories.audit import bandit
from pytest_cereval.errors import OracleError

KEY = "screening"
"""The key of evidence under which it belongs."""
MEANING = "matches of patterns that the reference has not; a screening, not a proof"
_MOST = 20


def screening(candidate: str, original: str) -> dict[str, Any]:
    """What Bandit finds in a candidate's file beyond what it finds in the original: JSON builtins, empty if nothing.

    `by_cwe` counts by CWE id, `findings` are at most 20 of them. With `failed` Bandit could not be asked. Neither an
    absent Bandit nor a failing one raises: a verdict does not depend on it.
    """
    if not bandit.is_installed():
        return {}
    try:
        known = Counter(_counted(each) for each in _patterns(original))
        new = []
        for each in bandit.patterns_in_text(candidate):
            if known[_counted(each)] > 0:
                known[_counted(each)] -= 1
            else:
                new.append(each)
    except OracleError as error:
        return {"failed": error.what, "meaning": MEANING}
    if not new:
        return {}
    counts = Counter(f"CWE-{each.cwe}" if each.cwe else each.code for each in new)
    return {
        "meaning": MEANING,
        "by_cwe": dict(sorted(counts.items())),
        "findings": [_told(each) for each in new[:_MOST]],
    }


def _told(pattern: bandit.Pattern) -> dict[str, Any]:
    return {name: value for name, value in asdict(pattern).items() if name != "path"}


def _counted(pattern: bandit.Pattern) -> tuple[int, str]:
    return pattern.cwe, pattern.code


@functools.lru_cache(maxsize=64)
def _patterns(text: str) -> tuple[bandit.Pattern, ...]:
    """Of a reference's file, which all answers to its functions are held against."""
    return bandit.patterns_in_text(text)
