"""Prices and carts."""

import time


def discount(price, percent):
    """Return the price less percent of it, rounded to whole cents; percent must lie between 0 and 100.

    Raises ValueError for a percentage outside that range.
    """
    if not 0 <= percent <= 100:
        raise ValueError("percent must lie between 0 and 100")
    return round(price * (100 - percent) / 100)


def words(text):
    counts = {}
    for word in text.split():
        counts[word.lower()] = counts.get(word.lower(), 0) + 1
    return counts


def stamp():
    """Return the time now, as seconds."""
    return time.time()


def never_called(value):
    """Return twice the value."""
    return value * 2


class Cart:
    """Things to buy, with their quantities."""

    def __init__(self, owner):
        self.owner = owner
        self.items = {}

    def add(self, name, quantity=1):
        """Put quantity of a thing into the cart and return how many of it there are now."""
        if quantity < 1:
            raise ValueError("quantity must be positive")
        self.items[name] = self.items.get(name, 0) + quantity
        return self.items[name]

    @property
    def size(self):
        """How many things are in the cart, all quantities added up."""
        return sum(self.items.values())

    def label(self):
        def shout(text):
            return text.upper()

        return f"{shout(self.owner)}: {self.size}"
