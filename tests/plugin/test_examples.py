"""Every file in `conftest_examples/` does what its first sentence says."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import textwrap
import venv
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pytest_cereval.assembly import BuildSettings
from pytest_cereval.build import build_suite
from pytest_cereval.models.replay import record_line
from pytest_cereval.sandbox.bubblewrap import Bubblewrap
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.tasks.suite import Suite, TaskOracle
from pytest_cereval.tasks.task import Category
from tests.plugin import records
from tests.plugin.conftest import completion, make_repository

EXAMPLES = Path(__file__).parents[2] / "conftest_examples"
CI_FILES = ("github-actions.yml", "gitlab-ci.yml")
NO_IDEA = "no idea"
# What pytest needs to run, beside itself.
TEST_RUNNER = ("pytest", "pluggy", "iniconfig", "packaging", "pygments")
Arguments = Callable[..., list[str]]
Replay = Callable[..., str]


def use(pytester: pytest.Pytester, name: str) -> None:
    """Copy an example to where pytest finds it."""
    (pytester.path / "conftest.py").write_text((EXAMPLES / name).read_text())


def test_only_one_package(
    pytester: pytest.Pytester,
    arguments: Arguments,
    replay: Replay,
    suite: Suite,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use(pytester, "only_one_package_conftest.py")
    monkeypatch.setenv("CEREVAL_PACKAGE", "shop.prices.Cart")
    chosen = sum(task.name.startswith("shop.prices.Cart.") for task in suite.tasks)

    result = pytester.runpytest_subprocess(*arguments(replay()))

    result.assert_outcomes(passed=chosen, deselected=len(suite.tasks) - chosen)


def test_fail_fast(pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite) -> None:
    use(pytester, "fail_fast_conftest.py")
    documented = [task.name for task in suite.tasks if task.requirement.value == "documented"]
    assert len(documented) >= 3

    result = pytester.runpytest_subprocess(*arguments(replay(dict.fromkeys(documented, NO_IDEA))))

    result.stdout.fnmatch_lines(["*3 documented tasks are wrong*"])
    assert result.ret == pytest.ExitCode.INTERRUPTED


def project(source: Path, target: Path) -> Path:
    """An example project as a repository of its own; what its `.gitignore` names stays out of the commit."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    return make_repository(target)


def right_answers(repository: Path, python: Path, cache_folder: Path) -> dict[str, str]:
    """Write `answers.jsonl` into a repository's folder: a model that gives each function as it is."""
    suite = build_suite(
        str(repository),
        BuildSettings(categories=(Category.CODE_GENERATION,)),
        interpreter=inspect_interpreter(python),
        sandbox=Bubblewrap,
        cache_folder=cache_folder,
        progress=lambda stage, done, total: None,
    ).suite
    found, lines = {}, []
    for task in suite.tasks:
        oracle = TaskOracle.load(cache_folder, task.id)
        assert oracle is not None
        found[task.name] = f"```python\n{textwrap.dedent(oracle.function.source)}\n```\n"
        lines.append(record_line(task.prompt, completion(found[task.name])))
    (repository / "answers.jsonl").write_text("".join(line if line.endswith("\n") else f"{line}\n" for line in lines))
    return found


def run_there(folder: Path, cache_folder: Path, command: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A command line as a user or a runner would give it, with the commands of this environment first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    options = f"-p no:cacheprovider --cereval-cache={cache_folder} --cereval-categories=code_generation"
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", command],
        cwd=folder,
        env=os.environ | {"PATH": path, "PYTEST_ADDOPTS": options} | more,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_minimal_project_gives_a_task_for_each_of_its_functions(tmp_path: Path, cache_folder: Path) -> None:
    folder = project(EXAMPLES / "minimal", tmp_path / "parcels")
    answers = right_answers(folder, Path(sys.executable), cache_folder)

    listed = run_there(folder, cache_folder, "pytest -c cereval.ini --co -q")
    done = run_there(
        folder, cache_folder, "pytest -c cereval.ini --cereval-model=replay:answers.jsonl --html=report.html"
    )

    assert sorted(answers) == ["parcels.by_town", "parcels.price", "parcels.total"]
    assert "3 tests collected" in listed.stdout
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
    assert (folder / "report.html").is_file()


def test_the_target_environment_runs_the_repository_and_needs_no_plugin(tmp_path: Path, cache_folder: Path) -> None:
    folder = project(EXAMPLES / "target_environment" / "service", tmp_path / "service")
    target = folder / ".venv-target"
    python = environment_with(target, EXAMPLES / "target_environment" / "tariffs" / "tariffs.py")
    answers = right_answers(folder, python, cache_folder)

    done = run_there(folder, cache_folder, "pytest -c cereval.ini --cereval-model=replay:answers.jsonl")
    elsewhere = run_there(folder, cache_folder, f"pytest -c cereval.ini --co -q --cereval-python={sys.executable}")

    assert sorted(answers) == ["invoices.gross", "invoices.lines"]
    assert done.returncode == 0, done.stdout
    assert records.latest(folder).provenance["options"]["python"] == ".venv-target/bin/python"
    assert elsewhere.returncode == pytest.ExitCode.USAGE_ERROR
    assert "packages are missing (tariffs)" in elsewhere.stderr


def model_of(folder: Path, cache_folder: Path, other: dict[tuple[str, str], str]) -> str:
    """Write `answers.jsonl`: right answers to the tasks that a listing left in the folder, but for some by category."""
    (manifest,) = folder.glob(".cereval/*.cereval.json")
    lines = []
    for task in Suite.from_dict(json.loads(manifest.read_text())).tasks:
        oracle = TaskOracle.load(cache_folder, task.id)
        assert oracle is not None
        right = oracle.planted.get("expected", f"```python\n{oracle.function.source}\n```\n")
        lines.append(record_line(task.prompt, completion(other.get((task.category, task.function), right))))
    (folder / "answers.jsonl").write_text("".join(line if line.endswith("\n") else f"{line}\n" for line in lines))
    return "replay:answers.jsonl"


def test_the_custom_category_asks_what_calls_give_beside_our_own(tmp_path: Path, cache_folder: Path) -> None:
    folder = project(EXAMPLES / "custom_category", tmp_path / "routes")
    command = "pytest -c cereval.ini --cereval-categories=code_generation,call_results"

    listed = run_there(folder, cache_folder, f"{command} --co -q")
    model = model_of(folder, cache_folder, {("call_results", "routes.parts"): "It gives\n`[None]`"})
    done = run_there(folder, cache_folder, f'{command} --cereval-model={model} --cereval-gate="call_results>=0.6"')

    assert "6 tests collected" in listed.stdout, listed.stdout + listed.stderr
    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout
    made = {(each.category, each.task_name): each.verdict.value for each in records.attempts(folder)}
    assert [key for key, verdict in made.items() if verdict == "FAIL_WRONG"] == [("call_results", "routes.parts")]


def test_the_custom_properties_find_what_no_recorded_call_shows(tmp_path: Path, cache_folder: Path) -> None:
    folder = project(EXAMPLES / "custom_property", tmp_path / "doors")
    command = "pytest -c cereval.ini"
    source = (folder / "gate.py").read_text()
    unsafe = {
        ("code_generation", f"gate.{name}"): f"```python\n{source.replace(safe, quick)}\n```"
        for name, safe, quick in (
            ("matches", "hmac.compare_digest(found, digest.strip())", "found == digest.strip()"),
            ("greeting", "html.escape(name.strip())", "name.strip().replace('&', '&amp;')"),
        )
    }

    listed = run_there(folder, cache_folder, f"{command} --co -q")
    right = run_there(folder, cache_folder, f"{command} --cereval-model={model_of(folder, cache_folder, {})}")
    wrong = run_there(folder, cache_folder, f"{command} --cereval-model={model_of(folder, cache_folder, unsafe)}")

    assert "2 tests collected" in listed.stdout, listed.stdout + listed.stderr
    assert right.returncode == 0, right.stdout
    assert wrong.returncode == 1
    made = {each.task_name: each for each in records.attempts(folder)}
    assert made["gate.matches"].verdict.value == "FAIL_UNSAFE"
    assert made["gate.matches"].evidence["constraints"] == [
        "constant_time: compares a secret without hmac.compare_digest"
    ]
    assert made["gate.greeting"].verdict.value == "FAIL_UNSAFE", made["gate.greeting"].detail
    assert "no_markup: lets markup through; with name='<script>" in made["gate.greeting"].detail


def environment_with(folder: Path, module: Path) -> Path:
    """What the example's two commands make, without an index: an environment with pytest and the package."""
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for name in TEST_RUNNER:
        for file in importlib.metadata.files(name) or ():
            if file.suffix == ".py" or file.parts[0].endswith(".dist-info"):
                target = site / str(file)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(file.locate()), target)
    shutil.copy(module, site)
    return folder / "bin" / "python"


def commands_of(file: str) -> list[str]:
    """The shell lines of a CI file that call pytest or cereval, as the runner would see them."""
    told = yaml.safe_load((EXAMPLES / "model_upgrade" / file).read_text())
    if "jobs" in told:
        lines = [str(step.get("run", "")) for step in told["jobs"]["gate"]["steps"]]
    else:
        lines = told["model upgrade"]["script"]
    return [line for line in lines if line.startswith(("pytest ", "cereval "))]


@pytest.fixture
def upgrade(tiny_repository: Path, tmp_path: Path, cache_folder: Path, replay: Replay) -> Path:
    """The repository `shop` with a tag, the example's ini file, and the old model's run in `baseline.sqlite`."""
    folder = tmp_path / "shop"
    shutil.copytree(tiny_repository, folder)
    subprocess.run(["git", "tag", "v1.0"], cwd=folder, check=True)
    shutil.copy(EXAMPLES / "model_upgrade" / "cereval.ini", folder)
    command = f"pytest -c cereval.ini --cereval-model={replay()} --cereval-store=baseline.sqlite"
    done = run_there(folder, cache_folder, command)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_an_upgrade_is_gated_by_two_commands(upgrade: Path, cache_folder: Path, replay: Replay, suite: Suite) -> None:
    ask, hold = commands_of("github-actions.yml")
    wide = hold.replace("margin=0.05", "margin=0.6")
    worse = replay(dict.fromkeys([task.name for task in suite.tasks], NO_IDEA))

    def outcome(command: str, model: str = "") -> tuple[int, str]:
        done = run_there(upgrade, cache_folder, command, MODEL=model, BASELINE="baseline.sqlite")
        summary = upgrade / "gate.md"
        return done.returncode, summary.read_text().splitlines()[0] if summary.exists() else done.stdout + done.stderr

    assert outcome(f"{ask}\n{hold}", worse) == (10, "## Gate: FAIL")
    assert outcome(f"{ask}\n{hold}", replay()) == (11, "## Gate: INCONCLUSIVE")
    assert wide != hold
    assert outcome(wide) == (0, "## Gate: PASS")


def test_both_ci_files_call_the_same_two_commands() -> None:
    github, gitlab = (commands_of(file) for file in CI_FILES)

    assert [line.replace(" --junitxml=junit.xml", "") for line in gitlab] == github
    assert len(github) == 2


def test_every_example_has_a_test() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.name != "README.md"} == {
        "custom_category",
        "custom_property",
        "fail_fast_conftest.py",
        "only_one_package_conftest.py",
        "minimal",
        "model_upgrade",
        "target_environment",
    }
    assert {path.name for path in (EXAMPLES / "model_upgrade").glob("*.yml")} == set(CI_FILES)
