"""`cereval pin`: turns releases of a package into a git repository that can be evaluated."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_cereval.commands.common import Stages, json_option, say_json


@click.command(short_help="Make a git repository of a package's releases.")
@click.argument("requirements", nargs=-1, required=True, metavar="NAME==VERSION...")
@click.option("--out", type=click.Path(path_type=Path), help="The repository to write; ./NAME if not given.")
@json_option
def pin(requirements: tuple[str, ...], out: Path | None, as_json: bool) -> None:
    """Turn releases of a package into a git repository, one commit for each, dated by its upload.

    Give versions (NAME==1.0 NAME==1.1) or a range ('NAME>=1,<2'). Source distributions come from the package index that
    pip uses. They are unpacked and never built.

    \b
    Examples:
      cereval pin cerberus==1.3.4 --out=pinned/cerberus
      cereval pin 'boltons>=23,<25'
    """
    from pytest_cereval.source.pinning.repository import pin as pin_releases

    pinned = pin_releases(requirements, out, progress=Stages())
    if as_json:
        say_json(pinned.to_dict())
        return
    for release in pinned.releases:
        click.echo(f"{release.commit[:10]}  {release.uploaded[:10]}  {release.version:12} {release.filename}")
    for version in pinned.without_source:
        click.echo(f"no source distribution: {version}")
    click.echo(f"{pinned.path} holds {len(pinned.releases)} releases of {pinned.name}")
