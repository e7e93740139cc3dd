"""Turns differences between two arms on the same items into tests and one-sided bounds.

Counts are written from the side of the change: `regressed` items passed before and fail now, `improved` the reverse.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

from pytest_cereval.statistics.chance import p_value, sign_patterns
from pytest_cereval.statistics.distributions import normal_quantile, root

_ROUNDING = 1e-9
_MOST_EVIDENCE = 1e300


def mcnemar_one_sided(regressed: int, improved: int) -> tuple[float, float]:
    """P values for more regressions than improvements: exact, and mid-p; (1.0, 1.0) where nothing changed."""
    n = regressed + improved
    if n == 0:
        return 1.0, 1.0
    above = _binomial(range(regressed + 1, n + 1), n)
    here = _binomial([regressed], n)
    return above + here, above + here / 2


def mcnemar_two_sided(regressed: int, improved: int) -> tuple[float, float]:
    """Exact and mid-p (Fagerland, Lydersen and Laake 2013, doi 10.1186/1471-2288-13-91); (1.0, 1.0) for no change."""
    n = regressed + improved
    if n == 0:
        return 1.0, 1.0
    low = min(regressed, improved)
    below = 2 * _binomial(range(low + 1), n)
    here = _binomial([low], n)
    exact = min(1.0, below)
    return exact, 1.0 - here if regressed == improved else min(1.0, below - here)


def bonett_price(regressed: int, improved: int, n: int, tail: float) -> tuple[float, float]:
    """Bounds of the difference in pass rates with the probability `tail` beyond each (Bonett and Price 2012).

    One imaginary regression and one imaginary improvement are added, so the interval never has zero width.
    """
    _check_counts(regressed, improved, n)
    up, down = (improved + 1) / (n + 2), (regressed + 1) / (n + 2)
    difference = up - down
    reach = normal_quantile(1 - tail) * math.sqrt((up + down - difference**2) / (n + 2))
    return difference - reach, difference + reach


def tango(regressed: int, improved: int, n: int, tail: float) -> tuple[float, float]:
    """Score bounds of the difference in pass rates (Tango 1998); those of Bonett and Price where nothing changed."""
    _check_counts(regressed, improved, n)
    if regressed + improved == 0:
        return bonett_price(regressed, improved, n, tail)
    z = normal_quantile(1 - tail)
    difference = (improved - regressed) / n

    def score(null: float) -> float:
        a = 2 * n
        b = -improved - regressed + (2 * n - improved + regressed) * null
        c = -regressed * null * (1 - null)
        q = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
        variance = n * (2 * q + null * (1 - null))
        gap = improved - regressed - n * null
        return gap / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, gap)

    edge = 1 - 1e-9
    low = root(lambda at: score(at) - z, -edge, difference - 1e-12) if difference > -1 else -1.0
    high = root(lambda at: score(at) + z, difference + 1e-12, edge) if difference < 1 else 1.0
    return low, high


def evidence_of_regression(regressed: int, discordant: int) -> float:
    """An e-value: the evidence that more than half of the `discordant` items are regressions.

    It may be looked at after every item; from 20 on a regression is shown at the 5 % level. A uniform mixture over
    shares above one half: 2^(m+1) B(x+1, m-x+1) I_1/2(m-x+1, x+1), which is the sum of C(m+1, k) for k up to x over
    (m+1) C(m, x). It assumes independent items. Cut at 1e300, which JSON and a float can hold.
    """
    x, m = regressed, discordant
    if not 0 <= x <= m:
        raise ValueError(f"no counts: {x!r} regressions among {m!r} changed items")
    total = term = 1
    for k in range(x):
        term = term * (m + 1 - k) // (k + 1)
        total += term
    below = (m + 1) * math.comb(m, x)
    return _MOST_EVIDENCE if total > below * int(_MOST_EVIDENCE) else total / below


def sign_flip(differences: Sequence[float], clusters: Sequence[Hashable] | None = None, *, seed: int = 0) -> float:
    """One-sided p value for a mean above zero: the share of sign patterns of clusters with at least this sum.

    Exact up to `chance.EXACT_SIGNS` clusters that are not zero, else from seeded draws.
    """
    import numpy as np

    sums = np.array([each for each in _sums(differences, clusters) if each != 0])
    seen = float(sums.sum()) - _ROUNDING
    hits = sum(int((signs @ sums >= seen).sum()) for signs in sign_patterns(len(sums), seed))
    return p_value(hits, len(sums))


def wild_cluster(
    differences: Sequence[float], clusters: Sequence[Hashable], null: float, *, seed: int = 0
) -> float | None:
    """One-sided p value for a mean above `null`: wild cluster bootstrap of the t statistic, null imposed.

    Rademacher signs on the residuals of clusters (Cameron, Gelbach and Miller 2008). With G clusters the smallest value
    is 2^-G. None below two clusters.
    """
    import numpy as np

    shifted = [value - null for value in differences]
    sums, sizes = np.array(_sums(shifted, clusters)), np.array(_sums([1.0] * len(shifted), clusters))
    if len(sums) < 2:
        return None
    seen = float(_studentised(sums[None, :], sizes)[0]) - _ROUNDING
    hits = sum(int((_studentised(signs * sums, sizes) >= seen).sum()) for signs in sign_patterns(len(sums), seed))
    return p_value(hits, len(sums))


def _studentised(sums: Any, sizes: Any) -> Any:
    """The t statistic of each row of cluster sums, but for a factor that all rows share; infinite without spread."""
    import numpy as np

    means = sums.sum(axis=1) / sizes.sum()
    squares = ((sums - means[:, None] * sizes) ** 2).sum(axis=1)
    spread = np.sqrt(np.where(squares > _ROUNDING**2, squares, 1.0))
    endless = np.where(means > 0, np.inf, np.where(means < 0, -np.inf, 0.0))
    return np.where(squares > _ROUNDING**2, means / spread, endless)


def _sums(values: Sequence[float], clusters: Sequence[Hashable] | None) -> list[float]:
    if clusters is None:
        return [float(value) for value in values]
    sums: dict[Hashable, list[float]] = {}
    for value, name in zip(values, clusters, strict=True):
        sums.setdefault(name, []).append(value)
    return [math.fsum(each) for each in sums.values()]


def _binomial(counts: Sequence[int] | range, n: int) -> float:
    return float(sum(math.comb(n, count) for count in counts) / 2**n)


def _check_counts(regressed: int, improved: int, n: int) -> None:
    if regressed < 0 or improved < 0 or n < max(1, regressed + improved):
        raise ValueError(f"no counts: {regressed!r} regressed and {improved!r} improved of {n!r} items")
