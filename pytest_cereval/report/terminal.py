"""Turns a summary into the lines under pytest's own, and progress into one line that erases itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pytest_cereval.results.printing import counted, one_line
from pytest_cereval.results.statistics import CONFIDENCE, Rate, Summary
from pytest_cereval.results.verdict import Verdict

if TYPE_CHECKING:
    from pytest_cereval.statistics.gate import Changes

FULL_SANDBOX = "ns"
_INTERVAL_S = 0.2
_NOT_WRONG = (Verdict.PASS.value, Verdict.INVALID.value)


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What the summary says beside numbers; an empty value is left out.

    ledger: count of functions without a task, by reason. limited: what a limit or filter left out, in words.
    reused: what was taken over from earlier commits, in words.
    gate: the gate's own sentence. store, report: where they are, as the user would type them. judge: how the judge
    did when it was tried before the run. changes: the items that differ from a baseline.
    """

    repository: str = ""
    model: str = ""
    run_id: str = ""
    tasks: int = 0
    ledger: Mapping[str, int] = field(default_factory=dict)
    limited: str = ""
    reused: str = ""
    gate: str = ""
    store: str = ""
    report: str = ""
    judge: str = ""
    provenance_sha256: str = ""
    changes: Changes | None = None


def summary_lines(summary: Summary, info: RunInfo) -> list[str]:
    """The run in lines of plain text, the verdict first."""
    return [one_line(line) for line in (*_verdict(summary, info), *_groups(summary), *_circumstances(summary, info))]


# Said once beside the first rate; `results.statistics` is the long form.
INTERVAL_MEANING = f"in brackets the {100 * CONFIDENCE:.0f} % Wilson interval, of scored attempts"


def rate_text(rate: Rate) -> str:
    """`12 of 15  80.0 % (54.8 to 93.0 %)`, or why there is no rate."""
    if rate.rate is None:
        return f"no rate: nothing scored, {rate.invalid} INVALID"
    attempts = "" if rate.tasks == rate.scored else f" attempts at {rate.tasks} tasks"
    return (
        f"{rate.passed} of {rate.scored}{attempts}  {100 * rate.rate:.1f} %"
        f" ({100 * rate.low:.1f} to {100 * rate.high:.1f} %)"
    )


def ledger_text(ledger: Mapping[str, int]) -> str:
    """`61 functions without a task: 32 never called, …`, the most frequent reason first."""
    return f"{counted(sum(ledger.values()), 'function')} without a task: {_listed(ledger)}"


def cost_text(summary: Summary) -> str:
    """Tokens and seconds that the model took in this run."""
    cost = summary.cost
    speed = "" if cost.tokens_per_s is None else f" ({cost.tokens_per_s:.1f} tokens/s)"
    reused = f", {counted(summary.reused, 'completion')} reused from the store" if summary.reused else ""
    return (
        f"{cost.completion_tokens:,} completion tokens{speed}, {cost.prompt_tokens:,} prompt tokens"
        f" ({cost.cached_tokens:,} cached), {duration_text(cost.generation_s)} generating,"
        f" {duration_text(summary.judge_s)} judging{reused}"
    )


def duration_text(seconds: float) -> str:
    """`4.2s`, `4m10s`, `1h02m`."""
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    return f"{whole // 60}m{whole % 60:02d}s" if whole < 3600 else f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def _verdict(summary: Summary, info: RunInfo) -> list[str]:
    lines = [info.gate] if info.gate else []
    if summary.overall.rate is None:
        lines.append(f"no result: {counted(summary.total, 'attempt')}, none of them scored")
    else:
        lines.append(f"pass {rate_text(summary.overall)}; {INTERVAL_MEANING}")
    if summary.invalid:
        lines.append(f"{counted(summary.invalid, 'attempt')} INVALID: {Verdict.INVALID.meaning}; in no rate")
    if info.tasks > summary.overall.tasks:
        unscored = info.tasks - summary.overall.tasks
        lines.append(f"{unscored} of {info.tasks} tasks have no scored attempt")
    return lines


def _groups(summary: Summary) -> list[str]:
    wrong = {name: count for name, count in summary.by_verdict.items() if name not in _NOT_WRONG}
    lines = [f"not passed: {_listed(wrong)}"] if wrong else []
    lines += [f"why answers failed: {_listed(summary.by_failure)}"] if summary.by_failure else []
    for title, rates, always in (
        ("requirement", summary.by_requirement, True),
        ("category", summary.by_category, False),
        ("stratum", summary.by_stratum, False),
    ):
        if len(rates) > 1 or (always and rates):
            width = max(len(rate.name) for rate in rates)
            lines += [f"{title} {rate.name:<{width}}  {rate_text(rate)}" for rate in rates]
    return lines


def _circumstances(summary: Summary, info: RunInfo) -> list[str]:
    asked = " on ".join(part for part in (info.model, info.repository) if part)
    # An attempt without a usable answer never met a sandbox and has no level.
    weaker = {name: count for name, count in summary.by_sandbox.items() if name not in ("", FULL_SANDBOX)}
    return [
        line
        for line in (
            asked and f"asked: {asked}",
            f"cost: {cost_text(summary)}",
            info.limited and f"limited: {info.limited}",
            info.ledger and ledger_text(info.ledger),
            info.reused and f"certificates: {info.reused}",
            weaker and f"sandbox: attempts at a level weaker than {FULL_SANDBOX}: {_listed(weaker)}",
            info.store and f"store: {info.store}" + (f" (run {info.run_id})" if info.run_id else ""),
            info.report and f"report: {info.report}",
        )
        if line
    ]


def _listed(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{count} {name}" for name, count in ordered)


class Writer(Protocol):
    """The part of a text stream that progress needs."""

    def write(self, text: str, /) -> object:
        """Write text as it is."""

    def flush(self) -> object:
        """Make it visible."""


class ProgressLine:
    """One line below the cursor that tells how far the run is; the line pytest writes stays untouched.

    Uses cursor save and restore (DECSC, DECRC), index and erase, which terminals since the VT100 know, and
    turns automatic wrapping off meanwhile, so that a narrow window cuts the line instead of scrolling.
    Without a terminal (`enabled` false) nothing is ever written.
    """

    def __init__(self, writer: Writer, *, enabled: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._writer = writer
        self._enabled = enabled
        self._clock = clock
        self._began: tuple[float, int] | None = None
        self._next = float("-inf")
        self._shown = False

    def update(self, done: int, total: int, name: str, tokens: int, seconds: float) -> None:
        """Show where the run is: `done` of `total` tasks, and the current one's `tokens` after `seconds`."""
        now = self._clock()
        if self._began is None:
            self._began = now, done
        if not self._enabled or now < self._next:
            return
        self._next = now + _INTERVAL_S
        began, done_before = self._began
        # What was done before the first call (taken from a store, say) tells nothing about the speed of now.
        left = (now - began) / (done - done_before) * (total - done) if done > done_before else None
        text = progress_text(done, total, name, tokens=tokens, seconds=seconds, left_s=left)
        # Down and up once, so that there is a line below even on the last row of the screen.
        self._write(f"\x1bD\x1b[A\x1b7\x1b[?7l\x1b[B\r{text}\x1b[K\x1b[?7h\x1b8")
        self._shown = True

    def clear(self) -> None:
        """Erase the line if there is one; the next `update` draws at once."""
        self._next = float("-inf")
        if self._shown:
            self._write("\x1b7\x1b[B\r\x1b[K\x1b8")
            self._shown = False

    def _write(self, text: str) -> None:
        self._writer.write(text)
        self._writer.flush()


def progress_text(done: int, total: int, name: str, *, tokens: int, seconds: float, left_s: float | None) -> str:
    """`[3/24] cerberus.validator… 142 tokens 21.3 tok/s, 4m10s left`; the number is the task being asked."""
    speed = f" {tokens / seconds:.1f} tok/s" if seconds > 0 and tokens else ""
    left = "" if left_s is None else f", {duration_text(left_s)} left"
    current = min(done + 1, total)
    return f"[{current}/{total}] {one_line(name, 60)}… {tokens} tokens{speed}{left}"
