"""What is planted behaves like the function, and is weak in the way that is said, or only looks so."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pytest_cereval.categories.audit.carriers import carriers
from pytest_cereval.categories.audit.catalogue import FEATURES
from pytest_cereval.categories.audit.exploiting import reaches, try_exploit
from pytest_cereval.categories.audit.feature import Feature
from pytest_cereval.categories.audit.planting import exploit_code, subject
from pytest_cereval.categories.audit.replacing import replacements
from pytest_cereval.categories.audit.risky import risk_of
from pytest_cereval.categories.audit.twin import from_edits
from pytest_cereval.oracles.candidate import Candidate
from pytest_cereval.results.band import Band
from pytest_cereval.source.ledger import LedgerEntry, Reason
from tests.categories.audit.auditing import Workshop

RUNS = 20
QUICK = [each for each in FEATURES if each.band is Band.HARD]


def named(feature: Feature) -> str:
    return f"{feature.cwe}-{feature.band}"


def is_proved(shop: Workshop, name: str, feature: Feature) -> bool:
    made = shop.proposal(name, feature)
    for twin in (made.weak, made.safe):
        candidate = Candidate(twin.source, twin.function.source, twin.function.first_line)
        assert shop.here.judge(name, shop.certified[name].hidden, candidate).verdict.is_pass
    if feature.identify_only:
        return True
    where, weak, original = shop.trying(name, made)
    trial = try_exploit(where, weak, original, made.exploit)
    assert not reaches(where, subject(made.safe), made.exploit)
    return trial.confirmed


@pytest.mark.parametrize("feature", QUICK, ids=named)
def test_a_weakness_of_each_class_is_exploited_and_its_safe_twin_is_not(shop: Workshop, feature: Feature) -> None:
    assert is_proved(shop, "greeting", feature)


@pytest.mark.slow
@pytest.mark.parametrize("feature", FEATURES, ids=named)
@pytest.mark.parametrize("name", ["greeting", "total", "Shelf.find"])
def test_every_entry_of_the_catalogue_is_exploited_every_time(shop: Workshop, name: str, feature: Feature) -> None:
    made = shop.proposal(name, feature)
    assert is_proved(shop, name, feature)
    if not feature.identify_only:
        where, weak, original = shop.trying(name, made)
        assert all(try_exploit(where, weak, original, made.exploit).confirmed for _ in range(RUNS))


def test_the_catalogue_has_every_band_of_every_class_that_can_be_exploited() -> None:
    known: dict[int, set[Band]] = {}
    for feature in FEATURES:
        if not feature.identify_only:
            known.setdefault(feature.cwe, set()).add(feature.band)

    assert set(known) == {22, 78, 89, 95, 134, 377, 502, 776, 918, 1333}
    assert all(bands == set(Band) for bands in known.values())


def test_weak_and_safe_code_do_not_say_which_they_are(shop: Workshop) -> None:
    for feature in FEATURES:
        made = shop.proposal("greeting", feature)
        added = "\n".join(line for edit in made.weak.edits for line in edit.lines).lower()
        assert made.weak.sink
        assert not any(word in added for word in ("vulnerab", "exploit", "attack", "cwe", "unsafe", "inject"))
        assert not re.search(r"@\w+@", added)
        assert "#!" not in made.weak.source + made.safe.source


def test_an_operation_of_the_function_is_replaced(shop: Workshop) -> None:
    item = shop.certified["Shelf.find"]
    (made,) = replacements(shop.here.text, item.function, carriers(item.hidden))
    twin = from_edits(shop.here.text, item.function, [made.weak])
    candidate = Candidate(twin.source, twin.function.source, twin.function.first_line)

    assert "if eval(\"'%s' in self.titles\" % title) else -1" in twin.function.source
    assert shop.here.judge("Shelf.find", item.hidden, candidate).verdict.is_pass
    assert twin.sink == (twin.function.last_line,)
    assert "%r in self.titles" in from_edits(shop.here.text, item.function, [made.safe]).source


def test_a_replaced_operation_is_exploited_only_where_it_is_weak(shop: Workshop) -> None:
    item = shop.certified["Shelf.find"]
    (made,) = replacements(shop.here.text, item.function, carriers(item.hidden))
    weak, safe = (from_edits(shop.here.text, item.function, [edit]) for edit in (made.weak, made.safe))
    proposal = shop.proposal("Shelf.find", FEATURES[0])
    where, _, original = shop.trying("Shelf.find", proposal)
    where = type(where)(where.world, where.hidden, where.function, where.entry, made.detector)
    code = exploit_code(made.payload, made.carrier)

    assert try_exploit(where, subject(weak), original, code).reached == "exec"
    assert not reaches(where, subject(safe), code)


def test_questions_come_as_a_weak_one_a_clean_one_and_one_that_looks_weak(shop: Workshop) -> None:
    questions = shop.planter().questions(shop.certified["greeting"])

    assert not isinstance(questions, LedgerEntry)
    assert [each.label for each in questions] == ["weak", "clean", "safe"]
    assert [each.control for each in questions] == [False, True, True]
    weak, clean, safe = questions
    assert {"cwe", "edits", "entry", "detector", "exploit"} <= weak.planted.keys()
    assert clean.planted == {}
    assert "cwe" not in safe.planted
    assert weak.about["cwe"] == weak.planted["cwe"]
    assert len({each.prompt.user for each in questions}) == 3
    assert len({each.prompt.system for each in questions}) == 1


def test_questions_are_the_same_every_time(shop: Workshop) -> None:
    first, again = (shop.planter().questions(shop.certified["total"]) for _ in range(2))

    assert first == again


def test_more_weaknesses_are_asked_about_where_that_is_wanted(shop: Workshop) -> None:
    questions = shop.planter(per_function=2).questions(shop.certified["greeting"])

    assert not isinstance(questions, LedgerEntry)
    assert [each.label for each in questions][:4] == ["weak", "weak2", "clean", "clean2"]
    assert len({each.planted["cwe"] for each in questions[:2]}) == 2


def test_nothing_is_planted_beside_what_an_auditor_may_report_anyway(shop: Workshop) -> None:
    found = shop.planter().questions(shop.certified["risky"])

    assert isinstance(found, LedgerEntry)
    assert found.reason is Reason.NO_WEAKNESS
    assert found.detail == "it uses eval by itself, which an auditor may well report"
    assert risk_of(shop.certified["greeting"].function) == ""


def test_a_function_that_only_tests_judge_is_refused_for_that_reason(shop: Workshop) -> None:
    found = shop.planter().questions(replace(shop.certified["greeting"], hidden=()))

    assert isinstance(found, LedgerEntry)
    assert found.detail == "tests alone judge it, so no recorded call can be made with other arguments"


def test_carriers_are_found_in_recorded_calls(shop: Workshop) -> None:
    def ways(name: str) -> list[tuple[str, str, str]]:
        return [(way.parameter, way.expression, way.argument) for way in carriers(shop.certified[name].hidden)]

    assert ways("greeting") == [("name", "name", "payload"), ("formal", "str(formal)", "payload")]
    assert ways("total") == [("prices", '", ".join(str(key) for key in prices)', "{payload: {}}")]
    assert ways("Shelf.find") == [("title", "title", "payload")]
