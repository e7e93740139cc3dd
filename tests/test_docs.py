"""The documents say what the code does: options, verdicts, commands, folders, and nothing that is not there."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

from pytest_cereval.cli import main
from pytest_cereval.options import OPTIONS, Option
from pytest_cereval.report.facts import _SENTENCES
from pytest_cereval.results.failure import Failure
from pytest_cereval.results.verdict import Verdict

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "conftest_examples").rglob("*.md")])
CI_FILES = sorted((ROOT / "conftest_examples").rglob("*.yml"))
GUIDES = sorted(set((ROOT / "docs").glob("*.md")) - {ROOT / "docs/README.md", ROOT / "docs/reference.md"})
NOT_OURS = {"python3", "pip", "openssl", "cd", "test", ".venv/bin/pip", ".venv-target/bin/pip"}
"""What commands of the documents begin with beside pytest and cereval."""
_FENCE = re.compile(r"^ *```(sh|yaml)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_PICTURE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")


def _shown(page: Path) -> str:
    """A page without its comments, which hold what is not there yet."""
    return re.sub(r"<!-- .*? -->", "", page.read_text(), flags=re.DOTALL)


def _commands(text: str) -> Iterator[list[str]]:
    """Commands of a shell text as words, those after `&&` and `||` as well, without variables set before them."""
    for line in text.splitlines():
        for part in re.split(r" (?:&&|\|\|) ", re.sub(r"\s#\s.*", "", line)):
            yield [word for word in shlex.split(part) if not re.fullmatch(r"[A-Z_]+=.*", word)]


def _in_ci(text: str) -> str:
    """The lines of YAML that a shell runs; those of other keys are left out."""
    found = re.findall(r"^\s*(?:- |run: |- run: )((?:pytest|cereval) .*)$", text, re.MULTILINE)
    return "\n".join(found)


def _documented() -> list[tuple[str, list[str]]]:
    found = []
    for page in PAGES:
        for kind, text in _FENCE.findall(page.read_text()):
            found += [
                (page.relative_to(ROOT).as_posix(), words)
                for words in _commands(_in_ci(text) if kind == "yaml" else text)
            ]
    for file in CI_FILES:
        found += [(file.relative_to(ROOT).as_posix(), words) for words in _commands(_in_ci(file.read_text()))]
    return [(where, words) for where, words in found if words]


DOCUMENTED = _documented()


def _ids(documented: list[tuple[str, list[str]]]) -> list[str]:
    return [f"{where}: {' '.join(words)}"[:110] for where, words in documented]


def _of(name: str) -> list[tuple[str, list[str]]]:
    return [each for each in DOCUMENTED if Path(each[1][0]).name == name]


def test_every_command_in_the_documents_is_one_that_is_checked() -> None:
    others = {words[0] for _, words in DOCUMENTED if Path(words[0]).name not in ("pytest", "cereval")}

    assert others <= NOT_OURS
    assert len(_of("pytest")) > 20
    assert len(_of("cereval")) > 20


@pytest.mark.parametrize(("where", "words"), _of("pytest"), ids=_ids(_of("pytest")))
def test_pytest_knows_each_option_of_a_documented_command(
    where: str, words: list[str], pytestconfig: pytest.Config
) -> None:
    known, unknown = pytestconfig._parser.parse_known_and_unknown_args(words[1:])

    assert unknown == []
    for option in OPTIONS:
        given = getattr(known, option.key)
        if given is not None and not option.flag and not re.search(r"[$]", given):
            option.read(given)


@pytest.mark.parametrize(("where", "words"), _of("cereval"), ids=_ids(_of("cereval")))
def test_cereval_takes_each_documented_command(where: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(click.Path, "convert", lambda kind, value, parameter, context: value)  # no file is there
    name, *arguments = words[1:]

    main.commands[name].make_context(name, arguments)


@pytest.mark.parametrize("file", CI_FILES, ids=lambda file: file.name)
def test_the_guide_shows_what_the_ci_files_call(file: Path) -> None:
    guide = _in_ci((ROOT / "docs/gate-an-upgrade.md").read_text()).splitlines()
    called = _in_ci(file.read_text()).splitlines()

    assert len(called) == 2
    assert set(called) <= set(guide)


def test_an_option_that_is_not_there_would_be_found() -> None:
    with pytest.raises(click.NoSuchOption):
        main.commands["gate"].make_context("gate", ["old", "--magin=0.05"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_each_option_that_a_page_mentions_exists(page: Path) -> None:
    mentioned = set(re.findall(r"--cereval-[a-z-]+[a-z]", _shown(page)))

    assert mentioned <= {option.switch for option in OPTIONS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_each_verdict_that_a_page_mentions_exists(page: Path) -> None:
    mentioned = set(re.findall(r"`((?:FAIL|NO)_[A-Z_]+|TAMPER|INVALID)`", _shown(page)))

    assert mentioned <= {verdict.value for verdict in Verdict}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_each_relative_link_leads_somewhere(page: Path) -> None:
    text = _shown(page)
    links = [link for link in (*_LINK.findall(text), *_PICTURE.findall(text)) if "://" not in link]

    missing = [link for link in links if not _leads_somewhere(page, link)]

    assert missing == []


def _leads_somewhere(page: Path, link: str) -> bool:
    file, _, anchor = link.partition("#")
    target = (page.parent / file).resolve() if file else page
    if not target.exists() or not target.is_relative_to(ROOT):
        return False
    return not anchor or anchor in {_anchor(line) for line in target.read_text().splitlines() if line.startswith("#")}


def _anchor(heading: str) -> str:
    """As GitHub and GitLab make it of a heading."""
    text = re.sub(r"[^\w\- ]", "", heading.lstrip("#").strip().lower())
    return text.replace(" ", "-")


def test_the_guide_to_reports_explains_lines_that_certificates_have() -> None:
    guide = (ROOT / "docs/read-a-report.md").read_text()
    section = guide.partition("## The certificate")[2].partition("\n## ")[0]
    explained = re.findall(r"^\| ([A-Z][^|]*[^ |]) +\|", section, re.MULTILINE)

    assert len(explained) >= 6
    assert set(explained) <= {title for title, _, _ in _SENTENCES}


def test_each_guide_is_linked_from_the_readme_and_from_the_list_of_guides() -> None:
    overview = (ROOT / "docs/README.md").read_text()

    assert len(GUIDES) >= 7
    for guide in GUIDES:
        assert f"(docs/{guide.name})" in README
        assert f"({guide.name})" in overview


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    """The script that makes the reference."""
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs/make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_code_gives_now(maker: ModuleType) -> None:
    assert maker.TARGET.read_text(encoding="utf-8") == maker.reference(), f"out of date: run `{maker.COMMAND}`"


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_each_option_is_explained_in_the_reference(option: Option) -> None:
    reference = (ROOT / "docs/reference.md").read_text()

    assert re.search(rf"^\| `{re.escape(option.switch)}[`=].*\| `{option.key}` \|", reference, re.MULTILINE)
    assert option.help.replace("|", "\\|") in reference


@pytest.mark.parametrize("verdict", Verdict)
def test_each_verdict_is_explained_in_the_reference(verdict: Verdict) -> None:
    assert f"| `{verdict.value}` | {verdict.meaning} |" in (ROOT / "docs/reference.md").read_text()


@pytest.mark.parametrize("failure", Failure)
def test_each_class_of_failure_is_explained_in_the_reference(failure: Failure) -> None:
    assert f"| {failure.value} | {failure.meaning} |" in (ROOT / "docs/reference.md").read_text()


def test_each_command_is_shown_in_a_guide_and_has_help() -> None:
    shown = {words[1] for _, words in _of("cereval")}

    for name, command in main.commands.items():
        assert command.help
        assert name in shown
        assert f"cereval {name}" in README


def test_the_two_set_up_commands_are_single_lines() -> None:
    for mark in ("demo", "tests"):
        block = re.search(rf"<!-- {mark} -->\n```sh\n(.*?)\n```", README, re.DOTALL)
        assert block is not None
        assert "\n" not in block[1]
        assert block[1].startswith("python3 -m venv .venv && ")


def test_the_architecture_names_each_folder() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()

    for folder in (ROOT / "pytest_cereval").iterdir():
        if (folder / "__init__.py").exists():
            assert f"`{folder.name}/`" in text
