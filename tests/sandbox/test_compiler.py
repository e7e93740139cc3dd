"""A changed file is compiled once for all its workers, in a sandbox, and never at the price of a verdict."""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pytest_cereval.oracles import compiled
from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.compiled import Compiler
from pytest_cereval.oracles.warm import WarmWorkers
from pytest_cereval.sandbox.sandbox import Limits
from pytest_cereval.source.layout import inside_path
from tests.oracles.judging import FILE, place

HEADER = 16
LONG = "\n".join(f"def more_{n}():\n    return {n}\n" for n in range(400))


@pytest.fixture
def world(tmp_path: Path) -> Setting:
    tmp_path.chmod(0o755)
    (tmp_path / "made").mkdir()
    return place(tmp_path / "made").setting


@pytest.fixture
def compiler(world: Setting) -> Iterator[Compiler]:
    with closing(Compiler(world)) as made:
        yield made


def test_a_text_becomes_the_bytecode_of_its_place(compiler: Compiler) -> None:
    found = compiler.bytecode(FILE, b"x = [1 + 1]\n")

    code = marshal.loads(found[HEADER:])  # noqa: S302 - of a text that stands here
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102
    assert names["x"] == [2]
    assert code.co_filename == inside_path(FILE)


def test_a_text_is_compiled_once(compiler: Compiler) -> None:
    first = compiler.bytecode(FILE, b"x = 1\n")
    asked = compiler._asked
    assert compiler.bytecode(FILE, b"x = 1\n") == first
    assert compiler._asked == asked
    assert compiler.bytecode(FILE, b"x = 2\n") != first


@pytest.mark.parametrize("text", [b"return 1\n", b"def (\n", b"x = \0\n", b"(" * 5000, b"-" * 200_000 + b"1\n"])
def test_what_does_not_compile_has_no_bytecode_and_spoils_nothing(compiler: Compiler, text: bytes) -> None:
    assert compiler.bytecode(FILE, text) == b""
    assert compiler.bytecode(FILE, b"x = 1\n")


def test_a_text_that_takes_a_compiler_for_ever_is_given_up(compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_TEXT_S", 1.0)
    # Each `finally` is compiled twice, once for each way into it.
    nested = "".join(f"{' ' * depth}try: a\n{' ' * depth}finally:\n" for depth in range(20)) + " " * 20 + "b()\n"

    assert compiler.bytecode(FILE, nested.encode()) == b""

    monkeypatch.undo()
    assert compiler.bytecode(FILE, b"x = 1\n")


def test_a_compiler_is_replaced_after_many_texts(compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_MOST_TEXTS", 2)
    compiler.bytecode(FILE, b"x = 1\n")
    first = compiler._process
    assert first is not None
    compiler.bytecode(FILE, b"x = 2\n")
    assert compiler.bytecode(FILE, b"x = 3\n")
    assert compiler._process is not first


@pytest.mark.parametrize("broken", [False, True], ids=["compiled once", "compiled by each worker"])
def test_a_long_changed_file_runs_as_it_is_written(
    world: Setting, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    if broken:
        monkeypatch.setattr(Compiler, "bytecode", lambda *_: b"")
    text = f"def ranked(items, limit=3):\n    return ['changed', __cached__, *items]\n{LONG}"
    where = {"path": world.paths(), "site": list(world.interpreter.site)}
    target = {"module": "target.shop", "file": inside_path(FILE), "qualname": "ranked", "line": 1}
    with closing(WarmWorkers(world, ())) as warm:
        for seed in (0, 1):
            with warm.start(FILE, text, hash_seed=seed, limits=Limits()) as process:
                process.send({"id": "0", **target, **where})
                assert process.receive(timeout_s=15) == {"id": "0", "ready": True}
        compiler = warm._compiler
        assert (compiler._process is None) is broken
        assert compiler._asked == (0 if broken else 1)
    assert compiler._process is None
