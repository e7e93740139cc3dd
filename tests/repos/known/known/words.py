"""Functions of which it is known whether their recorded calls can judge an answer."""

import os
import time


def longest(words, limit=10):
    """The longest of the words that are not longer than `limit`; the first one of equals."""
    best = ""
    for word in words:
        if len(word) <= limit and len(word) > len(best):
            best = word
    return best


def initials(name):
    if not name:
        raise ValueError("a name is needed")
    return "".join(part[0].upper() for part in name.split())


def ready():
    return True


def label(name):
    first = 1
    second = 2
    third = 3
    return name.upper()


def unordered(names):
    return list({name.lower() for name in names})


def stamp(text):
    return f"{text} {time.time_ns()}"


def unused(a, b):
    return a + b


def total(numbers):
    return sum(numbers)


def adder(n):
    return lambda other: n + other


def leave(text):
    if "PYTEST_CURRENT_TEST" not in os.environ:
        os._exit(3)
    return text


def outer(n):
    def inner():
        return n * 2

    return inner() + 1
