"""`cereval contamination` and `cereval probe`: what a model may know by heart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_cereval.commands.claims import allow_option, markdown_option, tell
from pytest_cereval.commands.common import Stages, cache_option, json_option, say_json, store_option
from pytest_cereval.errors import SettingsError
from pytest_cereval.statistics.stored import RUN_FORM, dated_run, from_store

if TYPE_CHECKING:
    from pytest_cereval.statistics.memory import Probed


@click.command(short_help="Compare old functions with ones too new to be known.", epilog=RUN_FORM)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option(
    "--cutoff", required=True, metavar="DATE", help="When the model's training data ends: 2024-06-30 or 2024-06."
)
@click.option(
    "--guard",
    type=int,
    default=None,
    metavar="DAYS",
    help="Days around a cutoff that count for neither side; 183 by default.",
)
@click.option(
    "--fresh-set", multiple=True, metavar="NAME", help="A public set of the runs that is newer than the cutoff."
)
@click.option("--newer", multiple=True, metavar="RUN", help="A run of a model with a later cutoff on the same tasks.")
@click.option("--newer-cutoff", default="", metavar="DATE", help="When the newer model's training data ends.")
@allow_option
@json_option
@markdown_option
@store_option
def contamination(
    runs: Sequence[str],
    cutoff: str,
    guard: int | None,
    fresh_set: Sequence[str],
    newer: Sequence[str],
    newer_cutoff: str,
    allow: Sequence[str],
    as_json: bool,
    markdown: Path | None,
    store: Path,
) -> None:
    """Compare what a model may have learnt by heart with what is too new for that.

    The runs are of one model, made with --cereval-cutoff, on one or several repositories. Probes that `cereval probe`
    asked about them are told as well. With --newer, two models are compared on the same tasks: what only the newer one
    can have seen, against what neither can.

    \b
    Examples:
      cereval contamination 20260102-101500-ab12 20260102-113000-cd34 --cutoff=2024-06-30
      cereval contamination older.sqlite#latest --cutoff=2023-12 --newer=newer.sqlite#latest --newer-cutoff=2025-01
    """
    from pytest_cereval.source.history.freshness import GUARD_DAYS, parse_cutoff
    from pytest_cereval.statistics import render_gap
    from pytest_cereval.statistics.contamination import contamination as measured
    from pytest_cereval.statistics.two_models import straddled

    guard_days = GUARD_DAYS if guard is None else guard
    day = parse_cutoff(cutoff, guard_days)
    found = [dated_run(each, store) for each in runs]
    if bool(newer) != bool(newer_cutoff):
        raise SettingsError("--newer and --newer-cutoff belong together", next_step="give both, or neither")
    if newer:
        if fresh_set:
            raise SettingsError(
                "--fresh-set is for runs of one model", next_step="leave it out; a straddle takes every public set"
            )
        later = parse_cutoff(newer_cutoff, guard_days)
        both = straddled(found, [dated_run(each, store) for each in newer], (day, later), allowed=allow)
        tell(both, render_gap.straddle_lines, render_gap.straddle_markdown, as_json, markdown)
        return
    if allow:
        raise SettingsError("--allow is for runs of two models", next_step="leave it out, or give --newer=RUN")
    scores = [each for run in runs for each in _probed(run, store)]
    gap = measured(found, day, fresh_sets=fresh_set, probed=scores)
    tell(gap, render_gap.contamination_lines, render_gap.contamination_markdown, as_json, markdown)


@click.command(short_help="Ask the model of a run what it knows by heart.", epilog=RUN_FORM)
@click.argument("run", default="latest")
@click.option(
    "--model",
    required=True,
    metavar="MODEL",
    help="The model of the run, named as for --cereval-model, such as a GGUF file.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Probe only the first N functions of the run; 0 probes all.",
)
@json_option
@store_option
@cache_option
def probe(run: str, model: str, limit: int, as_json: bool, store: Path, cache: Path) -> None:
    """Ask the model of a run what it knows of the run's functions by heart, and keep the answers beside it.

    There are three probes: to continue the first half of a function, the same under other names, and the function's
    question with one requirement changed, to which the original body is a wrong answer. Each is made of the functions
    that allow it. The model is loaded once, as it was for the run. Answers that the store has already are not asked
    again. `cereval contamination` reports old functions against new ones: secondary evidence, which decides nothing.

    \b
    Examples:
      cereval probe --model=model.gguf
      cereval probe 20260102-101500-ab12 --model=model.gguf --limit=50
    """
    from contextlib import closing

    from pytest_cereval.models.resolve import resolve_model
    from pytest_cereval.probing import ask_probes, load_settings, probed
    from pytest_cereval.results.store import Store
    from pytest_cereval.statistics.memory import remembered
    from pytest_cereval.statistics.render_gap import probe_lines

    path, run_id = from_store(run, store, lambda opened, name: (opened.path, name))
    with Store.open(path, must_exist=True) as opened:
        load = load_settings(opened.run(run_id))
        with closing(resolve_model(model, cache_dir=cache, load=load)) as asked:
            done = ask_probes(opened, run_id, asked, Stages(), limit=limit)
        found = remembered(probed(opened, run_id))
    if as_json:
        say_json({"asked": done.to_dict(), "probes": [each.to_dict() for each in found]})
    else:
        click.echo("\n".join([*done.lines, *probe_lines(found)]))


def _probed(run: str, store: Path) -> tuple[Probed, ...]:
    from pytest_cereval.probing import probed

    return from_store(run, store, probed)
