"""Ways to have an exploit confirmed without the weakness, and ways in which a right answer could be refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_cereval.categories.audit import audited, exploiting
from pytest_cereval.categories.audit.answer import Answer, parse_answer
from pytest_cereval.categories.audit.audited import Place, Subject
from pytest_cereval.categories.audit.catalogue import FEATURES
from pytest_cereval.categories.audit.exploiting import Trial, try_exploit
from pytest_cereval.results.band import Band
from tests.categories.audit.auditing import Workshop

# Past the proxy, which refuses texts of this length: straight into the channel.
RAW = (
    "import os, json, struct\n"
    "    def raw(text):\n"
    "        call = {'call': {'positional': [], 'keyword': {'name': text}}}\n"
    "        body = json.dumps(call).encode()\n"
    "        body = struct.pack('>I', len(body)) + body\n"
    "        while body: body = body[os.write(int(os.environ['CEREVAL_WRITE_FD']), body):]\n"
    "    "
)
FUNCTION = 'def greeting(name: str, formal: bool = False) -> str:\n    """A greeting for somebody."""\n'


def planted(shop: Workshop, name: str, cwe: int, band: Band = Band.TRIVIAL) -> tuple[Place, Subject, Subject]:
    feature = next(each for each in FEATURES if (each.cwe, each.band) == (cwe, band))
    return shop.trying(name, shop.proposal(name, feature))


def run(tried: tuple[Place, Subject, Subject], body: str) -> Trial:
    return try_exploit(*tried, f"def exploit(target, canary):\n    {body}\n")


def with_body(shop: Workshop, kind: str, weak: str, original: str, top: str = "") -> tuple[Place, Subject, Subject]:
    """`greeting` with other statements before its own, as a weak function and as its original."""
    where, _, _ = planted(shop, "greeting", 78)
    line = shop.certified["greeting"].function.first_line + top.count("\n")
    place = replace(where, detector={"kind": kind})

    def subject(body: str) -> Subject:
        indented = "".join(f"    {row}\n" for row in body.split("\n"))
        text = shop.here.text.replace(FUNCTION, f"{top}{FUNCTION}{indented}", 1)
        assert body in text.replace("\n    ", "\n")
        return Subject(text, line)

    return place, subject(weak), subject(original)


def test_a_long_document_is_no_expansion(shop: Workshop) -> None:
    """The clean function reads no XML at all, so that the original cannot tell."""
    tried = planted(shop, "total", 776)
    plain = run(tried, "target(prices={'<r>' + canary * 900: 1, canary * 900 + '</r>': 2})")
    bomb = run(
        tried,
        "e = ''.join(f'<!ENTITY {n} \"{v}\">' for n, v in (('a', canary), ('b', '&a;' * 50), ('c', '&b;' * 50)))\n"
        "    target(prices={'<!DOCTYPE r [' + e + ']><r>&c;</r>': 1})",
    )

    assert not plain.reached
    assert bomb.confirmed


def test_a_statement_too_long_to_be_looked_at_is_no_injection(shop: Workshop) -> None:
    tried = planted(shop, "greeting", 89)

    assert not run(tried, RAW + "raw(canary + 'x' * 120_000)").reached
    assert not run(tried, RAW + "raw('x' * 120_000 + canary)").reached


def test_code_too_long_to_be_looked_at_is_no_injection(shop: Workshop) -> None:
    assert not run(planted(shop, "greeting", 95), RAW + "raw('=' + repr('x' * 120_000 + canary))").reached


def test_a_file_of_an_earlier_call_is_no_doing_of_a_command(shop: Workshop) -> None:
    body = "import os, shlex\nif name[:1] == 'f': open('/tmp/' + name[1:], 'w').close()\nos.system('true ' + "
    tried = with_body(shop, "command", body + "shlex.quote(name))", "pass")
    weak = with_body(shop, "command", body + "name)", "pass")

    assert not run(tried, "target(name='f' + canary); target(name=canary)").reached
    assert not run(tried, "target(name='f' + canary)").reached
    assert run(weak, "target(name='x; touch /tmp/' + canary)").confirmed


def test_a_folder_that_the_function_makes_is_no_doing_of_a_command(shop: Workshop) -> None:
    body = "import os, shlex\nos.makedirs('/tmp/' + name, exist_ok=True)\nos.system('true ' + shlex.quote(name))"

    assert not run(with_body(shop, "command", body, "pass"), "target(name=canary)").reached


def test_a_file_that_is_only_read_does_not_hide_a_command(shop: Workshop) -> None:
    body = "import os\ntry: open('/tmp/' + name[-17:])\nexcept OSError: pass\nos.system('true ' + name)"

    assert run(with_body(shop, "command", body, "pass"), "target(name='x; touch /tmp/' + canary)").confirmed


def test_data_that_slow_down_the_original_as_well_are_no_slow_pattern(shop: Workshop) -> None:
    """A size between the two limits would pass where both had the same one."""
    body = "import os\nstart = os.times().user\nwhile os.times().user - start < float(name) * {}: sum(range(99_999))"
    tried = with_body(shop, "time", body.format(3), body.format(1))

    trial = run(tried, "target(name='1.0')")

    assert trial.reached == "processor time"
    assert trial.original


def test_an_original_that_is_slow_is_not_stopped_before_its_sink(shop: Workshop) -> None:
    spin = "import os, time\nstart = time.process_time()\nwhile time.process_time() - start < {}: pass\n"
    sink = "os.system('true ' + name)"

    trial = run(
        with_body(shop, "command", spin.format(0) + sink, spin.format(2.5) + sink),
        "target(name='x; touch /tmp/' + canary)",
    )

    assert trial.original


def test_data_that_depend_on_what_calls_give_are_not_stale_against_the_original(shop: Workshop) -> None:
    body = "import os\nif name == 'token': return TOKEN\nif name[:8] == TOKEN: os.system('true ' + name[8:])"
    tried = with_body(shop, "command", body, body, top="import os\n\nTOKEN = os.urandom(4).hex()\n\n\n")

    trial = run(tried, "target(name=target(name='token') + 'x; touch /tmp/' + canary)")

    assert trial.reached == "os.system"
    assert trial.original


def test_an_exploit_cannot_hide_from_the_original(shop: Workshop) -> None:
    """It calls only where a first call gives away that this is the weak function."""
    body = "import os\nif name == 'which': return '{}'\nos.system('true ' + name)"
    tried = with_body(shop, "command", body.format("weak"), body.format("original"))

    trial = run(tried, "target(name='which') == 'weak' and target(name='x; touch /tmp/' + canary)")

    assert trial.reached == "os.system"
    assert trial.original


def test_waiting_is_no_processor_time(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audited, "_CALL_S", 4.0)
    tried = with_body(shop, "time", "import time\ntime.sleep(float(name))", "pass")

    short, long = run(tried, "target(name='3')"), run(tried, "target(name='1000')")

    assert not short.reached
    assert not long.reached
    assert "hung" in long.error


def test_an_exploit_that_reads_no_answers_ends_with_its_time(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exploiting, "_EXPLOIT", replace(exploiting._EXPLOIT, wall_s=5))

    trial = run(planted(shop, "greeting", 78), RAW + "[raw('x' * 16_000) for _ in range(200)]")

    assert not trial.reached
    assert trial.error


EXPLOIT_WITH_HELPERS = '''
import os, pickle
from base64 import b64encode as encoded

COMMAND = "true "


class Payload:
    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (COMMAND + self.canary,)


def greeting(canary):
    """A helper that happens to bear the function's name."""
    return "state:" + encoded(pickle.dumps(Payload(canary))).decode()


def exploit(target, canary):
    try:
        target(name=greeting(canary))
    except Exception:
        pass
'''


def test_an_exploit_may_have_helpers_classes_and_imports(shop: Workshop) -> None:
    text = f"VERDICT: vulnerable\nCWE: CWE-502\nLINE: 1\n```python{EXPLOIT_WITH_HELPERS}```\n"
    answer = parse_answer(text, shop.certified["greeting"].function)
    assert isinstance(answer, Answer)

    assert try_exploit(*planted(shop, "greeting", 502), answer.exploit).confirmed


def test_an_exploit_that_goes_on_after_it_has_succeeded_is_confirmed(shop: Workshop) -> None:
    body = "target(name='x; touch /tmp/' + canary)\n    for _ in range(100): target(name='Ann')"

    assert run(planted(shop, "greeting", 78), body).confirmed
