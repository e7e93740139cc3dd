"""Turns one run of a store into files that need no SQLite: one JSON document, or one line per attempt."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from pytest_cereval.errors import StoreError
from pytest_cereval.results.store import Store

EXPORT_FORMAT = 1


def export_json(store: Store, run_id: str, file: Path) -> str:
    """Write `{attempts, format, ledger, run, tasks}` and return the file's sha256 in hex.

    The same store gives the same bytes. Raises `StoreError` for an unknown run or an unwritable file.
    """
    document = {
        "format": EXPORT_FORMAT,
        "run": store.run(run_id).to_dict(),
        "tasks": store.tasks(run_id),
        "ledger": store.ledger(run_id),
        "attempts": [each.to_dict() for each in store.attempts(run_id)],
    }
    return _write(file, json.dumps(document, sort_keys=True, indent=1) + "\n")


def export_jsonl(store: Store, run_id: str, file: Path) -> str:
    """Write one attempt per line, each with its `format`; returns and raises as `export_json` does."""
    store.run(run_id)
    lines: list[dict[str, Any]] = [each.to_dict() for each in store.attempts(run_id)]
    return _write(file, "".join(json.dumps(line, sort_keys=True) + "\n" for line in lines))


def _write(file: Path, text: str) -> str:
    data = text.encode()
    # Written beside and moved, so that a reader never meets half a file.
    unfinished = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(data)
        unfinished.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise StoreError(
            f"the export {file} cannot be written: {error.strerror}",
            next_step="free space or choose another path",
        ) from error
    return hashlib.sha256(data).hexdigest()
