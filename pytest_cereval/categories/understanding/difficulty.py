"""Turns what was measured of a planted fault into one of the four bands, and says how.

The measure is the share of all inputs of the function, hidden and shown ones, on which the fault shows. Beside it
stand the distance from the line of the fault to where it shows, and how many lines differ; these decide nothing.
"""

from __future__ import annotations

import ast
import enum
from collections.abc import Collection

from pytest_cereval.categories.understanding.sites import Site
from pytest_cereval.results.band import Band

TRIVIAL_FROM = 0.9
HARD_BELOW = 0.3
ADVERSARIAL_BELOW = 0.05


class Distance(enum.StrEnum):
    """From the fault to where it shows.

    On the line itself, if its statement gives the result or raises; through a callee, if the faulty expression goes
    into a call of the repository's own code, or is that call; else somewhere later in the function. Read from the tree.
    """

    SAME_LINE = "same line"
    SAME_FUNCTION = "same function"
    THROUGH_CALLEE = "through a callee"


def distance(site: Site, own: Collection[str]) -> Distance:
    """The distance of a fault at a site; `own` are the names of the repository's functions."""
    around = [site.node, *site.around]
    within = around[: around.index(site.statement) + 1] if site.statement in around else around
    names = [_callee(node) for node in within if isinstance(node, ast.Call)]
    if isinstance(site.node, ast.stmt) and not hasattr(site.node, "body"):
        names += [_callee(node) for node in ast.walk(site.node) if isinstance(node, ast.Call)]
    if any(name in own for name in names):
        return Distance.THROUGH_CALLEE
    gives = isinstance(site.statement, ast.Return | ast.Raise)
    yields = isinstance(site.statement, ast.Expr) and isinstance(site.statement.value, ast.Yield | ast.YieldFrom)
    return Distance.SAME_LINE if gives or yields else Distance.SAME_FUNCTION


def _callee(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def band(share: float, *, faults: int = 1, interacting: bool = False, defended: bool = False) -> tuple[Band, str]:
    """The band, and by what it came about; `share` lies between 0 and 1."""
    if share < ADVERSARIAL_BELOW:
        return Band.ADVERSARIAL, "shows on less than 5 % of the inputs"
    if interacting:
        return Band.ADVERSARIAL, "two faults that meet in the same calls"
    if defended:
        return Band.ADVERSARIAL, "a comment defends the fault"
    if faults > 1:
        return Band.HARD, "two faults"
    if share >= TRIVIAL_FROM:
        return Band.TRIVIAL, "shows on 90 % of the inputs or more"
    if share < HARD_BELOW:
        return Band.HARD, "shows on less than 30 % of the inputs"
    return Band.STANDARD, "shows on 30 % to 90 % of the inputs"
