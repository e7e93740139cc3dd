"""What the code of a checkout relies on, by name."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from pytest_cereval.source.functions import SourceFunction, extract_functions
from pytest_cereval.source.usage import Usage, usage


def read(folder: Path, **files: str) -> tuple[Usage, dict[str, SourceFunction]]:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    functions = [item for name in files for item in extract_functions(folder, PurePosixPath(f"{name}.py"))]
    return usage(folder), {item.qualname: item for item in functions}


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


def test_names_that_only_the_function_itself_reads_do_not_count(tmp_path: Path) -> None:
    uses, functions = read(tmp_path, box=BOX)
    assert uses.private_names(functions["Box.fill"]) == ("_Box__key", "_by_name", "_count")


def test_an_addition_in_place_reads_and_another_function_is_elsewhere(tmp_path: Path) -> None:
    uses, functions = read(tmp_path, box=BOX)
    assert uses.private_names(functions["Box.count"]) == ("_Box__key", "_by_name", "_cache")


def test_another_file_reads_as_well(tmp_path: Path) -> None:
    uses, functions = read(tmp_path, box=BOX, other="def look(box):\n    return box._cache\n")
    assert "_cache" in (uses.private_names(functions["Box.fill"]) or ())


def test_where_code_looks_at_everything_every_name_counts(tmp_path: Path) -> None:
    uses, functions = read(tmp_path, box=BOX, other="def look(box):\n    return vars(box)\n")
    assert uses.private_names(functions["Box.fill"]) is None
    assert uses.private_names(functions["look"]) is not None


def test_a_file_that_does_not_parse_relies_on_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def (")
    uses, functions = read(tmp_path, box=BOX)
    assert "_count" in (uses.private_names(functions["Box.fill"]) or ())


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
    assert read(tmp_path, calls=text)[0].ordered >= {"a", "b", "c", "d", "e"}


def test_order_does_not_matter_for_results_that_are_looked_up_or_summed(tmp_path: Path) -> None:
    text = """
def caller():
    a()["key"]
    sum(b().values())
    for key in c():
        total = total + key
    return {key: 1 for key in d()}
"""
    assert not read(tmp_path, calls=text)[0].ordered & {"a", "b", "c", "d"}
