"""What calls of a property did is told as plain data, whatever the candidate's process sends."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cereval.categories.outcomes import Ran, run_calls
from pytest_cereval.oracles.workers import ColdWorkers
from pytest_cereval.results.verdict import Verdict
from tests.oracles.judging import Place, call, place

FORGING = """```python
def ranked(items, limit=3):
    import json, os, struct, sys
    frame = sys._getframe()
    while "request" not in frame.f_locals:
        frame = frame.f_back
    seen = {{"kind": "returned", "value": {tree}, "after": None, "printed": "", "whole": True}}
    body = json.dumps({{"id": frame.f_locals["request"]["id"], "observation": seen}}).encode()
    os.write(int(os.environ["CEREVAL_WRITE_FD"]), struct.pack(">I", len(body)) + body)
    while True:
        pass
```"""
RAISING = """```python
{beside}

def ranked(items, limit=3):
    {before}
    raise ValueError
```"""
OWN = "class ValueError(Exception): pass"


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return place(tmp_path_factory.mktemp("outcomes"))


def ran(target: Place, answer: str) -> Ran:
    workers = ColdWorkers(target.setting, ())
    entry = call([2, 1], 1, names="items limit")
    candidate = target.candidate("ranked", answer)
    return run_calls(workers, target.setting, target.functions["ranked"], candidate, [entry], hash_seed=0)


@pytest.mark.parametrize("tree", [[["x"]], ["d", 5], ["f", 3], ["i", ["a"]], ["o"], ["f", "0x1p99999"]])
def test_a_forged_value_that_nobody_can_read_is_a_verdict_and_no_fault_of_ours(target: Place, tree: Any) -> None:
    found = ran(target, FORGING.format(tree=tree))

    assert (found.outcomes, found.stopped) == ((), Verdict.FAIL_PROTOCOL), found
    assert found.error == "a value that no honest worker sends"


def test_a_class_that_only_bears_the_name_of_a_builtin_exception_is_told_from_it(target: Place) -> None:
    (right,) = ran(target, RAISING.format(beside="", before="pass")).outcomes
    (beside,) = ran(target, RAISING.format(beside=OWN, before="pass")).outcomes
    (inside,) = ran(target, RAISING.format(beside="", before=OWN)).outcomes

    assert right.raised == "ValueError"
    assert beside.raised == "target.shop.ValueError"
    assert inside.raised == "ValueError!"
