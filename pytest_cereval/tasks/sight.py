"""Says what of the checkout and of installed packages is looked at, and what a candidate must not see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_cereval.sandbox.interpreter import Interpreter
from pytest_cereval.source.scan import Scan
from pytest_cereval.source.usage import usage

_TEST_TOOLS = (
    "pytest",
    "_pytest",
    "hypothesis",
    "_hypothesis_pytestplugin",
    "pluggy",
    "pytest_cereval",
    "llama_cpp",
)


def looked_at(tree: Path, found: Scan) -> dict[str, Any]:
    """What of objects counts, and for which functions the order of dictionaries does."""
    uses = usage(tree)
    view = {"packages": sorted(found.packages), "private": uses.private_names()}
    ordered = frozenset(item.name for item in found.eligible if item.bare_name in uses.ordered)
    return {"view": view, "ordered": ordered}


def site_hidden(interpreter: Interpreter, own: frozenset[str], loaded: frozenset[str]) -> tuple[str, ...]:
    """Installed files a candidate must not see: the package under test, and test tools the reference does without."""
    hidden = []
    for folder in interpreter.site:
        for entry in sorted(Path(folder).iterdir()):
            top = entry.name.partition(".")[0].partition("-")[0]
            if top in own or (top in _TEST_TOOLS and not _is_needed(entry, loaded)):
                hidden.append(str(entry))
    return tuple(hidden)


def _is_needed(entry: Path, loaded: frozenset[str]) -> bool:
    return any(file.startswith(f"{entry}/") or file == str(entry) for file in loaded)
