"""`cereval inspect`: shows a run, a task or an attempt as tables in a terminal, or as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_cereval.commands.common import json_option, say_json, store_option

if TYPE_CHECKING:
    from pytest_cereval.results.store import Store


@click.command(short_help="Show a run, a task or an attempt as tables.")
@click.argument("what", default="latest", metavar="[RUN|TASK|ATTEMPT]")
@json_option
@store_option
def inspect(what: str, as_json: bool, store: Path) -> None:
    """Show a run, a task over all runs, or one attempt.

    A RUN is its id, the beginning of one, or `latest`. A TASK is its id, the beginning of one, its name, or the end of
    its name after a dot. An ATTEMPT is RUN/TASK or RUN/TASK/SAMPLE. --store may also name the folder of a bundle.

    \b
    Examples:
      cereval inspect
      cereval inspect 20260102-101500-ab12
      cereval inspect words
      cereval inspect latest/words
      cereval inspect latest/words --json
    """
    from pytest_cereval.report import tables
    from pytest_cereval.results.looking import find

    with _opened(store) as opened:
        found = find(opened, what)
        if as_json:
            say_json(found.to_dict())
        else:
            tables.show(found)


def _opened(store: Path) -> Store:
    """A store for reading; that of a bundle is opened in memory, since SQLite would write beside it."""
    from pytest_cereval.results.copying import open_copy
    from pytest_cereval.results.store import Store

    if not store.is_dir():
        return Store.open(store, must_exist=True)
    from pytest_cereval.bundle import layout
    from pytest_cereval.bundle.folder import scan

    return open_copy(scan(store).read(layout.STORE))
