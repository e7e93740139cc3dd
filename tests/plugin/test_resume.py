"""A run that is killed at any point goes on and ends with the record of one that was not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_cereval.results.run import RunStatus
from pytest_cereval.results.store import Store
from tests.plugin.records import STORE, attempts, record
from tests.plugin.test_evaluation import WRONG

Arguments = Callable[..., list[str]]
Replay = Callable[..., str]
# Counts what a run does to its record and to answers, and kills the process at the event that the environment names.
KILLER = """
    import contextlib, os, signal, threading
    from pytest_cereval import session
    from pytest_cereval.models.replay import ReplayModel
    from pytest_cereval.results import store

    lock, seen = threading.Lock(), 0

    def event():
        global seen
        with lock:
            seen += 1
            if seen == int(os.environ["KILL_AT"]):
                os.kill(os.getpid(), signal.SIGKILL)

    def around(function):
        def wrapped(*arguments, **more):
            event()
            made = function(*arguments, **more)
            event()
            return made
        return wrapped

    real = store.transaction

    @contextlib.contextmanager
    def transaction(connection):
        event()
        with real(connection):
            yield
            event()
        event()

    store.transaction = transaction
    ReplayModel.complete = around(ReplayModel.complete)
    session.evaluate = around(session.evaluate)
"""


def test_a_run_killed_at_many_points_ends_with_the_record_of_one_that_was_not(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = replay({"shop.prices.words": WRONG})
    whole = pytester.runpytest_subprocess(*arguments(model))
    expected = record(pytester.path)
    (pytester.path / STORE).unlink()
    pytester.makeconftest(KILLER)
    killed = 0
    # The steps have no factor in common with what happens per task, so that each kind of point has its turn.
    for at in range(1, 200, 7):
        monkeypatch.setenv("KILL_AT", str(at))
        result = pytester.runpytest_subprocess(*arguments(model, "--cereval-resume"))
        if result.ret != -9:
            break
        killed += 1
    else:
        pytest.fail("no run came to its end")

    assert killed >= 6
    assert result.ret == whole.ret == 1
    assert record(pytester.path) == expected
    assert sum(each.reused for each in attempts(pytester.path)) >= 4
    with Store.open(pytester.path / STORE, must_exist=True) as store:
        endings = [run.status for run in store.runs()]
    # The first kill comes before a run is begun; one that comes after its end leaves it finished.
    assert endings[-1] is RunStatus.finished
    assert endings.count(RunStatus.running) >= killed - 2


def test_only_what_is_missing_is_asked_again_of_several_samples(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = arguments(replay(), "--cereval-samples=3", "--cereval-temperature=1", "--cereval-resume")
    pytester.makeconftest(KILLER)
    # begin, tasks, known: nine events; each answer five. So the second task's first answer is there, not its second.
    monkeypatch.setenv("KILL_AT", "31")
    assert pytester.runpytest_subprocess(*options, "--cereval-generate-only").ret == -9
    with Store.open(pytester.path / STORE, must_exist=True) as store:
        kept = len(store.completions(store.latest_run_id() or ""))

    monkeypatch.setenv("KILL_AT", "100000")
    assert pytester.runpytest_subprocess(*options).ret == 0

    assert 3 < kept < len(attempts(pytester.path))
    assert sum(each.reused for each in attempts(pytester.path)) == kept
