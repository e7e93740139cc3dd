"""Turns `PATH[@REV]` into a checkout of exactly that commit, from git objects; the working tree is never touched."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from pytest_cereval.errors import SourceError
from pytest_cereval.source.files import belongs_to_tests

if TYPE_CHECKING:
    import git

_QUIET = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
_NO_HOOKS = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit, resolved once: `commit` and `tree_hash` are full hex hashes, `date` is ISO 8601 of the committer."""

    name: str
    commit: str
    tree_hash: str
    date: str
    dirty: bool

    @property
    def short(self) -> str:
        """The first ten digits of the commit."""
        return self.commit[:10]

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Checkout:
    """A commit on disk: `full` holds every file, `runtime` the same without any test file."""

    revision: Revision
    full: Path
    runtime: Path


def split_spec(spec: str) -> tuple[Path, str]:
    """`PATH[@REV]` as a path and a revision; a path that exists as written is taken whole, `@` included."""
    if Path(spec).exists() or "@" not in spec:
        return Path(spec), "HEAD"
    path, _, revision = spec.rpartition("@")
    return Path(path), revision or "HEAD"


def resolve(spec: str) -> Revision:
    """Resolve a repository and revision to a commit; raises `SourceError` for anything that is not one."""
    path, wanted = split_spec(spec)
    repository = open_repository(path)
    try:
        try:
            commit = repository.commit(wanted)
        except Exception as error:  # GitPython raises a dozen unrelated types for an unknown name
            raise _unknown_revision(repository, path, wanted) from error
        return Revision(
            name=Path(repository.working_tree_dir or path.resolve()).name.removesuffix(".git"),
            commit=commit.hexsha,
            tree_hash=commit.tree.hexsha,
            date=commit.committed_datetime.isoformat(),
            dirty=_is_dirty(repository),
        )
    finally:
        repository.close()


def checkout(spec: str, revision: Revision, cache: Path) -> Checkout:
    """Write the commit's files below `cache`, once; concurrent runs wait for each other.

    Symbolic links and submodules are not followed: nothing outside the commit can enter a checkout.
    """
    found = open_checkout(cache, revision)
    root = found.full.parent
    done = root / "complete"
    if done.exists():
        return found
    root.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{root}.lock"):
        if done.exists():
            return found
        staging = Path(tempfile.mkdtemp(prefix=f"{revision.short}-", dir=root.parent))
        try:
            repository = open_repository(split_spec(spec)[0])
            _write_tree(repository.commit(revision.commit), staging)
            repository.close()
            (staging / "complete").write_text(revision.commit)
            shutil.rmtree(root, ignore_errors=True)
            staging.rename(root)
        except OSError as error:
            shutil.rmtree(staging, ignore_errors=True)
            raise SourceError(
                f"cannot write the checkout of {revision.short} below {cache}: {error}",
                next_step="free some space, or name another folder with --cereval-cache=DIR",
            ) from error
    return found


def open_checkout(cache: Path, revision: Revision) -> Checkout:
    """Where a commit's checkout lies, whether or not it has been written yet."""
    root = cache / "checkouts" / revision.commit
    return Checkout(revision, root / "full", root / "runtime")


def open_repository(path: Path) -> git.Repo:
    """The repository whose top folder this is, with no prompts and no locks; raises `SourceError` if there is none."""
    try:
        import git
    except ImportError as error:  # GitPython refuses to be imported where there is no git program
        raise SourceError(
            f"git cannot be used: {str(error).strip().splitlines()[0]}", next_step="install git and run again"
        ) from error
    if not path.exists():
        raise SourceError(
            f"no such repository: {path}",
            next_step="give --cereval-repo=PATH or --cereval-repo=PATH@REVISION",
        )
    try:
        repository = git.Repo(path, search_parent_directories=False)
    except (git.InvalidGitRepositoryError, git.NoSuchPathError) as error:
        raise SourceError(
            f"not a git repository: {path}",
            next_step="run 'git init' and commit there, or point --cereval-repo at the top folder of a repository",
        ) from error
    repository.git.update_environment(**_QUIET)
    return repository


def _unknown_revision(repository: git.Repo, path: Path, wanted: str) -> SourceError:
    try:
        empty = not repository.head.is_valid()
        names = ", ".join(sorted(head.name for head in repository.heads)[:8]) or "none"
    except Exception:  # noqa: BLE001 - only decorates the error that is being made
        empty, names = False, "unknown"
    if empty and wanted == "HEAD":
        return SourceError(f"empty repository: {path} has no commit", next_step="commit something first")
    return SourceError(
        f"unknown revision {wanted!r} in {path}", next_step=f"use a commit, tag or branch (branches: {names})"
    )


def _is_dirty(repository: git.Repo) -> bool:
    if repository.bare:
        return False
    try:
        status = repository.git.execute(["git", *_NO_HOOKS, "status", "--porcelain"])
    except Exception as error:
        raise SourceError(
            f"git cannot read {repository.working_tree_dir}: {str(error).strip().splitlines()[-1][:300]}",
            next_step="mend the repository, or tell git to trust its owner (git config --global safe.directory)",
        ) from error
    return bool(status)


def _write_tree(commit: git.Commit, staging: Path) -> None:
    (staging / "full").mkdir()
    (staging / "runtime").mkdir()
    import git

    for blob in commit.tree.traverse():
        if not isinstance(blob, git.Blob) or not stat.S_ISREG(blob.mode):
            continue
        path = PurePosixPath(os.fsdecode(os.fsencode(blob.path)))
        content = blob.data_stream.read()
        trees = ["full"] if belongs_to_tests(path) else ["full", "runtime"]
        for tree in trees:
            file = staging / tree / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod(0o755 if blob.mode & 0o100 else 0o644)
    for folder in [staging, *(path for path in staging.rglob("*") if path.is_dir())]:
        folder.chmod(0o755)
