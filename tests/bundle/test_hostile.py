"""A bundle made to harm whoever verifies it harms nothing: no path is followed, nothing is unbounded, nothing runs."""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.bundle import layout
from pytest_cereval.bundle.check import ExitCode
from pytest_cereval.bundle.verify import verify
from pytest_cereval.errors import BundleError
from tests.bundle.conftest import edit_json, edit_lines, reseal

Findings = Callable[..., dict[str, tuple[str, ...]]]


def test_a_link_is_named_and_never_followed(bundle: Path, findings: Findings, tmp_path: Path) -> None:
    for name in ("run.json", "results.jsonl"):
        real = tmp_path / f"real-{name}"
        (bundle / name).rename(real)
        (bundle / name).symlink_to(real)
    (bundle / "up").symlink_to(tmp_path, target_is_directory=True)

    found = findings(bundle)

    assert "run.json is a link or a special file, which no bundle holds" in found["files"]
    assert "run.json is missing" in found["files"]
    assert not any("real-" in finding for finding in found["files"])
    assert found["records"] == ("run.json is missing",)


def test_a_pipe_does_not_block(bundle: Path, findings: Findings) -> None:
    os.mkfifo(bundle / "pipe.json")

    assert "pipe.json is a link or a special file, which no bundle holds" in findings(bundle)["files"]


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/passwd", "prompts/../../secret.txt"])
def test_a_path_in_the_manifest_is_only_a_name(bundle: Path, findings: Findings, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.txt").write_text("x")

    def point(told: Any) -> None:
        told["subject"].append({"name": name, "digest": {"sha256": "0" * 64}, "annotations": {"in_bundle": True}})

    edit_json(bundle / layout.MANIFEST, point)

    assert f"{name} is missing" in findings(bundle)["files"]


@pytest.mark.parametrize("digest", ["../../secret", "/etc/passwd", "A" * 64, None, 7])
def test_a_digest_in_a_row_is_no_path(bundle: Path, findings: Findings, digest: object) -> None:
    def point(rows: list[Any]) -> list[Any]:
        rows[0]["completion_sha256"] = digest
        return rows

    edit_lines(bundle / layout.RESULTS, point)
    reseal(bundle)

    assert findings(bundle)["records"] == (
        "results.jsonl:1 is not an attempt: results.jsonl:1: completion_sha256 is no SHA-256",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000, "is not JSON"),
        ('{"rate": NaN}\n', "NaN is no JSON number"),
        ('{"a": ' + "9" * 5000 + "}\n", "is not JSON"),
        ('{"format":1,"format":2}\n', "not in canonical form"),
        ("", "is not JSON"),
        ("\x80\n", "is not JSON"),
    ],
)
@pytest.mark.parametrize("name", [layout.MANIFEST, layout.RUN, layout.STATISTICS])
def test_json_that_is_a_trap_is_a_finding(bundle: Path, findings: Findings, name: str, text: str, said: str) -> None:
    (bundle / name).write_bytes(text.encode("latin-1"))
    if name != layout.MANIFEST:
        reseal(bundle)

    assert any(said in finding for found in findings(bundle).values() for finding in found)


def test_numbers_that_overflow_are_a_finding(bundle: Path, findings: Findings) -> None:
    def blow(rows: list[Any]) -> list[Any]:
        rows[0]["completion"] |= {"completion_tokens": 10**400, "decode_s": 1e-300}
        return rows

    edit_lines(bundle / layout.RESULTS, blow)
    reseal(bundle)

    assert any("OverflowError" in finding for found in findings(bundle).values() for finding in found)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER UPDATE ON runs BEGIN DELETE FROM runs; END",
        "CREATE VIEW v AS SELECT * FROM runs",
        "CREATE TABLE more (x)",
        "CREATE INDEX i ON runs (abs(seq))",
        "CREATE VIRTUAL TABLE f USING fts5(x)",
    ],
)
def test_a_store_with_another_schema_is_not_read(bundle: Path, findings: Findings, statement: str) -> None:
    with sqlite3.connect(bundle / layout.STORE) as connection:
        connection.execute(statement)
    connection.close()
    reseal(bundle)

    (finding,) = findings(bundle)["store"]

    assert finding.startswith("run.sqlite: the store's schema is not ours: ")


def test_a_pickle_is_only_bytes(bundle: Path, findings: Findings, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, tuple[str, ...]]:
            return (os.mkdir, (str(tmp_path / "exploded"),))

    for name in (layout.STORE, layout.RESULTS, layout.RUN):
        (bundle / name).write_bytes(pickle.dumps(Bomb()))
    reseal(bundle)

    assert set(findings(bundle)) == {"records"}
    assert not (tmp_path / "exploded").exists()


def test_too_many_or_too_large_files_are_refused(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "MAX_FILES", 3)
    with pytest.raises(BundleError, match="holds more than 3 files"):
        verify(bundle)

    monkeypatch.undo()
    with (bundle / "report" / "huge.bin").open("wb") as file:
        file.truncate(layout.MAX_TOTAL_BYTES + 1)
    with pytest.raises(BundleError, match="or 16 GiB"):
        verify(bundle)


def test_a_file_too_large_to_read_is_a_finding(
    bundle: Path, findings: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "MAX_READ_BYTES", 100)

    assert any("is over" in finding for finding in findings(bundle)["manifest"])


def test_a_deep_folder_is_not_walked_to_its_end(bundle: Path, findings: Findings) -> None:
    deep = bundle / "/".join("abcdefghij")
    deep.mkdir(parents=True)
    (deep / "x").write_text("x")

    assert any("lies deeper than a bundle goes" in finding for finding in findings(bundle)["files"])


def test_values_of_the_wrong_kind_are_findings(bundle: Path) -> None:
    for name, value in (("provenance", []), ("status", "over"), ("run_id", 7), ("ended", 3)):
        kept = (bundle / layout.RUN).read_bytes()

        def change(told: Any, name: str = name, value: object = value) -> None:
            told["run"][name] = value

        edit_json(bundle / layout.RUN, change)
        reseal(bundle)
        assert ExitCode.of(verify(bundle).checks) is ExitCode.BROKEN
        (bundle / layout.RUN).write_bytes(kept)


def test_parts_of_the_provenance_may_be_anything(bundle: Path) -> None:
    for value in (None, 7, "x", [1], {"parts": 3, "gguf": [], "file": {}}):

        def change(told: Any, value: object = value) -> None:
            for name in ("model", "options", "versions", "repository", "suite", "sampling", "shard"):
                told["run"]["provenance"][name] = value

        edit_json(bundle / layout.RUN, change)
        reseal(bundle)

        assert ExitCode.of(verify(bundle).checks) is ExitCode.BROKEN


def test_escapes_in_a_bundle_reach_no_terminal(bundle: Path) -> None:
    from click.testing import CliRunner

    from pytest_cereval.cli import main

    (bundle / "\x1b[2Jname\u202e.txt").write_text("x")

    output = CliRunner().invoke(main, ["verify", str(bundle)]).output

    assert "\\x1b[2Jname\\u202e.txt is not listed" in output
    assert "\x1b" not in output
    assert json.loads(CliRunner().invoke(main, ["verify", "--json", str(bundle)]).output)["exit_code"] == 1
