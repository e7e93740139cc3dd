"""What linters say of a candidate: only of its definition, only what is new, and never more than a record."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path, PurePosixPath

import pytest

from pytest_cereval.oracles import linting
from pytest_cereval.oracles.candidate import Candidate, extract
from pytest_cereval.oracles.linting import LEVELS, MAX_REMARKS, Linter, Remark
from pytest_cereval.source.functions import SourceFunction, extract_functions

ORIGINAL = """\
import os
import unused_before


class Box:
    def size(self):
        return len(missing)

    def fill(self, count):
        assert count
        return os.linesep * count


def last():
    return Box().nothing
"""
PATH = "pkg/box.py"


@pytest.fixture
def functions(tmp_path: Path) -> dict[str, SourceFunction]:
    (tmp_path / "pkg").mkdir()
    (tmp_path / PATH).write_text(ORIGINAL)
    return {function.bare_name: function for function in extract_functions(tmp_path, PurePosixPath(PATH))}


def candidate(function: SourceFunction, answer: str) -> Candidate:
    found = extract(answer, function, ORIGINAL)
    assert isinstance(found, Candidate)
    return found


def said(linter: Linter, found: Candidate) -> list[tuple[str, str, int]]:
    return [(remark.tool, remark.code, remark.line) for remark in linter.remarks(found, PATH, ORIGINAL)]


def test_only_what_is_new_in_the_definition_is_kept(functions: dict[str, SourceFunction], tmp_path: Path) -> None:
    linter = Linter("ruff", "3.11.4", tmp_path)
    answer = "import json\ndef fill(self, count):\n    spare = 1\n    assert count\n    return absent * count\n"

    found = said(linter, candidate(functions["fill"], answer))

    assert found == [("ruff", "F841", 2), ("ruff", "F821", 4)]


def test_an_answer_without_faults_has_no_remarks(functions: dict[str, SourceFunction], tmp_path: Path) -> None:
    answer = "def fill(self, count):\n    return os.linesep * count\n"

    assert said(Linter("ruff", "3.11.4", tmp_path), candidate(functions["fill"], answer)) == []


def test_types_are_checked_where_that_is_asked_for(functions: dict[str, SourceFunction], tmp_path: Path) -> None:
    linter = Linter("all", "3.11.4", tmp_path)
    answer = "def fill(self, count):\n    from . import sibling\n    return 'a' - 'b' + sibling.x + self.lid\n"

    found = said(linter, candidate(functions["fill"], answer))

    assert found == [("mypy", "operator", 3), ("mypy", "attr-defined", 3)]
    assert not list(tmp_path.rglob("candidate.py"))


def test_a_candidate_is_never_executed(functions: dict[str, SourceFunction], tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    top = f"_ = open({str(mark)!r}, 'w')\n"

    Linter("all", "3.11.4", tmp_path).remarks(
        candidate(functions["last"], f"{top}def last():\n    pass\n"), PATH, ORIGINAL
    )

    assert not mark.exists()


def test_remarks_are_bounded_and_hostile_text_harms_nobody(
    functions: dict[str, SourceFunction], tmp_path: Path
) -> None:
    many = "".join(f"    v{n} = 1\n" for n in range(3 * MAX_REMARKS))
    linter = Linter("ruff", "3.11.4", tmp_path)

    assert len(linter.remarks(candidate(functions["last"], f"def last():\n{many}"), PATH, ORIGINAL)) == MAX_REMARKS
    strange = Candidate(ORIGINAL + "\ud800\x00(" * 20_000, "def last():\n    return 1", 14)
    assert all(len(remark.message) <= 300 for remark in linter.remarks(strange, PATH, ORIGINAL))


def test_tools_that_are_missing_are_named_once_and_nothing_else_depends_on_them(
    functions: dict[str, SourceFunction], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linting, "_ruff", lambda: "not installed")
    monkeypatch.setattr(linting, "_mypy", lambda: "not installed")
    linter = Linter("all", "3.11.4", tmp_path)

    assert linter.describe() == {"level": "all", "ruff": "not installed", "mypy": "not installed"}
    assert said(linter, candidate(functions["last"], "def last():\n    return absent\n")) == []


def test_installed_tools_are_recorded_with_their_versions(tmp_path: Path) -> None:
    described = Linter("ruff", "3.11.4", tmp_path).describe()

    assert described.keys() == {"level", "ruff"}
    assert described["ruff"][0].isdigit()
    assert Linter("off", "3.11.4", tmp_path).describe() == {"level": "off"}
    assert set(LEVELS) == {"off", "ruff", "all"}


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exec sleep 60", "did not end in 1 s"),
        ("echo broken >&2; exit 3", "ended with 3: broken"),
        ("kill -9 $$", "ended with -9: nothing said"),
        ("echo no json", "gave no JSON"),
    ],
)
def test_a_tool_that_fails_is_a_remark_and_no_error(
    functions: dict[str, SourceFunction], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, message: str
) -> None:
    tool = tmp_path / "ruff"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(linting, "_ruff_program", lambda: os.fspath(tool))
    monkeypatch.setattr(linting, "_ruff", lambda: "1")
    monkeypatch.setattr(linting, "_RUFF_S", 1)
    linter = Linter("ruff", "3.11.4", tmp_path)

    found = linter.remarks(candidate(functions["last"], "def last():\n    return 1\n"), PATH, ORIGINAL)

    assert found == [Remark("ruff", "", 0, message)]


def test_linters_work_while_the_caller_does_something_else(
    functions: dict[str, SourceFunction], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object) -> list[Remark]:
        time.sleep(0.5)
        return [Remark("ruff", "X", 1, "late")]

    monkeypatch.setattr(Linter, "remarks", slow)
    linter = Linter("ruff", "3.11.4", tmp_path)
    begun = time.monotonic()

    with linter.alongside(candidate(functions["last"], "def last():\n    return 1\n"), PATH, ORIGINAL) as remarks:
        assert time.monotonic() - begun < 0.4
        time.sleep(0.5)
        assert remarks() == [{"tool": "ruff", "code": "X", "line": 1, "message": "late"}]

    assert time.monotonic() - begun < 0.9
