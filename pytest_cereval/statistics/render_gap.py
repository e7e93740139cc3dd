"""Turns contamination gaps, straddles and probes of memory into plain lines and Markdown, the answer first."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pytest_cereval.statistics.contamination import Contamination
from pytest_cereval.statistics.memory import Recall, Remembered
from pytest_cereval.statistics.render import Table, as_lines, as_markdown
from pytest_cereval.statistics.text import counted, percent, points
from pytest_cereval.statistics.two_models import Straddle

PITFALLS = (
    "A commit's date is not the day of exposure: squashed, vendored, forked and template code is older than it looks.",
    "A stated cutoff and the one that shows in answers differ; the guard band is there for that.",
    "Code from after a cutoff may itself be written by a model, and be easier for models.",
)
SECONDARY = (
    "Probes of memory are secondary evidence and decide nothing: one shows little, and common code is easy to guess."
)


def contamination_lines(found: Contamination) -> list[str]:
    """The gap as plain lines."""
    return as_lines(_prose(found), _tables(found))


def contamination_markdown(found: Contamination) -> str:
    """The gap as Markdown."""
    return as_markdown(f"Contamination gap of {', '.join(found.models)}", _prose(found), _tables(found))


def straddle_lines(found: Straddle) -> list[str]:
    """The straddle as plain lines."""
    return as_lines(_straddle_prose(found), _straddle_tables(found))


def straddle_markdown(found: Straddle) -> str:
    """The straddle as Markdown."""
    title = f"Contamination straddle of {found.old} and {found.new}"
    return as_markdown(title, _straddle_prose(found), _straddle_tables(found))


def probe_lines(found: Sequence[Remembered]) -> list[str]:
    """Probes without a cutoff as plain lines."""
    told = f"{SECONDARY} `cereval contamination RUN --cutoff=DATE` compares old functions with new ones."
    return as_lines([told], [_probe_table(found)])


def _prose(found: Contamination) -> list[str]:
    gap = found.gap
    lines = [gap.matched.sentence]
    if gap.caution:
        lines.append(gap.caution)
    if found.beyond_static is not None and found.static_gap is not None:
        lines += [found.beyond_static.sentence, found.static_gap.sentence]
    lines += [
        f"Cutoff {found.cutoff}, with {found.guard_days} days on either side in neither arm: {found.stale} stale, "
        f"{found.fresh} fresh, {found.unclear} unclear, {found.undated} without a history.",
        f"{counted(len(gap.pairs), 'pair')} matched; left over are {gap.unmatched_stale} stale and "
        f"{gap.unmatched_fresh} fresh items, and {gap.unscored_stale + gap.unscored_fresh} are not scored. "
        f"{gap.needed} items per arm would show a gap of 10 points.",
        f"Without matching, for comparison only: {gap.simple.sentence}",
        *found.static,
        *PITFALLS,
    ]
    return [*lines, SECONDARY] if found.probes else lines


def _tables(found: Contamination) -> list[Table]:
    rows = [
        [
            each.covariate,
            _number(each.stale),
            _number(each.fresh),
            _number(each.smd_before),
            _number(each.smd),
            _number(each.variance_ratio),
            "yes" if each.balanced else "no",
        ]
        for each in found.gap.balance
    ]
    header = ("covariate", "stale", "fresh", "SMD before", "SMD matched", "variance ratio", "balanced")
    tables: list[Table] = [("Balance of the arms", header, rows)] if found.gap.pairs else []
    if found.probes:
        tables += [_probe_table(found.probes), _difference_table(found.probes)]
    return tables


def _straddle_prose(found: Straddle) -> list[str]:
    lines = [
        found.effect.sentence,
        *(each.sentence for each in found.public),
        f"{found.placebo.sentence} It compares two halves of what is older than both cutoffs, where nothing should be "
        "seen.",
        f"{found.old} has the cutoff {found.cutoffs[0]}, {found.new} {found.cutoffs[1]}, with {found.guard_days} days "
        f"on either side left out: {counted(found.between, 'item')} between the cutoffs, {found.after} after both, "
        f"{found.before} before both, {found.elsewhere} elsewhere, {found.undated} without a history, "
        f"{found.unscored} without a score of both models.",
        "It is assumed that the newer model gains as much on both sides, apart from what it has seen; the table shows "
        "where it gains. Equal gains in log-odds are not equal in points where one side is harder.",
        *PITFALLS[:2],
    ]
    lines += [f"Allowed to differ: {', '.join(found.allowed)}."] if found.allowed else []
    return [*lines, *found.remarks]


def _straddle_tables(found: Straddle) -> list[Table]:
    rows = [
        [
            f"{each.group}, {each.category}" if each.category else each.group,
            str(each.items),
            percent(each.old),
            percent(each.new),
            points(each.new - each.old),
        ]
        for each in found.gains
    ]
    return [("Gains of the newer model", ("items", "N", found.old, found.new, "gain"), rows)] if rows else []


def _probe_table(found: Sequence[Remembered]) -> Table:
    rows = [[row.measure, *_recall(each)] for row in found for each in row.arms]
    return "Probes of memory", ("probe", "functions", "asked", "with an answer", "mean", "interval"), rows


def _recall(arm: Recall) -> list[str]:
    bounds = "none" if arm.low is None or arm.high is None else f"{100 * arm.low:.1f} to {100 * arm.high:.1f} %"
    return [arm.arm, str(arm.asked), str(arm.answered), percent(arm.mean), bounds]


def _difference_table(found: Sequence[Remembered]) -> Table:
    rows = [
        [
            each.measure,
            points(each.difference.value) if each.difference.value is not None else each.difference.status.value,
            "none"
            if each.difference.low is None or each.difference.high is None
            else f"{100 * each.difference.low:+.1f} to {100 * each.difference.high:+.1f}",
            _number(each.auc),
            "none" if each.difference.p is None else f"{each.difference.p:.3g}",
            "none" if each.adjusted is None else f"{each.adjusted:.3g}",
        ]
        for each in found
    ]
    return "Probes of memory, stale less fresh", ("probe", "difference", "95 % interval", "AUC", "p", "Holm"), rows


def _number(value: float | None) -> str:
    return "none" if value is None or math.isnan(value) else f"{value:.2f}"
