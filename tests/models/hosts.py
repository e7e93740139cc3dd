"""What the tests of hosted models share: how to ask, how to slow a host down, how to see that it is gone."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from pytest_cereval.models.hosted import HostedModel
from pytest_cereval.models.model import Prompt, Sampling

PROMPT = Prompt("Be exact.", "Sort a list.")
SHORT = Sampling(max_tokens=12)
SLOW_TOKENS = "is_end = LlamaEngine.is_end\nLlamaEngine.is_end = lambda *a: time.sleep(0.02) or is_end(*a)"
Open = Callable[..., HostedModel]


def loads(log: Path) -> list[int]:
    """The process ids of the hosts that have loaded a model, in order."""
    return [int(line.split()[0]) for line in log.read_text().splitlines()]


def gone(pid: int, within_s: float) -> bool:
    """Whether the process ends within so many seconds, reaped or not."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
        except (FileNotFoundError, ProcessLookupError):
            return True
        # A killed process cannot be waited for before its last thread has ended.
        if state == "Z" and threads <= 1:
            return True
        time.sleep(0.02)
    return False
