"""Turns recorded completions back into a `Model`: a JSONL file instead of a GGUF.

Each line is `{"prompt_sha256": ..., "completion": {...}}`. Scores can be computed again from such a file
without the model, and tests of everything above a model need no other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_cereval.errors import ModelError
from pytest_cereval.models.model import Completion, Progress, Prompt, Sampling, prompt_sha256


class ReplayModel:
    """Plays back completions by the digest of the prompt.

    Of several completions of one prompt, `Sampling.seed` counts through them in file order, so that which
    one is played does not depend on who asks first.
    """

    def __init__(self, path: Path) -> None:
        """Read the whole file; raises `ModelError` naming the line that cannot be used."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ModelError(
                f"the recording {path} cannot be read: {error.strerror}",
                next_step="check the path after replay:",
            ) from error
        self._path, self._size, self._sha256 = path, len(data), hashlib.sha256(data).hexdigest()
        self._completions: dict[str, list[Completion]] = {}
        for number, line in enumerate(data.split(b"\n"), start=1):
            if line.strip():
                digest, completion = _read_line(line, f"{path}:{number}")
                self._completions.setdefault(digest, []).append(completion)

    def describe(self) -> dict[str, Any]:
        """The recording's name, size, sha256 and number of completions."""
        return {
            "kind": "replay",
            "spec": f"replay:{self._path}",
            "file": self._path.name,
            "size_bytes": self._size,
            "sha256": self._sha256,
            "n_completions": sum(map(len, self._completions.values())),
        }

    def complete(self, prompt: Prompt, sampling: Sampling, progress: Progress | None = None) -> Completion:
        """Play back the recorded completion; raises `ModelError` when there is none."""
        digest = prompt_sha256(prompt)
        recorded = self._completions.get(digest)
        if not recorded:
            raise ModelError(
                f"{self._path} holds no completion of the prompt with sha256 {digest}",
                next_step="record it with a model; a prompt changes with the commit and the rules",
            )
        completion = recorded[sampling.seed % len(recorded)]
        if progress is not None:
            progress(completion.completion_tokens)
        return completion

    def complete_all(
        self, prompt: Prompt, samplings: Sequence[Sampling], progress: Progress | None = None
    ) -> tuple[Completion, ...]:
        """As each would be played back alone."""
        return tuple(self.complete(prompt, each, progress) for each in samplings)

    def close(self) -> None:
        """Nothing is held open."""


def record_line(prompt: Prompt, completion: Completion) -> str:
    """The line, newline included, that makes `ReplayModel` answer this prompt so."""
    entry = {"prompt_sha256": prompt_sha256(prompt), "completion": completion.to_dict()}
    return json.dumps(entry, sort_keys=True) + "\n"


def _read_line(line: bytes, where: str) -> tuple[str, Completion]:
    try:
        entry = json.loads(line)
    except ValueError as error:
        raise ModelError(f"{where} is not JSON: {error}", next_step="record the file again") from error
    if not isinstance(entry, dict) or not isinstance(entry.get("prompt_sha256"), str):
        raise ModelError(f"{where} has no prompt_sha256", next_step="record the file again")
    if not isinstance(entry.get("completion"), dict):
        raise ModelError(f"{where} has no completion", next_step="record the file again")
    try:
        return entry["prompt_sha256"], Completion.from_dict(entry["completion"])
    except ModelError as error:
        raise ModelError(f"{where}: {error.what}", next_step=error.next_step) from error
