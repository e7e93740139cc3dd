"""`cereval report`, `compare` and `gate`: what stored runs show, alone, beside each other, and against a baseline."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from pytest_cereval.commands.common import store_option
from pytest_cereval.statistics.stored import RUN_FORM, dated_run, stored_run

Found = TypeVar("Found", bound=Any)
_scope = click.option(
    "--scope",
    type=click.Choice(["bank", "functions", "files", "repositories"]),
    default="functions",
    show_default=True,
    help="What a claim is about: exactly these items, or more functions, files or repositories like these.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
_markdown = click.option(
    "--markdown",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write it as Markdown as well, for a CI summary.",
)
_allow = click.option("--allow", multiple=True, metavar="FIELD", help="A condition that may differ between the runs.")


@click.command(epilog=RUN_FORM)
@click.argument("run", default="latest")
@_scope
@_json
@_markdown
@store_option
def report(run: str, scope: str, as_json: bool, markdown: Path | None, store: Path) -> None:
    """Say what one run shows: rates with their estimand, bands, parts of scores, overturned claims."""
    from pytest_cereval.statistics.render import run_lines, run_markdown
    from pytest_cereval.statistics.runs import describe_items
    from pytest_cereval.statistics.samples import Scope

    found = describe_items(stored_run(run, store), Scope(scope))
    _tell(found, run_lines, run_markdown, as_json, markdown)


@click.command(epilog=RUN_FORM)
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN...")
@_scope
@_allow
@_json
@_markdown
@store_option
def compare(
    runs: Sequence[str], scope: str, allow: Sequence[str], as_json: bool, markdown: Path | None, store: Path
) -> None:
    """Put runs of several models, on one or several repositories, into one table.

    Runs that were not made under the same conditions are refused, naming the condition.
    """
    from pytest_cereval.statistics.render import compare_lines, compare_markdown
    from pytest_cereval.statistics.runs import compare_runs
    from pytest_cereval.statistics.samples import Scope

    found = compare_runs([stored_run(each, store) for each in runs], scope=Scope(scope), allowed=allow)
    _tell(found, compare_lines, compare_markdown, as_json, markdown)


@click.command(epilog=RUN_FORM)
@click.argument("old")
@click.argument("new", default="latest")
@click.option("--margin", type=float, default=0.05, show_default=True, help="The loss in pass rate still accepted.")
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Chance of error of each one-sided bound.")
@click.option("--threshold", default="", metavar="LIST", help="As well: code_generation>=0.6,security_audit>=0.4")
@_scope
@_allow
@_json
@_markdown
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

    Exit code 0: not worse. 10: worse. 11: these items cannot tell, and the output says how many could.
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
    _tell(found, gate_lines, gate_markdown, as_json, markdown)
    raise SystemExit(int(found.exit_code))


@click.command(epilog=RUN_FORM)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--cutoff", required=True, metavar="DATE", help="When training data ends: 2024-06-30 or 2024-06.")
@click.option("--guard", type=int, default=None, metavar="DAYS", help="Days around it in neither arm; 183 by default.")
@_json
@_markdown
@store_option
def contamination(
    runs: Sequence[str], cutoff: str, guard: int | None, as_json: bool, markdown: Path | None, store: Path
) -> None:
    """Compare what a model may have learnt by heart with what is too new for that.

    The runs are of one model, made with --cereval-cutoff, on one or several repositories.
    """
    from pytest_cereval.source.history.freshness import GUARD_DAYS, parse_cutoff
    from pytest_cereval.statistics.contamination import contamination as measured
    from pytest_cereval.statistics.render_gap import contamination_lines, contamination_markdown

    day = parse_cutoff(cutoff, GUARD_DAYS if guard is None else guard)
    found = measured([dated_run(each, store) for each in runs], day)
    _tell(found, contamination_lines, contamination_markdown, as_json, markdown)


def _tell(
    found: Found,
    lines: Callable[[Found], Sequence[str]],
    marked: Callable[[Found], str],
    as_json: bool,
    markdown: Path | None,
) -> None:
    if markdown is not None:
        markdown.write_text(marked(found), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1, sort_keys=True))
    else:
        click.echo("\n".join(lines(found)))
