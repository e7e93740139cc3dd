"""Defines what several commands share, each said once: options, the form of their JSON, progress on standard error."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
import platformdirs

STORE = ".cereval/cereval.sqlite"

cache_option = click.option(
    "--cache",
    type=click.Path(path_type=Path),
    default=lambda: Path(platformdirs.user_cache_dir("pytest-cereval")),
    help="The folder for checkouts, certificates and demo models.",
    show_default="the user's cache folder",
)
store_option = click.option(
    "--store",
    type=click.Path(path_type=Path),
    default=STORE,
    show_default=True,
    help="The SQLite file that keeps the record.",
)
python_option = click.option(
    "--python",
    type=click.Path(path_type=Path),
    default=sys.executable,
    show_default="the running one",
    help="The interpreter that has the repository's packages.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
sandbox_option = click.option(
    "--sandbox",
    type=click.Choice(["ns", "landlock", "unsafe"]),
    default="ns",
    show_default=True,
    help="The weakest isolation to accept.",
)


def say_json(value: Any) -> None:
    """Print JSON builtins as one document; the same value gives the same text."""
    click.echo(json.dumps(value, indent=1, sort_keys=True))


class Stages:
    """Prints each stage of a build once, on standard error."""

    def __init__(self) -> None:
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage != self._stage:
            self._stage = stage
            click.echo(f"{stage} …", err=True)
