"""`cereval report`, `compare` and `gate`: what stored runs show, alone, beside each other, and against a baseline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from pytest_cereval.commands.common import json_option, say_json, store_option
from pytest_cereval.statistics.stored import RUN_FORM, stored_run

Found = TypeVar("Found", bound=Any)
scope_option = click.option(
    "--scope",
    type=click.Choice(["bank", "functions", "files", "repositories"]),
    default="functions",
    show_default=True,
    help="What a claim is about: exactly these items, or more functions, files or repositories like these.",
)
markdown_option = click.option(
    "--markdown",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write it as Markdown as well, for a CI summary.",
)
allow_option = click.option(
    "--allow",
    multiple=True,
    metavar="FIELD",
    help="A condition that may differ between the runs, by the name that a refusal gives it; may be repeated.",
)


@click.command(short_help="Say what one run shows.", epilog=RUN_FORM)
@click.argument("run", default="latest")
@scope_option
@json_option
@markdown_option
@store_option
def report(run: str, scope: str, as_json: bool, markdown: Path | None, store: Path) -> None:
    """Say what one run shows: rates with their estimand, bands, parts of scores, overturned claims.

    Without RUN it is the latest one.

    \b
    Examples:
      cereval report
      cereval report 20260102-101500-ab12 --scope=files --json
    """
    from pytest_cereval.statistics.render import run_lines, run_markdown
    from pytest_cereval.statistics.runs import describe_items
    from pytest_cereval.statistics.samples import Scope

    found = describe_items(stored_run(run, store), Scope(scope))
    tell(found, run_lines, run_markdown, as_json, markdown)


@click.command(short_help="Put runs of several models into one table.", epilog=RUN_FORM)
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN...")
@scope_option
@allow_option
@json_option
@markdown_option
@store_option
def compare(
    runs: Sequence[str], scope: str, allow: Sequence[str], as_json: bool, markdown: Path | None, store: Path
) -> None:
    """Put runs of several models, on one or several repositories, into one table.

    Runs that were not made under the same conditions are refused, naming the condition.

    \b
    Examples:
      cereval compare 20260102-101500-ab12 latest
      cereval compare small.sqlite#latest large.sqlite#latest --markdown=summary.md
    """
    from pytest_cereval.statistics.render import compare_lines, compare_markdown
    from pytest_cereval.statistics.runs import compare_runs
    from pytest_cereval.statistics.samples import Scope

    found = compare_runs([stored_run(each, store) for each in runs], scope=Scope(scope), allowed=allow)
    tell(found, compare_lines, compare_markdown, as_json, markdown)


@click.command(short_help="Decide whether a new model may replace the old one.", epilog=RUN_FORM)
@click.argument("old")
@click.argument("new", default="latest")
@click.option(
    "--margin", type=float, default=0.05, show_default=True, help="The loss in pass rate that is still accepted."
)
@click.option(
    "--alpha",
    type=float,
    default=0.05,
    show_default=True,
    help="The chance of error that each one-sided bound may have.",
)
@click.option(
    "--threshold",
    default="",
    metavar="LIST",
    help="Pass rates that NEW must reach as well: code_generation>=0.6,security_audit>=0.4; `all` is the overall rate.",
)
@scope_option
@allow_option
@json_option
@markdown_option
@store_option
def gate(
    old: str,
    new: str,
    margin: float,
    alpha: float,
    threshold: str,
    scope: str,
    allow: Sequence[str],
    as_json: bool,
    markdown: Path | None,
    store: Path,
) -> None:
    """Say whether the model of run NEW is not worse than that of run OLD by more than a margin.

    Without NEW it is the latest run.

    \b
    Exit codes:
      0   a loss of the margin is excluded, and every threshold is met
      1   an error, which is named
      2   the command line cannot be used
      10  worse, or below a threshold
      11  these items cannot tell; the output says how many could

    \b
    Examples:
      cereval gate 20260102-101500-ab12 latest --margin=0.05
      cereval gate baseline.sqlite#latest latest --threshold='security_audit>=0.4' --markdown=summary.md
    """
    from pytest_cereval.statistics.noninferiority import Plan
    from pytest_cereval.statistics.render import gate_lines, gate_markdown
    from pytest_cereval.statistics.runs import gate_runs
    from pytest_cereval.statistics.samples import Scope
    from pytest_cereval.statistics.thresholds import parse_thresholds

    found = gate_runs(
        [stored_run(old, store)],
        [stored_run(new, store)],
        Plan(margin, alpha, Scope(scope)),
        thresholds=parse_thresholds(threshold) if threshold else (),
        allowed=allow,
    )
    tell(found, gate_lines, gate_markdown, as_json, markdown)
    raise SystemExit(int(found.exit_code))


def tell(
    found: Found,
    lines: Callable[[Found], Sequence[str]],
    marked: Callable[[Found], str],
    as_json: bool,
    markdown: Path | None,
) -> None:
    """Print what was found, as lines or as JSON, and write it as Markdown where that is asked for."""
    if markdown is not None:
        markdown.write_text(marked(found), encoding="utf-8")
    if as_json:
        say_json(found.to_dict())
    else:
        click.echo("\n".join(lines(found)))
