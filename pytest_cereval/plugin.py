"""The `pytest11` entry: hooks that hand over to named objects. Until asked, it declares options and does nothing."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from pytest_cereval.errors import CerevalError
from pytest_cereval.options import declare, is_active, read_settings


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare options and ini values."""
    declare(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """When asked, register what does the work; import nothing heavy otherwise."""
    if not is_active(config):
        return
    from pytest_cereval.control import Controller, WorkerSide, register_marks

    register_marks(config)
    try:
        settings = read_settings(config)
    except CerevalError as error:
        raise pytest.UsageError(str(error)) from error
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(WorkerSide(config, settings), "cereval-worker")
    else:
        config.pluginmanager.register(Controller.create(config, settings), "cereval-controller")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The manifest, and no other file."""
    if not is_active(parent.config):
        return None
    from pytest_cereval.items import WORK, ManifestFile

    work = parent.config.stash.get(WORK, None)
    if work is None or file_path != work.manifest:
        return None
    return ManifestFile.from_parent(parent, path=file_path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """Let a task know which one follows, so that the model can begin with it; the protocol itself is pytest's."""
    if is_active(item.config):
        from pytest_cereval.items import NEXT_TASK, TaskItem

        if isinstance(item, TaskItem) and isinstance(nextitem, TaskItem):
            item.stash[NEXT_TASK] = nextitem.task
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the whole attempt on the report, as text, so that it reaches the controlling process."""
    report = yield
    attempt = getattr(item, "attempt", None)
    if attempt is not None and is_active(item.config):
        from pytest_cereval.control import carry

        carry(report, attempt)
    return report
