"""Turns releases of one package, named as for pip, into a git repository: a commit per release, dated by its upload.

The same releases give the same commits everywhere: trees hold the files of the source distributions byte for byte,
author and committer are fixed, both dates are the upload's. Source distributions are read and never built, so no
code of a package runs.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from pytest_cereval.errors import SourceError
from pytest_cereval.source.history.commits import LEFT_OUT
from pytest_cereval.source.pinning.archive import Unpacked, unpack
from pytest_cereval.source.pinning.choice import Chosen, choose
from pytest_cereval.source.pinning.listing import list_releases
from pytest_cereval.source.pinning.transport import Index, configured_index

_ATTRIBUTES = "* -text -filter -ident -working-tree-encoding\n"
"""For the work tree: files as they are, whatever attributes they ship or the user has set."""


@dataclass(frozen=True, slots=True)
class PinnedRelease:
    """One commit. `left_out`: how many releases the index has between it and the commit before it, or all before."""

    version: str
    uploaded: str
    filename: str
    sha256: str
    commit: str
    left_out: int
    files: int
    links: int

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Pinned:
    """The repository made, its commits in order, and versions in range that have no source distribution."""

    path: Path
    name: str
    releases: tuple[PinnedRelease, ...]
    without_source: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only."""
        releases = [release.to_dict() for release in self.releases]
        return {
            "path": str(self.path),
            "name": self.name,
            "releases": releases,
            "without_source": [*self.without_source],
        }


def pin(
    requirements: Sequence[str],
    out: Path | None = None,
    index: Index | None = None,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Pinned:
    """Write the repository `out`, or `./NAME`, which must not exist or be empty; without `index`, pip's own is used.

    Raises `SourceError` if a package, version, source distribution or upload date is not there, or a file is not
    the one that the index promises.
    """
    index = index or configured_index()
    name, chosen, without_source = choose(requirements, lambda project: list_releases(index, project))
    out = out or Path(name)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SourceError(f"{out} exists and is not empty", next_step="name another folder with --out=DIR")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".pin-") as folder:
        made = []
        with (Path(folder) / "stream").open("w+b") as stream:
            for number, release in enumerate(chosen):
                progress("fetching releases", number, len(chosen))
                made.append(_write(stream, index, name, release))
            stream.seek(0)
            commits = _import(stream, Path(folder) / "tree")
        if out.is_dir():
            out.rmdir()
        shutil.move(Path(folder) / "tree", out)
    releases = tuple(release(commit) for release, commit in zip(made, commits, strict=True))
    return Pinned(out, name, releases, without_source)


def _write(stream: BinaryIO, index: Index, name: str, chosen: Chosen) -> Callable[[str], PinnedRelease]:
    """Add one release to the stream; what comes back needs only its commit."""
    sdist = chosen.sdist
    content = index.get(sdist.url).content
    sha256 = hashlib.sha256(content).hexdigest()
    if sdist.sha256 and sha256 != sdist.sha256.lower():
        raise SourceError(
            f"{sdist.filename} is not the file that the index lists: SHA-256 {sha256}, expected {sdist.sha256}",
            next_step="fetch again; if it stays so, do not trust this index",
        )
    unpacked = unpack(sdist.filename, content)
    version, uploaded = str(sdist.version), chosen.uploaded
    lines = [f"{name} {version}", "", f"File: {sdist.filename}", f"SHA-256: {sha256}"]
    lines += [f"Uploaded: {uploaded.isoformat()}", f"{LEFT_OUT}: {chosen.left_out}", ""]
    _commit(stream, f"{name} releases", "\n".join(lines), uploaded, unpacked)
    return lambda commit: PinnedRelease(
        version,
        uploaded.isoformat(),
        sdist.filename,
        sha256,
        commit,
        chosen.left_out,
        len(unpacked.files),
        unpacked.left_out,
    )


def _commit(stream: BinaryIO, who: str, message: str, date: datetime, unpacked: Unpacked) -> None:
    """In the format of `git fast-import`; every commit replaces all files."""
    person = f"{who} <> {int(date.timestamp())} +0000\n"
    stream.write(f"commit refs/heads/main\nauthor {person}committer {person}".encode())
    _data(stream, message.encode())
    stream.write(b"deleteall\n")
    for path, (content, executable) in unpacked.files.items():
        quoted = "".join(_ESCAPES.get(sign, sign) for sign in path).encode("utf-8", "surrogateescape")
        stream.write(b'M %s inline "%s"\n' % (b"100755" if executable else b"100644", quoted))
        _data(stream, content)
    stream.write(b"\n")


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}


def _data(stream: BinaryIO, content: bytes) -> None:
    stream.write(b"data %d\n" % len(content))
    stream.write(content)
    stream.write(b"\n")


def _import(stream: BinaryIO, tree: Path) -> list[str]:
    import git

    repository = git.Repo.init(tree, initial_branch="main", object_format="sha1")
    try:
        (tree / ".git" / "info").mkdir(exist_ok=True)
        (tree / ".git" / "info" / "attributes").write_text(_ATTRIBUTES)
        repository.git.execute(["git", "fast-import", "--quiet"], istream=stream)
        command = ["git", "-c", "core.hooksPath=/dev/null", "reset", "--hard", "--quiet"]
        repository.git.execute(command)
        return str(repository.git.rev_list("--reverse", "--first-parent", "main")).split()
    except git.GitCommandError as error:
        raise SourceError(
            f"git cannot write the repository: {str(error.stderr).strip()[-300:]}",
            next_step="check git and the free space",
        ) from error
    finally:
        repository.close()
