"""`cereval merge`: puts the runs of shards together."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from pytest_cereval.commands.common import json_option, say_json


@click.command(short_help="Put the runs of shards together.")
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("stores", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="STORE...")
@json_option
def merge(out: Path, stores: tuple[Path, ...], as_json: bool) -> None:
    """Put the runs of shards, made with --cereval-shard=I/N, into one run of the new store OUT.

    From each STORE the newest run of each shard is taken. Runs of other commits, settings or models are refused. Shards
    that nobody brought are named, and leave the merged run interrupted.

    \b
    Examples:
      cereval merge all.sqlite one.sqlite two.sqlite three.sqlite
      cereval merge all.sqlite shards/*.sqlite --json
    """
    from pytest_cereval.report.terminal import rate_text
    from pytest_cereval.results.merging import merge as merge_stores
    from pytest_cereval.results.statistics import summarise

    made = merge_stores(out, stores)
    overall = summarise(made.attempts).overall
    if as_json:
        facts = {"run_id": made.run_id, "shards": made.count, "missing": list(made.missing), "tasks": made.tasks}
        say_json({"store": str(out), **facts, "overall": dataclasses.asdict(overall)})
        return
    there = made.count - len(made.missing)
    click.echo(f"{out}: run {made.run_id}, {there} of {made.count} shards, {made.tasks} tasks")
    click.echo(f"pass {rate_text(overall)}")
    if made.missing:
        click.echo(f"missing shards: {', '.join(f'{number}/{made.count}' for number in made.missing)}")
