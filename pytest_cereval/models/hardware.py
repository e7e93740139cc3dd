"""Turns what the operating system and ggml say about this machine into plain values: cores, memory,
devices.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

_CPUS = Path("/sys/devices/system/cpu")
_CGROUP_LIMIT = Path("/sys/fs/cgroup/cpu.max")
_MEMINFO = Path("/proc/meminfo")


def usable_cores() -> int:
    """Physical cores that this process may use, with its affinity and its container's CPU limit applied.

    A second hyperthread of a core adds nothing to matrix products, and threads over the limit of a
    container spend their time waiting for each other at the barriers.
    """
    allowed = os.sched_getaffinity(0)
    cores = {_first_sibling(cpu) for cpu in allowed}
    return max(1, min(len(cores), _container_limit() or len(cores)))


def _first_sibling(cpu: int) -> str:
    try:
        return (_CPUS / f"cpu{cpu}/topology/thread_siblings_list").read_text(encoding="ascii").strip()
    except OSError:
        return str(cpu)


def _container_limit() -> int | None:
    try:
        quota, period = _CGROUP_LIMIT.read_text(encoding="ascii").split()
        return max(1, int(quota) // int(period))
    except (OSError, ValueError):  # no such file, or "max 100000"
        return None


def available_memory() -> int | None:
    """Bytes that can be had without swapping, as Linux estimates them; None where it does not say."""
    try:
        for line in _MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return None
    return None


def ggml_devices(library: ctypes.CDLL) -> list[dict[str, Any]]:
    """The devices ggml sees: name, description, free and total bytes. Empty if the build does not tell.

    `library` is any shared library that is linked with ggml; the Python binding has no functions for devices.
    """
    try:
        count, get = library.ggml_backend_dev_count, library.ggml_backend_dev_get
        name, description = library.ggml_backend_dev_name, library.ggml_backend_dev_description
        memory = library.ggml_backend_dev_memory
    except AttributeError:
        return []
    count.restype, get.restype, get.argtypes = ctypes.c_size_t, ctypes.c_void_p, [ctypes.c_size_t]
    name.restype = description.restype = ctypes.c_char_p
    name.argtypes = description.argtypes = [ctypes.c_void_p]
    memory.restype, memory.argtypes = None, [ctypes.c_void_p, *[ctypes.POINTER(ctypes.c_size_t)] * 2]
    found = []
    for index in range(count()):
        device = get(index)
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        memory(device, ctypes.byref(free), ctypes.byref(total))
        found.append(
            {
                "name": name(device).decode(),
                "description": description(device).decode(),
                "free_bytes": free.value,
                "total_bytes": total.value,
            }
        )
    return found
