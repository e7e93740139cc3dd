"""What is not there is found out by asking the target's interpreter; what works is never a finding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_cereval.dependencies.environment import Environment, installed_modules, repository_modules
from pytest_cereval.dependencies.findings import Dependencies, dependencies_of
from pytest_cereval.dependencies.references import Kind
from pytest_cereval.dependencies.registry import Registry
from pytest_cereval.errors import SandboxError
from pytest_cereval.sandbox.process import Process
from pytest_cereval.sandbox.sandbox import Launch, Level, Limits
from tests.dependencies.conftest import Ask, flaws, site_folder
from tests.oracles.judging import Place

KNOWN = Registry(given=True, packages=frozenset({"pandas", "pyyaml", "scikit-learn"}))


def test_made_up_members_of_the_standard_library_are_found(ask: Ask) -> None:
    found = ask("import json\nfrom os import pathh, path\ndef ranked(): json.loadz(path.joinn()); json.loads('')\n")

    assert flaws(found) == [
        ("fabricated_member", "os.pathh"),
        ("fabricated_member", "json.loadz"),
        ("fabricated_member", "os.path.joinn"),
    ]
    assert found.mentions[Kind.MEMBER] == {
        **dict.fromkeys(("os.pathh", "os.path", "json.loadz", "os.path.joinn", "json.loads"), 1)
    }


def test_made_up_keywords_are_found_and_real_ones_are_not(ask: Ask) -> None:
    found = ask("import base64, solid\nbase64.b64encode(b'', altchar=2, altchars=2)\nsolid.weld(1, heat=2, cold=3)\n")

    assert flaws(found) == [
        ("fabricated_keyword", "base64.b64encode(altchar=)"),
        ("fabricated_keyword", "solid.weld(cold=)"),
    ]


def test_a_callable_that_takes_any_keyword_is_in_no_denominator(ask: Ask) -> None:
    found = ask("import solid\nsolid.any_of(whatever=1)\n")

    assert (flaws(found), found.unchecked, found.mentions[Kind.KEYWORD]) == ([], 1, {})


def test_a_package_that_is_nowhere_is_made_up_only_where_a_snapshot_says_so(ask: Ask) -> None:
    code = "import pandas, flaskk, sklearn.svm, cStringIO\n"

    assert flaws(ask(code)) == [
        ("unresolved_package", "pandas"),
        ("unresolved_package", "flaskk"),
        ("undeclared_dependency", "sklearn"),
        ("undeclared_dependency", "cStringIO"),
    ]
    assert flaws(ask(code, registry=KNOWN)) == [
        ("undeclared_dependency", "pandas"),
        ("fabricated_package", "flaskk"),
        ("undeclared_dependency", "sklearn"),
        ("undeclared_dependency", "cStringIO"),
    ]


def test_members_of_an_absent_package_are_counted_nowhere(ask: Ask) -> None:
    found = ask("import pandas as pd\npd.read_cvs('x')\n")

    assert flaws(found) == [("unresolved_package", "pandas")]
    assert (found.unchecked, found.mentions[Kind.MEMBER]) == (1, {})


def test_an_installed_package_that_candidates_do_not_see_is_undeclared(ask: Ask, environment: Environment) -> None:
    hidden = (str(site_folder(environment) / "unseen.py"),)

    assert flaws(ask("import unseen, solid\n")) == []
    assert flaws(ask("import unseen, solid\n", hidden=hidden)) == [("undeclared_dependency", "unseen")]
    assert flaws(ask("import unseen, solid\n", hidden=environment.interpreter.site)) == [
        ("undeclared_dependency", "unseen"),
        ("undeclared_dependency", "solid"),
    ]


def test_the_repositorys_own_modules_are_looked_into(ask: Ask) -> None:
    found = ask("from target.shop import ranked\nfrom . import shop, stock\nfrom .shop import nothing\nshop.ranked\n")

    assert flaws(found) == [("fabricated_member", "target.stock"), ("fabricated_member", "target.shop.nothing")]


def test_what_an_answer_adds_to_its_own_file_may_be_imported_from_it(ask: Ask) -> None:
    code = "from .shop import helper\ndef helper(): pass\ndef ranked(): return helper()\n"

    assert flaws(ask(code)) == []


def test_what_the_reference_mentions_itself_is_no_finding(ask: Ask) -> None:
    original = "import flaskk\nimport json\ndef ranked(): json.loadz\n"
    found = ask("import flaskk\ndef ranked(): return json.loadz, json.dumpz\n", original=original)

    assert flaws(found) == [("fabricated_member", "json.dumpz")]
    assert found.mentions[Kind.PACKAGE] == {"flaskk": 1}


def test_submodules_and_modules_under_other_names_are_followed(ask: Ask) -> None:
    found = ask("import solid.parts, xml\nsolid.parts.bolt, solid.json.loads, solid.parts.nut\nxml.etree.ElementTree\n")

    assert flaws(found) == [("fabricated_member", "solid.parts.nut")]


def test_an_import_goes_past_an_attribute_of_the_same_name(ask: Ask) -> None:
    assert flaws(ask("from mask.inner import deep\n")) == []
    assert flaws(ask("from mask import inner\ninner.deep, inner.weld\n")) == [("fabricated_member", "mask.inner.deep")]


def test_names_that_are_only_bound_elsewhere_or_later_are_not_made_up(ask: Ask) -> None:
    found = ask("import lazy\nfrom solid.parts import sometimes\nlazy.late, lazy.never, lazy.__dict__\n")

    assert flaws(found) == [("fabricated_member", "lazy.never")]


def test_a_module_that_cannot_be_imported_is_read_instead(ask: Ask) -> None:
    found = ask("import broken, deadly\nbroken.weld, broken.melt, deadly.value\n")

    assert flaws(found) == [("suspected_member", "broken.melt")]
    assert found.mentions[Kind.MEMBER].keys() == {"broken.weld", "broken.melt", "deadly.value"}


def test_a_module_of_another_platform_is_no_fabrication(ask: Ask) -> None:
    found = ask("import winreg\nwinreg.OpenKey('x')\n")

    assert (flaws(found), found.unchecked) == ([], 1)


def test_what_is_guarded_is_recorded_and_not_counted(ask: Ask) -> None:
    found = ask("try:\n    import flaskk\nexcept ImportError:\n    flaskk = None\n")

    assert flaws(found) == []
    assert [(item.name, item.guarded) for item in found.findings] == [("flaskk", True)]


def test_repeated_mentions_are_one_finding_with_a_count(ask: Ask) -> None:
    (found,) = ask("import json\njson.a, json.a\njson.a\n").findings

    assert (found.name, found.times, found.line) == ("json.a", 3, 2)


def test_text_that_cannot_be_read_is_a_problem_and_no_error(ask: Ask) -> None:
    assert ask("def (").problem == "cannot be read: SyntaxError"
    assert ask("import a\n" + "a" + ".b" * 100_000).problem.startswith("cannot be read: ")


def test_all_that_was_taken_from_an_answer_is_looked_at(ask: Ask, judged: Place) -> None:
    helper = "def sorter(items):\n    return heapq.nbiggest(1, items)\n"
    answer = f"```python\nimport heapq\n{helper}def ranked(items, limit=3):\n    return sorter(items)\n```"
    taken = judged.candidate("ranked", answer).taken

    assert taken.index("import heapq") < taken.index("def sorter") < taken.index("def ranked")
    assert flaws(ask(taken, original=judged.text)) == [("fabricated_member", "heapq.nbiggest")]


def test_a_record_survives_the_way_through_json(ask: Ask) -> None:
    found = ask("import json, flaskk\njson.loadz(a=1)\n")

    assert Dependencies.from_dict(found.to_dict()) == found
    assert list(found.to_dict()) == ["mentions", "findings", "unchecked", "problem"]


def test_nothing_is_imported_in_this_process(ask: Ask, environment: Environment) -> None:
    mark = site_folder(environment) / "mark"
    (site_folder(environment) / "marks.py").write_text(f"try:\n    open({str(mark)!r}, 'w')\nexcept OSError: pass\n")
    installed_modules.cache_clear()

    fresh = replace(environment, cache_folder=None, _worlds={}, _outside=None)
    assert "marks" in installed_modules(fresh.interpreter.site)
    ask("import marks\nmarks.nothing\n")

    assert not mark.exists()


class _Closed:
    """A sandbox that cannot be started."""

    level = Level.NAMESPACES

    def describe(self) -> dict[str, str]:
        return {}

    def start(self, launch: Launch, limits: Limits) -> Process:
        raise SandboxError("no more sandboxes")


def test_what_is_known_is_taken_from_the_cache_without_a_sandbox(
    ask: Ask, judged: Place, environment: Environment
) -> None:
    code = "import json\njson.loadz, json.loads(a=1)\n"
    first = ask(code)
    later = Environment(environment.interpreter, _Closed(), environment.cache_folder)
    world = later.world(judged.setting.checkout, frozenset({"."}))

    assert dependencies_of(code, "", judged.functions["ranked"], world) == first
    unknown = dependencies_of("import wave\nwave.form\n", "", judged.functions["ranked"], world)
    assert unknown.problem == "cannot be looked up: no more sandboxes"


def test_the_world_is_what_lies_in_the_folders(judged: Place, environment: Environment, tmp_path: Path) -> None:
    assert {"solid", "broken", "mask", "lazy"} <= installed_modules(environment.interpreter.site)
    assert "solid-1" not in installed_modules(environment.interpreter.site)
    (tmp_path / "docs").mkdir()
    assert repository_modules(tmp_path, frozenset({"."})) == frozenset()
    assert repository_modules(judged.setting.checkout.runtime, frozenset({"."})) == {"target"}


def test_a_run_can_say_what_its_findings_depend_on(environment: Environment) -> None:
    described = environment.describe()

    assert described["python"] == environment.interpreter.version
    assert described["registry"] == {"given": False, "date": "", "sha256": "", "packages": 0}
    assert len(described["installed"]) == 24


@pytest.mark.parametrize("where", ["solid", "target"])
def test_a_sandbox_is_started_once_for_what_it_can_tell(
    ask: Ask, judged: Place, environment: Environment, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Launch] = []
    honest = type(environment.sandbox).start

    def counted(self: object, launch: Launch, limits: Limits) -> Process:
        started.append(launch)
        return honest(self, launch, limits)  # type: ignore[arg-type]

    monkeypatch.setattr(type(environment.sandbox), "start", counted)
    fresh = Environment(environment.interpreter, environment.sandbox)
    world = fresh.world(judged.setting.checkout, frozenset({"."}))
    for _ in range(3):
        dependencies_of(f"import {where}\n{where}.thing\n", "", judged.functions["ranked"], world)

    assert len(started) == 2  # the names of the standard library, and the module
