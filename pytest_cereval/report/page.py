"""Turns templates and records into HTML in which every text from outside is escaped and nothing can run."""

from __future__ import annotations

import difflib
import functools
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_cereval.report.terminal import RunInfo, cost_text
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.failure import Failure
from pytest_cereval.results.printing import printable
from pytest_cereval.results.statistics import CONFIDENCE, Summary, cost_of
from pytest_cereval.results.verdict import Verdict

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"
# Above this many characters source is shown without colours: a lexer's time on hostile text is not bounded.
HIGHLIGHT_LIMIT = 50_000
DIFF_LINES = 1_000


def summary_html(summary: Summary, info: RunInfo, *, cases_link: str = "") -> Markup:
    """The run in numbers as one section, styled by `style`."""
    from markupsafe import Markup

    verdicts = [
        (verdict, summary.by_verdict[verdict.value]) for verdict in Verdict if verdict.value in summary.by_verdict
    ]
    rendered = (
        environment()
        .get_template("summary.html")
        .render(
            summary=summary,
            info=info,
            confidence=f"{100 * CONFIDENCE:.0f}",
            verdicts=verdicts,
            failures=[(item, summary.by_failure[item.value]) for item in Failure if item.value in summary.by_failure],
            ledger=sorted(info.ledger.items(), key=lambda each: (-each[1], each[0])),
            cost=cost_text(summary),
            cases_link=cases_link,
        )
    )
    return Markup(rendered)  # noqa: S704 - the template escapes what it is given


def style(*names: str) -> Markup:
    """The named style sheets of this package, joined."""
    from markupsafe import Markup

    return Markup("".join((TEMPLATES / name).read_text(encoding="utf-8") for name in names))  # noqa: S704


@functools.cache
def environment() -> jinja2.Environment:
    """Templates in which each value is made printable, then escaped, and an undefined name is an error."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
    )
    made.filters["python"] = highlighted
    made.globals.update(kind=kind, mark=mark, tokens=tokens_cell, speed=speed_cell)
    return made


def _shown(value: object) -> object:
    from markupsafe import Markup

    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def highlighted(source: str, language: str = "python") -> Markup:
    """Source as escaped HTML with Pygments' class names; a very long text stays without colours."""
    from markupsafe import Markup, escape

    shown = printable(source)
    if len(shown) > HIGHLIGHT_LIMIT:
        return escape(shown)
    from pygments import highlight  # type: ignore[import-untyped]
    from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]

    # With `nowrap` the formatter gives nothing but escaped text in spans.
    lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    return Markup(highlight(shown, lexer, HtmlFormatter(nowrap=True)))  # noqa: S704


def difference(reference: str, candidate: str) -> Markup:
    """What turns the reference into the candidate, as a unified diff in colours; empty where either is missing.

    Long texts are left out, since comparing lines takes quadratic time where many are alike.
    """
    from markupsafe import Markup

    known, given = (textwrap.dedent(text).strip("\n").split("\n") for text in (reference, candidate))
    if not reference.strip() or not candidate.strip() or max(len(known), len(given)) > DIFF_LINES:
        return Markup()
    lines = difflib.unified_diff(known, given, "reference", "answer", n=3, lineterm="")
    return highlighted("\n".join(lines), "diff")


def kind(verdict: Verdict) -> str:
    """The group of verdicts that shares a colour; a word and a mark always stand beside it."""
    return {
        Verdict.PASS: "pass",
        Verdict.NO_ANSWER: "none",
        Verdict.UNCONFIRMED: "none",
        Verdict.INVALID: "invalid",
    }.get(verdict, "fail")


def mark(verdict: Verdict) -> str:
    """A sign for those who do not see the colour."""
    return {"pass": "✓", "none": "∅", "invalid": "!", "fail": "✗"}[kind(verdict)]


def tokens_cell(attempt: Attempt) -> str:
    """Completion tokens, empty where the model was not heard."""
    cost = cost_of([attempt])
    return str(cost.completion_tokens) if cost.completions else ""


def speed_cell(attempt: Attempt) -> str:
    """Completion tokens per second of decoding, empty where there were none."""
    speed = cost_of([attempt]).tokens_per_s
    return "" if speed is None else f"{speed:.1f}"
