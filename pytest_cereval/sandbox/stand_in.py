"""Turns a `Launch` into a private directory that stands in for its file system where nothing can be mounted.

Inside paths below /cereval become paths below the directory, /tmp becomes its tmp, and argv, environment and
working directory are rewritten to match. A bind that something masks is copied, any other becomes a link to
its source. A bind onto its own path (an interpreter) is used where it is.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pytest_cereval.errors import SandboxError
from pytest_cereval.sandbox.mounts import covering
from pytest_cereval.sandbox.sandbox import DEFAULT_ENVIRONMENT, Bind, Launch

_OURS = "/cereval"
_TMP = "/tmp"  # noqa: S108 - the inside path that is replaced
# The prefix as a path of its own, not as a part of another: after the start, a separator or a quote.
_MENTION = re.compile(r"(?<![^\s:;,=\"'\[({])/cereval(?=$|[/\s:;,\"'\])}])")


@dataclass(slots=True)
class StandIn:
    """The directory and what may be done below which host path; `remove` deletes it."""

    root: Path
    read: list[Path] = field(default_factory=list)
    write: list[Path] = field(default_factory=list)
    unread: list[Path] = field(default_factory=list)

    @property
    def tmp(self) -> Path:
        return self.root / "tmp"

    def rewritten(self, text: str) -> str:
        """The text with paths below /cereval, or /tmp if that is all of it, as they are here."""
        return str(self.tmp) if text == _TMP else _MENTION.sub(f"{self.root}{_OURS}", text)

    def environment(self, launch: Launch) -> dict[str, str]:
        given = dict((*DEFAULT_ENVIRONMENT, *launch.env))
        return {name: self.rewritten(value) for name, value in given.items()}

    def remove(self) -> None:
        """Delete it with whatever the program left there; what it made unreadable is made readable first."""
        for folder, names, _ in os.walk(self.tmp):
            for inner in (Path(folder, name) for name in names):
                if not inner.is_symlink():
                    inner.chmod(0o700)
        shutil.rmtree(self.root, ignore_errors=True)


def build(launch: Launch) -> StandIn:
    """Raises `SandboxError` for a launch that cannot be expressed by copies and links."""
    place = StandIn(Path(tempfile.mkdtemp(prefix="cereval-")).resolve())
    try:
        place.tmp.mkdir()
        for bind in sorted(launch.binds + launch.writable, key=lambda bind: bind.target.count("/")):
            _show(bind, launch, place)
        for path, content in launch.data:
            _write(path, content, place)
        # A hidden path that stays where it is can only be made unreadable; one of ours is not copied.
        place.unread += [Path(path) for path in launch.hidden if not _is_ours(path)]
        place.read.append(place.root)
        place.root.chmod(0o755)
    except BaseException:
        shutil.rmtree(place.root)
        raise
    return place


def _show(bind: Bind, launch: Launch, place: StandIn) -> None:
    allowed = place.write if bind in launch.writable else place.read
    if str(bind.source) == os.path.realpath(bind.target):
        allowed.append(bind.source)
        return
    _require_ours(bind.target, "bind")
    others = [other for other in launch.binds + launch.writable if other is not bind]
    if covering(bind.target, others):
        # Made here it would be made through a link, in somebody's source directory.
        raise SandboxError(
            f"{bind.target} lies inside another bind, which only namespaces can express",
            next_step="use --cereval-sandbox=ns",
        )
    target = _at(place, bind.target)
    target.parent.mkdir(parents=True, exist_ok=True)
    masks = [path for path in (*launch.hidden, *dict(launch.data)) if covering(path, [bind])]
    if not masks:
        target.symlink_to(bind.source)
        allowed.append(bind.source)
    elif bind.target in launch.hidden:
        target.mkdir()
    elif bind.source.is_dir():
        hidden = {bind.source / PurePosixPath(path).relative_to(bind.target) for path in launch.hidden if path in masks}
        shutil.copytree(
            bind.source,
            target,
            symlinks=True,
            ignore=lambda folder, names: {name for name in names if Path(folder) / name in hidden},
        )
        _restore_empty(hidden, bind, target)


def _write(path: str, content: bytes, place: StandIn) -> None:
    _require_ours(path, "data")
    target = _at(place, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.parent.resolve().is_relative_to(place.root):
        raise SandboxError(
            f"{path} would be written through a link that leads out of its bind",
            next_step="name the path without links, or use --cereval-sandbox=ns",
        )
    target.unlink(missing_ok=True)
    target.write_bytes(content)
    target.chmod(0o444)


def _restore_empty(hidden: Iterable[Path], bind: Bind, target: Path) -> None:
    for source in hidden:
        copy = target / source.relative_to(bind.source)
        if source.is_dir():
            copy.mkdir(parents=True, exist_ok=True)
        elif source.exists():
            copy.touch()


def _at(place: StandIn, inside: str) -> Path:
    return place.root / inside.lstrip("/")


def _is_ours(path: str) -> bool:
    return PurePosixPath(path).is_relative_to(_OURS)


def _require_ours(path: str, what: str) -> None:
    if not _is_ours(path):
        raise SandboxError(
            f"without namespaces a {what} can only be below {_OURS} or onto its own path, not {path}",
            next_step="use --cereval-sandbox=ns",
        )
