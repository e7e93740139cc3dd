"""Warm workers are sealed as cold ones are, prepared with what the repository imports, and replaced when they fail."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from pytest_cereval.errors import SandboxError
from pytest_cereval.inside.framing import FrameClosed
from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.compiled import bytecode_of, with_bytecode
from pytest_cereval.oracles.warm import WarmOrCold, WarmWorkers, workers_for
from pytest_cereval.sandbox.bubblewrap import Bubblewrap
from pytest_cereval.sandbox.forked import ParentLostError
from pytest_cereval.sandbox.inspection import require_sealed_forks
from pytest_cereval.sandbox.nursery import NestingError, Nursery
from pytest_cereval.sandbox.pidfd import pid_of
from pytest_cereval.sandbox.process import Process
from pytest_cereval.sandbox.sandbox import Bind, EndStatus, Launch, Level, Limits, Sandbox
from pytest_cereval.source.layout import REPOSITORY, python_program

from .conftest import build

FILE = "shelf.py"
TEXT = "import json\nimport helper\nimport installed.deep\n\ndef first(items):\n    return items[0]\n"
LIMITS = Limits(wall_s=20)


class NoNesting(Bubblewrap):
    """Where the kernel lets a sandbox make no other, as under Ubuntu's profile for bubblewrap."""

    def options(self, launch: Launch, limits: Limits) -> list[str | bytes]:
        return super().options(dataclasses.replace(launch, nests=False), limits)


@pytest.fixture
def world(namespaces: Sandbox, open_dir: Path) -> Setting:
    from tests.oracles.judging import place

    source = open_dir / "source"
    (source / "target").mkdir(parents=True)
    (source / "target" / "shop.py").write_text("")
    runtime = open_dir / "made"
    runtime.mkdir()
    made = place(runtime, source).setting
    for name, text in {FILE: TEXT, "helper.py": "import json\n", "bad.py": "def (\n", "café.py": "x = 1\n"}.items():
        (made.checkout.runtime / name).write_text(text)
    site = open_dir / "site"
    (site / "installed").mkdir(parents=True)
    (site / "installed" / "__init__.py").write_text("import sys\nSEEN = list(sys.path)\n")
    (site / "installed" / "deep.py").write_text("")
    python = dataclasses.replace(made.interpreter, site=(str(site),), prefix=str(site))
    return dataclasses.replace(made, interpreter=python)


@pytest.fixture
def warm(world: Setting) -> Iterator[WarmWorkers]:
    with closing(WarmWorkers(world, ())) as workers:
        yield workers


def load(process: Process, world: Setting, module: str = "shelf", name: str = "first", line: int = 5) -> str:
    where = {"path": world.paths(), "site": list(world.interpreter.site)}
    target = {"module": module, "file": f"{REPOSITORY}/{module}.py", "qualname": name, "line": line}
    process.send({"id": "0", **target, **where})
    reply = process.receive(timeout_s=15)
    return str(reply.get("failed", "ready"))


def load_on(process: Process, world: Setting) -> None:
    """Go on until it is gone: the kernel ends a fork a moment after its parent."""
    while True:
        load(process, world)


def new_imports(nursery: Nursery, world: Setting, module: str) -> list[str]:
    """What importing a module adds to what the nursery has."""
    outside = [world.interpreter.stdlib, *world.interpreter.site]
    request = {"path": world.paths(), "site": list(world.interpreter.site), "outside": outside}
    with nursery.start("survey", [], LIMITS) as process:
        process.send({"id": "0", "module": module, **request})
        names: list[str] = process.receive(timeout_s=15)["names"]
    return names


def only_nursery(warm: WarmWorkers) -> Nursery:
    (nursery,) = warm._nurseries.values()
    return nursery


def test_a_worker_loads_the_changed_file_and_ends_as_a_cold_one_does(warm: WarmWorkers, world: Setting) -> None:
    changed = TEXT.replace("items[0]", "items[1]").replace("def", "print('loaded')\ndef")
    with warm.start(FILE, changed, hash_seed=0, limits=LIMITS) as process:
        assert load(process, world, line=6) == "ready"
        end = process.finish()
    assert (end.status, end.code, end.output, end.reason) == (EndStatus.KILLED, None, "loaded\n", "finish")


@pytest.mark.parametrize(
    ("code", "status", "number"),
    [
        ("import os; os._exit(3)", EndStatus.EXITED, 3),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", EndStatus.SIGNALLED, 9),
        ("import os; os.abort()", EndStatus.SIGNALLED, 6),
        ("import ctypes; ctypes.string_at(0)", EndStatus.SIGNALLED, 11),
    ],
)
def test_how_a_program_ended_is_told(
    warm: WarmWorkers, world: Setting, code: str, status: EndStatus, number: int
) -> None:
    with warm.start(FILE, code, hash_seed=0, limits=LIMITS) as process:
        with pytest.raises(FrameClosed):
            load(process, world)
        end = process.finish()
    assert (end.status, end.code) == (status, number)


def test_the_wall_limit_and_processor_time_are_those_of_a_cold_worker(warm: WarmWorkers, world: Setting) -> None:
    burning = "import os\nfor _ in range(2):\n    os.fork()\nwhile True: pass\n"
    with warm.start(FILE, burning, hash_seed=0, limits=Limits(wall_s=1.5)) as process:
        process.send(
            {"id": "0", "path": world.paths(), "site": [], "module": "shelf", "file": "", "qualname": "f", "line": 1}
        )
        end = process.wait()
    assert (end.status, end.reason) == (EndStatus.TIMED_OUT, "wall")
    assert 1.4 < end.wall_s < 6
    assert end.cpu_s > 0.2


def test_output_is_bounded_and_a_flood_is_stopped(warm: WarmWorkers, world: Setting) -> None:
    with warm.start(FILE, "while True: print('x' * 10000)", hash_seed=0, limits=LIMITS) as process:
        with pytest.raises(FrameClosed):
            load(process, world)
        end = process.finish()
    assert end.reason == "output"
    assert len(end.output) <= LIMITS.output_kb << 10


def test_the_parent_holds_what_the_repository_imports_and_nothing_of_the_repository(
    warm: WarmWorkers, world: Setting
) -> None:
    with closing(WarmWorkers(world, ())) as other:
        other._surveyed.add(FILE)
        other.start(FILE, TEXT, hash_seed=0, limits=LIMITS).finish()
        assert new_imports(only_nursery(other), world, "shelf") == ["installed", "installed.deep"]
    warm.start(FILE, TEXT, hash_seed=0, limits=LIMITS).finish()

    assert new_imports(only_nursery(warm), world, "shelf") == []
    code = "import sys\nassert not {'shelf', 'helper'} & {*sys.modules} - {__name__}, 'repository in the parent'\n"
    seen = "import installed\nassert installed.SEEN[0] == '/cereval/repo'\nassert installed.SEEN == sys.path\n"
    with warm.start(FILE, code + seen + "def first(items): pass\n", hash_seed=0, limits=LIMITS) as process:
        assert load(process, world, line=6) == "ready"


@pytest.mark.parametrize(
    "text",
    [
        "import threading, time\nthreading.Thread(target=time.sleep, args=(99,), daemon=True).start()\n",
        "import helper\n",
    ],
    ids=["a thread", "the repository"],
)
def test_a_package_that_a_parent_must_not_hold_is_imported_by_each_worker(
    warm: WarmWorkers, world: Setting, text: str
) -> None:
    Path(world.interpreter.site[0], "installed", "deep.py").write_text(text)
    with warm.start(FILE, TEXT, hash_seed=0, limits=LIMITS) as process:
        assert only_nursery(warm).threads == 1
        assert load(process, world) == "ready"
    assert "installed.deep" in new_imports(only_nursery(warm), world, "shelf")


def test_a_parent_is_replaced_after_many_forks(
    warm: WarmWorkers, world: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm.start(FILE, TEXT, hash_seed=0, limits=LIMITS).finish()
    first = only_nursery(warm)
    running = warm.start(FILE, TEXT, hash_seed=0, limits=LIMITS)
    monkeypatch.setattr("pytest_cereval.oracles.warm.MOST_FORKS", first.forked)

    with warm.start(FILE, TEXT, hash_seed=0, limits=LIMITS) as process:
        assert load(process, world) == "ready"
    assert only_nursery(warm) is not first
    assert first.alive, "a fork of it still runs"
    assert load(running, world) == "ready"
    running.finish()
    assert not first.alive


def test_a_lost_parent_is_replaced_once_per_start(warm: WarmWorkers, world: Setting) -> None:
    process = warm.start(FILE, TEXT, hash_seed=0, limits=LIMITS)
    os.kill(pid_of(only_nursery(warm)._itself), 9)
    with pytest.raises(FrameClosed):
        load_on(process, world)
    with pytest.raises(ParentLostError, match="the warm interpreter ended"):
        process.finish()
    with pytest.raises(ParentLostError):
        process.finish()

    with warm.start(FILE, TEXT, hash_seed=0, limits=LIMITS) as after:
        assert load(after, world) == "ready"


def test_where_sandboxes_cannot_nest_workers_are_cold_and_say_why(world: Setting) -> None:
    closed = dataclasses.replace(world, sandbox=NoNesting())
    with closing(WarmWorkers(closed, ())) as warm, pytest.raises(NestingError, match="own process ids"):
        warm.start(FILE, TEXT, hash_seed=0, limits=LIMITS)
    with closing(workers_for(closed, ())) as workers:
        with workers.start(FILE, TEXT, hash_seed=3, limits=LIMITS) as process:
            assert load(process, closed) == "ready"
        assert workers.describe().startswith("cold: a process could not be sealed inside a sandbox: [Errno 1]")


def test_levels_without_namespaces_are_cold(world: Setting) -> None:
    weak = dataclasses.replace(world, sandbox=build(Level.LANDLOCK))
    with closing(workers_for(weak, ())) as workers:
        assert workers.describe() == "cold: level landlock has no namespaces"
    with closing(workers_for(world, ())) as workers:
        assert isinstance(workers, WarmOrCold)
        assert workers.describe().startswith("warm: hash seeds 0 and ")


def test_closed_workers_start_nothing(world: Setting) -> None:
    warm = WarmWorkers(world, ())
    warm.start(FILE, TEXT, hash_seed=0, limits=LIMITS).finish()
    nursery = only_nursery(warm)
    warm.close()

    assert not nursery.alive
    with pytest.raises(SandboxError, match="after they had been closed"):
        warm.start(FILE, TEXT, hash_seed=0, limits=LIMITS)


def nursery_of(world: Setting) -> Nursery:
    binds = (Bind(world.checkout.runtime, REPOSITORY),)
    return Nursery(world.sandbox, python_program(world.interpreter, "nursery", binds=binds))


@pytest.mark.parametrize(("removed", "found"), [("_filter", "seccomp 0"), ("limits", "limits")])
def test_a_fork_that_is_less_sealed_than_promised_is_found_out(
    world: Setting, monkeypatch: pytest.MonkeyPatch, removed: str, found: str
) -> None:
    with nursery_of(world) as nursery:
        require_sealed_forks(nursery, f"{REPOSITORY}/{FILE}")
        if removed == "_filter":
            nursery._filter = None
        else:
            less: list[tuple[int, int]] = []
            monkeypatch.setattr("pytest_cereval.sandbox.nursery.resource_limits", lambda limits: less)
        with pytest.raises(NestingError, match=f"not sealed as it should be: .*{found}"):
            require_sealed_forks(nursery, f"{REPOSITORY}/{FILE}")


def test_a_file_that_cannot_be_covered_is_refused_before_anything_runs(world: Setting) -> None:
    with nursery_of(world) as nursery, pytest.raises(NestingError, match=r"mounting on /cereval/repo/absent\.py"):
        nursery.start("worker", [(f"{REPOSITORY}/absent.py", b"")], LIMITS)


def test_the_copy_holds_bytecode_of_what_compiles_and_no_caches_of_the_commit(world: Setting) -> None:
    runtime = world.checkout.runtime
    for path in ("__pycache__/planted.pyc", "build/lib/shelf.py", "data/values.txt"):
        (runtime / path).parent.mkdir(parents=True, exist_ok=True)
        (runtime / path).write_text("planted")
    tree = with_bytecode(world)

    assert sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.suffix == ".pyc") == sorted(
        f"{folder}__pycache__/{name}.cpython-{world.interpreter.version.replace('.', '', 1).split('.')[0]}.pyc"
        for folder, name in (("", "shelf"), ("", "helper"), ("", "café"), ("target/", "shop"))
    )
    assert bytecode_of(tree, "bad.py") is None
    assert bytecode_of(tree, FILE) in {path.relative_to(tree).as_posix() for path in tree.rglob("*.pyc")}
    assert (tree / "data/values.txt").read_text() == "planted"
    assert [*(tree / "build").iterdir()] == []
    assert with_bytecode(world) == tree
    (runtime / FILE).write_text(TEXT + "\n")
    assert with_bytecode(world) != tree
    assert not [path for path in runtime.parent.iterdir() if path not in (runtime, tree, with_bytecode(world))]


def test_a_changed_file_never_runs_from_the_bytecode_of_the_old_one(warm: WarmWorkers, world: Setting) -> None:
    for text, line in ((TEXT, 5), ("def first(items):\n    return 'other'\n", 1)):
        with warm.start(FILE, text, hash_seed=0, limits=LIMITS) as process:
            assert load(process, world, line=line) == "ready"


@pytest.mark.parametrize("name", ["shelf.extra.py", "shelf[1].py", "she.py"])
def test_bytecode_is_that_of_the_file_and_not_of_one_with_a_like_name(world: Setting, name: str) -> None:
    (world.checkout.runtime / name).write_text("x = 1\n")
    tree = with_bytecode(world)
    found = [str(bytecode_of(tree, path)) for path in (FILE, name)]
    assert [path.rpartition(".cpython")[0] for path in found] == ["__pycache__/shelf", f"__pycache__/{name[:-3]}"]


def test_hidden_folders_stay_hidden(world: Setting) -> None:
    hidden = (str(Path(world.interpreter.site[0], "installed")),)
    with closing(WarmWorkers(world, hidden)) as warm, warm.start(FILE, TEXT, hash_seed=0, limits=LIMITS) as process:
        assert load(process, world).startswith("ModuleNotFoundError: No module named 'installed")


def names(paths: Sequence[Path]) -> list[str]:
    return sorted(path.name for path in paths)


def test_a_file_system_without_links_gets_copies(world: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refused)
    tree = with_bytecode(world)
    assert (tree / FILE).read_text() == TEXT
    assert names([*tree.iterdir()]) == names([*world.checkout.runtime.iterdir(), tree / "__pycache__"])
    shutil.rmtree(tree)
