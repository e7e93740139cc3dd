"""Names the files of a bundle, their roles and their bounds; the one home of the format."""

from __future__ import annotations

import re

FORMAT = 1
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:pytest-cereval:run-record:v1"

MANIFEST = "manifest.json"
ENVELOPE = "manifest.dsse.json"
STORE = "run.sqlite"
RUN = "run.json"
RESULTS = "results.jsonl"
TASKS = "tasks.jsonl"
LEDGER = "ledger.jsonl"
STATISTICS = "statistics.json"
ANALYSIS = "analysis.json"
PROMPTS = "prompts/"
COMPLETIONS = "completions/"
REPORT = "report/"

DERIVED = frozenset({STATISTICS, ANALYSIS})
"""What follows from the other files by arithmetic."""
SELF_DESCRIBING = frozenset({MANIFEST, ENVELOPE})
"""What the manifest cannot list: itself, and the signature over it."""

MAX_FILES = 200_000
MAX_DEPTH = 6
MAX_TOTAL_BYTES = 16 << 30
MAX_READ_BYTES = 1 << 30
"""What is read into memory at once; larger files are only digested."""

HEX_256 = re.compile(r"[0-9a-f]{64}")
_ROLES = {
    STORE: "store",
    RUN: "run",
    RESULTS: "results",
    TASKS: "task set",
    LEDGER: "ledger",
    STATISTICS: "statistics",
    ANALYSIS: "analysis",
}
_FOLDERS = {PROMPTS: "prompt", COMPLETIONS: "completion", REPORT: "report"}


def predicate_type(number: object) -> str:
    """The type of a manifest of this format, whatever stands in its place."""
    return f"urn:pytest-cereval:run-record:v{number}"


def role(name: str) -> str:
    """What a file is for, empty for one that has no place in a bundle."""
    found = _ROLES.get(name, "")
    return found or next((role for folder, role in _FOLDERS.items() if name.startswith(folder)), "")


def prompt_file(digest: str) -> str:
    """Where a prompt lies: the name is `prompt_sha256` of what it holds."""
    return f"{PROMPTS}{digest}.json"


def completion_file(digest: str) -> str:
    """Where an answer's text lies: the name is the SHA-256 of the file."""
    return f"{COMPLETIONS}{digest}.txt"
