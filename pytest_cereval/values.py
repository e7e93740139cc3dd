"""Turns the text of an option into its value; each raises `ValueError` that says what is accepted."""

from __future__ import annotations


def count(text: str) -> int:
    """A whole number from 0 on."""
    number = int(text)
    if number < 0:
        raise ValueError("must not be negative")
    return number


def share(text: str) -> float:
    """A number from 0 to 1."""
    number = float(text)
    if not 0 <= number <= 1:
        raise ValueError("must lie between 0 and 1")
    return number


def level(text: str) -> str:
    """A level of the sandbox."""
    if text not in ("ns", "landlock", "unsafe"):
        raise ValueError("must be ns, landlock or unsafe")
    return text


def hint(text: str) -> str:
    """What a question gives away."""
    if text not in ("none", "symptom"):
        raise ValueError("must be none or symptom")
    return text


def categories(text: str) -> tuple[str, ...]:
    """Names of categories, with commas between them."""
    from pytest_cereval.categories.registry import named

    return tuple(map(str, named(text)))


def at_least_one(text: str) -> int:
    """A whole number from 1 on."""
    number = count(text)
    if number < 1:
        raise ValueError("must be at least 1")
    return number


def shard(text: str) -> tuple[int, int]:
    """I/N as two numbers, I counted from 1."""
    number, slash, count = (int(part) if part.isdecimal() else part for part in text.partition("/"))
    if slash != "/" or not isinstance(number, int) or not isinstance(count, int) or not 1 <= number <= count:
        raise ValueError("must be two whole numbers I/N with I from 1 to N")
    return number, count


def linters(text: str) -> str:
    """Which linters speak."""
    from pytest_cereval.oracles.linting import LEVELS

    if text not in LEVELS:
        raise ValueError(f"must be one of {', '.join(LEVELS)}")
    return text
