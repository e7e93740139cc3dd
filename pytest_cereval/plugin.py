"""The `pytest11` entry: hooks that hand over to named objects. Until asked, it declares options and does nothing."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from pytest_cereval.errors import CerevalError
from pytest_cereval.options import declare, given, is_active, read_settings


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare options and ini values."""
    declare(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks of `newhooks`."""
    from pytest_cereval import newhooks

    pluginmanager.add_hookspecs(newhooks)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """When asked, register what does the work; import nothing heavy otherwise."""
    if not is_active(config):
        return
    from pytest_cereval.control import Controller, WorkerSide, register_marks
    from pytest_cereval.extensions import registered

    try:
        settings = read_settings(config, registered(config))
    except CerevalError as error:
        raise pytest.UsageError(str(error)) from error
    register_marks(config, settings.registry.names)
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(WorkerSide(config, settings), "cereval-worker")
    else:
        config.pluginmanager.register(Controller.create(config, settings), "cereval-controller")


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """As many workers as memory allows beside the model; xdist itself counts cores alone."""
    if not is_active(config) or os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None
    from pytest_cereval.capacity import auto_workers

    logical = config.getoption("numprocesses") == "logical"
    return auto_workers(given(config, "model"), config.rootpath, logical=logical)


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
    """Put the item's attempts on the report, as text, so that they reach the controlling process."""
    report = yield
    attempts = getattr(item, "attempts", None)
    if attempts and is_active(item.config):
        from pytest_cereval.control import carry

        carry(report, attempts)
    return report
