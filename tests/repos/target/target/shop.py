"""Functions of every kind that a candidate can stand in for."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

TAX = 10


def ranked(items: list[int], limit: int = 3) -> list[int]:
    """The `limit` largest items, largest first; `ValueError` for a negative limit."""
    if limit < 0:
        raise ValueError(f"a negative limit: {limit}")
    return sorted(items, reverse=True)[:limit]


def reverse_in_place(items: list[int]) -> None:
    """Reverse the list itself."""
    items.reverse()


def banner(text: str, count: int) -> str:
    """`count` copies of a text."""
    return text * count


def as_array(items: list[int]) -> Any:
    """The items as an array of 64-bit integers."""
    import numpy as np

    return np.array(items, dtype=np.int64)


def doubled(function: Callable[..., int]) -> Callable[..., int]:
    """Twice what a function returns."""

    @functools.wraps(function)
    def wrapper(*args: int) -> int:
        return 2 * function(*args)

    return wrapper


@doubled
def price(
    net: int,
    tax: int = TAX,
) -> int:
    """The price with tax."""
    return net + net * tax // 100


def countdown(start: int) -> Iterator[int]:
    """From `start` to 1."""
    while start > 0:
        yield start
        start -= 1


class Basket:
    """Things with prices."""

    class Line:
        """One thing."""

        def __init__(self, name: str, cents: int) -> None:
            self.name = name
            self.cents = cents

        def label(self) -> str:
            """Name and price."""
            return f"{self.name}: {self.cents / 100:.2f}"

    def __init__(self, lines: list[Basket.Line], discount: int = 0) -> None:
        self.lines = lines
        self._discount = discount

    def total(self) -> int:
        """The sum after the discount."""
        return self.__reduced(sum(line.cents for line in self.lines))

    def __reduced(self, cents: int) -> int:
        return cents * (100 - self._discount) // 100

    @property
    def discount(self) -> int:
        """Per cent."""
        return self._discount

    @discount.setter
    def discount(self, value: int) -> None:
        if not 0 <= value <= 100:
            raise ValueError(value)
        self._discount = value

    @classmethod
    def of(cls, **prices: int) -> Basket:
        """A basket by names and cents."""
        return cls([cls.Line(name, cents) for name, cents in prices.items()])

    @staticmethod
    def cheapest(prices: list[int]) -> int:
        """The smallest price."""
        return min(prices)


async def fetched(items: list[int], pause: float = 1.0) -> list[int]:
    """Twice each item, each after a pause; `ValueError` for a negative one."""
    found = []
    for item in items:
        await asyncio.sleep(pause)
        if item < 0:
            raise ValueError(item)
        found.append(2 * item)
    return found


async def ticks(count: int) -> AsyncIterator[int]:
    """The numbers below `count`, one a second."""
    for number in range(count):
        await asyncio.sleep(1)
        yield number


def chunks(items: list[int], size: int) -> Iterator[list[int]]:
    """Parts of at most `size` items; `ValueError` where no part can hold anything, once the first is asked for."""
    if size < 1:
        raise ValueError(size)
    for start in range(0, len(items), size):
        yield items[start : start + size]
