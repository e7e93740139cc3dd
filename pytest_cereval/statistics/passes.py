"""Turns counts of passed samples of one task into pass@k (at least one of k passes) and pass^k (all k pass)."""

from __future__ import annotations

import math

from pytest_cereval.statistics.distributions import log_beta


def pass_at_k(n: int, c: int, k: int) -> float:
    """The unbiased chance that at least one of `k` samples passes, from `c` passes in `n` samples.

    1 - C(n-c, k) / C(n, k) as a product (Chen et al. 2021, arXiv:2107.03374). Raises `ValueError` for `k` > `n`: the
    bare formula would then say 1.0 of a task that never passed.
    """
    return 1.0 - fail_at_k(n, c, k)


def fail_at_k(n: int, c: int, k: int) -> float:
    """The unbiased chance that none of `k` samples passes; say this one where pass@k is too near 1 to print."""
    _check(n, c, k)
    if n - c < k:
        return 0.0
    return math.prod(1.0 - k / j for j in range(n - c + 1, n + 1))


def pass_hat_k(n: int, c: int, k: int) -> float:
    """The unbiased chance that all of `k` samples pass: C(c, k) / C(n, k). Raises `ValueError` for `k` > `n`."""
    _check(n, c, k)
    return math.comb(c, k) / math.comb(n, k)


def expected_pass_at_k(n: int, c: int, k: int) -> float:
    """The mean of pass@k under a uniform prior on the chance of one sample; defined for any `k`, also above `n`."""
    if not (0 <= c <= n and k >= 1):
        raise ValueError(f"no counts: {c!r} passes in {n!r} samples, k={k!r}")
    return -math.expm1(log_beta(1 + c, 1 + n - c + k) - log_beta(1 + c, 1 + n - c))


def _check(n: int, c: int, k: int) -> None:
    if not 0 <= c <= n:
        raise ValueError(f"no counts: {c!r} passes in {n!r} samples")
    if k < 1:
        raise ValueError(f"k={k!r} is no number of samples")
    if k > n:
        raise ValueError(f"k={k} needs at least {k} samples of a task, and there are {n}")
