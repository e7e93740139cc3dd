"""What a launch shows: binds, data over them, masks, and errors for what cannot be shown."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_cereval.errors import SandboxError
from pytest_cereval.sandbox.interpreter import Interpreter
from pytest_cereval.sandbox.sandbox import Bind, End, Launch, Level, Limits, Sandbox

from .conftest import Run

LIST = """
    import os, sys
    root = os.path.dirname(sys.argv[1])
    for folder, folders, files in sorted(os.walk(root, followlinks=True)):
        for name in sorted(files):
            path = os.path.join(folder, name)
            print(path[len(root):], open(path).read())
"""


@pytest.fixture
def repository(open_dir: Path) -> Path:
    for path, text in (
        ("pkg/__init__.py", "init"),
        ("pkg/core.py", "reference"),
        ("tests/test_core.py", "expected"),
        (".git/HEAD", "history"),
    ):
        (open_dir / path).parent.mkdir(exist_ok=True)
        (open_dir / path).write_text(text)
    return open_dir


def test_binds_data_and_masks_show_what_they_say(
    any_level: Sandbox, run_in: Callable[..., End], repository: Path
) -> None:
    end = run_in(
        any_level,
        LIST,
        binds=(Bind(repository, "/cereval/repo"), Bind(repository / "pkg" / "core.py", "/cereval/one.py")),
        data=(("/cereval/repo/pkg/core.py", b"candidate"), ("/cereval/new/deep/file", b"data")),
        hidden=("/cereval/repo/tests", "/cereval/repo/.git/HEAD", "/cereval/repo/absent", "/nowhere/at/all"),
    )

    assert end.output.splitlines() == [
        "/one.py reference",
        "/new/deep/file data",
        "/repo/.git/HEAD ",
        "/repo/pkg/__init__.py init",
        "/repo/pkg/core.py candidate",
    ]
    assert (repository / "pkg" / "core.py").read_text() == "reference"


def test_data_can_fill_a_hidden_directory(any_level: Sandbox, run_in: Callable[..., End], repository: Path) -> None:
    end = run_in(
        any_level,
        LIST,
        binds=(Bind(repository, "/cereval/repo"),),
        hidden=("/cereval/repo/tests", "/cereval/repo/.git", "/cereval/repo/pkg"),
        data=(("/cereval/repo/tests/test_new.py", b"trusted"),),
    )

    assert end.output == "/repo/tests/test_new.py trusted\n"


def test_a_mask_follows_a_link_within_its_bind(run: Run, repository: Path) -> None:
    (repository / "alias").symlink_to("tests")

    end = run(LIST, binds=(Bind(repository, "/cereval/repo"),), hidden=("/cereval/repo/alias",))

    assert "expected" not in end.output
    assert "/repo/pkg/core.py reference" in end.output


def test_site_packages_of_the_interpreter_can_be_hidden(
    confined: Sandbox, run_in: Callable[..., End], python: Interpreter
) -> None:
    code = """
        import glob
        for site in SITES:
            for path in glob.glob(site + "/*/__init__.py"):
                try:
                    with open(path) as file: print("read", path)
                except OSError: pass
    """
    shown = run_in(confined, code.replace("SITES", repr(python.site)))
    masked = run_in(confined, code.replace("SITES", repr(python.site)), hidden=python.site)

    assert shown.output.count("read") > 3
    assert (masked.output, masked.code) == ("", 0)


def test_a_bind_below_another_shows_its_own_source(run: Run, repository: Path, open_dir: Path) -> None:
    end = run(
        LIST,
        binds=(Bind(repository / "tests", "/cereval/repo/pkg"), Bind(repository, "/cereval/repo")),
        hidden=("/cereval/repo/.git",),
    )

    assert "/repo/pkg/test_core.py expected" in end.output
    assert "reference" not in end.output


def test_weaker_levels_refuse_what_only_mounts_can_show(
    any_level: Sandbox, launch: Callable[..., Launch], repository: Path
) -> None:
    if any_level.level is Level.NAMESPACES:
        pytest.skip("namespaces can show it")
    refused = {
        "lies inside another bind": launch(
            "", binds=(Bind(repository, "/cereval/repo"), Bind(repository / "tests", "/cereval/repo/pkg"))
        ),
        "can only be below /cereval": launch("", binds=(Bind(repository, "/srv/repo"),)),
        "leads out of its bind": launch(
            "", binds=(Bind(repository, "/cereval/repo"),), data=(("/cereval/repo/out/file", b"x"),)
        ),
    }
    (repository / "out").symlink_to(repository.parent)

    for words, program in refused.items():
        with pytest.raises(SandboxError, match=words) as caught:
            any_level.start(program, Limits())
        assert "use --cereval-sandbox=ns" in caught.value.next_step
    assert sorted(entry.name for entry in (repository / "pkg").iterdir()) == ["__init__.py", "core.py"]
    assert not (repository.parent / "file").exists()


def test_paths_in_arguments_and_environment_lead_to_the_same_files(any_level: Sandbox, python: Interpreter) -> None:
    code = """if True:
        import os, sys
        print(open(sys.argv[1]).read(), open(os.environ["A"].split(":")[1]).read(), os.listdir())
    """
    launch = Launch(
        (python.executable, "-I", "-S", "-c", code, "/cereval/a"),
        python.binds(),
        data=(("/cereval/a", b"first"), ("/cereval/w/b", b"second")),
        env=(("A", "x:/cereval/w/b"),),
        cwd="/cereval/w",
        channel=False,
    )

    with any_level.start(launch, Limits()) as process:
        assert process.wait().output == "first second ['b']\n"


def test_a_source_that_is_missing_is_named(any_level: Sandbox, launch: Callable[..., Launch]) -> None:
    program = launch("", binds=(Bind(Path("/no/such/dir"), "/cereval/x"),))

    with pytest.raises(SandboxError, match="should show /no/such/dir as /cereval/x, but it does not exist"):
        any_level.start(program, Limits())


@pytest.mark.parametrize("path", ["cereval/x", "/cereval/../etc", "/cereval//x", "/", "/cereval/"])
def test_an_inside_path_that_is_not_plain_is_refused(
    any_level: Sandbox, launch: Callable[..., Launch], path: str
) -> None:
    with pytest.raises(SandboxError, match="not a plain absolute path"):
        any_level.start(launch("", data=((path, b""),)), Limits())


def test_a_program_that_does_not_exist_is_not_taken_for_a_candidate_that_failed(any_level: Sandbox) -> None:
    launch = Launch(("/no/such/program",), channel=False)

    if any_level.level is Level.NAMESPACES:
        with any_level.start(launch, Limits()) as process:
            end = process.wait()
        assert end.code != 0
        assert "/no/such/program" in end.output
    else:
        with pytest.raises(SandboxError, match=r"/no/such/program|could not be started"):
            any_level.start(launch, Limits())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_root_is_told_when_a_source_is_closed_to_the_user_it_becomes(
    any_level: Sandbox, launch: Callable[..., Launch], open_dir: Path
) -> None:
    open_dir.chmod(0o700)

    with pytest.raises(SandboxError, match=r"\(mode 0700\) cannot be read") as caught:
        any_level.start(launch("", binds=(Bind(open_dir, "/cereval/x"),)), Limits())

    assert f"chmod -R o+rX {open_dir}" in caught.value.next_step


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_root_can_show_what_lies_behind_a_closed_directory(
    any_level: Sandbox, run_in: Callable[..., End], repository: Path
) -> None:
    repository.parent.chmod(0o700)

    end = run_in(any_level, LIST, binds=(Bind(repository / "pkg", "/cereval/repo"),))

    assert "/repo/core.py reference" in end.output
    assert (repository / "tests" / "test_core.py").exists()
