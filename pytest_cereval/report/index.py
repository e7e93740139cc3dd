"""Turns a run into its report: one page that stands for itself, the result first, then charts, then every item."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pytest_cereval.report import natural
from pytest_cereval.report.charts import Bar, histogram, shares
from pytest_cereval.report.conclusions import may_conclude, may_not_conclude
from pytest_cereval.report.page import TEMPLATES, environment, style, summary_html
from pytest_cereval.report.plots import comparing
from pytest_cereval.report.terminal import RunInfo
from pytest_cereval.results.apart import rated
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.band import Band
from pytest_cereval.results.run import Run
from pytest_cereval.results.statistics import Summary, rate_of, summarise
from pytest_cereval.statistics.bands import bands_of
from pytest_cereval.statistics.overturned import claims_of, overturned
from pytest_cereval.statistics.samples import items_of

SCRIPT = "index.js"
_FEWEST_FOR_A_HISTOGRAM = 5
_BANDS = (*(band.value for band in Band), "")


def index_html(
    attempts: Sequence[Attempt],
    tasks: Iterable[Mapping[str, Any]],
    run: Run,
    info: RunInfo,
    *,
    links: Mapping[tuple[str, int], str],
    report_link: str = "",
) -> str:
    """The page. `links` lead from task id and sample to an item's page; `report_link` to where the reader came from."""
    from markupsafe import Markup

    summary, known = summarise(attempts), list(tasks)
    paths = {task["id"]: str(task.get("path", "")) for task in known}
    items = [_item(each, paths.get(each.task_id, ""), links) for each in attempts]
    script = (TEMPLATES / SCRIPT).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        environment()
        .get_template("index.html")
        .render(
            style=style("page.css", "summary.css", "report.css"),
            style_file="",
            script=Markup(script),  # noqa: S704 - our own file
            script_source=f"'sha256-{digest}'",
            report_link=report_link,
            info=info,
            run=run,
            summary=summary,
            summary_html=summary_html(summary, info),
            may=[*may_conclude(summary, info, attempts), *claims(attempts, known)],
            may_not=may_not_conclude(summary, info, attempts),
            charts=[*charts(attempts, summary), *comparing(attempts, known, run, info.changes)],
            scores=score_rows(attempts),
            natural_sentence=natural.sentence(run.provenance, attempts, known),
            natural_rows=natural.rows(run.provenance, attempts, known),
            items=items,
            filters=[(name, title, _values(items, name)) for name, title in _FILTERS],
        )
    )


def claims(attempts: Sequence[Attempt], tasks: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the bands tell of the model, and how many answers that claim success execution overturns."""
    items = items_of(attempts, tasks)
    if not any(item.score is not None for item in items):
        return []
    bands = bands_of(items)
    rows = overturned(claims_of(attempts), items)
    told = [row.sentence.removeprefix("all: ") for row in rows[-1:] if row.claimed]
    return [*([bands.sentence] if len(bands.rows) > 1 else []), *(f"{text[0].upper()}{text[1:]}" for text in told)]


def charts(attempts: Sequence[Attempt], summary: Summary) -> list[tuple[str, Any]]:
    """Title and SVG of each chart that there are numbers for."""
    found: list[tuple[str, Any]] = []
    bars = band_bars(attempts)
    if len(bars) > 1:
        found.append(("Pass rate by category and band", shares("Pass rate by category and band", bars)))
    completions = [each.completion for each in attempts if each.completion is not None and each.sample == 0]
    if summary.total and len(completions) >= _FEWEST_FOR_A_HISTOGRAM:
        lengths = [completion["completion_tokens"] for completion in completions]
        times = [completion["wall_s"] for completion in completions]
        found.append(("Length of answers", histogram("Length of answers", lengths, "tokens")))
        found.append(("Time of answers", histogram("Time of answers", times, "seconds")))
    return found


def band_bars(attempts: Sequence[Attempt]) -> list[Bar]:
    """A bar for each category and band, controls apart, in the order of the bands."""
    bars = []
    known = rated(attempts)
    for category in sorted({each.category for each in known}):
        own = [each for each in known if each.category == category]
        groups = [
            (band or "no band", [each for each in own if each.band == band and not each.control]) for band in _BANDS
        ]
        groups.append(("controls", [each for each in own if each.control]))
        for name, group in groups:
            if group:
                rate = rate_of(name, group)
                note = f"{rate.passed} of {rate.scored}"
                bars.append(Bar(f"{category}, {name}", rate.rate, rate.low, rate.high, note))
    return bars


def score_rows(attempts: Sequence[Attempt]) -> list[tuple[str, str, int, int]]:
    """Category, part of the score, how many have it and of how many, for categories that score parts."""
    rows = []
    for category in sorted({each.category for each in attempts}):
        own = [each for each in attempts if each.category == category and each.verdict.is_scored]
        planted = [each for each in own if not each.control]
        for name in sorted({name for each in planted for name in each.scores}):
            having = [each for each in planted if name in each.scores]
            rows.append((category, name, sum(each.scores[name] for each in having), len(planted)))
        controls = [each for each in own if each.control]
        if controls:
            alarms = sum(each.verdict.value == "FAIL_FALSE_ALARM" for each in controls)
            rows.append((category, "false alarms on controls", alarms, len(controls)))
    return rows


_FILTERS = (("category", "Category"), ("band", "Band"), ("verdict", "Verdict"), ("file", "File"))


def _item(attempt: Attempt, path: str, links: Mapping[tuple[str, int], str]) -> dict[str, Any]:
    return {
        "attempt": attempt,
        "link": links.get((attempt.task_id, attempt.sample), ""),
        "category": attempt.category,
        "band": "control" if attempt.control else attempt.band,
        "verdict": attempt.verdict.value,
        "file": path,
    }


def _values(items: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    known = {item[name] for item in items} - {""}
    return sorted(known, key=lambda value: (_BANDS.index(value) if value in _BANDS else len(_BANDS), value))
