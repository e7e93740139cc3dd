"""Finds the processes that a session started, and what they leave behind when it is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

Identity = tuple[int, str]
_GONE_S = 20.0


def descendants(root: int) -> set[Identity]:
    """All processes below one, by pid and start time, so that a pid given out again is not mistaken."""
    parents: dict[int, list[Identity]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append((int(folder.name), fields[19]))
    found: set[Identity] = set()
    waiting = [root]
    while waiting:
        below = parents.get(waiting.pop(), [])
        found.update(below)
        waiting += [pid for pid, _ in below]
    return found


def alive(processes: set[Identity]) -> set[Identity]:
    """Those that still run; one that only waits to be reaped does not."""
    running = set()
    for pid, started in processes:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[19] == started and fields[0] not in "ZX":
            running.add((pid, started))
    return running


def wait_until(holds: Callable[[], bool], seconds: float = _GONE_S) -> bool:
    """Whether it comes to hold in time."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def reached(folder: Path, process: subprocess.Popen[bytes]) -> bool:
    """Whether the session gets to the point where it says so; the end of its log is shown where it does not."""
    wait_until(lambda: (folder / "reached").exists() or process.poll() is not None, 120)
    if not (folder / "reached").exists():
        sys.stdout.write((folder / "session.log").read_text(errors="replace")[-3000:])
    return (folder / "reached").exists()


@contextmanager
def session(folder: Path, arguments: list[str], **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A pytest session in the background; it is killed at the end if it still runs."""
    with (folder / "session.log").open("wb") as log:
        command = [sys.executable, "-m", "pytest", *arguments]
        process = subprocess.Popen(
            command, cwd=folder, env=os.environ | environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def sockets(processes: Iterable[int] | None = None) -> set[str]:
    """The names of this package's sockets on this machine, or of those that the given processes hold."""
    words = (line.split() for line in Path("/proc/net/unix").read_text().splitlines())
    named = {line[-2]: line[-1] for line in words if line[-1].startswith("@cereval-")}
    if processes is None:
        return set(named.values())
    held = {inode for pid in processes for inode in _inodes(pid)}
    return {name for inode, name in named.items() if inode in held}


def _inodes(pid: int) -> Iterator[str]:
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            yield str(link.readlink()).removeprefix("socket:[").removesuffix("]")
