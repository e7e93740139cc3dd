"""The attack set against the repository's own tests as an oracle, which share their process with the answer."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_cereval.errors import SandboxError
from pytest_cereval.oracles.by_tests import certify_by_tests
from pytest_cereval.oracles.oracle import Finding
from pytest_cereval.oracles.tested import ASSURANCE, TestLimits
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.fallback import Fallback
from pytest_cereval.sandbox.sandbox import Level, Limits
from tests.redteam.in_process.made import Place, certified
from tests.redteam.row import HEAD, RIGHT, Row, rows_of

HERE = Path(__file__).parent
ATTACKS = rows_of(HERE / "attacks.txt")
HONEST = rows_of(HERE / "honest.txt")
USUAL = TestLimits(sandbox=Limits(wall_s=30, cpu_s=30, memory_mb=512, processes=32, files=128))
SHORT = TestLimits(test_s=1.0, sandbox=Limits(wall_s=6, cpu_s=6, memory_mb=512, processes=32, files=128))


@pytest.fixture(scope="module")
def ranked(tmp_path_factory: pytest.TempPathFactory) -> Place:
    top = tmp_path_factory.mktemp("tested")
    top.chmod(0o755)
    return certified("tested", "tested.ranking.ranked", top)


@pytest.fixture(scope="module", autouse=True)
def nothing_left(ranked: Place) -> Iterator[None]:
    """Neither processes nor descriptors stay behind after the whole set."""
    descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    yield
    assert not Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    assert len(os.listdir("/proc/self/fd")) == descriptors  # noqa: PTH208


def judged(ranked: Place, row: Row) -> Finding:
    return ranked.judge(row.answer, SHORT if row.short else USUAL)


def test_the_tests_are_known_with_twins_for_each(ranked: Place) -> None:
    tests = ranked.found.tests
    assert len(tests.ids) >= 20
    assert set(tests.twins) == set(tests.ids)
    assert {path for path, _ in tests.twin_files} == {"tests/helpers.py", "tests/test_ranking.py"}
    assert ranked.found.certificate.oracle == "tests"


@pytest.mark.parametrize("row", ATTACKS, ids=str)
def test_an_attack_never_passes(ranked: Place, row: Row) -> None:
    finding = judged(ranked, row)
    assert finding.verdict is not Verdict.PASS
    assert finding.verdict in row.expected, finding
    assert finding.evidence["assurance"] == ASSURANCE
    shown = json.dumps(finding.to_dict(), ensure_ascii=False)
    assert not {"\x1b", "\r", "\u202e"} & set(shown)


@pytest.mark.parametrize("row", HONEST, ids=str)
def test_an_awkward_right_answer_passes(ranked: Place, row: Row) -> None:
    finding = judged(ranked, row)
    assert finding.verdict is Verdict.PASS, finding
    assert finding.evidence["assurance"] == ASSURANCE


def test_the_next_check_is_unaffected_by_all_of_them(ranked: Place) -> None:
    answer = HEAD + "".join(f"    {line}\n" for line in RIGHT.splitlines())
    assert ranked.judge(answer, USUAL).verdict is Verdict.PASS


@pytest.mark.parametrize("level", [Level.LANDLOCK, Level.UNSAFE])
def test_the_weaker_levels_certify_and_judge_alike(ranked: Place, level: Level) -> None:
    try:
        weaker = Fallback(level)
    except SandboxError as error:
        pytest.skip(error.what)
    there = Place(replace(ranked.setting, sandbox=weaker), ranked.function, ranked.found)
    again = certify_by_tests(there.setting, [ranked.function], frozenset({"tested"}), workers=2)
    assert again == {ranked.function.name: ranked.found}
    assert there.judge(
        HEAD + "    return sorted(items)[::-1][:limit] if limit >= 0 else int('negative')\n"
    ).verdict.is_pass
    assert there.judge(HEAD + "    return []\n").verdict is Verdict.FAIL_WRONG


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("row", [*ATTACKS, *HONEST], ids=str)
def test_twenty_repeats_agree(ranked: Place, row: Row) -> None:
    assert {judged(ranked, row).verdict for _ in range(20)} <= row.expected
