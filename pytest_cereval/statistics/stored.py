"""Turns what a user writes for a run into the run, with its items: `latest`, an id or its beginning, or STORE#RUN."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pytest_cereval.errors import StoreError

if TYPE_CHECKING:
    from pytest_cereval.results.store import Store
    from pytest_cereval.statistics.contamination import Dated
    from pytest_cereval.statistics.rows import StoredRun

Loaded = TypeVar("Loaded")

RUN_FORM = "RUN is `latest`, a run's id or the beginning of one; STORE#RUN takes it from another store."


def stored_run(wanted: str, store: Path, *, besides: str = "") -> StoredRun:
    """`besides` is a run that `latest` never means. Raises `StoreError` for a run that is not there, or whose beginning
    fits several.
    """
    from pytest_cereval.statistics.rows import load

    return from_store(wanted, store, load, besides=besides)


def dated_run(wanted: str, store: Path) -> Dated:
    """As `stored_run`, with the run's tasks."""
    from pytest_cereval.statistics.contamination import dated

    return from_store(wanted, store, dated)


def from_store(wanted: str, store: Path, load: Callable[[Store, str], Loaded], *, besides: str = "") -> Loaded:
    """What `load` makes of an opened store and the run's id; raises as `stored_run`."""
    from pytest_cereval.results.store import Store

    file, _, name = wanted.rpartition("#")
    path = Path(file) if file else store
    with Store.open(path, must_exist=True) as opened:
        known = [run.run_id for run in opened.runs()]
        latest = opened.latest_run_id(besides)
        if name in ("latest", "") and latest is not None:
            return load(opened, latest)
        fitting = [name] if name in known else [each for each in known if each.startswith(name)]
        if len(fitting) != 1:
            found = f"fits {len(fitting)} runs" if fitting else "is no run"
            raise StoreError(f"{name!r} {found} of {path}", next_step=f"`cereval runs --store={path}` lists them")
        return load(opened, fitting[0])
