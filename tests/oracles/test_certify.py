"""Which functions of a small package, where that is known beforehand, are certified, and why the others are not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pytest_cereval.inside.equality import EXACT, TOLERANCE, Level, rough
from pytest_cereval.inside.observation import digest
from pytest_cereval.oracles.bench import Bench, Setting
from pytest_cereval.oracles.certificate import MIN_MUTATION_SCORE, Certificate, Input
from pytest_cereval.oracles.certify import Certification, certify_all
from pytest_cereval.oracles.render import render_call
from pytest_cereval.oracles.replay import REPLAYS
from pytest_cereval.sandbox.bubblewrap import Bubblewrap
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.ledger import LedgerEntry, Reason
from pytest_cereval.source.recording import Recording, RecordingBounds, record_calls
from pytest_cereval.source.repository import checkout, resolve
from pytest_cereval.source.scan import scan

KNOWN = Path(__file__).parents[1] / "repos" / "known"
WORDS, SHELF, FEEDS, LAWS = "known.words", "known.shelf.Shelf", "known.feeds", "known.laws"
CERTIFIED = [
    f"{FEEDS}.collect",
    f"{FEEDS}.countdown",
    f"{FEEDS}.pages",
    *(
        f"{LAWS}.{name}"
        for name in ("squeezed", "largest", "encode_name", "decode_name", "shout", "announce", "weight")
    ),
    f"{SHELF}.__init__",
    f"{SHELF}.put",
    f"{SHELF}.room",
    f"{SHELF}.room.setter",
    f"{SHELF}.__len__",
    f"{SHELF}.open",
    f"{WORDS}.longest",
    f"{WORDS}.initials",
    f"{WORDS}.outer",
]
BY_TESTS = [f"{FEEDS}.listen", f"{WORDS}.unordered", f"{WORDS}.adder"]
REFUSED = {
    f"{SHELF}.compare": Reason.NOT_CALLED,
    f"{WORDS}.ready": Reason.WEAK_STUB,
    f"{WORDS}.label": Reason.WEAK_MUTANTS,
    f"{WORDS}.stamp": Reason.UNSTABLE,
    f"{WORDS}.unused": Reason.NOT_CALLED,
    f"{WORDS}.total": Reason.UNPICKLABLE,
    f"{WORDS}.leave": Reason.CRASHED,
}


BY_BOTH = [f"{LAWS}.register"]
ORACLES = ("calls", "tests", "both")


class World(NamedTuple):
    setting: Setting
    functions: tuple[SourceFunction, ...]
    recording: Recording


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    top = tmp_path_factory.mktemp("known")
    folder = top / "known"
    shutil.copytree(KNOWN, folder, ignore=shutil.ignore_patterns("__pycache__"))
    who = {f"GIT_{role}_{key}": "known@example.org" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        subprocess.run(["git", *command], cwd=folder, check=True, env=os.environ | who)
    tree = checkout(str(folder), resolve(str(folder)), top / "cache")
    functions = scan(tree.runtime).eligible
    sandbox, interpreter = Bubblewrap(), inspect_interpreter(Path(sys.executable))
    bounds = RecordingBounds(per_function=24, seconds=60, timeout_s=120)
    recording = record_calls(tree, functions, sandbox=sandbox, interpreter=interpreter, bounds=bounds)
    roots = frozenset(function.import_root for function in functions)
    return World(Setting(tree, sandbox, interpreter, roots, recording.modules), functions, recording)


@pytest.fixture(scope="module")
def certification(world: World) -> Certification:
    return certify_all(world.setting, world.functions, world.recording, workers=2)


def account(certification: Certification) -> list[object]:
    """All that must be the same in another build."""
    certified = [
        (
            item.function.name,
            item.certificate,
            [i.digest for i in item.visible],
            [i.digest for i in item.hidden],
            item.tests,
        )
        for item in certification.certified
    ]
    return [certified, certification.ledger, certification.loaded_files]


def certificate(certification: Certification, name: str) -> Certificate:
    return next(item.certificate for item in certification.certified if item.function.name == name)


def test_every_function_is_certified_or_refused_for_the_known_reason(certification: Certification) -> None:
    assert {entry.function: entry.reason for entry in certification.ledger} == REFUSED
    by = {
        oracle: [i.function.name for i in certification.certified if i.certificate.oracle == oracle]
        for oracle in ORACLES
    }
    assert by == {"calls": CERTIFIED, "tests": BY_TESTS, "both": BY_BOTH}


def test_a_certificate_holds_what_it_promises(certification: Certification) -> None:
    for item in certification.certified:
        shown = item.certificate
        assert shown.replays == REPLAYS
        assert shown.stubs_rejected == shown.stubs_total == 8 + item.function.is_generator
        assert shown.mutation_score is None or shown.mutation_score >= MIN_MUTATION_SCORE
        assert shown.rewrites_accepted == shown.rewrites_total
        kinds = (shown.recorded_inputs, shown.borrowed_inputs, shown.edited_inputs, shown.generated_inputs)
        assert sum(kinds) == len(item.hidden or (item.tests.ids if item.tests else ()))
        assert len(shown.killed) == shown.mutants_killed
        assert 0 < item.core <= len(item.hidden) or item.tests
        assert Certificate.from_dict(shown.to_dict()) == shown


def test_every_outcome_of_a_thorough_suite_is_killed_and_covered(certification: Certification) -> None:
    shown = certificate(certification, f"{WORDS}.initials")
    assert (shown.mutants_killed, shown.survivors) == (shown.mutants_total, ())
    assert (shown.branches_covered, shown.branches_total) == (2, 2)


def test_what_calls_alone_do_not_tell_apart_may_be_judged_by_calls_and_tests(certification: Certification) -> None:
    (item,) = (item for item in certification.certified if item.certificate.oracle == "both")
    assert item.tests is not None
    assert item.certificate.tests == len(item.tests.ids) > 0
    kinds = ("recorded", "borrowed", "edited", "generated")
    assert sum(getattr(item.certificate, f"{kind}_inputs") for kind in kinds) == len(item.hidden) > 0
    assert item.certificate.mutation_score == 1.0


@pytest.mark.parametrize("name", [f"{LAWS}.squeezed", f"{LAWS}.shout", f"{LAWS}.announce"])
def test_every_seeded_fault_is_caught_and_every_rewrite_accepted(certification: Certification, name: str) -> None:
    shown = certificate(certification, name)
    assert shown.survivors == ()
    assert shown.mutants_killed == shown.mutants_total > 0
    assert shown.rewrites_accepted == shown.rewrites_total


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("squeezed", {"idempotent"}),
        ("largest", {"the order of numbers does not matter"}),
        ("decode_name", {"undoes its partner"}),
        ("shout", set()),
    ],
)
def test_laws_that_the_reference_keeps_are_found(certification: Certification, name: str, expected: set[str]) -> None:
    assert set(certificate(certification, f"{LAWS}.{name}").laws) == expected


def test_the_level_of_equality_is_on_the_certificate(certification: Certification) -> None:
    assert certificate(certification, f"{LAWS}.announce").equality == Level(printed=True)
    assert certificate(certification, f"{LAWS}.weight").equality == Level(floats=TOLERANCE)
    assert certificate(certification, f"{LAWS}.squeezed").equality == EXACT


def test_a_default_is_tested_by_calls_that_leave_it_out(certification: Certification) -> None:
    shown = certificate(certification, f"{LAWS}.shout")
    assert any("default of times" in text for text in shown.killed)


def test_methods_that_no_test_calls_borrow_their_receivers(certification: Certification) -> None:
    shown = certificate(certification, f"{SHELF}.__len__")
    assert shown.recorded_inputs == 0
    assert shown.borrowed_inputs > 0
    setter = next(item for item in certification.certified if item.function.role == "setter")
    assert setter.certificate.borrowed_inputs > 0
    assert render_call("room", setter.hidden[0].arguments).startswith("room(<Shelf>, value=")


def test_state_of_the_class_does_not_pass_from_call_to_call(certification: Certification) -> None:
    opened = next(item for item in certification.certified if item.function.qualname == "Shelf.open")
    assert {item.observation["value"] for item in opened.hidden} == {1}


def test_visible_inputs_are_few_readable_and_not_hidden_as_well(certification: Certification) -> None:
    for item in certification.certified:
        hidden = {entry.digest for entry in item.hidden}
        assert len(item.visible) <= 3
        assert len(item.visible) * 4 <= len(hidden)
        assert not hidden & {entry.digest for entry in item.visible}
    assert any(item.visible for item in certification.certified)


def test_the_digest_of_an_input_is_that_of_its_trees(certification: Certification) -> None:
    for item in certification.certified:
        for given in (*item.visible, *item.hidden):
            assert given.digest == digest([given.arguments, rough(given.observation)])
            assert Input.from_dict(given.to_dict()) == given


def test_details_say_what_was_found(certification: Certification) -> None:
    details = {entry.function: entry.detail for entry in certification.ledger}
    weak = "passes with 'return True' as its body"
    assert details[f"{WORDS}.ready"] == f"{weak}; by tests: {weak}"
    assert details[f"{WORDS}.label"].startswith("1 of 7 mutants killed; survived: line")
    assert details[f"{WORDS}.total"] == "4 calls; by tests: passes with 'return True' as its body"
    assert "differ" in details[f"{WORDS}.stamp"]


def test_the_files_that_the_reference_loads_are_known(certification: Certification) -> None:
    assert {"/cereval/repo/known/words.py", "/cereval/repo/known/shelf.py"} <= certification.loaded_files
    assert not any("pytest/" in file for file in certification.loaded_files)


def test_another_build_with_one_worker_is_the_same(world: World, certification: Certification) -> None:
    again = certify_all(world.setting, world.functions, world.recording, workers=1)
    assert account(again) == account(certification)


def test_a_function_alone_fares_as_in_company(world: World, certification: Certification) -> None:
    alone = [function for function in world.functions if function.qualname == "Shelf.__len__"]
    found = certify_all(world.setting, alone, world.recording, workers=1)
    assert account(found)[0] == [entry for entry in account(certification)[0] if entry[0] == f"{SHELF}.__len__"]  # type: ignore[attr-defined]


def test_what_is_known_is_not_looked_at_again(world: World, certification: Certification) -> None:
    outcomes = {item.function.name: item for item in certification.certified}
    refused = {entry.function: entry for entry in certification.ledger}
    stages: list[str] = []
    again = certify_all(
        world.setting,
        world.functions,
        world.recording,
        known=lambda name: outcomes.get(name) or refused.get(name),
        progress=lambda stage, done, total: stages.append(stage),
    )
    assert (again.certified, again.ledger) == (certification.certified, certification.ledger)
    assert stages == []


def test_progress_counts_up_to_the_total(world: World) -> None:
    told: list[tuple[str, int, int]] = []
    few = [function for function in world.functions if function.bare_name in ("ready", "initials")]
    certify_all(world.setting, few, world.recording, progress=lambda *step: told.append(step))
    assert [step for step in told if step[0] == "look"] == [("look", 1, 2), ("look", 2, 2)]
    assert all(done <= total for _, done, total in told)


def test_a_function_that_is_not_there_after_import_is_refused(world: World) -> None:
    moved = replace(next(f for f in world.functions if f.bare_name == "longest"), first_line=2)
    found = certify_all(world.setting, [moved], world.recording)
    assert found.certified == ()
    assert found.ledger == (
        LedgerEntry(
            f"{WORDS}.longest",
            "known/words.py",
            moved.def_line,
            Reason.UNREACHABLE,
            "Unreachable: no function longest that starts at line 2; "
            "by tests: known.words.longest is not at known/words.py:2",
        ),
    )


def test_a_fault_of_ours_is_no_kill_and_has_a_reason_of_its_own(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Bench.ask

    def without_source(self: Bench, op: str, **content: Any) -> dict[str, Any]:
        if op == "variant":
            del content["source"]
        return ask(self, op, **content)

    monkeypatch.setattr(Bench, "ask", without_source)
    longest = [function for function in world.functions if function.name == f"{WORDS}.longest"]
    found = certify_all(world.setting, longest, world.recording)
    assert not found.certified
    (entry,) = found.ledger
    assert entry.reason is Reason.INTERNAL
    assert "'variant' failed in the reference process: KeyError: source" in entry.detail
