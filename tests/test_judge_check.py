"""Before a run the judge is tried: one that cannot tell right from wrong judges nobody."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pytest_cereval import judge_check
from pytest_cereval.cli import main
from pytest_cereval.errors import SandboxError
from pytest_cereval.evaluate import Bench
from pytest_cereval.judge_check import check_judge
from pytest_cereval.oracles import cheats, conversation, differences
from pytest_cereval.oracles.cheats import CHEATS
from pytest_cereval.oracles.oracle import Judged
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.bubblewrap import Bubblewrap
from pytest_cereval.sandbox.fallback import Fallback
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.sandbox.sandbox import Level
from pytest_cereval.source.repository import Checkout

PYTHON = inspect_interpreter(Path(sys.executable))


def refusal() -> SandboxError:
    with pytest.raises(SandboxError) as caught:
        check_judge(Bubblewrap(), PYTHON)
    return caught.value


def test_an_honest_judge_passes_the_right_answer_only() -> None:
    found = check_judge(Bubblewrap(), PYTHON)

    assert found.right is Verdict.PASS
    assert found.wrong is Verdict.FAIL_WRONG
    assert found.cheats.keys() == CHEATS.keys()
    assert found.cheats["exits in the call"] is Verdict.FAIL_EARLY_EXIT
    assert found.cheats["exits at import"] is Verdict.FAIL_LOAD
    assert found.cheats["patches the encoder of replies"] is Verdict.FAIL_PROTOCOL
    assert found.sentence == "a right answer passed, a wrong one failed, 8 of 8 cheats failed"
    assert found.to_dict()["cheats"]["kills its parent"] == "FAIL_WRONG"


def test_an_equality_that_always_says_yes_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (conversation, differences):
        if hasattr(module, "difference"):
            monkeypatch.setattr(module, "difference", lambda *_, **__: None)

    error = refusal()

    assert "the judge is not fit to judge: a wrong answer came to PASS (agrees with the reference" in error.what
    assert "trust no verdict of this set-up: run `cereval doctor`" in error.next_step


def test_an_equality_that_always_says_no_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differences, "difference", lambda *_, **__: "value")

    assert "the judge is not fit to judge: a right answer came to FAIL_" in refusal().what


def test_a_judge_that_takes_an_early_exit_for_a_pass_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Bench.judge_text

    def lenient(self: Bench, *arguments: object, **more: object) -> Judged:
        judged = honest(self, *arguments, **more)  # type: ignore[arg-type]
        exited = judged.verdict is Verdict.FAIL_EARLY_EXIT
        return Judged(Verdict.PASS, "exit code 0", {}) if exited else judged

    monkeypatch.setattr(Bench, "judge_text", lenient)

    assert refusal().what == (
        "the judge is not fit to judge: an answer that exits in the call came to PASS (exit code 0)"
    )


def test_a_cheat_that_is_not_judged_at_all_is_no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cheats.CHEATS, "exits at import", "Sorry.")

    assert "an answer that exits at import came to NO_ANSWER (no code in the answer)" in refusal().what


def test_what_only_confinement_stops_is_not_tried_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def honest(self: Bench, oracle: object, text: str, **_: object) -> Judged:
        assert "getppid" not in text
        return Judged(Verdict.PASS if text == cheats.RIGHT else Verdict.FAIL_WRONG, "", {})

    monkeypatch.setattr(Bench, "judge_text", honest)
    found = check_judge(Fallback(Level.UNSAFE), PYTHON)

    assert found.cheats.keys() == CHEATS.keys() - {"searches the files for what is expected", "kills its parent"}
    assert found.sentence.endswith("6 of 8 cheats failed, 2 not tried without confinement")


def test_a_reference_that_lies_within_reach_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = judge_check._checkout

    def with_a_copy(folder: Path) -> Checkout:
        made = honest(folder)
        copy = shutil.copyfile(made.runtime / "ranking.py", made.runtime / "backup.py")
        copy.chmod(0o644)
        return made

    monkeypatch.setattr(judge_check, "_checkout", with_a_copy)

    assert "an answer that searches the files for what is expected came to PASS" in refusal().what


def test_a_sandbox_that_does_not_start_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Judged:
        raise SandboxError("no namespaces here", next_step="allow them")

    monkeypatch.setattr(Bench, "judge_text", broken)
    error = refusal()

    assert error.what == "the judge could not be tried before the run: no namespaces here"
    assert error.next_step == "allow them"


def test_a_set_up_without_git_is_told_to_the_end_and_not_called_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, *more: None if name == "git" else which(name, *more))
    done = CliRunner().invoke(main, ["doctor"])

    assert "git          MISSING: install git" in done.output
    assert "judge " in done.output
    assert done.exit_code == 1
