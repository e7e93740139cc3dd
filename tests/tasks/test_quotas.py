"""A limit is shared between categories, and every function that is looked at is accounted for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, cast

import pytest

from pytest_cereval.assembly import decisive
from pytest_cereval.models.model import Prompt
from pytest_cereval.oracles.cases import Certified
from pytest_cereval.oracles.certificate import Certificate
from pytest_cereval.results.band import Band
from pytest_cereval.source.functions import extract_functions
from pytest_cereval.source.ledger import LedgerEntry, Reason
from pytest_cereval.source.repository import Revision
from pytest_cereval.tasks.outcomes import questions_dict, questions_from
from pytest_cereval.tasks.question import Question
from pytest_cereval.tasks.quotas import Quotas
from pytest_cereval.tasks.suite import Suite
from pytest_cereval.tasks.task import Category

GENERATION, UNDERSTANDING, AUDIT = Category
QUESTION = Question(Prompt("", "what?"), Band.HARD, "bug", {"operator": "x"}, {"line": 3}, control=True)
REFUSED = Reason.NO_WEAKNESS


@pytest.fixture
def items(tmp_path: Path) -> list[Certified]:
    (tmp_path / "many.py").write_text("".join(f"def f{n}():\n    return {n}\n\n\n" for n in range(8)))
    counts = dict.fromkeys(Certificate.__slots__[:11], 0) | dict.fromkeys(Certificate.__slots__[13:17], 0)
    certificate = Certificate(**cast(dict[str, Any], counts), killed=(), survivors=())
    functions = extract_functions(tmp_path, PurePosixPath("many.py"))
    return [Certified(function, certificate, (), (), 0) for function in functions]


def refusal(item: Certified) -> LedgerEntry:
    return LedgerEntry(item.function.name, item.function.path, 1, REFUSED, category=AUDIT.value)


def counts(quotas: Quotas) -> dict[Category, int]:
    chosen = [category for _, category, _ in quotas.chosen()]
    return {category: chosen.count(category) for category in Category}


def test_a_limit_is_shared_evenly_and_the_first_get_what_does_not_divide(items: list[Certified]) -> None:
    quotas = Quotas(7, Category)
    for item in items:
        quotas.take(item, dict.fromkeys(Category, (QUESTION,)))

    assert counts(quotas) == {GENERATION: 3, UNDERSTANDING: 2, AUDIT: 2}
    assert not quotas.open


def test_what_a_category_cannot_fill_others_may(items: list[Certified]) -> None:
    quotas = Quotas(6, (GENERATION, AUDIT))
    for item in items:
        quotas.take(item, {GENERATION: (QUESTION,), AUDIT: refusal(item)})

    assert counts(quotas) == {GENERATION: 6, UNDERSTANDING: 0, AUDIT: 0}
    assert quotas.open == (AUDIT,)


def test_without_a_limit_everything_is_asked(items: list[Certified]) -> None:
    quotas = Quotas(0, Category)
    for item in items:
        quotas.take(item, {GENERATION: (QUESTION,), UNDERSTANDING: (QUESTION, replace(QUESTION, label="two"))})

    assert counts(quotas) == {GENERATION: 8, UNDERSTANDING: 16, AUDIT: 0}
    assert quotas.ledger() == []


def test_every_function_is_a_task_or_on_the_ledger(items: list[Certified]) -> None:
    quotas = Quotas(2, (GENERATION, AUDIT))
    quotas.refuse(LedgerEntry("many.g", "many.py", 1, Reason.NOT_CALLED))
    for item in items:
        quotas.take(item, {GENERATION: (QUESTION,), AUDIT: refusal(item)})
    asked = {item.function.name for item, _, _ in quotas.chosen()}
    entries = {entry.function: entry for entry in quotas.ledger()}

    assert len(asked) == 2
    assert sum(entry.reason is Reason.NOT_SELECTED for entry in quotas.ledger()) == 6
    assert asked | entries.keys() == {"many.g", *(item.function.name for item in items)}
    assert entries["many.g"].category == ""
    assert {entry.category for entry in quotas.ledger()} == {"", AUDIT.value}


def test_a_function_that_was_not_needed_says_so(items: list[Certified]) -> None:
    quotas = Quotas(1, (GENERATION,))
    for item in items[:2]:
        quotas.take(item, {GENERATION: (QUESTION,)})

    (entry,) = quotas.ledger()
    assert (entry.function, entry.reason) == (items[1].function.name, Reason.NOT_SELECTED)


def test_questions_come_back_from_their_file_as_they_were(items: list[Certified]) -> None:
    told = (QUESTION, replace(QUESTION, band=Band.TRIVIAL, control=False))

    assert questions_from(questions_dict(told)) == told
    assert questions_from(questions_dict(refusal(items[0]))) == refusal(items[0])


def test_a_function_without_any_task_is_counted_by_its_first_reason() -> None:
    entries = (
        LedgerEntry("m.f", "m.py", 1, Reason.NO_FAULT, category=UNDERSTANDING.value),
        LedgerEntry("m.f", "m.py", 1, Reason.NO_WEAKNESS, category=AUDIT.value),
        LedgerEntry("m.g", "m.py", 5, Reason.NOT_CALLED),
        LedgerEntry("", "bad.py", 1, Reason.UNPARSABLE),
    )
    suite = Suite(Revision("m", "0" * 40, "0" * 40, "", dirty=False), 1, 2, {}, {}, (), entries)

    assert suite.reasons() == {Reason.NO_FAULT: 1, Reason.NOT_CALLED: 1, Reason.UNPARSABLE: 1}
    assert suite.reasons(AUDIT.value) == {Reason.NO_WEAKNESS: 1, Reason.NOT_CALLED: 1, Reason.UNPARSABLE: 1}


def test_an_id_does_not_hang_on_the_bytes_of_a_pickle() -> None:
    one, other = ({"line": 3, "entry": {"call": text, "borrow": None}} for text in ("gAWV", "gAWX"))

    assert decisive(one) == decisive(other) == {"line": 3}
