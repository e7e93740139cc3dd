"""Turns Python text or a folder of it into what Bandit finds there: patterns, not proofs.

Bandit is an extra and runs as a process of its own, which parses the text and executes none of it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_cereval.errors import OracleError

INSTALL = "install it: pip install 'pytest-cereval[audit]'"
_TIMEOUT_S = 60
_FOLDER_TIMEOUT_S = 600
_MEMORY = 2 << 30
_MAX_MESSAGE = 300
_START = (
    f"import resource, runpy; resource.setrlimit(resource.RLIMIT_AS, ({_MEMORY}, {_MEMORY})); "
    "runpy.run_module('bandit', run_name='__main__', alter_sys=True)"
)
# `# nosec` in a text under audit is that text's own opinion.
_OPTIONS = ("--format", "json", "--quiet", "--exit-zero", "--ignore-nosec")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One finding. `cwe` is 0 where Bandit names none; `path` is empty for a text; severity is low, medium or high."""

    cwe: int
    code: str
    path: str
    line: int
    severity: str
    message: str


def is_installed() -> bool:
    """Whether Bandit can be asked."""
    return importlib.util.find_spec("bandit") is not None


def patterns_in_text(text: str) -> tuple[Pattern, ...]:
    """Findings in one file's text; raises `OracleError` if Bandit is not installed or fails."""
    return _patterns(_asked(("-",), text, _TIMEOUT_S), None)


def patterns_below(folder: Path) -> tuple[Pattern, ...]:
    """Findings in all files below a folder, in order of path and line; raises as `patterns_in_text`."""
    return _patterns(_asked(("--recursive", str(folder)), "", _FOLDER_TIMEOUT_S), folder)


def _asked(what: tuple[str, ...], text: str, timeout_s: float) -> dict[str, Any]:
    if not is_installed():
        raise OracleError("Bandit is not installed", next_step=INSTALL)
    try:
        done = subprocess.run(
            [sys.executable, "-c", _START, *_OPTIONS, *what],
            input=text.encode("utf-8", "backslashreplace"),
            capture_output=True,
            timeout=timeout_s,
            check=True,
            cwd="/",  # so that no configuration of a repository is found
            env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(sys.path), "LC_ALL": "C.UTF-8"},
        )
        found = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise OracleError(
            f"Bandit failed: {str(error)[:_MAX_MESSAGE]}", next_step="check that `python -m bandit --version` works"
        ) from error
    if not isinstance(found, dict) or not isinstance(found.get("results"), list):
        raise OracleError("Bandit's report has another shape", next_step="install a version that this was tested with")
    return found


def _patterns(report: dict[str, Any], folder: Path | None) -> tuple[Pattern, ...]:
    found = []
    for each in report["results"]:
        path = str(Path(each["filename"]).relative_to(folder)) if folder else ""
        cwe = each.get("issue_cwe", {}).get("id", 0)
        severity = str(each["issue_severity"]).lower()
        message = " ".join(str(each["issue_text"]).split())[:_MAX_MESSAGE]
        found.append(Pattern(int(cwe), each["test_id"], path, each["line_number"], severity, message))
    return tuple(sorted(found, key=lambda each: (each.path, each.line, each.code)))
