"""Turns a function into every fault that the catalogue knows for it; the catalogue is data, in three parts by theme."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_cereval.categories.understanding import condition_operators, flow_operators, value_operators
from pytest_cereval.categories.understanding.editing import FunctionText
from pytest_cereval.categories.understanding.operator import Operator, Proposal
from pytest_cereval.categories.understanding.sites import Scope, Site, sites

CATALOGUE: tuple[Operator, ...] = (
    *condition_operators.OPERATORS,
    *value_operators.OPERATORS,
    *flow_operators.OPERATORS,
)
"""What people get wrong in code that checks and changes its input."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to break one place: not yet known to be a fault that shows."""

    operator: Operator
    site: Site
    proposal: Proposal


def proposed(text: FunctionText) -> Iterator[Fault]:
    """Every fault that the catalogue knows for a function, in the order of text and catalogue."""
    scope = Scope.of(text)
    head = Site(text.node, text.node.body[0], ())
    for site in (head, *sites(text.node)):
        for operator in CATALOGUE:
            if isinstance(site.node, operator.kinds):
                for proposal in operator.generate(site.node, site, scope):
                    yield Fault(operator, site, proposal)
