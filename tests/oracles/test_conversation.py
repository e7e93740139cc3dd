"""A reply is read only where it is not, byte for byte, the one that a right answer gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_cereval.inside.framing import parse_message
from pytest_cereval.oracles import conversation
from pytest_cereval.oracles.certificate import Input
from pytest_cereval.results.verdict import Verdict
from tests.oracles.judging import Place, call, place

RIGHT = "```python\ndef ranked(items, limit=3):\n    return sorted(items)[::-1][:limit]\n```"
WRONG = "```python\ndef ranked(items, limit=3):\n    return sorted(items)[:limit]\n```"


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return place(tmp_path_factory.mktemp("conversation"))


@pytest.fixture(scope="module")
def hidden(target: Place) -> list[Input]:
    return target.inputs("ranked", [call([n, 3, 1], 2, names="items limit") for n in range(4)])


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bodies of replies that were read."""
    bodies: list[bytes] = []

    def reading(body: bytes) -> dict[str, Any]:
        bodies.append(body)
        return parse_message(body)

    monkeypatch.setattr(conversation, "parse_message", reading)
    return bodies


def test_expected_observations_need_not_be_read(target: Place, hidden: list[Input], read: list[bytes]) -> None:
    finding = target.judge("ranked", hidden, RIGHT)

    assert finding.verdict is Verdict.PASS, finding
    assert [body for body in read if b"observation" in body] == []
    assert sum(b"ready" in body for body in read) == sum(b"finished" in body for body in read) == 2


def test_any_other_observation_is(target: Place, hidden: list[Input], read: list[bytes]) -> None:
    finding = target.judge("ranked", hidden, WRONG)

    assert finding.verdict is Verdict.FAIL_WRONG, finding
    assert len([body for body in read if b"observation" in body]) >= len(hidden) - 1


def test_what_means_the_same_passes_though_its_bytes_differ(
    target: Place, hidden: list[Input], read: list[bytes]
) -> None:
    turned = [replace(item, observation=dict(reversed(item.observation.items()))) for item in hidden]
    assert target.judge("ranked", turned, RIGHT).verdict is Verdict.PASS
    assert [body for body in read if b"observation" in body] == [], "the order in which they are kept does not matter"

    printing = [replace(item, observation=item.observation | {"printed": "x"}) for item in hidden]
    assert target.judge("ranked", printing, RIGHT).verdict is Verdict.PASS, "what is printed does not count here"
    assert len([body for body in read if b"observation" in body]) == 2 * len(hidden)
