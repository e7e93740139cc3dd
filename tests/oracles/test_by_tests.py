"""Functions are certified by the repository's own tests, or it is said why those do not make a certificate."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.by_tests import ByTests, certify_by_tests, may_be_tested
from pytest_cereval.oracles.certificate import MIN_MUTATION_SCORE
from pytest_cereval.oracles.mutants import mutants
from pytest_cereval.oracles.reactions import Reactions, in_families
from pytest_cereval.oracles.sessions import World
from pytest_cereval.oracles.testbench import TestBench as Warm
from pytest_cereval.oracles.trial import Result
from pytest_cereval.oracles.variants import Skeleton, Variant, find_node, stubs
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.ledger import Reason
from pytest_cereval.source.recording import Recording
from pytest_cereval.source.recording import TestRun as Ended
from tests.redteam.in_process.made import setting_of

SUITE = """
import os
import sys
import time

import pytest

from tested.ranking import ranked

COUNT = int(os.environ.get("PYTHONHASHSEED") or 0)


def test_right():
    assert ranked([1, 3, 2], 2) == [3, 2]


def test_none():
    assert ranked([1], 0) == []


def test_usual():
    assert ranked([1, 2, 3, 4]) == [4, 3, 2]


@pytest.mark.parametrize("items", [[], [1], [2, 1]])
def test_all(items):
    assert ranked(items) == sorted(items, reverse=True)


def test_refused():
    with pytest.raises(ValueError):
        ranked([], -1)


def test_slow():
    until = time.process_time() + 0.8
    while time.process_time() < until:
        pass
    assert ranked([1]) == [1]


def test_shaken():
    assert ranked([1, 2])[COUNT:] == [2, 1]


@pytest.mark.xfail
def test_expected_to_fail():
    assert ranked([1]) == 2


@pytest.mark.skip
def test_skipped():
    assert ranked([1]) == [1]


def test_elsewhere():
    assert sys
"""


class Known:
    """The small repository with another suite of tests."""

    def __init__(self, top: Path, suite: str) -> None:
        self.setting: Setting
        self.functions: dict[str, SourceFunction]
        self.setting, self.functions = setting_of("tested", top)
        for file in (self.setting.checkout.full / "tests").glob("test_*.py"):
            file.unlink()
        (self.setting.checkout.full / "tests" / "test_other.py").write_text(suite)

    def found(self, *names: str, workers: int = 1) -> dict[str, ByTests | str]:
        """What the suite makes of these functions."""
        functions = [self.functions[f"tested.{name}"] for name in names]
        return certify_by_tests(self.setting, functions, frozenset({"tested"}), workers=workers)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    top = tmp_path_factory.mktemp("by_tests")
    top.chmod(0o755)
    return Known(top, SUITE)


@pytest.fixture(scope="module")
def ranked(known: Known) -> ByTests:
    found = known.found("ranking.ranked")["tested.ranking.ranked"]
    assert isinstance(found, ByTests), found
    return found


def test_only_tests_that_depend_on_the_function_and_always_pass_quickly_are_taken(ranked: ByTests) -> None:
    assert [test.partition("::")[2] for test in ranked.tests.ids] == [
        "test_all[items0]",
        "test_all[items1]",
        "test_all[items2]",
        "test_none",
        "test_refused",
        "test_right",
        "test_usual",
    ]


def test_a_certificate_by_tests_meets_the_terms_of_any_other(ranked: ByTests) -> None:
    certificate = ranked.certificate
    assert certificate.oracle == "tests"
    assert certificate.replays == 10
    assert certificate.stubs_rejected == certificate.stubs_total == 8
    assert certificate.mutation_score is not None
    assert certificate.mutation_score >= MIN_MUTATION_SCORE
    assert certificate.rewrites_accepted == certificate.rewrites_total > 0
    assert (certificate.branches_covered, certificate.branches_total) == (2, 2)
    assert certificate.recorded_inputs == len(ranked.tests.ids)
    assert set(ranked.tests.twins) == set(ranked.tests.ids)


def test_another_run_with_two_workers_is_the_same(known: Known, ranked: ByTests) -> None:
    again = known.found("ranking.ranked", "streams.copy_lines", workers=2)
    assert again["tested.ranking.ranked"] == ranked
    assert again["tested.streams.copy_lines"] == "no passing test reaches it"


def test_what_the_tests_do_not_tell_from_a_stub_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    suite = "from tested.ranking import ranked\n\ndef test_it():\n    assert ranked([]) == []\n"
    assert Known(tmp_path, suite).found("ranking.ranked") == {
        "tested.ranking.ranked": "passes with 'return []' as its body"
    }


def test_mutants_are_tried_until_too_many_survive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o755)
    tried: list[str] = []
    run_all = Reactions.run_all

    def noting(self: Reactions, variants: Iterable[Variant], *, extend: bool = True) -> list[Result]:
        found = run_all(self, variants, extend=extend)
        tried.extend(result.text for result in found)
        return found

    monkeypatch.setattr(Reactions, "run_all", noting)
    suite = """
from tested.ranking import ranked

def test_it():
    assert len(ranked(["b", "a"])) == 2
"""
    refused = Known(tmp_path, suite).found("ranking.ranked")["tested.ranking.ranked"]
    assert isinstance(refused, str)
    assert re.fullmatch(r"of at most \d+ mutants too many survive, among them line \d+: .+", refused)
    survivors = refused.partition("among them ")[2].split("; ")
    assert tried[-1] == survivors[-1]
    assert len(survivors) / int(refused.split()[3]) > 1 - MIN_MUTATION_SCORE


def test_what_calls_tell_apart_is_not_held_against_the_tests(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    suite = (
        "from tested.ranking import ranked\n\ndef test_it():\n    assert ranked(['b', 'a', 'c']) == ['c', 'b', 'a']\n"
    )
    small = Known(tmp_path, suite)
    function = small.functions["tested.ranking.ranked"]
    module, node = find_node(small.setting.checkout.runtime, function)
    skeleton = Skeleton(module, function)
    by_calls = frozenset(mutant for mutant in mutants(node, skeleton) if "limit" not in mutant.label)

    alone = small.found("ranking.ranked")[function.name]
    assert isinstance(alone, str)
    assert "too many survive" in alone
    both = certify_by_tests(
        small.setting, [function], frozenset({"tested"}), known={function.name: by_calls | set(stubs(node, skeleton))}
    )[function.name]
    assert isinstance(both, ByTests), both
    left = {f"line {mutant.line}: {mutant.label}" for mutant in mutants(node, skeleton) if mutant not in by_calls}
    assert set(both.certificate.survivors) <= left
    assert both.certificate.mutants_total == len(list(mutants(node, skeleton))) > len(left)
    assert both.certificate.stubs_rejected == both.certificate.stubs_total > 0


def test_tests_without_an_expectation_that_a_twin_could_change_do_not_judge(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    suite = """
from tested.ranking import ranked

def test_it():
    for items, limit, wanted in (([1, 2], 1, "[2]"), ([3, 1, 2], 2, "[3, 2]"), ([1], 0, "[]")):
        {"True": 1}[str(str(ranked(items, limit)) == wanted)]
    {"[4, 3, 2]": 1}[str(ranked([1, 2, 3, 4]))]
    try:
        ranked([1], -1)
    except ValueError:
        return
    {}["no error"]
"""
    found = Known(tmp_path, suite).found("ranking.ranked")["tested.ranking.ranked"]
    assert found == "no twin of its tests could be made to fail"


@pytest.mark.parametrize(
    ("suite", "reason"),
    [
        ("import nothing_like_this\n", "pytest collects none of the repository's tests: tests/test_other.py: E  "),
        ("import os\nos._exit(0)\n", "the process that runs the repository's tests ended"),
        ("def test_it(): pass\n", "no passing test reaches it"),
    ],
)
def test_a_suite_that_cannot_be_collected_is_the_reason_for_all(tmp_path: Path, suite: str, reason: str) -> None:
    tmp_path.chmod(0o755)
    found = Known(tmp_path, suite).found("ranking.ranked")["tested.ranking.ranked"]
    assert isinstance(found, str)
    assert found.startswith(reason)


def test_a_variant_that_ends_its_process_takes_no_bench_down(known: Known) -> None:
    world = World.of(known.setting, frozenset({"tested"}))
    bench = Warm(known.setting, world, ["tests/test_other.py"])
    function = known.functions["tested.ranking.ranked"]
    limits = {"cpu_s": 5.0, "wall_s": 10.0}
    target = {**known.setting.target(function), "defaults": [], "stop": True}
    source = "def ranked(items, limit=3):\n    import os\n    os._exit(0)\n"
    right = "tests/test_other.py::test_right"
    assert bench.ask("run", tests=[right], source=source, **target, **limits) == {"died": True}
    loop = source.replace("import os\n    os._exit(0)", "while True: pass")
    short = {"cpu_s": 0.3, "wall_s": 10.0}
    assert bench.ask("run", tests=[right], source=loop, **target, **short) == {"timed_out": True}
    reply = bench.ask("run", tests=[right], source=None, **target, **limits)
    assert reply["ended"] == [[right, "passed", ""]]
    bench.close()


def test_parameters_do_not_drown_other_tests() -> None:
    tests = ["a[1]", "a[2]", "a[3]", "b", "c[1]", "c[2]"]
    assert in_families(tests) == ["a[1]", "b", "c[1]", "a[2]", "c[2]", "a[3]"]


def test_only_what_cannot_be_replayed_is_left_to_tests(known: Known) -> None:
    function = known.functions["tested.ranking.ranked"]

    def recorded(seen: int, *cut: str) -> Recording:
        return Recording({}, {}, {}, {function.name: seen}, {}, Ended(0, {"passed": 1}, (), (), cut))

    assert may_be_tested(Reason.UNPICKLABLE, recorded(4), function)
    assert may_be_tested(Reason.NOT_CALLED, recorded(4), function)
    assert not may_be_tested(Reason.NOT_CALLED, recorded(0), function)
    assert not may_be_tested(Reason.NOT_CALLED, recorded(0, "size of a call"), function)
    assert may_be_tested(Reason.NOT_CALLED, recorded(0, "seconds"), function)
    assert not may_be_tested(Reason.WEAK_MUTANTS, recorded(4), function)
