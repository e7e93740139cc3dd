"""Turns a commit into what every commit before it did to Python files, in blob ids, parents before children.

Both walks look at a commit's own diff only, so they cost as much as there are changed files:

- The whole history: every commit reachable, on any branch. A merge shows the files that differ from all its parents.
- The main line: first parents only. A merge shows all that it brought in.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_cereval.errors import SourceError

if TYPE_CHECKING:
    import git

LEFT_OUT = "Releases-Left-Out"
"""A trailer in a commit's message: how many releases, unknown to this repository, came between it and its parent."""

_PLAIN = ("-c", "log.showSignature=false", "-c", "log.showRoot=true", "-c", "log.follow=false")
_FORMAT = f"--format=%x01%H%x02%ct%x02%(trailers:key={LEFT_OUT},valueonly,separator=%x2C)"
_DIFF = ("--raw", "-z", "-r", "--no-abbrev", "--no-renames", "--no-color", "--no-ext-diff")
_REGULAR = (b"100644", b"100755", b"100664")


@dataclass(frozen=True, slots=True)
class Change:
    """One path in one commit: blob ids in the parents and after it, where there is a regular file."""

    path: str
    before: tuple[str, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class Commit:
    """`date` in seconds since the epoch, of the committer. `bounded`: what came before this commit is not known."""

    id: str
    date: int
    bounded: bool
    changes: tuple[Change, ...]


def whole_history(repository: git.Repo, commit: str) -> Iterator[Commit]:
    """All ancestors of a commit and itself that touch Python files; raises `SourceError` if git cannot tell."""
    return _log(repository, ["-c", "--full-history"], commit)


def main_line(repository: git.Repo, commit: str) -> Iterator[Commit]:
    """The first parents of a commit and itself that touch Python files."""
    return _log(repository, ["-m", "--first-parent"], commit)


def read_blob(repository: git.Repo, blob: str) -> bytes:
    """A blob's bytes; raises `SourceError` where this copy of the repository does not hold it."""
    try:
        return bytes(repository.odb.stream(bytes.fromhex(blob)).read())
    except Exception as error:  # GitPython raises unrelated types for an object that is not there
        raise SourceError(
            f"the history in {repository.git_dir} names the file contents {blob} but does not hold them",
            next_step="mend the repository (git fsck), or clone it again",
        ) from error


def refuse_partial(repository: git.Repo) -> None:
    """Raises `SourceError` for a clone without file contents: git would fetch each one over the network."""
    filters = repository.git.config("--get-regexp", r"remote\..*\.promisor", with_exceptions=False)
    if any(line.endswith(" true") for line in str(filters).splitlines()):
        raise SourceError(
            f"{repository.git_dir} is a partial clone: file contents of its history are missing",
            next_step="clone it without --filter",
        )


def _log(repository: git.Repo, walk: list[str], commit: str) -> Iterator[Commit]:
    import git

    order = ["--topo-order", "--reverse"]
    command = ["git", *_PLAIN, "log", *walk, *order, *_DIFF, _FORMAT, commit, "--", "*.py"]
    try:
        output: bytes = repository.git.execute(command, stdout_as_string=False)
    except git.GitCommandError as error:
        raise SourceError(
            f"git cannot read the history of {commit[:10]}: {str(error.stderr).strip()[-300:]}",
            next_step="check the repository with git fsck",
        ) from error
    return _parse(output, _boundary(repository))


def _boundary(repository: git.Repo) -> frozenset[str]:
    """The commits of a shallow clone whose parents were not fetched."""
    file = Path(repository.common_dir) / "shallow"
    return frozenset(file.read_text().split()) if file.is_file() else frozenset()


def _parse(output: bytes, boundary: frozenset[str]) -> Iterator[Commit]:
    header: tuple[str, int, bool] | None = None
    changes: list[Change] = []
    parts = iter(output.split(b"\0"))
    for part in parts:
        text = part.lstrip(b"\n")
        if text.startswith(b"\x01"):
            if header is not None:
                yield Commit(*header, tuple(changes))
            identity, date, left_out = text[1:].decode().split("\x02")
            bounded = identity in boundary or left_out.strip() not in ("", "0")
            header, changes = (identity, int(date), bounded), []
        elif text.startswith(b":"):
            changes.append(_change(text, next(parts)))
    if header is not None:
        yield Commit(*header, tuple(changes))


def _change(meta: bytes, path: bytes) -> Change:
    """`:100644 100644 OLD NEW M`, or with one more colon, mode and id for each further parent."""
    parents = len(meta) - len(meta.lstrip(b":"))
    fields = meta.lstrip(b":").split()
    modes, blobs = fields[: parents + 1], fields[parents + 1 : 2 * parents + 2]
    held = [blob.decode() if mode in _REGULAR else None for mode, blob in zip(modes, blobs, strict=True)]
    before = tuple(dict.fromkeys(blob for blob in held[:-1] if blob is not None))
    return Change(os.fsdecode(path), before, held[-1])
