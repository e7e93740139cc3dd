"""Turns cores, memory and the size of a model into how many xdist workers `-n auto` may start."""

from __future__ import annotations

import os
from pathlib import Path

from pytest_cereval.models.hardware import available_memory, usable_cores
from pytest_cereval.sandbox.sandbox import Limits

OWN_MB = 300
"""What a worker holds beside a candidate: its interpreter (about 150 MB), and those kept warm for candidates."""
_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def affordable(cores: int, room: int | None, model_bytes: int) -> int:
    """One worker per core, as far as memory goes: at least one.

    `room` is what can be had, in bytes, None where nobody says. The model takes its size of it, once; each worker
    takes its own and what one candidate may come to.
    """
    if room is None:
        return cores
    each = (OWN_MB + Limits().memory_mb) << 20
    return max(1, min(cores, (room - model_bytes) // each))


def auto_workers(model: str, root: Path, *, logical: bool) -> int:
    """For this machine, and for the container that this process is in; `model` is what the user gave."""
    cores = len(os.sched_getaffinity(0)) if logical else usable_cores()
    file = root / Path(model).expanduser() if model else root
    return affordable(cores, _room(), file.stat().st_size if file.is_file() else 0)


def _room() -> int | None:
    rooms = [available_memory(), *(_left(Path(limit), Path(used)) for limit, used in _CGROUPS)]
    known = [room for room in rooms if room is not None]
    return min(known) if known else None


def _left(limit: Path, used: Path) -> int | None:
    """What a container may still take; None where it has no limit ("max") or there is no such file."""
    try:
        return max(0, int(limit.read_text("ascii")) - int(used.read_text("ascii")))
    except (OSError, ValueError):
        return None
