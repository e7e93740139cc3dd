"""An evaluation as a user runs it: items, verdicts, failure text, record, with and without other plugins."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_cereval.results.store import Store
from pytest_cereval.tasks.suite import Suite

Arguments = Callable[..., list[str]]
Replay = Callable[..., str]
WRONG = "```python\ndef words(text):\n    return {word: 1 for word in text.split()}\n```"
STORE = ".cereval/cereval.sqlite"


def verdicts(pytester: pytest.Pytester) -> dict[str, str]:
    """The latest run's verdicts by task."""
    with Store.open(pytester.path / STORE, must_exist=True) as store:
        run_id = store.latest_run_id()
        assert run_id is not None
        return {attempt.task_name: attempt.verdict.value for attempt in store.attempts(run_id)}


def test_the_suite_accounts_for_every_function(suite: Suite) -> None:
    tasks = {task.name for task in suite.tasks}
    ledger = {entry.function: entry.reason.value for entry in suite.ledger if entry.function}

    assert {
        "shop.prices.discount",
        "shop.prices.words",
        "shop.prices.Cart.add",
        "shop.prices.Cart.size",
    } <= tasks
    assert len(tasks) + len(ledger) == suite.functions
    assert ledger["shop.prices.stamp"] == "reference differs between replays"
    assert ledger["shop.prices.never_called"] == "never called by the repository's tests"
    assert ledger["shop.prices.Cart.label.<locals>.shout"] == "nested in another function"
    (unparsable,) = [entry for entry in suite.ledger if not entry.function]
    assert (unparsable.path, unparsable.reason.value, unparsable.line) == (
        "shop/broken.py",
        "unparsable file",
        1,
    )


def test_right_answers_pass(pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite) -> None:
    result = pytester.runpytest_subprocess(*arguments(replay()))

    result.assert_outcomes(passed=len(suite.tasks))
    assert result.ret == 0
    assert set(verdicts(pytester).values()) == {"PASS"}


def test_a_wrong_answer_fails_and_says_how(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite
) -> None:
    result = pytester.runpytest_subprocess(*arguments(replay({"shop.prices.words": WRONG})))

    result.assert_outcomes(passed=len(suite.tasks) - 1, failed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "*words(text='a A')*",
            "*expected*{'a': 2}*",
            "*observed*{'a': 1, 'A': 1}*",
            "*Write `words`*",
            "*return {word: 1*",
        ]
    )
    assert verdicts(pytester)["shop.prices.words"] == "FAIL_WRONG"


def test_an_answer_without_code_is_no_answer(pytester: pytest.Pytester, arguments: Arguments, replay: Replay) -> None:
    result = pytester.runpytest_subprocess(*arguments(replay({"shop.prices.words": "I cannot help with that."})))

    assert result.ret == 1
    assert verdicts(pytester)["shop.prices.words"] == "NO_ANSWER"


def test_a_missing_answer_is_an_error_and_not_a_failure(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite, tmp_path: Path
) -> None:
    model = replay()
    file = tmp_path / "answers.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[1:]))

    result = pytester.runpytest_subprocess(*arguments(model))

    result.assert_outcomes(passed=len(suite.tasks) - 1, errors=1)
    result.stdout.fnmatch_lines(["*no verdict on *"])
    assert sorted(verdicts(pytester).values()).count("INVALID") == 1


@pytest.mark.parametrize("more", [["-n", "2"], ["-p", "no:xdist"], ["-p", "no:html"], ["-p", "no:cacheprovider"]])
def test_the_verdicts_do_not_depend_on_other_plugins(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite, more: list[str]
) -> None:
    result = pytester.runpytest_subprocess(*arguments(replay({"shop.prices.words": WRONG}), *more))

    result.assert_outcomes(passed=len(suite.tasks) - 1, failed=1)
    found = verdicts(pytester)
    assert found.pop("shop.prices.words") == "FAIL_WRONG"
    assert set(found.values()) == {"PASS"}


def test_listing_loads_no_model_and_prints_ids_that_can_be_pasted(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite
) -> None:
    listing = pytester.runpytest_subprocess("--co", "-q", *arguments("no-such-model.gguf"))
    ids = [line for line in listing.outlines if "::" in line]

    assert len(ids) == len(suite.tasks)
    (chosen,) = [line for line in ids if line.endswith("::shop.prices.discount")]
    pasted = pytester.runpytest_subprocess(chosen, *arguments(replay()))
    pasted.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (["-k", "discount"], 1),
        (["-m", "inferred"], 2),
        (["-m", "code_generation"], None),
        (["-m", "security_audit"], 0),
    ],
)
def test_items_are_selected_like_any_other(
    pytester: pytest.Pytester, arguments: Arguments, suite: Suite, selection: list[str], expected: int | None
) -> None:
    result = pytester.runpytest_subprocess("--co", "-q", "--strict-markers", *selection, *arguments("none.gguf"))

    found = [line for line in result.outlines if "::" in line]
    by_mark = len(suite.tasks) if expected is None else expected
    if selection == ["-m", "inferred"]:
        by_mark = sum(task.requirement.value == "inferred" for task in suite.tasks)
    assert len(found) == by_mark


def test_own_tests_of_the_user_run_beside_tasks_when_they_are_named(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite
) -> None:
    pytester.makepyfile(test_mine="def test_mine(): pass")

    alone = pytester.runpytest_subprocess(*arguments(replay()))
    beside = pytester.runpytest_subprocess("test_mine.py", *arguments(replay()))

    alone.assert_outcomes(passed=len(suite.tasks))
    beside.assert_outcomes(passed=len(suite.tasks) + 1)


def test_the_record_holds_what_is_needed_to_defend_a_number(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite
) -> None:
    pytester.runpytest_subprocess(*arguments(replay({"shop.prices.words": WRONG})))

    with Store.open(pytester.path / STORE, must_exist=True) as store:
        run_id = store.latest_run_id()
        assert run_id is not None
        provenance = store.run(run_id).provenance
        attempts = {attempt.task_name: attempt for attempt in store.attempts(run_id)}
    assert provenance["repository"]["commit"] == suite.revision.commit
    assert provenance["repository"]["tree_hash"] == suite.revision.tree_hash
    assert len(provenance["model"]["sha256"]) == 64
    assert provenance["sandbox"]["level"] == "ns"
    assert provenance["options"]["temperature"] == "0.0"
    wrong = attempts["shop.prices.words"]
    assert wrong.completion is not None
    assert wrong.completion["text"] == WRONG
    assert wrong.evidence["differing"] > 0
    assert wrong.evidence["smallest"]["call"].startswith("words(")
    assert "words" in wrong.prompt_user


def test_nothing_happens_until_asked(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_imports():
            heavy = {"llama_cpp", "hypothesis", "git", "sqlite3", "jinja2", "numpy", "pytest_cereval.session"}
            assert not heavy & set(sys.modules)
        """
    )

    result = pytester.runpytest_subprocess(
        "-p", "no:hypothesispytest", "-p", "no:html", "-p", "no:metadata", "-p", "no:xdist"
    )

    result.assert_outcomes(passed=1)
    assert not (pytester.path / ".cereval").exists()


@pytest.mark.parametrize(
    ("gate", "model", "code", "sentence"),
    [
        ("1.0", {}, 0, "PASS"),
        ("0.5", {"shop.prices.words": WRONG}, 0, "PASS"),
        ("1.0", {"shop.prices.words": WRONG}, 10, "FAIL"),
    ],
)
def test_a_gate_decides_the_exit_code(
    pytester: pytest.Pytester,
    arguments: Arguments,
    replay: Replay,
    gate: str,
    model: dict[str, str],
    code: int,
    sentence: str,
) -> None:
    result = pytester.runpytest_subprocess(*arguments(replay(model), f"--cereval-gate={gate}"))

    assert result.ret == code
    result.stdout.fnmatch_lines([f"*gate {sentence}: *"])


def test_a_gate_on_a_part_of_the_tasks_is_not_evaluated(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay
) -> None:
    result = pytester.runpytest_subprocess("-k", "discount", *arguments(replay(), "--cereval-gate=0.1"))

    assert result.ret == 11
    result.stdout.fnmatch_lines(["*gate: not evaluated, 1 of * tasks were asked*"])


def test_settings_may_stand_in_the_ini_file(
    pytester: pytest.Pytester, tiny_repository: Path, cache_folder: Path, replay: Replay, suite: Suite
) -> None:
    pytester.makeini(
        f"[pytest]\ncereval_repo = {tiny_repository}\ncereval_cache = {cache_folder}\ncereval_model = {replay()}\n"
        "cereval_categories = code_generation\n"
    )

    pytester.runpytest_subprocess().assert_outcomes(passed=len(suite.tasks))


def test_a_limit_asks_the_same_tasks_every_time(pytester: pytest.Pytester, arguments: Arguments) -> None:
    first = pytester.runpytest_subprocess("--co", "-q", *arguments("none.gguf", "--cereval-limit=2"))
    second = pytester.runpytest_subprocess("--co", "-q", *arguments("none.gguf", "--cereval-limit=2"))

    ids = [line for line in first.outlines if "::" in line]
    assert len(ids) == 2
    assert ids == [line for line in second.outlines if "::" in line]


def test_the_store_is_plain_sqlite(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite
) -> None:
    pytester.runpytest_subprocess(*arguments(replay()))

    with sqlite3.connect(pytester.path / STORE) as connection:
        (count,) = connection.execute("SELECT count(*) FROM attempts").fetchone()
    assert count == len(suite.tasks)
    manifest = json.loads(next((pytester.path / ".cereval").glob("*.cereval.json")).read_text())
    assert len(manifest["tasks"]) == len(suite.tasks)
