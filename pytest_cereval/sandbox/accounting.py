"""Turns /proc into sums: processor time of a process tree, a user's tasks, what of a group still runs."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def tree_seconds(pid: int) -> float:
    """Processor seconds of a process, of its living descendants, and of those that were waited for.

    In steps of 1/CLK_TCK (0.01 s); 0.0 for what is gone. Needs CONFIG_PROC_CHILDREN, which distributions set.
    """
    return _tree_ticks(pid) / os.sysconf("SC_CLK_TCK")


def _tree_ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    except OSError:
        return 0
    # proc(5): fields 14 to 17 of stat are utime, stime, cutime and cstime; the split starts at field 3.
    return sum(map(int, fields[11:15])) + sum(_tree_ticks(int(child)) for child in children)


def tasks_of(uid: int) -> int:
    """How many processes and threads run as `uid` here; what the kernel compares RLIMIT_NPROC with."""
    found = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if entry.stat().st_uid == uid:
                    found += sum(1 for _ in (entry / "task").iterdir())
            except OSError:  # it ended meanwhile
                continue
    return found


def group_runs(group: int) -> bool:
    """Whether a process of the group still runs; zombies that wait for their parent do not count."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text("ascii", "replace").rpartition(")")[2].split()
                if int(fields[2]) == group and fields[0] not in "ZX":
                    return True
    return False
