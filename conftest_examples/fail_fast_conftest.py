"""Stop a run as soon as three documented tasks are wrong: enough to know that a model is not good enough."""

import pytest

LIMIT = 3


def pytest_configure(config):
    config.pluginmanager.register(FailFast())


class FailFast:
    def __init__(self):
        self.wrong = 0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item):
        report = yield
        if report.when == "call" and report.failed and item.get_closest_marker("documented"):
            self.wrong += 1
            if self.wrong == LIMIT:
                item.session.shouldstop = f"{LIMIT} documented tasks are wrong"
        return report
