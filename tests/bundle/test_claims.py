"""What a bundle claims of passes rests on questions whose truth is known."""

from __future__ import annotations

from dataclasses import replace

from pytest_cereval.bundle.claims import claims
from pytest_cereval.results.apart import NATURAL
from pytest_cereval.results.verdict import Verdict
from tests.results.attempts import an_attempt


def test_a_confirmed_natural_finding_is_no_pass_that_a_claim_rests_on() -> None:
    rated = replace(an_attempt(), verdict=Verdict.PASS, evidence={"checked": 3})
    natural = replace(rated, category=NATURAL, evidence={"exploit": {"event": "os.system"}})

    (alone,) = [each for each in claims([natural]) if each["id"] == "C2"]
    (beside,) = [each for each in claims([rated, natural]) if each["id"] == "C2"]

    assert (alone["status"], alone["because"]) == ("inconclusive", "no answer that can be executed passes")
    assert beside["because"] == "all 1 passes carry the evidence of their execution"
