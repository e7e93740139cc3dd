"""Writes the bundle of a run when its session has ended and its pages are there, if one was asked for."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.bundle.signing import Signer
from pytest_cereval.bundle.write import RUN_PLACE, check_place, write_bundle
from pytest_cereval.desk import Desk
from pytest_cereval.errors import CerevalError
from pytest_cereval.options import Settings
from pytest_cereval.report.html import report_path


def install(config: pytest.Config, settings: Settings, desk: Callable[[], Desk | None]) -> None:
    """Register the writer where `--cereval-out` names a folder; what cannot work is refused before the run begins.

    Raises `pytest.UsageError` for a folder that is taken and for a key that cannot be read.
    """
    if not settings["out"] or config.getoption("collectonly", False):
        return
    try:
        folder = settings.path("out")
        if RUN_PLACE not in str(folder):
            check_place(folder)
        signer = Signer.from_file(settings.path("sign")) if settings["sign"] else None
    except CerevalError as error:
        raise pytest.UsageError(str(error)) from error
    config.pluginmanager.register(BundleWriter(config, folder, signer, desk), "cereval-bundle")


class BundleWriter:
    """Writes once, after pytest-html has written its page and before the terminal sums up."""

    def __init__(
        self, config: pytest.Config, folder: Path, signer: Signer | None, desk: Callable[[], Desk | None]
    ) -> None:
        self._config = config
        self._folder = folder
        self._signer = signer
        self._desk = desk
        self._said = ""

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Last of all but the terminal; a bundle that was asked for and cannot be written is no success."""
        result = yield
        desk = self._desk()
        if desk is None or desk.store is None:
            return result
        page = report_path(self._config)
        report = page if page is not None and page.is_file() else None
        try:
            written = write_bundle(self._folder, desk.store, desk.run_id, report=report, signer=self._signer)
            self._said = written.sentence
        except CerevalError as error:
            session.exitstatus = int(pytest.ExitCode.INTERNAL_ERROR)
            self._said = f"no bundle: {error}"
        return result

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Where it lies, and the digest to note."""
        for line in self._said.splitlines():
            terminalreporter.write_line(line)
