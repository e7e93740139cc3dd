"""Invoices, in cents; the rates come from the package `tariffs`."""

import tariffs


def gross(net, country):
    """Return a net amount plus the value added tax of a country, rounded to whole cents."""
    return net + round(net * tariffs.rate(country) / 100)


def lines(items, country):
    """Return an invoice's lines as (name, gross amount), the dearest first, then by name."""
    priced = [(name, gross(net, country)) for name, net in items.items()]
    return sorted(priced, key=lambda line: (-line[1], line[0]))
