"""What an earlier commit's build found is taken over where nothing it depends on changed, and only there."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import cloudpickle
import pytest

from pytest_cereval.assembly import BuildSettings
from pytest_cereval.build import Built, build_suite
from pytest_cereval.errors import StoreError
from pytest_cereval.sandbox.bubblewrap import Bubblewrap
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.source.ledger import LedgerEntry, Reason
from pytest_cereval.source.pickled import held_in
from pytest_cereval.source.recording import RecordingBounds, record_calls
from pytest_cereval.source.repository import checkout, resolve
from pytest_cereval.source.scan import scan
from pytest_cereval.tasks.kept import Kept, KeptResults
from pytest_cereval.tasks.reuse import data_digest, moved_to, reused_text
from pytest_cereval.tasks.task import Category

REPOSITORY = Path(__file__).parents[1] / "repos" / "ledgers"
TESTED = REPOSITORY.parent / "tested"
WHO = {f"GIT_{role}_{key}": "known@example.org" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}


CHEAP = (Category.CODE_GENERATION, Category.CODE_UNDERSTANDING)


def git(folder: Path, *command: str) -> str:
    done = subprocess.run(
        ["git", *command], cwd=folder, check=True, capture_output=True, text=True, env=os.environ | WHO
    )
    return done.stdout.strip()


def committed(folder: Path) -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "as it is now")
    return git(folder, "rev-parse", "HEAD")


def built(top: Path, cache: str, *, categories: tuple[str, ...] = CHEAP, fresh: bool = False) -> Built:
    return build_suite(
        str(next(top.glob("*/.git")).parent),
        BuildSettings(workers=2, categories=categories),
        interpreter=inspect_interpreter(Path(sys.executable)),
        sandbox=Bubblewrap,
        cache_folder=top / cache,
        progress=lambda stage, done, total: None,
        fresh=fresh,
    )


def exported(suite: Built) -> str:
    """What `cereval tasks --json` prints."""
    return json.dumps(suite.suite.to_dict(), indent=1, sort_keys=True)


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def change(repository: Path) -> None:
    """One commit with every kind of change."""
    library, tests = repository / "ledgers", repository / "tests"
    replace(library / "words.py", '+ "~"', '+ "+"')  # a body
    replace(tests / "test_texts.py", "longer th~", "longer th+")
    replace(tests / "test_texts.py", "ab~", "ab+")
    replace(library / "money.py", "rest * 2 >= step", "rest * 2 > step")  # a helper in an imported module
    replace(tests / "test_texts.py", '"savings") == 3', '"savings", 4) == 3')  # a test
    replace(
        library / "entries.py",
        "def total",
        "def accounts(entries):\n    return [e.account for e in entries]\n\n\ndef total",
    )
    replace(
        tests / "test_entries.py",
        "def test_total",
        "def test_new():\n    assert accounts(ENTRIES[:1]) == ['giro']\n\n\ndef test_total",
    )
    replace(tests / "test_entries.py", "import Entry, grouped, total", "import Entry, accounts, total")
    for file in (library / "entries.py", tests / "test_entries.py"):  # a function that is gone, at the end of its file
        text = file.read_text()
        file.write_text(text[: text.rindex("\n\n\ndef ")] + "\n")
    replace(library / "words.py", "The initials of a name", "All initials of a name")  # a docstring
    (repository / "README.md").write_text("Something else.\n")


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one commit."""
    folder = tmp_path_factory.mktemp("reuse")
    shutil.copytree(REPOSITORY, folder / "ledgers", ignore=shutil.ignore_patterns("__pycache__"))
    git(folder / "ledgers", "init", "-q")
    committed(folder / "ledgers")
    return folder


@pytest.fixture(scope="module")
def builds(top: Path) -> tuple[str, Built, Built, Built]:
    """The first commit; the second as built with the first's cache, again, and from nothing."""
    first = git(top / "ledgers", "rev-parse", "HEAD")
    assert built(top, "cache").reused == {}
    change(top / "ledgers")
    committed(top / "ledgers")
    return first, built(top, "cache"), built(top, "cache"), built(top, "cache", fresh=True)


def test_only_what_did_not_change_is_taken_over_and_it_is_told_from_where(
    builds: tuple[str, Built, Built, Built],
) -> None:
    first, later, again, fresh = builds

    assert later.reused == {
        "ledgers.entries.Entry.__init__": first,
        "ledgers.entries.total": first,
        "ledgers.money.split": first,
    }
    assert again.cached
    assert again.reused == later.reused
    assert not fresh.cached
    assert fresh.reused == {}


def test_a_build_that_takes_over_exports_the_same_bytes_as_one_from_nothing(
    builds: tuple[str, Built, Built, Built],
) -> None:
    _, later, again, fresh = builds
    names = {task.function for task in later.suite.tasks}

    assert {"ledgers.entries.total", "ledgers.entries.accounts", "ledgers.words.shortened"} <= names
    assert "ledgers.entries.grouped" not in names
    assert exported(later) == exported(again) == exported(fresh)


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Built, Built]:
    """A commit that changes no code, in a repository whose tests judge a function, with the cache and from nothing."""
    top = tmp_path_factory.mktemp("beside")
    shutil.copytree(TESTED, top / "tested", ignore=shutil.ignore_patterns("__pycache__"))
    git(top / "tested", "init", "-q")
    (top / "tested" / "README.md").write_text("One thing.\n")
    first = committed(top / "tested")
    built(top, "cache", categories=tuple(Category))
    (top / "tested" / "README.md").write_text("Another thing.\n")
    committed(top / "tested")
    later = built(top, "cache", categories=tuple(Category))
    return first, later, built(top, "cache", categories=tuple(Category), fresh=True)


def test_a_commit_that_changes_no_code_takes_over_all(beside: tuple[str, Built, Built]) -> None:
    first, later, fresh = beside
    oracles = {task.function: task.certificate.oracle for task in later.suite.tasks}

    assert set(oracles.values()) == {"calls", "tests"}
    assert {name: later.reused.get(name) for name in oracles} == dict.fromkeys(oracles, first)
    assert {task.category for task in later.suite.tasks} == set(Category)
    assert exported(later) == exported(fresh)


def test_the_files_that_tests_open_are_known(top: Path, tmp_path: Path) -> None:
    spec = str(top / "ledgers")
    files = checkout(spec, resolve(spec), tmp_path)
    found = record_calls(
        files,
        scan(files.runtime).eligible,
        sandbox=Bubblewrap(),
        interpreter=inspect_interpreter(Path(sys.executable)),
        bounds=RecordingBounds(),
    )

    assert found.opened is not None
    assert "tests/rates.txt" in found.opened
    assert "README.md" not in found.opened
    assert type(found).from_dict(found.to_dict()).opened == found.opened


def test_a_file_counts_if_it_was_opened_or_if_that_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("one")
    (tmp_path / "notes.md").write_text("one")
    before = [data_digest(tmp_path, opened) for opened in (["data.txt"], None)]
    (tmp_path / "notes.md").write_text("two")
    after = [data_digest(tmp_path, opened) for opened in (["data.txt"], None)]
    (tmp_path / "data.txt").write_text("two")

    assert after[0] == before[0]
    assert after[1] != before[1]
    assert data_digest(tmp_path, ["data.txt"]) != before[0]
    (tmp_path / "new.txt").touch()
    assert data_digest(tmp_path, ()) != data_digest(tmp_path, ["new.txt"])


@pytest.fixture
def results(tmp_path: Path) -> KeptResults:
    found = KeptResults(tmp_path)
    found.keep("0123", Kept({"answer": 1}, "c1"), ["a.py::f~1"], "same")
    return found


def test_a_result_is_found_while_what_it_depends_on_is_the_same(results: KeptResults) -> None:
    asked = []

    def depends(ran: object) -> str:
        asked.append(ran)
        return "same"

    assert results.find("0123", depends) == Kept({"answer": 1}, "c1")
    assert asked == [["a.py::f~1"]]
    assert results.find("0123", lambda ran: "other") is None
    assert results.find("0123", lambda ran: None) is None
    assert results.find("4567", depends) is None


def test_results_for_different_reasons_stand_beside_each_other(results: KeptResults) -> None:
    results.keep("0123", Kept({"answer": 2}, "c2"), [], "other")
    results.keep("0123", Kept({"answer": 3}, "c3"), [], "other")

    assert results.find("0123", lambda ran: "same" if ran else "") == Kept({"answer": 1}, "c1")
    assert results.find("0123", lambda ran: "other") == Kept({"answer": 3}, "c3")


def test_fresh_finds_nothing_and_keeps_all(tmp_path: Path) -> None:
    fresh = KeptResults(tmp_path, fresh=True)
    fresh.keep("0123", Kept({"answer": 1}, "c1"), [], "same")

    assert fresh.find("0123", lambda ran: "same") is None
    assert KeptResults(tmp_path).find("0123", lambda ran: "same") == Kept({"answer": 1}, "c1")


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('answer\\": 1', 'answer\\": 2'),
        lambda text: text.replace("same", "more"),
        lambda text: text.replace('"0123"', '"4567"'),
        lambda text: text.replace('"format": 2', '"format": 1'),
        lambda text: "[]",
        lambda text: "",
    ],
)
def test_a_damaged_entry_is_never_used(results: KeptResults, tmp_path: Path, damage: object) -> None:
    (file,) = tmp_path.rglob("0123.json")
    before = file.read_text()
    file.write_text(damage(before))  # type: ignore[operator]
    assert file.read_text() != before

    assert results.find("0123", lambda ran: "same") is None
    assert results.find("0123", lambda ran: "more") is None


def test_an_entry_is_written_whole_or_not_at_all(results: KeptResults, tmp_path: Path) -> None:
    (file,) = tmp_path.rglob("0123.json")
    before = file.read_text()
    with pytest.raises(TypeError):
        results.keep("0123", Kept({"answer": object()}, "c2"), [], "other")
    file.parent.rename(tmp_path / "moved")
    (tmp_path / "01").write_text("no folder")
    with pytest.raises(StoreError, match="cannot write"):
        results.keep("0123", Kept({"answer": 2}, "c2"), [], "other")

    assert [path.read_text() for path in tmp_path.rglob("*.json")] == [before]


class Held:
    def __init__(self, *values: object) -> None:
        self.values = values


def test_two_recordings_of_a_call_hold_the_same(top: Path) -> None:
    def made() -> type:
        return type("Made", (), {"work": lambda self: top.name})

    one, other = (cloudpickle.dumps({"names": [made()]}) for _ in range(2))

    assert one != other
    assert held_in(one) == held_in(other)
    assert {"Made", "work", "names"} <= held_in(one).words


def test_calls_that_differ_in_anything_hold_something_else() -> None:
    calls = [pickle.dumps(each) for each in (Held(1, 2), Held(2, 1), Held("1", 2), Held(1, 2, 3), [1, 2])]

    assert len({held_in(call).content for call in calls}) == len(calls)


def test_only_names_that_are_made_by_chance_are_left_out() -> None:
    digests = ["0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcde0"]

    assert len({held_in(pickle.dumps(each)).content for each in digests}) == 2


def test_it_is_said_how_much_was_taken_over_and_from_where() -> None:
    reused = {"a.f": "0" * 40, "a.g": "1" * 40, "a.h": "1" * 40}

    assert reused_text({}) == ""
    assert reused_text({"a.f": "0" * 40}) == "of 1 function taken over from earlier commits: 1 from 0000000000"
    assert reused_text(reused).endswith(
        "of 3 functions taken over from earlier commits: 2 from 1111111111, 1 from 0000000000"
    )


def test_a_reason_that_names_lines_does_not_move() -> None:
    function = next(item for item in scan(REPOSITORY).functions if item.name == "ledgers.entries.total")
    place = (function.name, function.path, function.def_line - 3)
    plain = LedgerEntry(*place, Reason.UNSTABLE, "every call differs")
    lines = LedgerEntry(*place, Reason.WEAK_MUTANTS, "survived: line 12: `+` → `-`")

    moved = moved_to(function, plain)
    assert isinstance(moved, LedgerEntry)
    assert moved.line == function.def_line
    assert moved_to(function, lines) is None


RATES = """
from pathlib import Path

_NAMES = []


def _known(name):
    _NAMES.append(name)


def rate(name, amount):
    if name == "high":
        amount = amount + 10
    return int((Path(__file__).parent / f"{name}.txt").read_text()) * amount


def limited(amount):
    return min(amount, LIMIT)


if not _NAMES:
    LIMIT = 7
else:
    LIMIT = 9
"""
RATES_TESTS = """
from rates import limited, rate


def test_rate():
    assert [rate("low", amount) for amount in (1, 2, 5)] == [2, 4, 10]


def test_limited():
    assert [limited(amount) for amount in (1, 2, 5)] == [1, 2, 5]
"""


def test_what_only_tried_calls_reach_counts(tmp_path: Path) -> None:
    """A file that no test opens, and a statement that goes to another branch."""
    folder = tmp_path / "rates"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "rates.py").write_text(RATES)
    (folder / "test_rates.py").write_text(RATES_TESTS)
    (folder / "low.txt").write_text("2")
    (folder / "high.txt").write_text("5")
    committed(folder)
    first = built(tmp_path, "cache", categories=(Category.CODE_GENERATION,))
    (folder / "high.txt").write_text("7")
    replace(folder / "rates.py", "else:\n    LIMIT = 9", "    LIMIT = 9")
    committed(folder)
    later = built(tmp_path, "cache", categories=(Category.CODE_GENERATION,))
    fresh = built(tmp_path, "cache", categories=(Category.CODE_GENERATION,), fresh=True)

    assert {task.function for task in first.suite.tasks} == {"rates.rate", "rates.limited"}
    assert exported(later) == exported(fresh)


def test_the_same_commit_under_another_name_is_asked_about_under_that_name(tmp_path: Path) -> None:
    folder = tmp_path / "rates"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "rates.py").write_text(RATES)
    (folder / "test_rates.py").write_text(RATES_TESTS)
    (folder / "low.txt").write_text("2")
    committed(folder)
    built(tmp_path, "cache")
    folder.rename(tmp_path / "charges")
    later = built(tmp_path, "cache")

    assert later.suite.tasks
    assert all("repository `charges`" in task.prompt.user for task in later.suite.tasks)
