"""Turns a small package and plain arguments into a function with hidden inputs, as certification would."""

from __future__ import annotations

import base64
import pickle
import secrets
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pytest_cereval.inside.calls import describe
from pytest_cereval.inside.equality import rough
from pytest_cereval.inside.observation import digest
from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.candidate import Candidate, NoAnswer, extract
from pytest_cereval.oracles.certificate import Input
from pytest_cereval.oracles.conversation import JudgeLimits
from pytest_cereval.oracles.oracle import Finding
from pytest_cereval.oracles.recorded import JudgeSetting, RecordedCallOracle
from pytest_cereval.oracles.workers import ColdWorkers, Workers
from pytest_cereval.sandbox.bubblewrap import Bubblewrap
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.sandbox.sandbox import Bind, Limits
from pytest_cereval.source.functions import SourceFunction, extract_functions
from pytest_cereval.source.layout import REPOSITORY, python_program
from pytest_cereval.source.repository import Checkout, Revision

TARGET = Path(__file__).parents[1] / "repos" / "target"
FILE = "target/shop.py"
Entry = dict[str, Any]


def call(*positional: Any, names: str = "", **keyword: Any) -> Entry:
    """A recorded call: arguments by value, in the form that recording leaves."""
    content = {
        "names": names.split(),
        "positional": list(positional),
        "star": (),
        "keyword": keyword,
        "double_star": {},
    }
    return {"call": base64.b64encode(pickle.dumps(content)).decode()}


def calls_of_objects(*expressions: str) -> list[Entry]:
    """Recorded calls with objects of the package, each from the text of its positional arguments as a tuple.

    They are pickled by another process, since the package is not imported where tests run.
    """
    code = (
        "import base64, pickle, sys; from target.shop import *\n"
        "for text in sys.argv[1:]:\n"
        "    values = list(eval(text))\n"
        "    names = ['self', 'a', 'b'][:len(values)]\n"
        "    call = {'names': names, 'positional': values, 'star': (), 'keyword': {}, 'double_star': {}}\n"
        "    print(base64.b64encode(pickle.dumps(call)).decode())"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, *expressions],
        env={"PYTHONPATH": str(TARGET)},
        capture_output=True,
        text=True,
        check=True,
    )
    return [{"call": line, "plain": False} for line in done.stdout.split()]


@dataclass(frozen=True, slots=True)
class Place:
    """A package to judge in, with the functions that its file holds; without `workers` cold ones are used."""

    setting: Setting
    functions: dict[str, SourceFunction]
    hidden: tuple[str, ...] = ()
    workers: Workers | None = None

    @property
    def text(self) -> str:
        """The text of the reference's file."""
        return (self.setting.checkout.runtime / FILE).read_text()

    def inputs(self, name: str, entries: Sequence[Entry], site: Sequence[str] = ()) -> list[Input]:
        """What the reference does, told by a worker of its own."""
        function = self.functions[name]
        world = self.setting
        launch = python_program(world.interpreter, "worker", binds=(Bind(world.checkout.runtime, REPOSITORY),))
        found = []
        with world.sandbox.start(launch, Limits()) as process:
            process.send({"id": "0", "path": world.paths(), "site": list(site), **world.target(function)})
            assert "ready" in process.receive(timeout_s=10)
            for entry in entries:
                number = secrets.token_hex(2)
                process.send({"id": number, "input": entry})
                reply = process.receive(timeout_s=10)
                assert reply["observation"]["whole"], reply
                found.append(_input(entry, reply["observation"]))
        return found

    def candidate(self, name: str, answer: str) -> Candidate:
        """The candidate that an answer makes."""
        found = extract(answer, self.functions[name], self.text)
        assert not isinstance(found, NoAnswer), found
        return found

    def judge(
        self, name: str, hidden: Sequence[Input], answer: str | Candidate, limits: JudgeLimits | None = None
    ) -> Finding:
        """The finding on an answer."""
        setting = JudgeSetting(self.setting, self.hidden, limits or JudgeLimits())
        candidate = self.candidate(name, answer) if isinstance(answer, str) else answer
        workers = self.workers or ColdWorkers(self.setting, self.hidden)
        return RecordedCallOracle(setting, workers).judge(self.functions[name], hidden, candidate)


def _input(entry: Entry, observation: dict[str, Any]) -> Input:
    """The arguments are plain data here, and thus may be opened where tests run."""
    opened = pickle.loads(base64.b64decode(entry["call"])) if entry.get("plain", True) else None
    before, shown = describe(opened) if opened else (observation["after"], True)
    return Input(entry, before, shown, observation, digest([before, rough(observation)]))


def place(folder: Path, source: Path = TARGET) -> Place:
    """A copy of a package that the user a sandbox runs as can read."""
    runtime = folder / "runtime"
    shutil.copytree(source, runtime, ignore=shutil.ignore_patterns("__pycache__"))
    for path in [folder, runtime, *runtime.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    revision = Revision(name="target", commit="0" * 40, tree_hash="0" * 40, date="", dirty=False)
    world = Setting(
        checkout=Checkout(revision, runtime, runtime),
        sandbox=Bubblewrap(),
        interpreter=inspect_interpreter(Path(sys.executable)),
        import_roots=frozenset({"."}),
        modules={},
    )
    found = extract_functions(runtime, PurePosixPath(FILE))
    return Place(world, {function.name.removeprefix("target.shop."): function for function in found})
