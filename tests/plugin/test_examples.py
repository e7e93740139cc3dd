"""Every file in `conftest_examples/` does what its first sentence says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_cereval.tasks.suite import Suite

EXAMPLES = Path(__file__).parents[2] / "conftest_examples"
Arguments = Callable[..., list[str]]
Replay = Callable[..., str]


def use(pytester: pytest.Pytester, name: str) -> None:
    """Copy an example to where pytest finds it."""
    (pytester.path / "conftest.py").write_text((EXAMPLES / name).read_text())


def test_only_one_package(
    pytester: pytest.Pytester,
    arguments: Arguments,
    replay: Replay,
    suite: Suite,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use(pytester, "only_one_package_conftest.py")
    monkeypatch.setenv("CEREVAL_PACKAGE", "shop.prices.Cart")
    chosen = sum(task.name.startswith("shop.prices.Cart.") for task in suite.tasks)

    result = pytester.runpytest_subprocess(*arguments(replay()))

    result.assert_outcomes(passed=chosen, deselected=len(suite.tasks) - chosen)


def test_fail_fast(pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite) -> None:
    use(pytester, "fail_fast_conftest.py")
    documented = [task.name for task in suite.tasks if task.requirement.value == "documented"]
    assert len(documented) >= 3

    result = pytester.runpytest_subprocess(*arguments(replay(dict.fromkeys(documented, "no idea"))))

    result.stdout.fnmatch_lines(["*3 documented tasks are wrong*"])
    assert result.ret == pytest.ExitCode.INTERRUPTED


def test_every_example_has_a_test() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.suffix == ".py"} == {
        "fail_fast_conftest.py",
        "only_one_package_conftest.py",
    }
