"""Three denominators, each with what belongs into it."""

from __future__ import annotations

import json

from pytest_cereval.dependencies.findings import Dependencies, Dependency, Flaw
from pytest_cereval.dependencies.references import Kind
from pytest_cereval.dependencies.tally import Share, fabricates, tally


def record(mentions: dict[str, int], *found: Dependency, unchecked: int = 0) -> Dependencies:
    return Dependencies({Kind.PACKAGE: {"json": 1}, Kind.MEMBER: mentions}, found, unchecked)


MADE_UP = Dependency(Flaw.FABRICATED_MEMBER, "json.loadz", 1, times=2)
RECORDS = [
    record({"json.loadz": 2, "json.loads": 1}, MADE_UP, unchecked=3),
    record({"json.loadz": 1}, Dependency(Flaw.FABRICATED_MEMBER, "json.loadz", 4)),
    record({"json.a": 1}, Dependency(Flaw.FABRICATED_MEMBER, "json.a", 1, guarded=True)),
    record({"json.b": 1}, Dependency(Flaw.SUSPECTED_MEMBER, "json.b", 1)),
    None,
    Dependencies(problem="cannot be read: SyntaxError"),
]


def test_every_rate_has_its_own_denominator() -> None:
    found = tally(RECORDS)

    assert (found.responses, found.not_read, found.unchecked) == (4, 2, 3)
    assert found.per_reference[Flaw.FABRICATED_MEMBER] == Share(3, 6)
    assert found.per_response[Flaw.FABRICATED_MEMBER] == Share(2, 4)
    assert found.unique[Flaw.FABRICATED_MEMBER] == Share(1, 4)
    assert found.per_reference[Flaw.FABRICATED_PACKAGE] == Share(0, 4)
    assert found.unique[Flaw.FABRICATED_PACKAGE] == Share(0, 1)


def test_what_is_only_suspected_or_guarded_is_not_made_up() -> None:
    assert [fabricates(item) for item in RECORDS[:4] if item is not None] == [True, True, False, False]
    assert tally(RECORDS).fabricating == Share(2, 4)
    assert tally(RECORDS).per_response[Flaw.SUSPECTED_MEMBER] == Share(1, 4)


def test_no_answers_give_no_rate() -> None:
    found = tally([None])

    assert found.fabricating.rate is None
    assert json.loads(json.dumps(found.to_dict()))["per_reference"]["fabricated_package"] == {
        "found": 0,
        "among": 0,
        "rate": None,
    }
