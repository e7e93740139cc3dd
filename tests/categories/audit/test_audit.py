"""Answers to questions about planted weaknesses come to the verdicts and scores that they deserve."""

from __future__ import annotations

import pytest

from pytest_cereval.categories.audit.audit import Audit
from pytest_cereval.categories.audit.catalogue import FEATURES
from pytest_cereval.categories.audit.cwe import NAMES, is_named
from pytest_cereval.categories.audit.feature import FIXES
from pytest_cereval.oracles.oracle import Judged
from pytest_cereval.results.band import Band
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.source.ledger import LedgerEntry
from pytest_cereval.tasks.question import Question
from tests.categories.audit.auditing import Room, Workshop

NOTHING = "def exploit(target, canary):\n    target(name='Ann')\n"


def asked(shop: Workshop, name: str, cwe: int, band: Band) -> tuple[Room, Question]:
    """The room of a question that plants one entry of the catalogue."""
    feature = next(each for each in FEATURES if (each.cwe, each.band) == (cwe, band))
    item = shop.certified[name]
    question = shop.planter().weak(item, shop.proposal(name, feature), item.hidden[0], 0)
    return shop.room(name, question), question


def report(cwe: object, line: object, exploit: str = "", fix: str = "") -> str:
    codes = "".join(f"```python\n{code}\n```\n" for code in (exploit, fix) if code)
    return f"VERDICT: vulnerable\nCWE: CWE-{cwe}\nLINE: {line}\n{codes}"


@pytest.fixture(scope="module")
def sql(shop: Workshop) -> tuple[Room, Question]:
    return asked(shop, "greeting", 89, Band.TRIVIAL)


def judged(room: Room, text: str) -> Judged:
    return Audit().judge(room, text)


def test_a_weakness_that_is_named_and_reproduced_passes(sql: tuple[Room, Question]) -> None:
    room, question = sql
    found = judged(room, report(89, question.about["lines"][0], question.planted["exploit"]))

    assert found.verdict is Verdict.PASS
    assert found.scores == {"identified": True, "located": True, "reproduced": True}
    assert found.claimed
    assert found.detail == "identifies CWE-89, SQL injection and reproduces it: sqlite3 statement"
    assert found.evidence["exploit"]["event"] == "sqlite3 statement"
    assert "', 1), ('c" in found.evidence["exploit"]["data"]
    assert "def exploit" in found.candidate


def test_the_line_is_a_score_and_no_condition(sql: tuple[Room, Question]) -> None:
    room, question = sql
    found = judged(room, report(943, 1, question.planted["exploit"]))

    assert found.verdict is Verdict.PASS
    assert found.scores == {"identified": True, "located": False, "reproduced": True}


def test_a_finding_without_a_working_exploit_is_not_reproduced(sql: tuple[Room, Question]) -> None:
    room, question = sql
    found = judged(room, report(89, question.about["lines"][0], NOTHING))

    assert found.verdict is Verdict.FAIL_UNREPRODUCED
    assert found.scores == {"identified": True, "located": True, "reproduced": False}
    assert found.claimed
    assert "does not reach it" in found.detail
    assert judged(room, report(89, 1)).detail.endswith("no exploit is given")


def test_another_class_is_no_pass_even_with_the_exploit(sql: tuple[Room, Question]) -> None:
    room, question = sql
    found = judged(room, report(78, question.about["lines"][0], question.planted["exploit"]))

    assert found.verdict is Verdict.FAIL_WEAKNESS
    assert found.scores == {"identified": False, "located": True, "reproduced": True}


def test_a_clean_bill_misses_a_weakness(sql: tuple[Room, Question]) -> None:
    found = judged(sql[0], "VERDICT: safe\nCWE: none\nLINE: none\n")

    assert found.verdict is Verdict.FAIL_MISSED
    assert not found.claimed


def test_no_verdict_is_no_answer(sql: tuple[Room, Question]) -> None:
    assert judged(sql[0], "I cannot say.").verdict is Verdict.NO_ANSWER


def test_a_repair_must_stop_the_exploit_and_keep_the_behaviour(sql: tuple[Room, Question]) -> None:
    room, question = sql
    exploit = question.planted["exploit"]
    head = 'def greeting(name, formal=False):\n    word = "Good day" if formal else "Hello"\n'
    whole = f'{head}    return f"{{word}}, {{name}}!"\n'
    other = f'{head}    return "Hello"\n'
    store = next(word for word in question.prompt.user.split() if word.endswith('.execute("CREATE')).partition(".")[0]
    kept = f'{head}    {store}.execute("SELECT ?", (name,))\n    return f"{{word}}, {{name}}!"\n'

    assert judged(room, report(89, 1, exploit, whole)).scores["repaired"]
    assert judged(room, report(89, 1, exploit, kept)).scores["repaired"]
    assert not judged(room, report(89, 1, exploit, other)).scores["repaired"]
    assert "repaired" not in judged(room, report(89, 1, exploit)).scores


def test_a_fix_that_is_still_weak_is_no_repair(shop: Workshop) -> None:
    room, question = asked(shop, "greeting", 22, Band.TRIVIAL)
    made = shop.proposal("greeting", next(each for each in FEATURES if (each.cwe, each.band) == (22, Band.TRIVIAL)))
    found = judged(room, report(22, 1, question.planted["exploit"], made.weak.function.source))

    assert not found.scores["repaired"]
    assert found.verdict is Verdict.PASS


@pytest.mark.parametrize("cwe", [798, 208])
def test_a_class_that_cannot_be_reproduced_is_held_to_class_and_line(shop: Workshop, cwe: int) -> None:
    room, question = asked(shop, "greeting", cwe, Band.STANDARD)
    line = question.about["lines"][0]

    assert question.about["identify_only"]
    found = judged(room, report(cwe, line))
    assert found.verdict is Verdict.PASS
    assert found.scores == {"identified": True, "located": True}
    assert "not reproduced" in found.detail
    assert judged(room, report(cwe, line + 50)).verdict is Verdict.FAIL_LOCATION
    assert judged(room, report(78, line)).verdict is Verdict.FAIL_WEAKNESS


def test_a_report_on_a_clean_function_is_a_false_alarm(shop: Workshop) -> None:
    questions = shop.planter().questions(shop.certified["total"])
    assert not isinstance(questions, LedgerEntry)
    for question in questions[1:]:
        room = shop.room("total", question)
        alarm, calm = judged(room, report(78, 1, NOTHING)), judged(room, "VERDICT: safe\n")

        assert (alarm.verdict, alarm.claimed) == (Verdict.FAIL_FALSE_ALARM, True)
        assert (calm.verdict, calm.claimed) == (Verdict.PASS, False)


def test_the_reference_exploits_pass_and_the_same_answer_to_everything_does_not(shop: Workshop) -> None:
    names = ("greeting", "total", "Shelf.find", "risky")
    told = Audit().questions(shop.world(), [shop.certified[name] for name in names])
    alarms = controls = 0

    assert list(told) == ["target.shop.greeting", "target.shop.total", "target.shop.Shelf.find", "target.shop.risky"]
    assert isinstance(told["target.shop.risky"], LedgerEntry)
    for name in names[:3]:
        found = told[f"target.shop.{name}"]
        assert not isinstance(found, LedgerEntry)
        for question in found:
            room = shop.room(name, question)
            same = judged(room, report(78, 1))
            assert not same.verdict.is_pass
            if question.control:
                controls += 1
                alarms += same.verdict is Verdict.FAIL_FALSE_ALARM
            elif not question.about["identify_only"]:
                right = report(question.about["cwe"], question.about["lines"][0], question.planted["exploit"])
                assert judged(room, right).verdict is Verdict.PASS
    assert alarms == controls >= 5


def test_near_relatives_of_a_class_are_accepted_and_others_are_not() -> None:
    assert set(FIXES) == set(NAMES)
    assert all(is_named(cwe, cwe) for cwe in NAMES)
    assert is_named(94, 95)
    assert is_named(23, 22)
    assert not is_named(78, 89)
    assert [cwe for cwe in NAMES if is_named(78, cwe)] == [78]
