"""Patterns of weak code are told for what an answer adds to the reference, and decide nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_cereval.categories.audit import bandit
from pytest_cereval.categories.audit.natural import natural_findings
from pytest_cereval.categories.audit.screening import MEANING, screening
from pytest_cereval.errors import OracleError
from pytest_cereval.source.functions import extract_functions
from pytest_cereval.source.repository import Checkout, Revision

SHELL = "import os\n\n\ndef f(x):\n    os.system('echo ' + x)\n"
needs_bandit = pytest.mark.skipif(not bandit.is_installed(), reason="Bandit is not installed")


@needs_bandit
def test_only_what_the_reference_has_not_is_told() -> None:
    more = SHELL + "\n\ndef g(x):\n    return eval(x)\n"

    assert screening(SHELL, SHELL) == {}
    found = screening(more, SHELL)
    assert found["by_cwe"] == {"CWE-78": 1}
    assert found["meaning"] == MEANING
    assert [(each["code"], each["line"]) for each in found["findings"]] == [("B307", 9)]
    assert screening(SHELL, "def f(x):\n    pass\n")["by_cwe"] == {"CWE-78": 1}


@needs_bandit
def test_a_comment_does_not_silence_it() -> None:
    quiet = SHELL.replace("+ x)", "+ x)  # nosec")

    assert screening(quiet, "") == screening(SHELL, "")


@needs_bandit
def test_what_does_not_parse_has_no_patterns() -> None:
    assert screening("def f(:", "") == {}


@needs_bandit
def test_suspicions_about_a_checkout_are_listed_by_function(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(SHELL)
    revision = Revision(name="a", commit="0" * 40, tree_hash="0" * 40, date="", dirty=False)
    functions = extract_functions(tmp_path, Path("a.py"))  # type: ignore[arg-type]

    found = [each.to_dict() for each in natural_findings(Checkout(revision, tmp_path, tmp_path), functions)]

    assert [(each["function"], each["cwe"], each["line"], each["natural"]) for each in found][-1] == (
        "a.f",
        78,
        5,
        True,
    )


def test_without_bandit_nothing_is_told_and_a_listing_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bandit, "is_installed", lambda: False)

    assert screening(SHELL, "") == {}
    with pytest.raises(OracleError, match="Bandit is not installed") as caught:
        bandit.patterns_in_text(SHELL)
    assert "pytest-cereval[audit]" in str(caught.value)


def test_a_bandit_that_fails_is_told_and_raises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bandit, "is_installed", lambda: True)
    monkeypatch.setattr(bandit, "_START", "raise SystemExit(3)")

    found = screening("x = 1\n", "y = 1\n")

    assert "Bandit failed" in found["failed"]
