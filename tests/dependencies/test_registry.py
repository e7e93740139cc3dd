"""A snapshot is a text file of names; what is no name is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_cereval.dependencies.registry import Registry, read_registry
from pytest_cereval.errors import SettingsError


def snapshot(folder: Path, text: str) -> Path:
    file = folder / "names.txt"
    file.write_text(text)
    return file


def test_names_are_compared_as_an_index_compares_them(tmp_path: Path) -> None:
    known = read_registry(snapshot(tmp_path, "# Date: 2026-01-31\nTyping_Extensions\npyyaml  # a comment\n\n"))

    assert (known.given, known.date, len(known.packages)) == (True, "2026-01-31", 2)
    assert known.knows("typing_extensions")
    assert known.knows("yaml")
    assert not known.knows("cv2")
    assert len(known.describe()["sha256"]) == 64


def test_a_line_may_name_the_modules_that_a_package_brings(tmp_path: Path) -> None:
    known = read_registry(snapshot(tmp_path, "some-thing thing other_thing\n"))

    assert known.knows("other_thing")
    assert known.knows("some_thing")
    assert not known.knows("another")


def test_modules_of_other_pythons_exist_without_a_snapshot() -> None:
    assert Registry().knows("urllib2")
    assert Registry().knows("imp")
    assert Registry().knows("sklearn")
    assert not Registry().knows("pandas")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("ok\n-bad-\n", ":2: not a package name: '-bad-'"),
        ("one, two\n", ":1: not a package name: 'one, two'"),
        ("# date: 2026-01-31\n", "holds no package name"),
    ],
)
def test_what_is_no_list_of_names_is_refused(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_registry(snapshot(tmp_path, text))

    assert what in caught.value.what
    assert "a package name on each line" in caught.value.next_step


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot read .*No such file"):
        read_registry(tmp_path / "none")
    (tmp_path / "latin").write_bytes(b"caf\xe9\n")
    with pytest.raises(SettingsError, match="is not UTF-8 text"):
        read_registry(tmp_path / "latin")
