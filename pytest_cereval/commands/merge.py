"""`cereval merge`: puts the runs of shards together."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("stores", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="STORE...")
def merge(out: Path, stores: tuple[Path, ...]) -> None:
    """Put the runs of shards, made with --cereval-shard=I/N, into one run of the new store OUT.

    From each STORE the newest run of each shard is taken. Runs of other commits, settings or models are refused. Shards
    that nobody brought are named, and leave the merged run interrupted.
    """
    from pytest_cereval.report.terminal import rate_text
    from pytest_cereval.results.merging import merge as merge_stores
    from pytest_cereval.results.statistics import summarise

    made = merge_stores(out, stores)
    there = made.count - len(made.missing)
    click.echo(f"{out}: run {made.run_id}, {there} of {made.count} shards, {made.tasks} tasks")
    click.echo(f"pass {rate_text(summarise(made.attempts).overall)}")
    if made.missing:
        click.echo(f"missing shards: {', '.join(f'{number}/{made.count}' for number in made.missing)}")
