"""What Bandit suspects in a repository as it stands is confirmed by an exploit, not by what harmless data do."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_cereval.categories.audit import bandit
from pytest_cereval.categories.audit.alone import harmless
from pytest_cereval.categories.audit.natural import KINDS, NaturalFinding, findings_record, natural_findings
from pytest_cereval.categories.audit.suspected import Suspected
from pytest_cereval.categories.category import World
from pytest_cereval.categories.registry import KNOWN, asked
from pytest_cereval.oracles.cases import Certified
from pytest_cereval.oracles.confirm import Judging
from pytest_cereval.oracles.oracle import Judged
from pytest_cereval.results.apart import NATURAL
from pytest_cereval.results.failure import failure_of
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.source.ledger import LedgerEntry, Reason
from pytest_cereval.tasks.prompt import PromptSettings, Surroundings
from pytest_cereval.tasks.question import Question
from tests.categories.audit.auditing import AUDITED, CERTIFICATE, room_of
from tests.oracles.judging import Entry, Place, call, place

SUSPECTED = AUDITED.parent / "suspected"
ENTRIES: dict[str, Entry] = {
    "greet": call("Ann", names="name"),
    "greet_quoted": call("Ann", names="name"),
    "note": call("n", names="name"),
    "made": call('{"name": "a"}', names="settings"),
    "evaluated": call("1", names="text"),
    "field": call({"a": 1}, "a", names="record name"),
    "restored": call(b"I1\n.", names="data"),
    "by": call("Joyce", names="author"),
    "ordered": call("title", "Joyce", names="column author"),
    "fetched": call("data:,x", names="url"),
    "parsed": call("<a/>", names="text"),
    "digest": call("a", names="text"),
    "harmless": call("a", names="text"),
}
KIND = {
    "greet": "command",
    "greet_quoted": "command",
    "note": "command",
    "made": "command",
    "evaluated": "executed",
    "field": "executed",
    "restored": "unpickle",
    "by": "spans",
    "ordered": "spans",
    "fetched": "request",
    "parsed": "entities",
}
BOMB = (
    "e = ''.join(f'<!ENTITY {n} \"{v}\">' for n, v in (('a', canary), ('b', '&a;' * 50), ('c', '&b;' * 50)))\n"
    "    target('<!DOCTYPE r [' + e + ']><r>&c;</r>')"
)
PICKLED = "import os, pickle\n    class P:\n        def __reduce__(self): return (os.system, ('true ' + canary,))\n"
RIGHT = {
    "greet": "target('x; touch /tmp/' + canary)",
    "evaluated": "target('__import__(\"os\").system(\"touch /tmp/' + canary + '\")')",
    "restored": PICKLED + "    target(pickle.dumps(P()))",
    "by": "target(\"x' union select '\" + canary)",
    "fetched": "target('http://' + canary + '.example/x')",
    "parsed": BOMB,
}
WRONG = {
    "greet_quoted": "target('x; touch /tmp/' + canary)",
    "note": "target(canary)",
    "note, by path": "target('/tmp/' + canary)",
    "made, where what is harmless is refused": "target('{\"name\": \"' + canary + '\"}')",
    "evaluated": "target(canary)",
    "evaluated, a text": "target(repr(canary))",
    "field": "target(name=canary)",
    "restored": "import pickle; target(pickle.dumps(canary))",
    "by": "target(canary)",
    "by, in quotes": "target('X ' + canary.upper())",
    "by, doubled": "target(\"x'' OR \" + canary)",
    "ordered, by design": "target(column=canary)",
    "ordered, bound": 'target(author="x\' OR " + canary + " OR \'x")',
    "fetched": "target('data:,' + canary)",
    "parsed": "target('<r>' + canary * 960 + '</r>')",
}


@dataclass(frozen=True)
class Suspects:
    here: Place
    world: World
    certified: dict[str, Certified]
    questions: dict[str, tuple[Question, ...] | LedgerEntry]

    def judged(self, name: str, text: str) -> Judged:
        function = self.certified[name].function
        told = self.questions[function.name]
        assert isinstance(told, tuple), told
        return asked(NATURAL).judge(room_of(self.here, self.certified[name], told[0]), text)

    def tried(self, name: str, body: str) -> Judged:
        return self.judged(
            name, f"VERDICT: vulnerable\nCWE: CWE-1\n```python\ndef exploit(target, canary):\n    {body}\n```\n"
        )


def _pattern(name: str, place: Place) -> NaturalFinding:
    """As Bandit says it, so that these tests need none."""
    code = next((code for code, kind in KINDS.items() if kind == KIND.get(name)), "B324")
    line = place.functions[name].def_line + 1
    return NaturalFinding(bandit.Pattern(0, code, "target/shop.py", line, "low", ""), f"target.shop.{name}")


@pytest.fixture(scope="module")
def suspects(tmp_path_factory: pytest.TempPathFactory) -> Suspects:
    here = place(tmp_path_factory.mktemp("suspected"), SUSPECTED)
    certified = {
        name: Certified(here.functions[name], CERTIFICATE, (), tuple(here.inputs(name, [entry])), 0)
        for name, entry in ENTRIES.items()
    }
    around = Surroundings("target", here.setting.checkout.runtime, {})
    world = World(Judging(here.setting, (), ()), around, PromptSettings(600), 1, lambda stage, done, total: None)
    found = tuple(_pattern(name, here) for name in ENTRIES if name != "harmless")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pytest_cereval.categories.audit.suspected.natural_findings", lambda *_: found)
        questions = Suspected().questions(world, [*certified.values()])
    return Suspects(here, world, certified, {**questions})


@pytest.mark.parametrize("name", RIGHT)
def test_an_exploit_that_works_confirms_a_finding(suspects: Suspects, name: str) -> None:
    found = suspects.tried(name, RIGHT[name])

    assert found.verdict is Verdict.PASS, (found.detail, found.evidence)
    assert found.detail.startswith("confirms B")
    assert found.evidence["natural"] is True
    assert found.evidence["exploit"]["harmless_data_do_the_same"] is False
    assert "reaches_the_original" not in found.evidence["exploit"]
    assert not found.claimed
    assert not found.scores


@pytest.mark.parametrize("name", WRONG)
def test_what_harmless_data_do_as_well_confirms_nothing(suspects: Suspects, name: str) -> None:
    found = suspects.tried(name.partition(",")[0], WRONG[name])

    assert found.verdict is Verdict.UNCONFIRMED, (found.detail, found.evidence)
    assert "nothing is confirmed by that, and nothing refuted" in found.detail
    assert failure_of(found.verdict, found.evidence) is None


def test_the_exploit_s_own_doing_confirms_nothing(suspects: Suspects) -> None:
    found = suspects.tried("greet", "open('/tmp/' + canary, 'w').close(); target('Ann ' + canary)")

    assert found.verdict is Verdict.UNCONFIRMED


def test_a_canary_in_an_encoding_is_no_proof_where_harmless_data_may_do_the_same(suspects: Suspects) -> None:
    """Its harmless twin cannot be made, so that nobody can tell what such data would do."""
    spelled = "target(\"x; touch /tmp/$(printf '\" + ''.join(f'\\\\\\\\{ord(c):o}' for c in canary) + \"')\")"

    assert suspects.tried("greet", spelled).verdict is Verdict.UNCONFIRMED


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("VERDICT: safe\n", Verdict.UNCONFIRMED),
        ("VERDICT: vulnerable\nCWE: CWE-78\n", Verdict.UNCONFIRMED),
        ("I cannot tell.", Verdict.NO_ANSWER),
    ],
)
def test_an_answer_without_an_exploit_leaves_a_finding_open(suspects: Suspects, text: str, verdict: Verdict) -> None:
    assert suspects.judged("greet", text).verdict is verdict


def test_questions_are_marked_and_say_nothing_to_the_model(suspects: Suspects) -> None:
    told = suspects.questions["target.shop.greet"]
    assert isinstance(told, tuple)
    (question,) = told

    assert question.label == "natural"
    assert question.about["natural"] is True
    assert not question.control
    assert "Bandit" not in question.prompt.user + question.prompt.system
    assert {"entry", "detector", "findings"} <= question.planted.keys()


@pytest.mark.parametrize(
    ("name", "detail"),
    [("harmless", "nothing is suspected in it"), ("digest", "none of its kind can be shown by a run")],
)
def test_a_function_without_a_finding_that_a_run_can_show_is_on_the_ledger(
    suspects: Suspects, name: str, detail: str
) -> None:
    entry = suspects.questions[f"target.shop.{name}"]

    assert isinstance(entry, LedgerEntry)
    assert (entry.reason, entry.detail, entry.category) == (Reason.NO_FINDING, detail, NATURAL)


def test_natural_findings_are_asked_about_only_by_their_own_option() -> None:
    assert NATURAL not in KNOWN


def test_harmless_twins_change_only_what_holds_the_canary() -> None:
    sent: dict[str, Any] = {
        "positional": [
            "x; touch c1",
            ["l", "plain;", ["d", ["k;c1", "v"]]],
            ["b", base64.b64encode(b"\xff;c1").decode()],
        ],
        "keyword": {"mode": "a;", "deep": ["t", ["S", "c1'"]]},
    }

    twin = harmless(sent, "c1", lambda text: "c1")

    assert twin == {
        "positional": ["c1", ["l", "plain;", ["d", ["c1", "v"]]], ["b", base64.b64encode(b"c1").decode()]],
        "keyword": {"mode": "a;", "deep": ["t", ["S", "c1"]]},
    }


@pytest.mark.skipif(not bandit.is_installed(), reason="Bandit is not installed")
def test_bandit_finds_what_can_be_confirmed(suspects: Suspects, tmp_path: Any) -> None:
    checkout = suspects.here.setting.checkout
    found = natural_findings(checkout, [*suspects.here.functions.values()])

    by_function = {each.function.removeprefix("target.shop."): each.kind for each in found if each.kind}
    assert by_function == {**KIND, "by": "spans", "ordered": "spans"}

    record = findings_record(checkout, tmp_path)
    assert record["found"] == len(record["findings"]) == len(found)
    assert record["findings"][0].keys() >= {"path", "line", "code", "cwe", "function", "can_be_confirmed", "natural"}
    assert findings_record(checkout, tmp_path) == record
    assert [*tmp_path.rglob("*.json")]


def test_without_bandit_the_record_says_so(suspects: Suspects, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr("pytest_cereval.categories.audit.natural.is_installed", lambda: False)

    record = findings_record(suspects.here.setting.checkout, tmp_path)

    assert record == {
        "problem": "Bandit is not installed, so nothing was looked for; install it: pip install 'pytest-cereval[audit]'"
    }
