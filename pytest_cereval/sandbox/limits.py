"""Turns `Limits` into the kernel's resource limits, as (resource, value) pairs for soft and hard alike."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_cereval.sandbox.sandbox import Limits

_MB = 1 << 20
_MSGQUEUE = 12  # RLIMIT_MSGQUEUE, same number on every Linux; the resource module does not name it


def resource_limits(limits: Limits, *, tasks_already: int = 0) -> list[tuple[int, int]]:
    """The limits to set on the sealed program before its first instruction; children inherit them.

    CORE, MEMLOCK and MSGQUEUE are zero because each would be memory or disk outside the address-space limit.
    `tasks_already` is what the user runs elsewhere, where the kernel counts that too.
    """
    return [
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_AS, limits.memory_mb * _MB),
        (resource.RLIMIT_FSIZE, limits.file_mb * _MB),
        (resource.RLIMIT_NOFILE, limits.files),
        (resource.RLIMIT_NPROC, tasks_already + limits.processes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (_MSGQUEUE, 0),
    ]
