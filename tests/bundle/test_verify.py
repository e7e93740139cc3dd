"""Whatever is changed in a bundle is found, and named."""

from __future__ import annotations

import json
import os
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_cereval.bundle import layout
from pytest_cereval.bundle.check import ExitCode, Outcome
from pytest_cereval.bundle.verify import verify
from pytest_cereval.bundle.write import write_bundle
from pytest_cereval.cli import main
from pytest_cereval.results.store import Store
from pytest_cereval.results.verdict import Verdict
from tests.bundle.conftest import RUN, attempt_at, copy_of, edit_json, edit_lines, reseal

Findings = Callable[..., dict[str, tuple[str, ...]]]
REPORT = "report/index.html"


def first(folder: Path, pattern: str) -> Path:
    return min(folder.glob(pattern))


def flip(file: Path, seed: int) -> None:
    data, rng = bytearray(file.read_bytes()), random.Random(seed)
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    file.write_bytes(data)


def drop_verdict(rows: list[Any]) -> list[Any]:
    rows[1]["verdict"] = "PASS"
    return rows


def pass_it(rows: list[Any]) -> list[Any]:
    rows[1] |= {"verdict": "PASS", "failure": None, "evidence": {"checked": 8, "hidden": 8}}
    return rows


def raise_rate(told: Any) -> None:
    told["summary"]["overall"]["rate"] = 0.75


def raise_estimate(told: Any) -> None:
    told["report"]["overall"]["value"] = 0.75


def sql(folder: Path, statement: str) -> None:
    with sqlite3.connect(folder / layout.STORE) as connection:
        connection.execute(statement)
        connection.commit()
    connection.close()


def pass_the_gate(told: Any) -> None:
    told["predicate"]["verdict"]["result"] = "PASS"


def other_weights(told: Any) -> None:
    told["subject"][0]["digest"]["sha256"] = "d4" * 32


def swap(folder: Path) -> None:
    one, other = sorted(folder.glob("completions/*"))[:2]
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)


# What is done, whether digests are made to fit again, and what a finding must name.
TAMPERINGS: dict[str, tuple[Callable[[Path], object], bool, str]] = {
    "a bit of the results": (lambda at: flip(at / layout.RESULTS, 1), False, layout.RESULTS),
    "a bit of the store": (lambda at: flip(at / layout.STORE, 2), False, layout.STORE),
    "a bit of the statistics": (lambda at: flip(at / layout.STATISTICS, 3), False, layout.STATISTICS),
    "a bit of the tasks": (lambda at: flip(at / layout.TASKS, 4), False, layout.TASKS),
    "a bit of the ledger": (lambda at: flip(at / layout.LEDGER, 5), False, layout.LEDGER),
    "a bit of the run": (lambda at: flip(at / layout.RUN, 6), False, layout.RUN),
    "a bit of a prompt": (lambda at: flip(first(at, "prompts/*"), 7), False, "prompts/"),
    "a bit of an answer": (lambda at: flip(first(at, "completions/*"), 8), False, "completions/"),
    "a bit of a page": (lambda at: flip(at / REPORT, 9), False, REPORT),
    "a bit of the manifest": (lambda at: flip(at / layout.MANIFEST, 10), False, layout.MANIFEST),
    "an answer gone": (lambda at: first(at, "completions/*").unlink(), False, "is missing"),
    "the manifest gone": (lambda at: (at / layout.MANIFEST).unlink(), False, "manifest.json is missing"),
    "a file more": (lambda at: (at / "notes.txt").write_text("hm"), False, "notes.txt is not listed"),
    "a file more, listed": (lambda at: (at / "notes.txt").write_text("hm"), True, "notes.txt belongs to no attempt"),
    "a folder more, listed": (lambda at: (at / "prompts/x.json").write_text("1"), True, "prompts/x.json belongs to no"),
    "answers swapped": (swap, False, "completions/"),
    "answers swapped, digests fit": (swap, True, "digests that do not fit"),
    "a page renamed": (lambda at: (at / REPORT).rename(at / "report/other.html"), False, REPORT),
    "a verdict, digests fit": (lambda at: edit_lines(at / layout.RESULTS, drop_verdict), True, "f1): PASS, but its"),
    "a whole row, digests fit": (lambda at: edit_lines(at / layout.RESULTS, pass_it), True, "summary.overall.passed"),
    "a row gone, digests fit": (lambda at: edit_lines(at / layout.RESULTS, lambda rows: rows[1:]), True, "attempt"),
    "a row twice, digests fit": (
        lambda at: edit_lines(at / layout.RESULTS, lambda rows: [rows[0], *rows]),
        True,
        "holds sample 0 of task 0000000000000000 twice",
    ),
    "a task gone, digests fit": (lambda at: edit_lines(at / layout.TASKS, lambda rows: rows[1:]), True, "tasks.jsonl"),
    "a rate, digests fit": (lambda at: edit_json(at / layout.STATISTICS, raise_rate), True, "overall.rate: 0.75"),
    "a bit of the analysis": (lambda at: flip(at / layout.ANALYSIS, 11), False, layout.ANALYSIS),
    "a rate of the analysis, digests fit": (
        lambda at: edit_json(at / layout.ANALYSIS, raise_estimate),
        True,
        "report.overall.value: 0.75",
    ),
    "the analysis gone, digests fit": (lambda at: (at / layout.ANALYSIS).unlink(), True, "analysis.json is missing"),
    "the store's verdict": (
        lambda at: sql(at, "UPDATE attempts SET verdict = 'PASS', failure = NULL WHERE seq = 2"),
        True,
        "column verdict is 'PASS', its record 'FAIL_WRONG'",
    ),
    "the store's answer": (
        lambda at: sql(at, "UPDATE completions SET body = replace(body, 'answer 1', 'reply 1')"),
        True,
        "keeps another answer to task 0000000000000001",
    ),
    "the gate's verdict": (lambda at: edit_json(at / layout.MANIFEST, pass_the_gate), False, "verdict.result"),
    "the model's digest": (lambda at: edit_json(at / layout.MANIFEST, other_weights), False, "model:small.gguf"),
    "a space in the manifest": (
        lambda at: (at / layout.MANIFEST).write_text(json.dumps(json.loads((at / layout.MANIFEST).read_text()))),
        False,
        "manifest.json is not in canonical form",
    ),
    "a signature from nowhere": (lambda at: (at / layout.ENVELOPE).write_text("{}\n"), False, layout.ENVELOPE),
}


def test_an_untouched_bundle_holds(bundle: Path) -> None:
    found = verify(bundle)

    assert {each.name: each.findings for each in found.checks if each.findings} == {}
    assert ExitCode.of(found.checks) == 0
    assert [each.name for each in found.checks if each.outcome is Outcome.SKIPPED] == ["signature"]


@pytest.mark.parametrize("name", TAMPERINGS)
def test_each_tampering_is_found_and_named(bundle: Path, name: str) -> None:
    tamper, digests_fit, named = TAMPERINGS[name]
    tamper(bundle)
    if digests_fit:
        reseal(bundle)

    found = verify(bundle)

    assert ExitCode.of(found.checks) is ExitCode.BROKEN
    assert named in "\n".join(finding for each in found.checks for finding in each.findings)


@pytest.mark.parametrize("seed", range(20))
def test_a_changed_byte_anywhere_is_found_and_its_file_named(bundle: Path, seed: int) -> None:
    rng = random.Random(seed)
    file = rng.choice(sorted(path for path in bundle.rglob("*") if path.is_file()))
    flip(file, seed)

    found = verify(bundle)

    assert ExitCode.of(found.checks) is ExitCode.BROKEN
    named = file.relative_to(bundle).as_posix()
    assert any(named in finding for each in found.checks for finding in each.findings)


def test_each_byte_of_the_manifest_counts(bundle: Path) -> None:
    file = bundle / layout.MANIFEST
    whole = file.read_bytes()

    for place in range(0, len(whole), 97):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert ExitCode.of(verify(bundle).checks) is ExitCode.BROKEN, whole[place - 20 : place + 20]


def test_a_consistent_rewrite_of_all_files_is_the_stated_limit(bundle: Path, store_file: Path, tmp_path: Path) -> None:
    with Store.open(store_file) as store:
        store.save_attempt(attempt_at(1, Verdict.PASS))
        forged = write_bundle(tmp_path / "forged", store, RUN)

    found = verify(forged.folder)

    assert ExitCode.of(found.checks) is ExitCode.HOLDS
    assert found.manifest_sha256 != verify(bundle).manifest_sha256
    assert "leaves nothing to find" in CliRunner().invoke(main, ["verify", str(forged.folder)]).output


def test_what_another_version_derives_otherwise_is_unchecked_and_named(bundle: Path) -> None:
    def older(told: Any) -> None:
        told["bundled_by"]["code_sha256"] = "e5" * 32

    edit_json(bundle / layout.RUN, older)
    reseal(bundle)

    found = {each.name: each for each in verify(bundle).checks}

    assert found["record of the run"].outcome is Outcome.UNCHECKED
    assert "another version of pytest-cereval wrote the bundle" in found["record of the run"].about
    assert ExitCode.of(found.values()) is ExitCode.UNCHECKED


def test_a_manifest_of_a_later_format_cannot_be_checked(bundle: Path) -> None:
    def later(told: Any) -> None:
        told["predicateType"] = layout.predicate_type(2)
        told["predicate"]["format"] = 2

    edit_json(bundle / layout.MANIFEST, later)

    result = CliRunner().invoke(main, ["verify", str(bundle)])

    assert result.exit_code == 3
    assert "'urn:pytest-cereval:run-record:v2', format 2; this version knows" in result.output


def test_the_command_names_what_was_changed_and_exits_with_1(bundle: Path) -> None:
    flip(bundle / layout.RESULTS, 4)

    result = CliRunner().invoke(main, ["verify", str(bundle)])
    told = json.loads(CliRunner().invoke(main, ["verify", "--json", str(bundle)]).output)

    assert result.exit_code == 1
    assert "results.jsonl was changed: its sha256 is " in result.output
    assert "does NOT hold" in result.output
    assert told["exit_code"] == 1
    assert any("results.jsonl was changed" in line for each in told["checks"] for line in each["findings"])


def test_a_command_line_that_cannot_be_used_exits_with_2(bundle: Path, tmp_path: Path) -> None:
    none = CliRunner().invoke(main, ["verify", str(tmp_path / "none")])
    no_key = CliRunner().invoke(main, ["verify", str(bundle), f"--key={bundle / layout.RUN}"])

    assert none.exit_code == 2
    assert no_key.exit_code == 2
    assert "holds no key" in no_key.output


def test_what_cannot_be_rescored_here_exits_with_3(bundle: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["verify", str(bundle), "--rescore", f"--cache={tmp_path / 'empty'}"])

    assert result.exit_code == 3
    assert "could not check verdicts" in result.output
    assert "no checkout of a1a1a1a1a1 lies in" in result.output


def test_verifying_changes_no_file(bundle: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in [bundle, *bundle.rglob("*")]}

    CliRunner().invoke(main, ["verify", str(bundle)])
    CliRunner().invoke(main, ["inspect", f"--store={bundle}"])

    assert {path: path.stat().st_mtime_ns for path in [bundle, *bundle.rglob("*")]} == before


def test_a_copied_bundle_holds_wherever_it_lies(bundle: Path) -> None:
    moved = copy_of(bundle)
    os.utime(moved / layout.STORE, (1, 1))

    assert ExitCode.of(verify(moved).checks) is ExitCode.HOLDS
