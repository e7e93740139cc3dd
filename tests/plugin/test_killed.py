"""Whatever ends a session or a part of it: the outcome is stated, no process goes on, and what was done is kept."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_cereval.results.store import Store
from pytest_cereval.tasks.suite import Suite
from tests.plugin.processes import alive, descendants, reached, session, sockets, wait_until
from tests.plugin.records import STORE, attempts, latest
from tests.plugin.test_evaluation import WRONG
from tests.plugin.test_reproducible import SMALL

Arguments = Callable[..., list[str]]
Replay = Callable[..., str]
# Stops at one task until a file is there, so that a session can be met while it judges.
WAITING = """
    import pathlib, time
    from pytest_cereval import session

    evaluate = session.evaluate

    def waiting(bench, task, answer, blank):
        if task.name == "shop.prices.discount":
            pathlib.Path("reached").touch()
            while not pathlib.Path("go").exists():
                time.sleep(0.02)
        return evaluate(bench, task, answer, blank)

    session.evaluate = waiting
"""
SLOW = WAITING.replace('pathlib.Path("go").exists()', "False")


def found(folder: Path) -> dict[str, str]:
    """Verdicts of the latest run by task."""
    return {each.task_name: each.verdict.value for each in attempts(folder)}


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_killed_controller_takes_everything_along_and_the_next_run_goes_on(
    pytester: pytest.Pytester, arguments: Arguments, tiny_gguf: Path, suite: Suite, workers: str
) -> None:
    pytester.makeconftest(WAITING)
    options = arguments(str(tiny_gguf), *SMALL, "-n", workers)
    temporary = pytester.mkdir("temporary")
    with session(pytester.path, options, TMPDIR=str(temporary)) as controller:
        assert reached(pytester.path, controller)
        below = descendants(controller.pid)
        assert len(below) >= 1 + int(workers)
        named = sockets([controller.pid])
        assert len(named) == (workers == "2")
        controller.send_signal(signal.SIGKILL)
        assert wait_until(lambda: not alive(below)), alive(below)
    assert not named & sockets()
    assert list(temporary.iterdir()) == []
    assert latest(pytester.path).status.value == "running"

    (pytester.path / "go").touch()
    pytester.runpytest_subprocess(*options, "--cereval-resume")
    assert len(found(pytester.path)) == len(suite.tasks)
    assert any(each.reused for each in attempts(pytester.path))


def test_a_killed_host_costs_no_more_than_the_answer_under_way(
    pytester: pytest.Pytester,
    arguments: Arguments,
    tiny_gguf: Path,
    suite: Suite,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = tmp_path / "loads.log"
    monkeypatch.setenv("CEREVAL_LOAD_LOG", str(log))
    pytester.makeconftest(WAITING)
    with session(pytester.path, arguments(str(tiny_gguf), *SMALL, "-n", "2")) as controller:
        assert reached(pytester.path, controller)
        host, below = int(log.read_text().split()[0]), descendants(controller.pid)
        os.kill(host, signal.SIGKILL)
        (pytester.path / "go").touch()
        controller.wait(120)

    verdicts = list(found(pytester.path).values())
    assert len(verdicts) == len(suite.tasks)
    assert verdicts.count("INVALID") <= 2
    assert "finished" in latest(pytester.path).status
    assert host in {pid for pid, _ in below}
    assert not alive(below)


def test_a_killed_worker_leaves_an_invalid_attempt_and_no_process(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite
) -> None:
    pytester.makeconftest(
        SLOW.replace('pathlib.Path("reached").touch()', "pathlib.Path('reached').write_text(str(os.getpid()))").replace(
            "import pathlib", "import os, pathlib"
        )
    )
    with session(pytester.path, arguments(replay(), "-n", "2")) as controller:
        assert reached(pytester.path, controller)
        assert wait_until(lambda: (pytester.path / "reached").read_text() != "")
        worker = int((pytester.path / "reached").read_text())
        below = descendants(worker)
        assert below
        os.kill(worker, signal.SIGKILL)
        assert controller.wait(120) == 1
        assert wait_until(lambda: not alive(below)), alive(below)

    verdicts = found(pytester.path)
    assert verdicts.pop("shop.prices.discount") == "INVALID"
    assert set(verdicts.values()) == {"PASS"}
    assert len(verdicts) == len(suite.tasks) - 1


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_timeout_of_pytest_timeout_is_no_verdict(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite, workers: str
) -> None:
    pytester.makeconftest(SLOW)

    result = pytester.runpytest_subprocess(*arguments(replay(), "--timeout=10", "-n", workers))

    result.assert_outcomes(passed=len(suite.tasks) - 1, errors=1)
    result.stdout.fnmatch_lines(["no verdict on shop.prices.discount", "the test was broken off: Timeout*10.0*"])
    assert found(pytester.path)["shop.prices.discount"] == "INVALID"
    assert latest(pytester.path).status.value == "finished"


def test_a_timeout_that_ends_the_process_leaves_the_rest_to_the_next_run(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite
) -> None:
    pytester.makeconftest(WAITING)
    options = arguments(replay(), "--timeout=5", "--timeout-method=thread")
    with session(pytester.path, options) as controller:
        assert reached(pytester.path, controller)
        below = descendants(controller.pid)
        assert controller.wait(60) == 1
        assert wait_until(lambda: not alive(below)), alive(below)
    assert latest(pytester.path).status.value == "running"

    (pytester.path / "go").touch()
    pytester.runpytest_subprocess(*arguments(replay(), "--cereval-resume")).assert_outcomes(passed=len(suite.tasks))


@pytest.mark.parametrize(("more", "at_most"), [(["-x"], 3), (["--maxfail=2"], 4), (["-x", "-n", "2"], None)])
def test_a_run_that_stops_at_a_failure_is_interrupted_and_keeps_what_it_has(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite, more: list[str], at_most: int | None
) -> None:
    names = [task.name for task in suite.tasks]
    model = replay(dict.fromkeys((names[1], names[2]), "I do not know."))

    result = pytester.runpytest_subprocess(*arguments(model, *more))

    assert result.ret in (1, 2)
    assert latest(pytester.path).status.value == "interrupted"
    verdicts = found(pytester.path)
    assert verdicts[names[1]] == "NO_ANSWER" or more == ["-x", "-n", "2"]
    assert at_most is None or len(verdicts) < at_most
    assert "INVALID" not in verdicts.values()


@pytest.mark.parametrize("workers", ["0", "2"])
def test_only_what_failed_is_asked_again_with_lf(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, workers: str
) -> None:
    pytester.runpytest_subprocess(*arguments(replay({"shop.prices.words": WRONG}), "-n", workers))

    again = pytester.runpytest_subprocess(*arguments(replay(), "--lf", "-n", workers, "--cereval-gate=0.5"))

    again.assert_outcomes(passed=1)
    assert found(pytester.path) == {"shop.prices.words": "PASS"}
    again.stdout.fnmatch_lines(["gate*: not evaluated, 1 of * tasks were asked"])
    with Store.open(pytester.path / STORE, must_exist=True) as store:
        assert len(store.runs()) == 2
