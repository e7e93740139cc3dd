"""Fetches Cerberus 1.3.4 from PyPI and makes a one-commit git repository of it: the demo's repository."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from pytest_cereval.errors import SourceError

NAME = "cerberus"
REQUIREMENT = "Cerberus==1.3.4"
SDIST_SHA256 = "d1b21b3954b2498d9a79edf16b3170a3ac1021df88d197dc2ce5928ba519237c"
COMMITTED = "2021-05-05 12:00:00 +0000"
_AUTHOR = "Cerberus 1.3.4 source distribution"
Fetch = Callable[[Path], Path]


def demo_repository(cache_folder: Path, fetch: Fetch | None = None) -> Path:
    """The repository's folder, made on first use; its commit is the same everywhere.

    Raises `SourceError` if the source distribution cannot be fetched or is not the known file.
    """
    target = cache_folder / "demo" / NAME
    if (target / ".git" / "complete").exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{target}.lock"), tempfile.TemporaryDirectory(dir=target.parent) as folder:
        if (target / ".git" / "complete").exists():
            return target
        archive = (fetch or _pip_fetch)(Path(folder))
        found = hashlib.sha256(archive.read_bytes()).hexdigest()
        if found != SDIST_SHA256:
            raise SourceError(
                f"{archive.name} is not the known file: SHA-256 {found}, expected {SDIST_SHA256}",
                next_step="check which package index pip uses here",
            )
        unpacked = Path(folder) / "unpacked"
        with tarfile.open(archive) as tar:
            tar.extractall(unpacked, filter="data")
        (tree,) = unpacked.iterdir()
        _commit(tree)
        shutil.rmtree(target, ignore_errors=True)
        tree.rename(target)
        (target / ".git" / "complete").write_text("")
    return target


def _pip_fetch(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"]
    done = subprocess.run([*command, "-d", str(folder), REQUIREMENT], capture_output=True, text=True, check=False)
    found = list(folder.glob("[Cc]erberus-*.tar.gz"))
    if done.returncode or not found:
        reason = (done.stderr.strip() or done.stdout.strip() or "pip said nothing").splitlines()[-1]
        raise SourceError(
            f"pip cannot download {REQUIREMENT}: {reason}",
            next_step="check the network and pip, or evaluate another repository with --cereval-repo=PATH",
        )
    return found[0]


def _commit(tree: Path) -> None:
    import git

    for path in tree.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    repository = git.Repo.init(tree, initial_branch="main")
    repository.git.execute(["git", "-c", "core.autocrlf=false", "add", "--all", "--force"])
    actor = git.Actor(_AUTHOR, "")
    repository.index.commit(
        "Cerberus 1.3.4", author=actor, committer=actor, author_date=COMMITTED, commit_date=COMMITTED
    )
    repository.close()
