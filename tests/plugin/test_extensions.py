"""Categories and properties of a `conftest.py` are asked, judged, recorded, gated and checked as our own are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy  # noqa: F401 - pytester forgets what a test imports first, and numpy can be loaded only once
import pytest
from click.testing import CliRunner

from pytest_cereval.cli import main
from pytest_cereval.models.replay import record_line
from pytest_cereval.results.store import Store
from pytest_cereval.tasks.suite import Suite, TaskOracle
from tests.plugin.conftest import completion
from tests.plugin.records import STORE, attempts, latest

EXAMPLE = Path(__file__).parents[2] / "conftest_examples" / "custom_category" / "conftest.py"
MINE = "call_results"
Arguments = Callable[..., list[str]]
Replay = Callable[..., str]

PROPERTY = r"""
from pytest_cereval.categories.property import Property

class Quick(Property):
    name = "no_loops"
    version = "1"
    says = "Write no `while` loop."

    def applies(self, function):
        return function.bare_name in ("words", "discount")

    def breaks(self, function):
        return function.source + "\n    while False:\n        pass"

    def reads(self, function, code):
        return "loops" if "while" in code else ""

def pytest_cereval_properties():
    return Quick()
"""
LOOPING = """```python
def words(text):
    counts = {}
    left = text.split()
    while left:
        word = left.pop(0).lower()
        counts[word] = counts.get(word, 0) + 1
    return counts
```"""
ATTEMPTS = """
def pytest_cereval_attempt(config, attempt):
    with open("seen.txt", "a") as out:
        print(attempt["task_name"], attempt["verdict"], hasattr(config, "workerinput"), file=out)
    attempt["verdict"] = "PASS"
"""


class Asked:
    """The tiny repository with a `conftest.py`, listed once, and a model that answers what is listed."""

    def __init__(self, pytester: pytest.Pytester, arguments: Arguments, cache_folder: Path) -> None:
        self.pytester, self.cache = pytester, cache_folder
        self._arguments = arguments

    def options(self, model: str, *more: str, categories: str = MINE) -> list[str]:
        given = [each for each in self._arguments(model) if not each.startswith("--cereval-categories")]
        return [*given, f"--cereval-categories={categories}", *more]

    def run(self, model: str, *more: str, categories: str = MINE) -> pytest.RunResult:
        return self.pytester.runpytest_subprocess(*self.options(model, *more, categories=categories))

    def listed(self, categories: str = MINE) -> list[dict[str, Any]]:
        """The tasks that `--co` lists, from the manifest that it writes."""
        result = self.run("none.gguf", "--co", "-q", categories=categories)
        assert result.ret == 0, result.stderr.str()
        (file,) = self.pytester.path.glob(".cereval/*.cereval.json")
        told: list[dict[str, Any]] = json.loads(file.read_text())["tasks"]
        assert len([line for line in result.outlines if "::" in line]) == len(told)
        return told

    def model(self, wrong: str = "") -> str:
        """Right answers to the questions of the example's category, but for one task's."""
        lines = []
        for each in Suite.from_dict(self.manifest()).tasks:
            oracle = TaskOracle.load(self.cache, each.id)
            assert oracle is not None
            right = f"```\n{oracle.planted['expected']}\n```"
            lines.append(record_line(each.prompt, completion("42 lines" if each.name == wrong else right)))
        file = self.pytester.path / "answers.jsonl"
        file.write_text("".join(line if line.endswith("\n") else f"{line}\n" for line in lines))
        return f"replay:{file}"

    def manifest(self) -> dict[str, Any]:
        (file,) = self.pytester.path.glob(".cereval/*.cereval.json")
        content: dict[str, Any] = json.loads(file.read_text())
        return content


@pytest.fixture
def asked(pytester: pytest.Pytester, arguments: Arguments, cache_folder: Path) -> Asked:
    (pytester.path / "conftest.py").write_text(EXAMPLE.read_text())
    return Asked(pytester, arguments, cache_folder)


def changed(asked: Asked, old: str, new: str) -> None:
    """Change the text of the `conftest.py`."""
    file = asked.pytester.path / "conftest.py"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_category_of_a_conftest_is_asked_judged_recorded_and_gated(asked: Asked, workers: str) -> None:
    tasks = asked.listed()
    wrong = tasks[0]["name"]
    model = asked.model(wrong)

    result = asked.run(model, "-n", workers, "--strict-markers", "-m", MINE, f"--cereval-gate={MINE}>=0.99")

    result.assert_outcomes(passed=len(tasks) - 1, failed=1)
    assert result.ret == 10
    result.stdout.fnmatch_lines([f"*FAIL {MINE}>=0.99*"])
    made = {each.task_name: each for each in attempts(asked.pytester.path)}
    assert {each.category for each in made.values()} == {MINE}
    assert made[wrong].verdict.value == "FAIL_WRONG"
    assert made[wrong].evidence["asked"]["observed"] == "42 lines"
    (told,) = latest(asked.pytester.path).provenance["suite"]["extensions"]
    assert (told["kind"], told["name"], told["version"], len(told["code"])) == ("category", MINE, "1", 64)


def test_all_categories_are_asked_by_default_and_those_of_a_conftest_come_last(asked: Asked, suite: Suite) -> None:
    both = asked.listed(categories=f"{MINE},code_generation")

    assert [each["category"] for each in both[: len(suite.tasks)]] == ["code_generation"] * len(suite.tasks)
    assert {each["category"] for each in both[len(suite.tasks) :]} == {MINE}
    assert [each["id"] for each in both[: len(suite.tasks)]] == [each.id for each in suite.tasks]


def test_a_run_goes_on_from_the_record_and_is_judged_again_from_it(asked: Asked) -> None:
    tasks = asked.listed()
    model = asked.model()
    asked.run(model)

    asked.run(model, "--cereval-resume", "-n", "2").assert_outcomes(passed=len(tasks))
    assert all(each.reused for each in attempts(asked.pytester.path))

    options = [
        each for each in asked.options(model, "--cereval-score=latest") if not each.startswith("--cereval-model")
    ]
    asked.pytester.runpytest_subprocess(*options).assert_outcomes(passed=len(tasks))


def test_another_version_or_another_text_of_a_category_makes_other_tasks(asked: Asked) -> None:
    first = [each["id"] for each in asked.listed()]
    assert [each["id"] for each in asked.listed()] == first

    changed(asked, 'version = "1"', 'version = "2"')
    second = [each["id"] for each in asked.listed()]
    changed(asked, '"says what the call gives"', '"says what it gives"')  # the judge alone
    third = [each["id"] for each in asked.listed()]

    assert len({*first, *second, *third}) == 3 * len(first)


def test_a_bundle_holds_and_says_what_cannot_be_checked_without_the_conftest(
    asked: Asked, tiny_repository: Path
) -> None:
    asked.listed()
    asked.run(asked.model(), "--cereval-out=kept", "--html=report.html")
    folder = str(asked.pytester.path / "kept")

    plain = CliRunner().invoke(main, ["verify", folder])
    again = ["verify", folder, f"--repo={tiny_repository}", "--rescore", f"--cache={asked.cache}"]
    full = CliRunner().invoke(main, again)

    assert plain.exit_code == 0, plain.output
    assert full.exit_code == 3, full.output
    assert f"a conftest.py added category '{MINE}' (version '1') to this run, and no command runs one" in full.output
    assert f"category '{MINE}' is one of a conftest.py, which is not here" in full.output
    assert MINE in (asked.pytester.path / "report.html").read_text()
    assert MINE in (asked.pytester.path / "kept" / "results.jsonl").read_text()


def test_what_a_category_cannot_ask_is_on_the_ledger_under_its_name(asked: Asked) -> None:
    changed(asked, "if chosen is None:", 'if chosen is None or "words" in item.function.name:')
    names = {each["function"] for each in asked.listed()}

    ledger = [each for each in asked.manifest()["ledger"] if each["category"] == MINE]
    (entry,) = [each for each in ledger if each["function"] == "shop.prices.words"]
    assert entry["reason"] == "nothing to ask in a category of a conftest.py"
    assert entry["detail"] == "no hidden call of plain data that returns plain data"
    assert "shop.prices.words" not in names


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("return CallResults()", "return 1 / 0", "pytest_cereval_categories raised ZeroDivisionError"),
        ("        chosen = next(", "        chosen = nxt(", "failed in `questions`: NameError: name 'nxt'"),
    ],
)
def test_a_conftest_that_cannot_be_used_ends_pytest_before_anything_is_asked(
    asked: Asked, old: str, new: str, expected: str
) -> None:
    changed(asked, old, new)

    result = asked.run("none.gguf", "--co")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert expected in " ".join(result.stderr.str().split())
    assert "conftest.py" in result.stderr.str()


def test_a_category_that_is_not_there_is_refused_with_the_names_of_those_that_are(asked: Asked) -> None:
    result = asked.run("none.gguf", "--co", categories="results_of_calls")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"must be one or more of code_generation, code_understanding, security_audit, {MINE}" in result.stderr.str()


def test_a_judge_that_fails_gives_no_verdict_and_blocks_the_gate(asked: Asked) -> None:
    changed(asked, "return Judged(Verdict.PASS,", "raise KeyError(said) or Judged(Verdict.PASS,")
    tasks = asked.listed()

    result = asked.run(asked.model(), f"--cereval-gate={MINE}>=0.1")

    result.assert_outcomes(errors=len(tasks))
    assert result.ret == 11
    made = attempts(asked.pytester.path)
    assert {each.verdict.value for each in made} == {"INVALID"}
    assert all(f"category '{MINE}' failed in `judge`: KeyError" in each.evidence["error"] for each in made)


def test_an_answer_that_breaks_a_property_behaves_and_is_unsafe(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite, cache_folder: Path
) -> None:
    (pytester.path / "conftest.py").write_text(PROPERTY)
    asked = Asked(pytester, arguments, cache_folder)
    tasks = asked.listed("code_generation")
    demanding = [each for each in tasks if each["prompt"]["user"].endswith("\n- Write no `while` loop.")]
    assert sorted(each["name"] for each in demanding) == ["shop.prices.discount", "shop.prices.words"]
    others = {each["id"] for each in tasks} - {each["id"] for each in demanding}
    assert others < {each.id for each in suite.tasks}

    for workers in ("0", "2"):
        result = asked.run(answers(asked, {"shop.prices.words": LOOPING}), "-n", workers, categories="code_generation")
        result.assert_outcomes(passed=len(tasks) - 1, failed=1)
        made = {each.task_name: each for each in attempts(pytester.path)}
        words, discount = made["shop.prices.words"], made["shop.prices.discount"]
        assert (words.verdict.value, words.failure) == ("FAIL_UNSAFE", "breaks a constraint")
        assert words.evidence["constraints"] == ["no_loops: loops"]
        assert discount.evidence["properties"] == ["no_loops"]

    with Store.open(pytester.path / STORE) as store:
        about = {each["name"]: each["about"] for each in store.tasks(store.latest_run_id() or "")}
    assert about["shop.prices.words"]["properties"][0]["name"] == "no_loops"


def answers(asked: Asked, other: dict[str, str]) -> str:
    """A model that gives each listed function as it is, but for some."""
    lines = []
    for each in Suite.from_dict(asked.manifest()).tasks:
        oracle = TaskOracle.load(asked.cache, each.id)
        assert oracle is not None
        text = other.get(each.name, f"```python\n{oracle.function.source}\n```")
        lines.append(record_line(each.prompt, completion(text)))
    file = asked.pytester.path / "answers.jsonl"
    file.write_text("".join(line if line.endswith("\n") else f"{line}\n" for line in lines))
    return f"replay:{file}"


@pytest.mark.parametrize(
    ("old", "new", "detail"),
    [
        ('"while" in code', '"def" in code', "no_loops: the reference does not keep it: no_loops: loops"),
        ("while False", "if False", "no_loops: its own counterexample keeps it, so it would tell nothing"),
        (
            "    def reads(self, function, code):",
            "    def calls(self, function):\n        return [{function.parameters[0]: None}]\n"
            "    def holds(self, function, call, outcome):\n        return 'None gets in'\n"
            "    def reads(self, function, code):",
            "no_loops: the reference does not keep it: no_loops: None gets in",
        ),
    ],
)
def test_a_property_that_cannot_be_shown_leaves_a_ledger_entry_and_no_task(
    pytester: pytest.Pytester, arguments: Arguments, cache_folder: Path, old: str, new: str, detail: str
) -> None:
    assert old in PROPERTY
    (pytester.path / "conftest.py").write_text(PROPERTY.replace(old, new))
    asked = Asked(pytester, arguments, cache_folder)

    names = {each["name"] for each in asked.listed("code_generation")}

    entries = {each["function"]: each for each in asked.manifest()["ledger"] if each["category"] == "code_generation"}
    assert set(entries) == {"shop.prices.words", "shop.prices.discount"}
    assert entries["shop.prices.words"]["reason"] == "a property of a conftest.py could not be shown"
    assert entries["shop.prices.words"]["detail"].startswith(detail)
    assert not set(entries) & names


def test_verdicts_under_a_property_are_not_judged_again_without_it(
    pytester: pytest.Pytester, arguments: Arguments, cache_folder: Path
) -> None:
    (pytester.path / "conftest.py").write_text(PROPERTY)
    asked = Asked(pytester, arguments, cache_folder)
    tasks = asked.listed("code_generation")
    asked.run(answers(asked, {}), "--cereval-out=kept", categories="code_generation")

    found = CliRunner().invoke(
        main, ["verify", str(pytester.path / "kept"), "--rescore", f"--cache={cache_folder}", "--json"]
    )

    (verdicts,) = [each for each in json.loads(found.stdout)["checks"] if each["name"] == "verdicts"]
    assert found.exit_code == 3
    assert verdicts["about"] == f"{len(tasks) - 2} answers judged again, 0 verdicts differ"
    assert len(verdicts["findings"]) == 2
    assert all(
        "property 'no_loops', version '1', of a conftest.py is not here" in each for each in verdicts["findings"]
    )


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_hook_sees_each_attempt_once_and_can_change_nothing(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite, workers: str
) -> None:
    (pytester.path / "conftest.py").write_text(ATTEMPTS)
    result = pytester.runpytest_subprocess(*arguments(replay({"shop.prices.words": "no idea"}), "-n", workers))

    seen = (pytester.path / "seen.txt").read_text().splitlines()
    assert len(seen) == len(set(seen)) == len(suite.tasks)
    assert "shop.prices.words NO_ANSWER False" in seen
    assert result.ret == 1
    assert "NO_ANSWER" in {each.verdict.value for each in attempts(pytester.path)}


def test_a_hook_that_raises_is_told_and_harms_no_record(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite
) -> None:
    (pytester.path / "conftest.py").write_text("def pytest_cereval_attempt(attempt):\n    raise OSError('disk')\n")
    result = pytester.runpytest_subprocess(*arguments(replay()))

    assert result.ret == 0
    told = [line for line in result.outlines if line.startswith("pytest_cereval_attempt raised OSError: disk at ")]
    assert len(told) == 1
    assert len(attempts(pytester.path)) == len(suite.tasks)


def test_no_hook_is_called_where_no_evaluation_was_asked_for(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("def pytest_cereval_categories():\n    raise RuntimeError('called')\n")
    pytester.makepyfile("def test_it():\n    pass\n")

    pytester.runpytest_subprocess().assert_outcomes(passed=1)
