"""Turns a contamination gap into plain lines and Markdown, the answer first."""

from __future__ import annotations

from pytest_cereval.statistics.contamination import Contamination
from pytest_cereval.statistics.render import Table, as_lines, as_markdown
from pytest_cereval.statistics.text import counted


def contamination_lines(found: Contamination) -> list[str]:
    """The gap as plain lines."""
    return as_lines(_prose(found), _tables(found))


def contamination_markdown(found: Contamination) -> str:
    """The gap as Markdown."""
    return as_markdown(f"Contamination gap of {', '.join(found.models)}", _prose(found), _tables(found))


def _prose(found: Contamination) -> list[str]:
    gap = found.gap
    lines = [gap.matched.sentence]
    if gap.caution:
        lines.append(gap.caution)
    lines += [
        f"Cutoff {found.cutoff}, with {found.guard_days} days on either side in neither arm: {found.stale} stale, "
        f"{found.fresh} fresh, {found.unclear} unclear, {found.undated} without a history.",
        f"{counted(len(gap.pairs), 'pair')} matched; left over are {gap.unmatched_stale} stale and "
        f"{gap.unmatched_fresh} fresh items, and {gap.unscored_stale + gap.unscored_fresh} are not scored.",
        f"Without matching, for comparison only: {gap.simple.sentence}",
        *found.static,
    ]
    return lines


def _tables(found: Contamination) -> list[Table]:
    rows = [
        [
            each.covariate,
            f"{each.stale:.2f}",
            f"{each.fresh:.2f}",
            _number(each.smd_before),
            _number(each.smd),
            _number(each.variance_ratio),
            "yes" if each.balanced else "no",
        ]
        for each in found.gap.balance
    ]
    header = ("covariate", "stale", "fresh", "SMD before", "SMD matched", "variance ratio", "balanced")
    return [("Balance of the arms", header, rows)] if rows else []


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"
