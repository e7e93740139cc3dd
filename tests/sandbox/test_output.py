"""Output is drained, counted, cut to its tail and made printable; a flood of it ends the program."""

from __future__ import annotations

from collections.abc import Callable

from pytest_cereval.sandbox.sandbox import End, EndStatus, Limits, Sandbox

from .conftest import Run


def test_output_is_drained_counted_and_cut_to_its_tail(any_level: Sandbox, run_in: Callable[..., End]) -> None:
    code = "import sys\nfor n in range(30000): print(n)\nsys.stderr.write('the end')"

    end = run_in(any_level, code, Limits(output_kb=4))

    assert end.status is EndStatus.EXITED
    assert end.output.endswith("29999\nthe end")
    assert len(end.output) == 4096
    assert (end.output_bytes, end.output_overflow) == (168_897, True)


def test_a_flood_of_output_is_stopped(run: Run) -> None:
    end = run("import os\nwhile True: os.write(1, b'x' * 65536)", Limits(output_kb=1))

    assert (end.status, end.reason, end.output_overflow) == (EndStatus.KILLED, "output", True)
    assert 64 << 20 < end.output_bytes <= (64 << 20) + (64 << 10)
    assert len(end.output) == 1024


def test_little_output_is_not_an_overflow(run: Run) -> None:
    end = run("print('hello')")

    assert (end.output, end.output_bytes, end.output_overflow) == ("hello\n", 6, False)


def test_output_cannot_carry_terminal_commands(run: Run) -> None:
    end = run(r"import os; os.write(1, b'\x1b[2J\r\xff\xe2\x80\xae\x00\tok\xc3\xa9\n')")

    assert end.output == "\\x1b[2J\\r\\xff\\u202e\\x00\tok\u00e9\n"
