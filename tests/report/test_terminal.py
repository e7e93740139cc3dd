"""The lines under pytest's own summary, and a progress line that leaves the screen as it was."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest

from pytest_cereval.report.terminal import ProgressLine, RunInfo, duration_text, progress_text, summary_lines
from pytest_cereval.results.statistics import summarise
from pytest_cereval.results.verdict import Verdict
from tests.results.attempts import an_attempt, attempts_like

PASS, WRONG, INVALID = Verdict.PASS, Verdict.FAIL_WRONG, Verdict.INVALID
INFO = RunInfo(
    repository="cerberus @ 4c3a2b1",
    model="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    run_id="run-1",
    tasks=10,
    ledger={"never called by the repository's tests": 32, "async": 1, "nested in another function": 5},
    limited="--cereval-limit=10 left out 114 qualified tasks",
    store=".cereval/store.sqlite",
    report="report.html",
)


def test_a_whole_run_in_lines(golden: Callable[[str, str], None]) -> None:
    attempts = [
        *attempts_like(PASS, PASS, PASS, PASS, WRONG, Verdict.NO_ANSWER, stratum="standard"),
        *attempts_like(PASS, Verdict.FAIL_TIMEOUT, INVALID, stratum="hard", requirement="inferred"),
        *attempts_like(WRONG, stratum="trivial", sandbox_level="landlock", reused=True),
    ]

    golden("summary.txt", "\n".join(summary_lines(summarise(attempts), INFO)) + "\n")


def test_the_verdict_comes_first_and_the_gate_before_it() -> None:
    lines = summary_lines(summarise(attempts_like(PASS, WRONG)), RunInfo(gate="gate: INCONCLUSIVE"))

    assert lines[0] == "gate: INCONCLUSIVE"
    assert lines[1].startswith("pass 1 of 2  50.0 % (")


def test_a_run_in_which_all_broke_gives_no_rate() -> None:
    lines = summary_lines(summarise(attempts_like(INVALID)), RunInfo(tasks=1))

    assert lines[:3] == [
        "no result: 1 attempt, none of them scored",
        "1 attempt INVALID: our machinery failed; says nothing about the model; in no rate",
        "1 of 1 tasks have no scored attempt",
    ]


def test_several_samples_are_not_counted_as_tasks() -> None:
    attempts = [an_attempt(sample=number, verdict=PASS) for number in range(5)]

    assert summary_lines(summarise(attempts), RunInfo())[0].startswith("pass 5 of 5 attempts at 1 tasks  100.0 %")


def test_only_a_weaker_sandbox_is_worth_a_line() -> None:
    full = summary_lines(summarise(attempts_like(PASS, PASS)), RunInfo())
    never = summary_lines(summarise(attempts_like(Verdict.NO_ANSWER, sandbox_level="")), RunInfo())
    weak = summary_lines(summarise(attempts_like(PASS, PASS, sandbox_level="unsafe")), RunInfo())

    assert not [line for line in (*full, *never) if "sandbox" in line]
    assert "sandbox: attempts at a level weaker than ns: 2 unsafe" in weak


def test_names_cannot_act_on_the_terminal() -> None:
    lines = summary_lines(summarise([]), RunInfo(model="\x1b[2Jmodel", ledger={"\x1b[31m": 1}))

    assert not [line for line in lines if "\x1b" in line]


def test_a_name_with_a_line_feed_adds_no_line() -> None:
    plain = summary_lines(summarise([]), RunInfo(model="model", store="store"))
    lines = summary_lines(summarise([]), RunInfo(model="mo\ndel", store="st\rore"))

    assert len("\n".join(lines).splitlines()) == len(plain)
    assert "asked: mo\\ndel" in lines


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (59.4, "59s"),
        (59.6, "1m00s"),
        (250, "4m10s"),
        (3599.7, "1h00m"),
        (3720, "1h02m"),
    ],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_progress_tells_the_task_being_asked_and_what_is_left() -> None:
    text = progress_text(2, 24, "cerberus.validator", tokens=142, seconds=142 / 21.3, left_s=250)

    assert text == "[3/24] cerberus.validator… 142 tokens 21.3 tok/s, 4m10s left"


def test_progress_before_the_first_token_and_after_the_last_task_is_quiet() -> None:
    assert progress_text(0, 5, "a", tokens=0, seconds=0.0, left_s=None) == "[1/5] a… 0 tokens"
    assert progress_text(5, 5, "a", tokens=3, seconds=1.0, left_s=0.0).startswith("[5/5] ")


class Screen(io.StringIO):
    """As much of a terminal of `rows` by `columns` as a progress line can move."""

    def __init__(self, rows: int = 4, columns: int = 40) -> None:
        super().__init__()
        self.lines = [""] * rows
        self.columns = columns
        self.row = self.column = 0
        self.saved = (0, 0)
        self.wrap = True

    def write(self, text: str, /) -> int:
        for part in re.findall(r"\x1b\[\??\d*[a-zA-Z]|\x1b.|[^\x1b]", text):
            self._take(part)
        return len(text)

    def _take(self, part: str) -> None:
        actions: dict[str, Callable[[], None]] = {
            "\n": self._newline,
            "\r": lambda: self._move(self.row, 0),
            "\x1bD": self._index,
            "\x1b[A": lambda: self._move(max(0, self.row - 1), self.column),
            "\x1b[B": lambda: self._move(min(len(self.lines) - 1, self.row + 1), self.column),
            "\x1b7": self._save,
            "\x1b8": lambda: self._move(*self.saved),
            "\x1b[K": lambda: self._set(self.lines[self.row][: self.column]),
            "\x1b[?7l": lambda: setattr(self, "wrap", False),
            "\x1b[?7h": lambda: setattr(self, "wrap", True),
        }
        if part in actions:
            actions[part]()
        else:
            assert part.isprintable(), part
            self._put(part)

    def _put(self, character: str) -> None:
        if self.column == self.columns:
            if self.wrap:
                self._newline()
            else:
                self.column -= 1
        line = self.lines[self.row].ljust(self.column)
        self._set(line[: self.column] + character + line[self.column + 1 :])
        self.column += 1

    def _set(self, line: str) -> None:
        self.lines[self.row] = line

    def _move(self, row: int, column: int) -> None:
        self.row, self.column = row, column

    def _save(self) -> None:
        self.saved = (self.row, self.column)

    def _index(self) -> None:
        if self.row == len(self.lines) - 1:
            self.lines = [*self.lines[1:], ""]
        else:
            self.row += 1

    def _newline(self) -> None:
        self._index()
        self.column = 0


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_progress_stands_below_the_line_that_pytest_is_writing() -> None:
    screen = Screen(columns=80)
    progress = ProgressLine(screen, enabled=True, clock=Clock())
    screen.write("ranges.py ..F")

    progress.update(1, 24, "ranges.clamp", tokens=10, seconds=2.0)
    assert screen.lines[:2] == ["ranges.py ..F", "[2/24] ranges.clamp… 10 tokens 5.0 tok/s"]

    progress.clear()
    screen.write(".\nnext.py ")
    assert screen.lines == ["ranges.py ..F.", "next.py ", "", ""]


def test_progress_on_the_last_row_of_the_screen_makes_room_and_loses_nothing() -> None:
    screen = Screen(rows=3)
    progress = ProgressLine(screen, enabled=True, clock=Clock())
    screen.write("one\ntwo\nthree .")

    progress.update(0, 9, "a", tokens=0, seconds=0.0)
    assert screen.lines == ["two", "three .", "[1/9] a… 0 tokens"]

    progress.clear()
    screen.write(".")
    assert screen.lines == ["two", "three ..", ""]


def test_a_narrow_window_cuts_the_line_instead_of_scrolling() -> None:
    screen = Screen(rows=2, columns=16)
    screen.write("a.py .")

    progress = ProgressLine(screen, enabled=True, clock=Clock())
    progress.update(0, 9, "a.very.long.name", tokens=100, seconds=10.0)

    assert screen.lines[0] == "a.py ."
    assert len(screen.lines[1]) == 16
    assert screen.wrap


def test_a_shorter_line_leaves_nothing_of_a_longer_one() -> None:
    screen, clock = Screen(), Clock()
    progress = ProgressLine(screen, enabled=True, clock=clock)

    progress.update(0, 9, "a.long.name", tokens=0, seconds=0.0)
    clock.now += 1
    progress.update(0, 9, "b", tokens=0, seconds=0.0)

    assert screen.lines[1] == "[1/9] b… 0 tokens"


def test_progress_is_drawn_at_most_five_times_a_second() -> None:
    screen, clock = Screen(), Clock()
    progress = ProgressLine(screen, enabled=True, clock=clock)

    progress.update(0, 9, "a", tokens=1, seconds=0.0)
    clock.now += 0.1
    progress.update(0, 9, "a", tokens=2, seconds=0.0)
    assert screen.lines[1].startswith("[1/9] a… 1 tokens")

    clock.now += 0.15
    progress.update(0, 9, "a", tokens=3, seconds=0.0)
    assert screen.lines[1].startswith("[1/9] a… 3 tokens")


def test_the_time_left_follows_from_the_tasks_done() -> None:
    screen, clock = Screen(columns=80), Clock()
    progress = ProgressLine(screen, enabled=True, clock=clock)

    progress.update(0, 4, "a", tokens=0, seconds=0.0)
    assert "left" not in screen.lines[1]
    clock.now += 50
    progress.update(1, 4, "b", tokens=0, seconds=0.0)

    assert screen.lines[1] == "[2/4] b… 0 tokens, 2m30s left"


def test_what_was_done_before_the_first_update_does_not_count_as_speed() -> None:
    screen, clock = Screen(columns=80), Clock()
    progress = ProgressLine(screen, enabled=True, clock=clock)

    progress.update(20, 24, "a", tokens=0, seconds=0.0)
    clock.now += 10
    progress.update(21, 24, "b", tokens=0, seconds=0.0)

    assert screen.lines[1] == "[22/24] b… 0 tokens, 30s left"


def test_without_a_terminal_nothing_is_written() -> None:
    screen = Screen()
    progress = ProgressLine(screen, enabled=False, clock=Clock())

    progress.update(0, 9, "a", tokens=0, seconds=0.0)
    progress.clear()

    assert screen.lines == [""] * 4


def test_clearing_what_was_never_drawn_writes_nothing() -> None:
    writer = io.StringIO()

    ProgressLine(writer, enabled=True, clock=Clock()).clear()

    assert writer.getvalue() == ""
