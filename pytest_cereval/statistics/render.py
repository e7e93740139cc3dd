"""Turns reports of runs into plain lines for a terminal and Markdown for a job summary, the verdict first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_cereval.results.printing import one_line as printable
from pytest_cereval.statistics.bands import Bands
from pytest_cereval.statistics.comparison import Comparison, Ranking
from pytest_cereval.statistics.gate import Change, GateResult
from pytest_cereval.statistics.rates import Estimate
from pytest_cereval.statistics.runs import CompareReport, GateReport, RunReport
from pytest_cereval.statistics.text import (
    bounded,
    cell,
    counted,
    interval_text,
    markdown_table,
    percent,
    plain_table,
    points,
)

Table = tuple[str, Sequence[str], list[list[str]]]
RATE_HEADER = ("", "rate", "interval", "N", "G", "K", "INVALID", "unscored")
_SHOWN = 20


def run_lines(report: RunReport) -> list[str]:
    """One run as plain lines."""
    return as_lines(_run_prose(report), _run_tables(report))


def run_markdown(report: RunReport) -> str:
    """One run as Markdown."""
    title = f"{report.model} on {report.repository}, run {report.run_id}"
    return as_markdown(title, _run_prose(report), _run_tables(report))


def compare_lines(report: CompareReport) -> list[str]:
    """A comparison as plain lines."""
    return as_lines(_compare_prose(report), _compare_tables(report))


def compare_markdown(report: CompareReport) -> str:
    """A comparison as Markdown."""
    return as_markdown("Models compared", _compare_prose(report), _compare_tables(report))


def gate_lines(report: GateReport) -> list[str]:
    """The gate's answer as plain lines; of changed items, the first ones."""
    return as_lines(_gate_prose(report), _gate_tables(report, _SHOWN))


def gate_markdown(report: GateReport) -> str:
    """The gate's answer as Markdown, with all changed items as far as they fit."""
    return as_markdown(f"Gate: {report.verdict}", _gate_prose(report), _gate_tables(report, 0))


def estimate_row(estimate: Estimate) -> list[str]:
    """One rate in the columns of `RATE_HEADER`."""
    most = f"-{estimate.samples_most}" if estimate.samples_most > estimate.samples else ""
    return [
        estimate.name,
        percent(estimate.value),
        interval_text(estimate).strip(" ()") or "none",
        str(estimate.items),
        str(estimate.clusters),
        f"{estimate.samples}{most}",
        str(estimate.invalid),
        str(estimate.unscored),
    ]


def _run_prose(report: RunReport) -> list[str]:
    overall = report.overall
    lines = [
        f"{percent(overall.value)}{interval_text(overall)}: {overall.estimand}; N = {overall.items} items in"
        f" G = {overall.clusters} {overall.scope.clusters}, K = {overall.samples}, {overall.method},"
        f" {overall.confidence:.0%}.",
    ]
    if overall.invalid or overall.unscored:
        lines.append(
            f"Missing: {counted(overall.invalid, 'INVALID attempt')}, {counted(overall.unscored, 'item')} without a"
            f" score; with all of it failing or passing the rate would be {percent(overall.worst)} or"
            f" {percent(overall.best)}."
        )
    lines += [overall.note] if overall.note else []
    one = len(report.overturned) == 2
    lines += [each.sentence for each in (report.overturned[:1] if one else report.overturned)]
    lines.append(report.bands.sentence)
    lines += _trend_lines(report.bands)
    return lines


def _trend_lines(bands: Bands) -> list[str]:
    lines = []
    if bands.trend is not None:
        order = "falls" if bands.trend.monotone else "does not fall"
        lines.append(
            f"From band to band the pass rate {order} throughout; trend z = {bands.trend.z:.2f} (one-sided"
            f" p = {bands.trend.p:.3g}), Somers' D = {bands.trend.somers_d:.2f}."
        )
    if bands.samples > 1:
        lines.append(
            f"{counted(len(bands.saturated), 'item')} saturated (every sample passes), {len(bands.dead)} dead (none"
            " does)."
        )
    return lines


def _run_tables(report: RunReport) -> list[Table]:
    tables: list[Table] = [
        (f"Pass rate by {name}", RATE_HEADER, [estimate_row(each) for each in rates])
        for name, rates in report.groups.items()
        if len(rates) > 1 or (rates and name == "category")
    ]
    controls = [report.controls] if report.controls else []
    for title, estimates in (("Controls", controls), ("Parts of answers", report.parts)):
        if estimates:
            tables.append((title, RATE_HEADER, [estimate_row(each) for each in estimates]))
    if report.at_k:
        rows = [[each.metric, *estimate_row(each)[1:]] for each in report.at_k]
        tables.append(("Several samples", RATE_HEADER, rows))
    return tables


def _compare_prose(report: CompareReport) -> list[str]:
    comparison = report.comparison
    lines = [comparison.sentence]
    stability = comparison.stability
    if stability is not None and stability.tau is not None:
        left_out = ""
        if stability.low is not None and stability.high is not None:
            left_out = f" ({stability.low:.2f} to {stability.high:.2f} with one left out)"
        lines.append(
            f"Order of models across {counted(len(stability.repositories), 'repository')}: mean tau-b"
            f" {stability.tau:.2f}{left_out}, Kendall's W {stability.concordance or 0.0:.2f}. With"
            f" {counted(len(comparison.models), 'model')} perfect agreement of two has p = {stability.smallest_p:.3g}."
        )
    lines += [f"{name}: {found.sentence}" for name, found in report.discrimination]
    lines += [f"Allowed to differ: {', '.join(report.allowed)}."] if report.allowed else []
    return [*lines, *report.remarks]


def _compare_tables(report: CompareReport) -> list[Table]:
    comparison = report.comparison
    rows = [[each.repository, each.run_id, *estimate_row(each.rate)] for each in comparison.cells]
    tables: list[Table] = [
        ("Model by repository", ("model", *comparison.repositories), _grid(comparison)),
        ("Runs behind it", ("repository", "run", "model", *RATE_HEADER[1:]), rows),
    ]
    for ranking in comparison.rankings:
        tables.append(
            (
                f"Differences on {ranking.repository}, {counted(ranking.items, 'item')}"
                + (f", {ranking.left_out} left out without a score of every model" if ranking.left_out else ""),
                _PAIR_HEADER,
                _pair_rows(ranking),
            )
        )
    return tables


_PAIR_HEADER = ("models", "difference", "95 % interval", "p", "Holm")


def _grid(comparison: Comparison) -> list[list[str]]:
    known = {(each.model, each.repository): each.rate for each in comparison.cells}
    return [
        [
            model,
            *(
                f"{percent(rate.value)}{interval_text(rate)}" if (rate := known.get((model, name))) else "no run"
                for name in comparison.repositories
            ),
        ]
        for model in comparison.models
    ]


def _pair_rows(ranking: Ranking) -> list[list[str]]:
    return [
        [
            f"{each.first} less {each.second}",
            points(each.difference),
            f"{100 * each.low:+.1f} to {100 * each.high:+.1f}",
            f"{each.p:.3g}",
            f"{each.adjusted:.3g}",
        ]
        for each in ranking.differences
    ]


def _gate_prose(report: GateReport) -> list[str]:
    result = report.result
    lines = [result.sentence] if result else []
    lines += [each.sentence for each in report.thresholds]
    lines.append(f"Verdict {report.verdict}, exit code {report.exit_code.value}.")
    if result is not None:
        lines += _gate_facts(result)
    lines += [f"Allowed to differ: {', '.join(report.allowed)}."] if report.allowed else []
    return [*lines, *report.remarks]


def _gate_facts(result: GateResult) -> list[str]:
    plan, compared, changes = result.plan, result.compared, result.changes
    lines = [
        f"Said beforehand: margin {100 * plan.margin:g} points, alpha {plan.alpha:g} one-sided, for"
        f" {plan.scope.estimand}."
    ]
    if compared is not None:
        lines.append(
            f"N = {compared.items} items in G = {compared.clusters} {plan.scope.clusters}, K = {result.samples};"
            f" {compared.method}; {len(changes.regressed)} regressed, {len(changes.improved)} improved."
        )
    if changes.p is not None and changes.evidence is not None:
        lines.append(f"Regression: one-sided mid-p {changes.p:.3g}, e-value {changes.evidence:.3g}.")
    if result.missing_old or result.missing_new:
        lines.append(
            f"Missing through our machinery: {result.missing_old} items of the old run, {result.missing_new} of the"
            f" new; worst lower bound {points(result.worst_lower)}."
        )
    return lines


def _gate_tables(report: GateReport, most: int) -> list[Table]:
    result = report.result
    if result is None:
        return []
    tables: list[Table] = []
    if result.categories:
        rows = [
            [
                each.category,
                points(each.compared.difference),
                f"{100 * each.compared.lower:+.1f} to {100 * each.compared.upper:+.1f}",
                str(each.compared.items),
                each.verdict.value,
            ]
            for each in result.categories
        ]
        header = ("category", "difference", "one-sided bounds", "N", "would be")
        tables.append(("By category, for information", header, rows))
    tables += [
        _changed(name, changes, most)
        for name, changes in (("Regressed", result.changes.regressed), ("Improved", result.changes.improved))
        if changes
    ]
    return tables


def _changed(name: str, changes: Sequence[Change], most: int) -> Table:
    shown = changes[:most] if most else changes
    rows = [[each.item, each.category, percent(each.old), percent(each.new)] for each in shown]
    rest = f", the first {len(shown)} of {len(changes)}" if len(shown) < len(changes) else ""
    return f"{name} items{rest}", ("item", "category", "old", "new"), rows


def as_lines(prose: Iterable[str], tables: Iterable[Table]) -> list[str]:
    """Sentences, then tables, for a terminal."""
    lines = [printable(line) for line in prose]
    for title, header, rows in tables:
        lines += ["", printable(title), *plain_table(header, rows)]
    return lines


def as_markdown(title: str, prose: Sequence[str], tables: Iterable[Table]) -> str:
    """The same as Markdown, cut where a job summary would be."""
    lines = [f"## {cell(title)}", ""]
    for line in prose:
        lines += [cell(line), ""]
    for name, header, rows in tables:
        lines += [f"### {cell(name)}", "", *markdown_table(header, rows), ""]
    return bounded(lines)
