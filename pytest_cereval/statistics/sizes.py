"""Turns what a comparison should show into how many items or samples it takes, and the reverse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_cereval.statistics.distributions import normal_quantile, root
from pytest_cereval.statistics.records import Record

POWER = 0.8


def items_for_margin(discordant: float, margin: float, alpha: float = 0.05, power: float = POWER) -> int:
    """Items that exclude a loss of `margin`, one-sided, where none is lost and a share `discordant` of them changes."""
    reach = normal_quantile(1 - alpha) + normal_quantile(power)
    return math.ceil(reach**2 * discordant / margin**2)


def items_for_difference(
    discordant: float, difference: float, alpha: float = 0.05, power: float = POWER, *, sides: int = 2
) -> int:
    """Items on which McNemar's test finds a `difference` where a share `discordant` of items changes (Connor 1987)."""
    za, zb = normal_quantile(1 - alpha / sides), normal_quantile(power)
    return math.ceil((za * math.sqrt(discordant) + zb * math.sqrt(discordant - difference**2)) ** 2 / difference**2)


def items_for_variance(variance: float, difference: float, alpha: float = 0.05, power: float = POWER) -> float:
    """Items for a two-sided test of a mean `difference` with this variance per item (Miller, arXiv:2411.00640)."""
    return (normal_quantile(1 - alpha / 2) + normal_quantile(power)) ** 2 * variance / difference**2


def items_per_arm(first: float, second: float, alpha: float = 0.05, power: float = POWER) -> int:
    """Items in each of two independent arms for a two-sided test of two rates."""
    za, zb = normal_quantile(1 - alpha / 2), normal_quantile(power)
    middle = (first + second) / 2
    spread = za * math.sqrt(2 * middle * (1 - middle)) + zb * math.sqrt(first * (1 - first) + second * (1 - second))
    return math.ceil(spread**2 / (first - second) ** 2)


def smallest_detectable(n: int, discordant: float, alpha: float = 0.05, power: float = POWER) -> float | None:
    """The smallest loss that a one-sided McNemar test on `n` items finds; None where even the largest is missed."""
    za, zb = normal_quantile(1 - alpha), normal_quantile(power)

    def lack(loss: float) -> float:
        need = za * math.sqrt(discordant) + zb * math.sqrt(max(discordant - loss**2, 0.0))
        return need / loss - math.sqrt(n)

    largest = min(1.0, math.sqrt(discordant)) - 1e-9
    return root(lack, 1e-6, largest) if discordant > 0 and lack(largest) < 0 else None


def detectable(error: float, alpha: float, power: float = POWER) -> float:
    """The smallest difference found one-sided at `alpha` with this power, for a given standard error."""
    return (normal_quantile(1 - alpha) + normal_quantile(power)) * error


@dataclass(frozen=True, slots=True)
class VarianceSplit(Record):
    """Where the spread of paired differences comes from: items, and the samples of each arm.

    total = between + (old + new) / K for K samples of each item. `between` is cut at 0; `raw` is not.
    """

    total: float
    between: float
    raw: float
    old: float
    new: float

    def with_samples(self, samples: float) -> float:
        """The variance of a difference if each item had so many samples in each arm."""
        return self.between + (self.old + self.new) / samples


def variance_split(old: Sequence[Sequence[bool]], new: Sequence[Sequence[bool]]) -> VarianceSplit | None:
    """From the samples of each item in both arms; None below two items, or with one sample anywhere."""
    if len(old) < 2 or any(len(each) < 2 for each in (*old, *new)):
        return None
    differences = [_mean(after) - _mean(before) for before, after in zip(old, new, strict=True)]
    noise = [_variance(b) / len(b) + _variance(a) / len(a) for b, a in zip(old, new, strict=True)]
    total = _variance(differences)
    raw = total - _mean(noise)
    return VarianceSplit(
        total, max(0.0, raw), raw, _mean([_variance(each) for each in old]), _mean([_variance(each) for each in new])
    )


def samples_for_margin(
    split: VarianceSplit, items: float, margin: float, alpha: float = 0.05, power: float = POWER
) -> int | None:
    """Samples per item with which these items exclude a loss of `margin`; None where no number of samples does.

    `items` may be fewer than there are, and not whole, where clusters make less of them.
    """
    reach = normal_quantile(1 - alpha) + normal_quantile(power)
    room = items * margin**2 / reach**2 - split.between
    return math.ceil((split.old + split.new) / room) if room > 0 and split.old + split.new > 0 else None


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _variance(values: Sequence[float]) -> float:
    mean = _mean(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
