"""It is known which functions ran, in forks as well, whatever became of them; and nothing else changes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = '''
def made(function):
    function.made = True
    return function


@made
def first(value):
    """First."""
    return second(value) + 1


def second(value):
    return value * 2


class Thing:
    def method(self): return [item for item in self.items()]

    def items(self):
        """Only this."""

    async def later(self):
        return 1


def failing():
    raise ValueError("here")


ON_IMPORT = second(1)
'''
PLACES = {"made": 2, "first": 8, "second": 13, "method": 18, "items": 20, "later": 23, "failing": 27}
PROGRAM = """
import importlib.machinery, json, os, signal, sys, traceback, types
from pytest_cereval.inside.ran import NAME, Ran, files_below

sys.path[:0] = [sys.argv[1]]
places = json.loads(sys.argv[2])
names = list(places)
names += files_below(sys.argv[1])
ran = Ran([[os.path.join(sys.argv[1], "watched.py"), line] for line in places.values()], sys.argv[1])
ran.watch()
import watched, unwatched

def news():
    return [names[number] for number in ran.news()]

def forked(work):
    child = os.fork()
    if not child:
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return news() if status in (0, signal.SIGKILL) else status

told = {"import": news(), "nothing": news()}
ran.clear()
told["fork"] = forked(lambda: watched.first(1))
told["known"] = forked(lambda: watched.second(1))
ran.clear()
told["killed"] = forked(lambda: (watched.second(1), os.kill(os.getpid(), signal.SIGKILL)))
ran.clear()
told["never awaited"] = forked(lambda: watched.Thing().later().close())
ran.clear()
class Other(importlib.machinery.SourceFileLoader):
    def source_to_code(self, data, path, *, _optimize=-1):
        return super().source_to_code(data.replace(b"* 2", b"* 3"), path)
def changed():
    loader = Other("changed", os.path.join(sys.argv[1], "watched.py"))
    made = types.ModuleType("changed")
    exec(loader.get_code("changed"), vars(made))
    os._exit(made.second(1) != 3)
told["changed"] = forked(changed)
ran.clear()
os.chdir(sys.argv[1])
told["read"] = forked(lambda: (open("rates.txt"), open("data/../watched.py"), open(os.devnull)))
told["docstrings"] = [watched.first.__doc__, watched.Thing.items.__doc__, watched.Thing().items()]
told["value"] = watched.first(20)
told["line"] = watched.first.__code__.co_firstlineno
try:
    watched.failing()
except ValueError as error:
    told["raised at"] = traceback.extract_tb(error.__traceback__)[-1].lineno
told["names"] = sorted(name for name in vars(watched) if not name.startswith("__"))
told["unwatched"] = NAME in unwatched.free.__code__.co_names
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("ran")
    (folder / "watched.py").write_text(MODULE)
    (folder / "data").mkdir()
    for name in ("rates.txt", "notes.txt", "data/other.txt"):
        (folder / name).touch()
    (folder / "unwatched.py").write_text("def free():\n    return 1\n")
    command = [sys.executable, "-B", "-c", PROGRAM, str(folder), json.dumps(PLACES)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_what_runs_on_import_is_noted_once(told: dict[str, object]) -> None:
    assert told["import"] == ["made", "second"]
    assert told["nothing"] == []


def test_what_a_fork_ran_is_noted_even_if_it_was_killed(told: dict[str, object]) -> None:
    assert told["fork"] == ["first", "second"]
    assert told["known"] == []
    assert told["killed"] == ["second"]


def test_which_files_a_fork_read_is_noted_and_not_what_was_imported(told: dict[str, object]) -> None:
    assert told["read"] == ["rates.txt", "watched.py"]


def test_of_code_that_a_loader_changes_all_counts_as_run(told: dict[str, object]) -> None:
    assert told["changed"] == list(PLACES)


def test_code_that_was_only_made_ready_has_not_run(told: dict[str, object]) -> None:
    assert told["never awaited"] == []


def test_nothing_else_changes(told: dict[str, object]) -> None:
    assert told["docstrings"] == ["First.", "Only this.", None]
    assert told["value"] == 41
    assert told["line"] == 7
    assert told["raised at"] == 28
    assert told["names"] == ["ON_IMPORT", "Thing", "failing", "first", "made", "second"]
    assert told["unwatched"] is False
