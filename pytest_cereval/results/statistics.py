"""Turns attempts into rates with intervals and totals; pure functions of numbers, no clock and no chance.

A rate's denominator is *scored* attempts: all but `INVALID`, which says nothing about the model. Several
samples of one task are not several tasks: each task first gets one score, its share of passed samples, and
the rate is the mean of these scores, so that ten tries at one task weigh as much as one try at another.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from pytest_cereval.results.apart import rated
from pytest_cereval.results.attempt import Attempt

CONFIDENCE = 0.95


def wilson(passed: float, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The two-sided Wilson score interval of a rate `passed / n` (Wilson 1927, JASA 22, 209-212).

    `passed` may be a sum of scores between 0 and 1: such a score varies no more than a coin of the same mean,
    so the interval is then at least as wide as it needs to be. With n = 0 nothing is known: (0.0, 1.0).
    Raises `ValueError` for values that are no rate.
    """
    if n < 0 or not 0 <= passed <= n or not 0 < confidence < 1:
        raise ValueError(f"no rate: passed={passed!r} of n={n!r} at confidence={confidence!r}")
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate = passed / n
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    # At the ends the bound is exact by definition; the formula gives it but for rounding.
    low = 0.0 if passed == 0 else max(0.0, centre - half)
    high = 1.0 if passed == n else min(1.0, centre + half)
    return low, high


@dataclass(frozen=True, slots=True)
class Rate:
    """How a group of attempts went; `rate` is None where nothing is scored.

    `tasks` and `scored` leave out `INVALID`. With one sample per task, `rate` is `passed / scored`. `low` and
    `high` bound it at `CONFIDENCE`, for more tasks like these, with one independent observation per task.
    """

    name: str
    tasks: int
    scored: int
    passed: int
    invalid: int
    rate: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What completions took, times in seconds; a `Summary` leaves out reused ones.

    `tokens_per_s` is completion tokens over decode time, None where nothing was decoded.
    """

    completions: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    generation_s: float
    tokens_per_s: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """One run in numbers. `total` counts attempts; `overall.scored` is `total` less `overall.invalid`."""

    total: int
    reused: int
    overall: Rate
    by_requirement: tuple[Rate, ...]
    by_category: tuple[Rate, ...]
    by_stratum: tuple[Rate, ...]
    by_verdict: dict[str, int]
    by_failure: dict[str, int]
    by_sandbox: dict[str, int]
    cost: Cost
    judge_s: float

    @property
    def scored(self) -> int:
        """Attempts that say anything about the model."""
        return self.overall.scored

    @property
    def passed(self) -> int:
        """Scored attempts that are right."""
        return self.overall.passed

    @property
    def invalid(self) -> int:
        """Attempts that our own machinery failed."""
        return self.overall.invalid

    @property
    def rate(self) -> float | None:
        """Mean score per task, None where nothing is scored."""
        return self.overall.rate

    @property
    def interval(self) -> tuple[float, float]:
        """Bounds of `rate`."""
        return self.overall.low, self.overall.high


def summarise(attempts: Iterable[Attempt]) -> Summary:
    """Count and weigh the attempts of one run; groups are in order of name. What is counted apart only costs."""
    asked = list(attempts)
    known = rated(asked)
    return Summary(
        total=len(known),
        reused=sum(each.reused for each in asked),
        overall=rate_of("all", known),
        by_requirement=_grouped(known, lambda each: each.requirement),
        by_category=_grouped(known, lambda each: each.category),
        by_stratum=_grouped(known, lambda each: each.stratum),
        by_verdict=dict(sorted(Counter(each.verdict.value for each in known).items())),
        by_failure=dict(sorted(Counter(each.failure.value for each in known if each.failure).items())),
        by_sandbox=dict(sorted(Counter(each.sandbox_level for each in known).items())),
        cost=cost_of(each for each in asked if not each.reused),
        judge_s=math.fsum(each.judge_s for each in asked),
    )


def rate_of(name: str, attempts: Sequence[Attempt]) -> Rate:
    """The rate of one group of attempts, whatever made them a group."""
    scored = [each for each in attempts if each.verdict.is_scored]
    by_task: dict[str, list[bool]] = {}
    for each in scored:
        by_task.setdefault(each.task_id, []).append(each.verdict.is_pass)
    scores = [sum(passes) / len(passes) for passes in by_task.values()]
    total = math.fsum(scores)
    low, high = wilson(total, len(scores))
    return Rate(
        name=name,
        tasks=len(scores),
        scored=len(scored),
        passed=sum(each.verdict.is_pass for each in scored),
        invalid=len(attempts) - len(scored),
        rate=total / len(scores) if scores else None,
        low=low,
        high=high,
    )


def cost_of(attempts: Iterable[Attempt]) -> Cost:
    """Tokens and times of these attempts' completions, wherever they came from."""
    asked = [each.completion for each in attempts if each.completion is not None]
    tokens = sum(each["completion_tokens"] for each in asked)
    decode_s = math.fsum(each["decode_s"] for each in asked)
    return Cost(
        completions=len(asked),
        prompt_tokens=sum(each["prompt_tokens"] for each in asked),
        cached_tokens=sum(each["cached_tokens"] for each in asked),
        completion_tokens=tokens,
        generation_s=math.fsum(each["wall_s"] for each in asked),
        tokens_per_s=tokens / decode_s if decode_s > 0 else None,
    )


def _grouped(attempts: list[Attempt], key: Callable[[Attempt], str]) -> tuple[Rate, ...]:
    groups: dict[str, list[Attempt]] = {}
    for each in attempts:
        groups.setdefault(key(each), []).append(each)
    return tuple(rate_of(name, groups[name]) for name in sorted(groups))
