"""Certificates and nested records as rows that a person can read."""

from __future__ import annotations

from pytest_cereval.oracles.certificate import Certificate
from pytest_cereval.report.facts import certificate_rows, cost_rows, flat_rows, identity_rows
from pytest_cereval.results.run import Run, RunStatus
from tests.results.attempts import a_completion, an_attempt

CERTIFICATE = Certificate(
    replays=10,
    recorded_inputs=12,
    borrowed_inputs=0,
    edited_inputs=29,
    generated_inputs=4,
    stubs_rejected=5,
    stubs_total=5,
    mutants_killed=18,
    mutants_total=20,
    timed_out=1,
    equivalent=2,
    killed=("line 5: return removed",),
    survivors=("line 4: == becomes <=", "line 9: 3 becomes 4"),
    rewrites_accepted=3,
    rewrites_total=3,
    branches_covered=7,
    branches_total=8,
    seed=7,
    laws=("idempotent",),
    drawn=24,
)


def test_a_certificate_is_told_in_sentences() -> None:
    assert certificate_rows(CERTIFICATE.to_dict()) == [
        ("Replays of the reference that agree", "10"),
        ("Hidden inputs", "12 recorded, 0 borrowed, 29 edited, 4 generated"),
        ("Emptied bodies rejected", "5 of 5"),
        (
            "Mutants killed",
            "18 of 20, score 0.90, 1 of them by a limit or a crash;"
            " 2 more compile to the reference's bytecode and do not count",
        ),
        ("Mutants that survive", "line 4: == becomes <=; line 9: 3 becomes 4"),
        ("Mutants that are told apart", "line 5: return removed"),
        ("Behaviour-preserving rewrites accepted", "3 of 3"),
        ("Oracle", "calls, replayed by a judge in a process of its own"),
        ("Property of equivalence", "24 examples drawn by Hypothesis, 4 of use: fewer than 5, too few to say much"),
        ("Laws kept", "idempotent"),
        ("Equality", "exact floats, dictionaries in any order"),
        ("Seed of the generated inputs", "7"),
        ("Branches of the reference covered", "7 of 8"),
    ]


def test_where_tests_judge_the_certificate_counts_tests() -> None:
    rows = dict(certificate_rows(CERTIFICATE.to_dict() | {"oracle": "tests"}))

    assert rows["Hidden inputs"] == "12 tests of the repository"
    assert rows["Oracle"] == "the repository's own tests, in one process with the answer"


def test_a_certificate_about_nothing_says_so() -> None:
    certificate = CERTIFICATE.to_dict() | {
        "mutants_killed": 0,
        "mutants_total": 0,
        "mutation_score": None,
        "timed_out": 0,
        "equivalent": 0,
        "survivors": [],
        "branches_covered": 0,
        "branches_total": 0,
    }

    rows = dict(certificate_rows(certificate))

    assert rows["Mutants killed"] == "0 of 0"
    assert rows["Mutants that survive"] == "none"
    assert rows["Branches of the reference covered"] == "0 of 0: it has no decision"


def test_what_no_sentence_was_written_for_is_shown_as_it_is() -> None:
    assert certificate_rows({"replays": 3, "exploits": {"reached": 2}, "stubs_total": 5}) == [
        ("Replays of the reference that agree", "3"),
        ("exploits.reached", "2"),
        ("stubs_total", "5"),
    ]


def test_nested_records_become_rows_named_by_their_path() -> None:
    record = {
        "model": {"file": "x.gguf", "flash": True, "margin": None},
        "args": ["-n", "2"],
        "gpus": [{"name": "A100"}],
        "none": [],
        "empty": {},
    }

    assert flat_rows(record) == [
        ("model.file", "x.gguf"),
        ("model.flash", "true"),
        ("model.margin", "null"),
        ("args", "-n, 2"),
        ("gpus[0].name", "A100"),
    ]


def test_times_of_a_reused_completion_are_said_to_be_of_another_run() -> None:
    assert "reused from an earlier run" in dict(cost_rows(an_attempt(reused=True)))["Completion tokens"]
    assert dict(cost_rows(an_attempt()))["Completion tokens"] == "100"


def test_a_completion_of_no_tokens_has_no_speed_and_no_margin() -> None:
    completion = a_completion(completion_tokens=0, decode_s=0.0, min_margin=None)

    rows = dict(cost_rows(an_attempt(completion=completion)))

    assert rows["Generating"] == "0.000 s, no tokens/s"
    assert rows["Smallest margin between two tokens"] == "not measured"


def test_an_identity_leaves_out_what_there_is_not() -> None:
    run = Run("run-1", "2026-11-21T10:00:00+00:00", None, RunStatus.running, {"options": ["-x"]})

    rows = identity_rows(an_attempt(completion=None, candidate=""), run)

    assert [name for name, _ in rows] == ["Run", "Task", "Test item", "Prompt, sha256"]
