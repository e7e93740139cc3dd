"""One package to plant in, for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.categories.audit.auditing import Workshop, workshop


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the repeats to those who ask for them with `-m slow`."""
    if "slow" in (config.getoption("markexpr") or ""):
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="takes minutes; run by hand with -m slow"))


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with workshop(tmp_path_factory.mktemp("audited")) as found:
        yield found
