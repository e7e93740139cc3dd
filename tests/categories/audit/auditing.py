"""Turns functions of a small package into certified ones, and planted questions into rooms to judge answers in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pytest_cereval.categories.audit.audited import Place as Trying
from pytest_cereval.categories.audit.audited import Subject
from pytest_cereval.categories.audit.carriers import carriers
from pytest_cereval.categories.audit.feature import Feature
from pytest_cereval.categories.audit.planting import Planter, Proposal, subject
from pytest_cereval.categories.category import World
from pytest_cereval.inside.equality import EXACT
from pytest_cereval.oracles.cases import Certified
from pytest_cereval.oracles.certificate import Certificate
from pytest_cereval.oracles.confirm import Judging
from pytest_cereval.oracles.oracle import Judged
from pytest_cereval.oracles.recorded import JudgeSetting, RecordedCallOracle
from pytest_cereval.oracles.warm import workers_for
from pytest_cereval.oracles.workers import Workers
from pytest_cereval.tasks.prompt import PromptSettings, Surroundings
from pytest_cereval.tasks.question import Question
from pytest_cereval.tasks.suite import TaskOracle
from tests.oracles.judging import Entry, Place, call, place

AUDITED = Path(__file__).parents[2] / "repos" / "audited"
_NUMBERS = dict.fromkeys(Certificate.__slots__, 0) | {"killed": (), "survivors": (), "laws": (), "equality": EXACT}
CERTIFICATE = Certificate(**(_NUMBERS | {"oracle": "calls"}))  # type: ignore[arg-type]


def _of_a_shelf(*titles: str) -> list[Entry]:
    """Calls of `Shelf.find`, pickled by a process that may import the package."""
    code = (
        "import base64, pickle, sys; from target.shop import Shelf\n"
        "for title in sys.argv[1:]:\n"
        "    call = {'names': ['self', 'title'], 'positional': [Shelf(['Emma', 'Ulysses']), title],\n"
        "            'star': (), 'keyword': {}, 'double_star': {}}\n"
        "    print(base64.b64encode(pickle.dumps(call)).decode())"
    )
    command = [sys.executable, "-B", "-c", code, *titles]
    done = subprocess.run(command, env={"PYTHONPATH": str(AUDITED)}, capture_output=True, text=True, check=True)
    return [{"call": line, "plain": False} for line in done.stdout.split()]


def _entries(name: str) -> list[Entry]:
    plain = {
        "greeting": [call("Ann", names="name formal"), call("O'Hara; $x", True, names="name formal")],
        "price_of": [call({"tea": 3}, "tea", names="prices item"), call({"tea": -3}, "tea", names="prices item")],
        "total": [call({"tea": 3, "rye's": 4}, names="prices"), call({}, names="prices")],
        "risky": [call("1", names="text"), call("'x'", names="text")],
        "tripled": [call(1, names="number"), call(2, names="number")],
    }
    return plain[name] if name in plain else _of_a_shelf("Emma", "Dune")


@dataclass(frozen=True)
class Workshop:
    """A package in which weaknesses are planted and answers are judged."""

    here: Place
    workers: Workers

    @property
    def judging(self) -> Judging:
        return Judging(self.here.setting, (), ())

    def world(self, per_function: int = 1) -> World:
        tree = self.here.setting.checkout.runtime
        around = Surroundings(
            "target", tree, {(each.module, each.qualname): each for each in self.here.functions.values()}
        )
        return World(
            self.judging, around, PromptSettings(600), 1, lambda stage, done, total: None, per_function=per_function
        )

    def planter(self, per_function: int = 1) -> Planter:
        return Planter(self.world(per_function), RecordedCallOracle(JudgeSetting(self.here.setting), self.workers))

    @cached_property
    def certified(self) -> dict[str, Certified]:
        """All functions, with what they do on two calls each."""
        items = {}
        for name in ("greeting", "price_of", "total", "risky", "tripled", "Shelf.find"):
            inputs = tuple(self.here.inputs(name, _entries(name)))
            items[name] = Certified(self.here.functions[name], CERTIFICATE, (), inputs, 0)
        return items

    def proposal(self, name: str, feature: Feature) -> Proposal:
        """A feature of the catalogue, planted in a function."""
        item = self.certified[name]
        made = self.planter().added(item, feature, carriers(item.hidden)[0], self.here.text)
        assert made is not None
        return made

    def trying(self, name: str, proposal: Proposal) -> tuple[Trying, Subject, Subject]:
        """Where to try an exploit, the weak function, the original."""
        item = self.certified[name]
        where = Trying(self.here.setting, (), item.function, item.hidden[0].entry, proposal.detector)
        return where, subject(proposal.weak), Subject(self.here.text, item.function.first_line)

    def room(self, name: str, question: Question) -> Room:
        """Where answers to a question are judged."""
        return room_of(self.here, self.certified[name], question)


@dataclass(frozen=True)
class Room:
    """See `categories.category.Room`."""

    here: Place
    oracle: TaskOracle

    @property
    def world(self):  # type: ignore[no-untyped-def]
        return self.here.setting

    @property
    def original(self) -> str:
        return self.here.text

    @property
    def workers(self) -> Workers:
        raise NotImplementedError

    def behaves(self, text: str, *, shrink: bool = True) -> Judged:
        found = self.here.judge(self.oracle.function.qualname, self.oracle.hidden, text)
        return Judged(found.verdict, found.detail, found.evidence)


def room_of(here: Place, item: Certified, question: Question) -> Room:
    """Where answers to a question about a function are judged."""
    setting = here.setting
    oracle = TaskOracle(
        function=item.function,
        module=item.function.module,
        import_roots=setting.import_roots,
        hidden=item.hidden,
        core=0,
        level=EXACT,
        view={},
        site_hidden=(),
        planted=question.planted,
    )
    return Room(here, oracle)


@contextmanager
def workshop(folder: Path) -> Iterator[Workshop]:
    here = place(folder, AUDITED)
    workers = workers_for(here.setting, ())
    try:
        yield Workshop(here, workers)
    finally:
        workers.close()
