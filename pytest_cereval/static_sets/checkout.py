"""Turns a problem set into a folder that workers see as a repository: a file for each problem, its reference in it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock

from pytest_cereval.source.functions import SourceFunction, extract_functions
from pytest_cereval.source.repository import Checkout, Revision, open_checkout
from pytest_cereval.static_sets.problems import Problem, ProblemSet

PLANTED = "static"
"""The key of an oracle's `planted` under which a static set's revision lies; its check lies under `check`."""
CHECK = "check"
_TREES = ("full", "runtime")


def revision_of(found: ProblemSet) -> Revision:
    """A revision whose hashes are the file's SHA-256, cut to their length."""
    digest = found.sha256[:40]
    return Revision(name=found.name, commit=digest, tree_hash=digest, date="", dirty=False)


def static_checkout(planted: dict[str, Any], cache_folder: Path) -> Checkout | None:
    """Where the task of an oracle with this `planted` lies; None for a task that is of no static set."""
    known = planted.get(PLANTED)
    return None if known is None else open_checkout(cache_folder, Revision(**known))


def write_checkout(found: ProblemSet, cache_folder: Path) -> Checkout:
    """The folder, written on first use, for a sandbox's user to read."""
    files = open_checkout(cache_folder, revision_of(found))
    root = files.full.parent
    root.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{root}.lock"):
        if (root / "complete").exists():
            return files
        staging = Path(tempfile.mkdtemp(prefix="static-", dir=root.parent))
        for tree in _TREES:
            (staging / tree).mkdir()
            for problem in found.problems:
                (staging / tree / file_of(problem)).write_text(problem.reference, encoding="utf-8")
        for path in [staging, *staging.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        (staging / "complete").write_text(found.sha256)
        shutil.rmtree(root, ignore_errors=True)
        staging.rename(root)
    return files


def file_of(problem: Problem) -> PurePosixPath:
    """Where a problem lies in its checkout."""
    return PurePosixPath(f"{problem.module}.py")


def function_of(problem: Problem, tree: Path) -> SourceFunction | None:
    """The function that is asked for; None where the file defines none of that name at its top.

    Raises `SyntaxError` or `ValueError` for a file that does not parse.
    """
    found = extract_functions(tree, file_of(problem))
    named = [function for function in found if function.qualname == problem.entry_point and not function.nested]
    return named[-1] if named else None
