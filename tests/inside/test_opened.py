"""It is known which files a run of tests opened, or that this cannot be known."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import json, os, sqlite3, sys
from pytest_cereval.inside.opened import Opened

os.chdir(sys.argv[1])
opened = Opened(sys.argv[1])
opened.watch()
exec(sys.argv[2])
print(json.dumps(opened.known()))
"""


def known(folder: Path, code: str) -> list[str] | None:
    command = [sys.executable, "-B", "-c", PROGRAM, str(folder), code]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    found: list[str] | None = json.loads(done.stdout)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    for name in ("data/one.txt", "two.json", "own.py"):
        (tmp_path / name).touch()
    return tmp_path


def test_files_are_noted_by_their_place_below_the_folder(folder: Path) -> None:
    code = f"open('data/one.txt'); open(os.path.join({str(folder)!r}, 'data', '..', 'two.json')); open('/dev/null')"

    assert known(folder, code) == ["data/one.txt", "two.json"]


def test_databases_are_files_and_code_is_one_unless_it_is_imported_or_shown(folder: Path) -> None:
    assert known(folder, "sqlite3.connect('two.json')") == ["two.json"]
    assert known(folder, "from pathlib import Path; Path('own.py').read_text()") == ["own.py"]
    shown = "import linecache; linecache.getlines('own.py')"
    assert known(folder, f"sys.path.insert(0, sys.argv[1]); import own; {shown}") == []


def test_what_fails_to_open_was_asked_for_all_the_same(folder: Path) -> None:
    code = "try: open('gone.txt')\nexcept OSError: pass"

    assert known(folder, code) == ["gone.txt"]


@pytest.mark.parametrize(
    "code",
    [
        "import subprocess; subprocess.run(['true'])",
        "os.system('true')",
        "os.fork() or os._exit(0)",
        "import multiprocessing.popen_spawn_posix",
        "import types; made = sys.modules['fast'] = types.ModuleType('fast'); made.__file__ = '/x/fast.abi3.so'",
    ],
)
def test_other_programs_and_compiled_code_may_open_any(folder: Path, code: str) -> None:
    assert known(folder, code) is None


def test_asking_for_the_platform_opens_none(folder: Path) -> None:
    assert known(folder, "import platform; platform.processor()") == []
