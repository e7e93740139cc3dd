"""Orders functions so that any first N of them are a stratified sample; the one home of what a limit means."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Container, Sequence

from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.tasks.task import Requirement, Size


def requirement_of(function: SourceFunction) -> Requirement:
    """Documented if the author wrote a docstring of at least three words."""
    words = (function.docstring or "").split()
    return Requirement.DOCUMENTED if len(words) >= 3 else Requirement.INFERRED


def stratum_of(function: SourceFunction) -> tuple[Requirement, Size]:
    """The stratum a function is drawn from: where its requirement comes from, and its size."""
    return requirement_of(function), Size.of(function.statements)


def selection_order(functions: Sequence[SourceFunction]) -> tuple[SourceFunction, ...]:
    """All functions, interleaved so that every prefix holds the strata in proportion.

    Inside a stratum the order is that of a hash of name and text: fixed, and blind to what makes a function easy.
    """
    strata: dict[tuple[Requirement, Size], list[SourceFunction]] = defaultdict(list)
    for function in functions:
        strata[stratum_of(function)].append(function)
    placed: list[tuple[float, str, SourceFunction]] = []
    for members in strata.values():
        members.sort(key=_hash)
        placed += [((rank + 0.5) / len(members), _hash(member), member) for rank, member in enumerate(members)]
    return tuple(function for _, _, function in sorted(placed, key=lambda item: item[:2]))


def batch_from(order: Sequence[SourceFunction], called: Container[str], size: int) -> Sequence[SourceFunction]:
    """The start of `order` that holds `size` functions whose names are among the `called`, or all of it.

    The others are refused at a glance. Counting them would make many batches of nearly nothing where tests call little.
    """
    found = 0
    for place, function in enumerate(order, start=1):
        found += function.name in called
        if found == size:
            return order[:place]
    return order


def _hash(function: SourceFunction) -> str:
    return hashlib.sha256(f"{function.name}\0{function.source}".encode()).hexdigest()
