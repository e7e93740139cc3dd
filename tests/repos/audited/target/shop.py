"""Functions that take texts, and do nothing that an auditor may report."""

from __future__ import annotations

from typing import Any


def greeting(name: str, formal: bool = False) -> str:
    """A greeting for somebody."""
    word = "Good day" if formal else "Hello"
    return f"{word}, {name}!"


def price_of(prices: dict[str, int], item: str) -> int:
    """The price of an item; `KeyError` for one that is not sold."""
    cents = prices[item]
    return max(cents, 0)


def total(prices: dict[str, int]) -> int:
    """The sum of all prices."""
    return sum(prices.values())


def risky(text: str) -> Any:
    """Whatever a text is evaluated to."""
    return eval(text)


def tripled(number: int) -> int:
    """Three times a number."""
    return 3 * number


class Shelf:
    """Books by title."""

    def __init__(self, titles: list[str]) -> None:
        self.titles = titles

    def find(self, title: str) -> int:
        """The place of a title; -1 if it is not there."""
        return self.titles.index(title) if title in self.titles else -1
