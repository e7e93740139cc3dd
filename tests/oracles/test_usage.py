"""What the code of a checkout relies on, by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_cereval.source.usage import Usage, usage


def read(folder: Path, **files: str) -> Usage:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return usage(folder)


BOX = """
class Box:
    __slots__ = ("_unused",)

    def fill(self):
        self._cache = 1
        return self._cache

    def count(self):
        self._count += 1

    def secret(self):
        return self.__key

    def named(self):
        return getattr(self, "_by_name")
"""


def test_names_that_are_read_count_and_those_that_are_only_written_do_not(tmp_path: Path) -> None:
    uses = read(tmp_path, box=BOX)
    assert uses.private_names() == ("_Box__key", "_by_name", "_cache", "_count")


@pytest.mark.parametrize(
    "line", ["return vars(box)", "return box.__dict__", "return getattr(box, name)", "return hasattr(box, f'_{name}')"]
)
def test_where_code_may_read_any_name_every_name_counts(tmp_path: Path, line: str) -> None:
    assert read(tmp_path, box=BOX, other=f"def look(box, name):\n    {line}\n").private_names() is None


def test_a_name_that_is_spelled_out_is_no_reflection(tmp_path: Path) -> None:
    assert read(tmp_path, box="def look(box):\n    return getattr(box, '_spelled', None)\n").private_names() == (
        "_spelled",
    )


def test_fields_of_generated_code_count(tmp_path: Path) -> None:
    text = "@dataclass\nclass Money:\n    _cents: int\n    rate: int\n"
    assert read(tmp_path, money=text).private_names() == ("_cents",)


def test_a_file_that_does_not_parse_relies_on_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def (")
    assert "_count" in (read(tmp_path, box=BOX).private_names() or ())


def test_order_matters_for_results_that_become_sequences(tmp_path: Path) -> None:
    text = """
def caller():
    list(a())
    first, second = b().values()
    ",".join(c())
    for key in d():
        out.append(key)
    return [item for item in e().items()]
"""
    assert read(tmp_path, calls=text).ordered >= {"a", "b", "c", "d", "e"}


def test_order_does_not_matter_for_results_that_are_looked_up_or_summed(tmp_path: Path) -> None:
    text = """
def caller():
    a()["key"]
    sum(b().values())
    for key in c():
        total = total + key
    return {key: 1 for key in d()}
"""
    assert not read(tmp_path, calls=text).ordered & {"a", "b", "c", "d"}
