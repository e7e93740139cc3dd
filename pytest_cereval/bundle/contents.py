"""Turns one run of a store into the data files of a bundle, and these files back into the run.

Every data file is a function of `Contents`, so that a verifier can write all of them again and compare.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pytest_cereval import __version__
from pytest_cereval.bundle import layout
from pytest_cereval.bundle.analysis import analysis, libraries
from pytest_cereval.bundle.canonical import canonical, canonical_lines, read_canonical, read_lines, sha256
from pytest_cereval.bundle.figures import figures
from pytest_cereval.errors import BundleError, CerevalError
from pytest_cereval.models.model import Completion
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.provenance import code_sha256
from pytest_cereval.results.run import Run, RunStatus
from pytest_cereval.results.store import Store

_RUN_FIELDS = {"run_id", "started", "ended", "status", "provenance"}


@dataclass(frozen=True, slots=True)
class Contents:
    """One run as a bundle tells it.

    `bundled_by` names the tool that wrote the bundle: `version`, `code_sha256`, and the `libraries` it computes with.
    """

    run: Run
    bundled_by: dict[str, Any]
    tasks: list[dict[str, Any]]
    ledger: list[dict[str, Any]]
    attempts: list[Attempt]

    @classmethod
    def of_run(cls, store: Store, run_id: str) -> Contents:
        """What a store knows of a run; raises `StoreError` for an unknown one."""
        by = {"version": __version__, "code_sha256": code_sha256(), "libraries": libraries()}
        return cls(store.run(run_id), by, store.tasks(run_id), store.ledger(run_id), store.attempts(run_id))

    def files(self) -> dict[str, bytes]:
        """Every data file by its name; raises `BundleError` for a record that cannot be one."""
        told = analysis(self.run, self.attempts, self.tasks)
        derived = {layout.STATISTICS: canonical(figures(self.attempts)), layout.ANALYSIS: canonical(told)}
        return {**self.rows(), **derived}

    def rows(self) -> dict[str, bytes]:
        """The files that hold records and texts; raises as `files` does."""
        made = {
            layout.RUN: canonical({"format": layout.FORMAT, "run": self.run.to_dict(), "bundled_by": self.bundled_by}),
            layout.TASKS: canonical_lines(self.tasks),
            layout.LEDGER: canonical_lines(self.ledger),
            layout.RESULTS: canonical_lines(row_of(each) for each in self.attempts),
        }
        schemas = {str(task.get("id")): _schema(task.get("prompt")) for task in self.tasks}
        for each in self.attempts:
            if not layout.HEX_256.fullmatch(each.prompt_sha256):
                raise BundleError(f"attempt {each.task_id!r} has no digest of its prompt: {each.prompt_sha256[:80]!r}")
            prompt = {"system": each.prompt_system, "user": each.prompt_user, **schemas.get(each.task_id, {})}
            made[layout.prompt_file(each.prompt_sha256)] = canonical(prompt)
            if each.completion is not None:
                text = _encoded(str(each.completion.get("text", "")))
                made[layout.completion_file(sha256(text))] = text
        return made


def row_of(attempt: Attempt) -> dict[str, Any]:
    """An attempt as a line of `results.jsonl`: prompts and answers by digest, the judged source as text as well."""
    row = attempt.to_dict()
    del row["prompt_system"], row["prompt_user"]
    row["completion_sha256"] = None
    row["candidate_sha256"] = sha256(_encoded(attempt.candidate)) if attempt.candidate else None
    if attempt.completion is not None:
        text = str(attempt.completion.get("text", ""))
        row["completion_sha256"] = sha256(_encoded(text))
        row["completion"] = {name: value for name, value in attempt.completion.items() if name != "text"}
    return row


def attempt_of(row: Any, read: Callable[[str], bytes], where: str) -> Attempt:
    """The attempt that a row tells; `read` gives the content of a file. Raises `BundleError` naming `where`."""
    if not isinstance(row, dict):
        raise BundleError(f"{where} is not an attempt")
    whole = dict(row)
    prompt = read_canonical(read(layout.prompt_file(_digest(row, "prompt_sha256", where))), f"the prompt of {where}")
    if not isinstance(prompt, dict) or not _PROMPT_TEXTS <= set(prompt) <= {*_PROMPT_TEXTS, "schema"}:
        raise BundleError(f"the prompt of {where} is not a `system` and a `user` text, with or without a `schema`")
    whole |= {"prompt_system": prompt["system"], "prompt_user": prompt["user"]}
    try:
        if isinstance(row.get("completion"), dict):
            text = read(layout.completion_file(_digest(row, "completion_sha256", where)))
            whole["completion"] = {**row["completion"], "text": text.decode("utf-8", "surrogatepass")}
            Completion.from_dict(whole["completion"])
        attempt = Attempt.from_dict(whole)
        if row_of(attempt) != row:
            raise BundleError("it holds fields that do not belong there, or digests that do not fit")
    except UnicodeDecodeError as error:
        raise BundleError(f"the answer of {where} is not text") from error
    except CerevalError as error:
        raise BundleError(f"{where} is not an attempt: {error.what}") from error
    return attempt


def read_contents(read: Callable[[str], bytes]) -> Contents:
    """The inverse of `Contents.files`, less what is derived; raises `BundleError` for the first thing amiss."""
    told = read_canonical(read(layout.RUN), layout.RUN)
    if not isinstance(told, dict) or told.get("format") != layout.FORMAT:
        raise BundleError(f"{layout.RUN} has another format than {layout.FORMAT}")
    if set(told) != {"format", "run", "bundled_by"} or not isinstance(told["bundled_by"], dict):
        raise BundleError(f"{layout.RUN} does not hold a run and what bundled it")
    rows = read_lines(read(layout.RESULTS), layout.RESULTS)
    return Contents(
        run=_run(told["run"]),
        bundled_by=told["bundled_by"],
        tasks=_records(read(layout.TASKS), layout.TASKS),
        ledger=_records(read(layout.LEDGER), layout.LEDGER),
        attempts=[attempt_of(row, read, f"{layout.RESULTS}:{number}") for number, row in enumerate(rows, 1)],
    )


_PROMPT_TEXTS = {"system", "user"}


def _run(data: Any) -> Run:
    if not isinstance(data, dict) or set(data) != _RUN_FIELDS or not isinstance(data["provenance"], dict):
        raise BundleError(f"{layout.RUN} does not describe a run")
    if data["status"] not in list(RunStatus):
        raise BundleError(f"{layout.RUN} gives a run the status {str(data['status'])[:80]!r}")
    if not all(isinstance(data[name], str) for name in ("run_id", "started")):
        raise BundleError(f"{layout.RUN} does not name a run and its start")
    if not isinstance(data["ended"], str | None):
        raise BundleError(f"{layout.RUN} does not say when the run ended")
    return Run(**(data | {"status": RunStatus(data["status"])}))


def _records(data: bytes, where: str) -> list[dict[str, Any]]:
    found = read_lines(data, where)
    if not all(isinstance(each, dict) for each in found):
        raise BundleError(f"{where} holds a line that is not an object")
    return found


def _schema(prompt: Any) -> dict[str, Any]:
    """To what an answer is kept, which tasks know and attempts do not."""
    return {"schema": prompt["schema"]} if isinstance(prompt, dict) and prompt.get("schema") else {}


def _digest(row: dict[str, Any], name: str, where: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not layout.HEX_256.fullmatch(value):
        raise BundleError(f"{where}: {name} is no SHA-256")
    return value


def _encoded(text: str) -> bytes:
    # A model may answer with half a surrogate pair, which plain UTF-8 refuses.
    return text.encode("utf-8", "surrogatepass")
