"""When a function was first seen and last changed: what is followed, what is a change, and what cannot be known."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath

import git
import pytest

from pytest_cereval.errors import SettingsError, SourceError
from pytest_cereval.source.functions import SourceFunction, extract_functions
from pytest_cereval.source.history import commits
from pytest_cereval.source.history.freshness import Arm, Cutoff, Freshness, parse_cutoff
from pytest_cereval.source.history.read import read_freshness
from pytest_cereval.source.repository import resolve

AREA = '''def area(width, height=2):
    """The area."""
    if width < 0:
        raise ValueError(width)
    total = width * height  # no unit
    return round(total, 3)
'''


NAME = """def name(box):
    if box < 0:
        raise ValueError(box)
    text = box.title.strip()
    return text.lower()
"""


@dataclass
class Project:
    """A git repository to write history into, one commit a year."""

    root: Path

    def git(self, *arguments: str, year: int = 2000) -> str:
        when = f"{year}-06-15T12:00:00+02:00"
        identity = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        environment = {"GIT_COMMITTER_DATE": when, "GIT_AUTHOR_DATE": "1999-01-01T00:00:00Z", "HOME": str(self.root)}
        command = ["git", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false", *arguments]
        done = subprocess.run(
            command, cwd=self.root, env={"PATH": "/usr/bin:/bin", **environment, **identity}, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.decode().strip()

    def commit(self, year: int, files: dict[str, str | None], message: str = "a change") -> str:
        """Write files (None takes one away) and commit them in this year."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink() if text is None else path.write_bytes(text.encode())
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message, year=year)
        return self.git("rev-parse", "HEAD")

    def functions(self) -> dict[str, SourceFunction]:
        """The functions of the work tree by qualified name."""
        paths = sorted(PurePosixPath(path.relative_to(self.root)) for path in self.root.rglob("*.py"))
        found = [function for path in paths for function in extract_functions(self.root, path)]
        return {function.qualname: function for function in found}

    def freshness(self, qualname: str) -> Freshness:
        revision = resolve(str(self.root))
        return read_freshness(str(self.root), revision, [self.functions()[qualname]])[0]

    def years(self, qualname: str) -> tuple[int, int]:
        """First seen, last changed."""
        found = self.freshness(qualname)
        return found.first_seen.year, found.last_changed.year


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "project"
    root.mkdir()
    made = Project(root)
    made.git("init", "--quiet")
    return made


def test_a_function_is_dated_by_its_committer_in_utc_and_names_its_commits(project: Project) -> None:
    first = project.commit(2015, {"a.py": AREA})
    second = project.commit(2018, {"a.py": AREA.replace("3)", "4)")})

    found = project.freshness("area")

    assert found.first_seen == datetime(2015, 6, 15, 10, tzinfo=UTC)
    assert found.last_changed == datetime(2018, 6, 15, 10, tzinfo=UTC)
    assert (found.first_commit, found.last_commit, found.bounded) == (first, second, False)
    assert Freshness.from_dict(found.to_dict()) == found


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(AREA.replace('    """The area."""\n', ""), id="docstring"),
        pytest.param(AREA.replace("  # no unit", "").replace(" * ", "*"), id="comments and layout"),
        pytest.param("import functools\n\n\n@functools.cache\n" + AREA, id="decorator"),
        pytest.param(AREA.replace("width, height=2)", "width: int, height: float = 2) -> float"), id="annotations"),
        pytest.param(AREA.replace("total =", "total: float ="), id="annotated local"),
        pytest.param(AREA.replace("width", "w").replace("total", "result"), id="names of parameters and locals"),
        pytest.param("def other():\n    return 1\n\n\n" + AREA, id="another function before it"),
        pytest.param(AREA.replace("\n", "\r\n"), id="ends of lines"),
    ],
)
def test_what_does_not_change_a_body_is_no_change(project: Project, later: str) -> None:
    project.commit(2015, {"a.py": AREA})
    project.commit(2020, {"a.py": later})

    assert project.years("area") == (2015, 2015)


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(AREA.replace("height=2", "height=3"), id="default"),
        pytest.param(AREA.replace("< 0", "<= 0"), id="operator"),
        pytest.param(AREA.replace("round", "int"), id="a global's name"),
        pytest.param(AREA.replace("width * height", "height * width"), id="order of locals"),
        pytest.param(AREA.replace("def area(", "async def area("), id="async"),
        pytest.param(AREA.replace("width, height", "*width, height"), id="kind of parameter"),
    ],
)
def test_what_changes_a_body_is_a_change_of_the_same_function(project: Project, later: str) -> None:
    project.commit(2015, {"a.py": AREA})
    project.commit(2020, {"a.py": later})

    assert project.years("area") == (2015, 2020)


def test_a_move_to_another_file_class_and_name_is_followed(project: Project) -> None:
    project.commit(2015, {"a.py": AREA})
    project.commit(2018, {"a.py": None, "pkg/b.py": AREA})
    indented = "".join(f"    {line}\n" for line in AREA.replace("def area", "def surface").splitlines())
    project.commit(2020, {"pkg/b.py": "class Box:\n    @staticmethod\n" + indented})

    assert project.years("Box.surface") == (2015, 2015)


def test_a_function_that_calls_itself_is_followed_under_its_new_name(project: Project) -> None:
    body = "def {0}(n, step=1):\n    if n <= 0:\n        return 0\n    return n + {0}(n - step, step=step)\n"
    project.commit(2015, {"a.py": body.format("total")})
    project.commit(2020, {"a.py": body.format("added").replace("step", "pace")})

    assert project.years("added") == (2015, 2015)


def test_a_move_with_a_rewrite_keeps_the_first_date_only(project: Project) -> None:
    project.commit(2015, {"a.py": AREA})
    project.commit(2020, {"a.py": None, "b.py": AREA.replace("area", "surface").replace("3)", "4)")})

    assert project.years("surface") == (2015, 2020)


def test_the_same_qualified_name_in_another_file_is_the_same_function(project: Project) -> None:
    project.commit(2015, {"a.py": AREA})
    project.commit(2020, {"a.py": None, "b.py": "def area(box):\n    return box.area()\n"})

    assert project.years("area") == (2015, 2020)


def test_what_takes_the_place_of_something_unlike_it_is_new(project: Project) -> None:
    project.commit(2015, {"a.py": AREA})
    project.commit(2020, {"a.py": NAME})

    assert project.years("name") == (2020, 2020)


def test_a_function_is_as_old_as_any_form_it_had_before_it_moved_or_took_a_known_body(project: Project) -> None:
    project.commit(2014, {"a.py": AREA})
    project.commit(2016, {"a.py": AREA.replace("3)", "4)")})
    project.commit(2018, {"b.py": NAME})
    project.commit(2020, {"a.py": None, "c.py": AREA.replace("area", "surface").replace("3)", "4)")})
    project.commit(2022, {"c.py": NAME.replace("name", "surface")})

    assert project.years("surface") == (2014, 2022)


def test_one_ancestor_of_unknown_age_makes_the_age_unknown(project: Project) -> None:
    project.commit(2015, {"a.py": AREA})
    project.commit(2018, {"b.py": NAME}, f"more\n\n{commits.LEFT_OUT}: 3")
    project.commit(2020, {"b.py": AREA.replace("area", "name")})

    found = project.freshness("name")

    assert (found.first_seen.year, found.bounded) == (2015, True)


def test_of_two_equal_bodies_the_one_that_moved_keeps_the_later_date(project: Project) -> None:
    project.commit(2015, {"a.py": AREA})
    project.commit(2018, {"b.py": AREA.replace("area", "surface")})
    project.commit(2020, {"a.py": None, "b.py": None, "c.py": AREA.replace("area", "extent")})

    assert project.years("extent") == (2015, 2018)


def test_a_new_function_in_an_old_file_is_new(project: Project) -> None:
    project.commit(2015, {"a.py": AREA})
    project.commit(2020, {"a.py": AREA + "\n\ndef name(box):\n    return box.title.strip().lower()\n"})

    assert project.years("name") == (2020, 2020)
    assert project.years("area") == (2015, 2015)


def test_a_copy_is_as_old_as_its_body_and_as_new_as_its_place(project: Project) -> None:
    project.commit(2015, {"a.py": AREA})
    project.commit(2020, {"b.py": AREA.replace("area", "surface")})

    assert project.years("surface") == (2015, 2020)


def test_a_body_that_comes_back_was_seen_early_and_changed_late(project: Project) -> None:
    project.commit(2015, {"a.py": AREA})
    project.commit(2018, {"a.py": "x = 1\n"})
    project.commit(2020, {"a.py": AREA})

    assert project.years("area") == (2015, 2020)


def test_accessors_and_repeated_definitions_are_told_apart(project: Project) -> None:
    text = "class A:\n    @property\n    def x(self):\n        return self._x\n"
    project.commit(2015, {"a.py": text})
    later = text + "\n    @x.setter\n    def x(self, value):\n        self._x = int(value)\n"
    project.commit(2020, {"a.py": later})
    accessors = extract_functions(project.root, PurePosixPath("a.py"))

    found = read_freshness(str(project.root), resolve(str(project.root)), accessors)

    assert [freshness.first_seen.year for freshness in found] == [2015, 2020]


def test_a_branch_is_seen_when_it_was_committed_and_changes_the_main_line_when_merged(project: Project) -> None:
    project.commit(2015, {"a.py": "x = 1\n"})
    project.git("checkout", "--quiet", "-b", "side")
    project.commit(2016, {"b.py": AREA})
    project.git("checkout", "--quiet", "main")
    project.commit(2017, {"a.py": "x = 2\n"})
    project.git("merge", "--quiet", "--no-ff", "-m", "merge", "side", year=2020)

    assert project.years("area") == (2016, 2020)


def test_what_only_a_merge_brings_in_is_dated_by_the_merge(project: Project) -> None:
    project.commit(2015, {"a.py": AREA})
    project.git("checkout", "--quiet", "-b", "side")
    project.commit(2016, {"a.py": AREA.replace("3)", "4)")})
    project.git("checkout", "--quiet", "main")
    project.commit(2017, {"a.py": AREA.replace("3)", "5)")})
    project.git("merge", "--quiet", "-s", "ours", "--no-commit", "side")
    project.commit(2020, {"a.py": AREA.replace("3)", "6)")})

    assert project.years("area") == (2015, 2020)


def test_the_oldest_commit_of_a_shallow_clone_dates_at_latest(project: Project, tmp_path: Path) -> None:
    project.commit(2015, {"a.py": AREA})
    project.commit(2018, {"c.py": "x = 1\n"})
    project.commit(2020, {"b.py": "def name(box):\n    return box.title.strip().lower()\n"})
    project.git("clone", "--quiet", "--depth=2", f"file://{project.root}", str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")

    old, new = clone.freshness("area"), clone.freshness("name")
    clone.commit(2022, {"a.py": AREA.replace("area", "surface").replace("3)", "4)")})
    descendant = clone.freshness("surface")

    assert (old.first_seen.year, old.last_changed.year, old.bounded) == (2018, 2018, True)
    assert (descendant.first_seen.year, descendant.last_changed.year, descendant.bounded) == (2018, 2022, True)
    assert (new.first_seen.year, new.bounded) == (2020, False)


def test_a_file_that_was_python_2_hides_how_old_its_functions_are(project: Project) -> None:
    project.commit(2010, {"a.py": "print 'loaded'\n" + AREA})
    project.commit(2018, {"a.py": AREA})
    project.commit(2020, {"b.py": "def name(box):\n    return box.title.strip().lower()\n"})

    assert project.freshness("area").bounded
    assert not project.freshness("name").bounded


def test_releases_left_out_before_a_commit_make_its_dates_late_bounds(project: Project) -> None:
    project.commit(2018, {"a.py": AREA}, f"one\n\n{commits.LEFT_OUT}: 0")
    project.commit(2020, {"b.py": "def name(box):\n    return box.title.strip()\n"}, f"two\n\n{commits.LEFT_OUT}: 3")

    assert not project.freshness("area").bounded
    assert project.freshness("name").bounded


def test_odd_paths_links_and_a_users_settings_do_not_disturb(project: Project) -> None:
    project.commit(2015, {"näh \n\t.py": AREA})
    (project.root / "link.py").symlink_to("näh \n\t.py")
    project.commit(2018, {"b.py": "x = 1\n"})
    (project.root / ".gitconfig").write_text("[log]\nshowSignature = true\n")
    project.git("config", "log.showSignature", "true")
    project.git("config", "log.showRoot", "false")
    project.git("config", "diff.renames", "copies")
    function = extract_functions(project.root, PurePosixPath("näh \n\t.py"))[0]

    (found,) = read_freshness(str(project.root), resolve(str(project.root)), [function])

    assert found.first_seen.year == 2015


def test_a_function_of_another_commit_is_refused(project: Project) -> None:
    project.commit(2015, {"a.py": AREA})
    function = project.functions()["area"]
    project.commit(2016, {"a.py": "x = 1\n"})

    with pytest.raises(SourceError, match=r"a\.area is not in the history as a\.py:1\n  → give functions of the same"):
        read_freshness(str(project.root), resolve(str(project.root)), [function])


def test_a_partial_clone_is_refused_instead_of_fetched_file_by_file(project: Project) -> None:
    project.commit(2015, {"a.py": AREA})
    project.git("config", "remote.origin.promisor", "true")

    with pytest.raises(SourceError, match=r"partial clone.*\n  → clone it without --filter"):
        project.freshness("area")


def test_each_blob_is_read_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    read_ids: list[str] = []

    def counted(repository: git.Repo, blob: str) -> bytes:
        read_ids.append(blob)
        return commits.read_blob(repository, blob)

    monkeypatch.setattr("pytest_cereval.source.history.read.read_blob", counted)
    for year in range(2010, 2016):
        project.commit(year, {"a.py": AREA.replace("3)", f"{year % 2})"), "b.py": f"x = {year}\n"})

    project.freshness("area")

    assert len(read_ids) == len(set(read_ids)) == 2 + 6


def _freshness(first: int, last: int, *, bounded: bool = False) -> Freshness:
    return Freshness(datetime(first, 1, 1, tzinfo=UTC), "a" * 40, datetime(last, 1, 1, tzinfo=UTC), "b" * 40, bounded)


@pytest.mark.parametrize(
    ("freshness", "arm"),
    [
        (_freshness(2015, 2020), Arm.STALE),
        (_freshness(2015, 2020, bounded=True), Arm.STALE),
        (_freshness(2026, 2026), Arm.FRESH),
        (_freshness(2026, 2026, bounded=True), Arm.UNCLEAR),
        (_freshness(2015, 2026), Arm.UNCLEAR),
        (_freshness(2024, 2024), Arm.UNCLEAR),
    ],
)
def test_only_what_is_surely_on_one_side_of_the_band_is_in_an_arm(freshness: Freshness, arm: Arm) -> None:
    assert Cutoff(date(2024, 3, 31)).arm(freshness) is arm


def test_the_edges_of_the_band_belong_to_neither_arm() -> None:
    cutoff = Cutoff(date(2024, 1, 11), 10)

    assert cutoff.arm(_freshness(2024, 2024)) is Arm.UNCLEAR
    assert Cutoff(date(2024, 1, 12), 10).arm(_freshness(2024, 2024)) is Arm.STALE
    assert Cutoff(date(2023, 12, 22), 10).arm(_freshness(2024, 2024)) is Arm.UNCLEAR
    assert Cutoff(date(2023, 12, 21), 10).arm(_freshness(2024, 2024)) is Arm.FRESH


def test_a_cutoff_is_a_day_or_the_last_day_of_a_month() -> None:
    assert parse_cutoff("2024-06-15").day == date(2024, 6, 15)
    assert parse_cutoff("2024-02").day == date(2024, 2, 29)
    assert parse_cutoff("2023-12").day == date(2023, 12, 31)


@pytest.mark.parametrize("text", ["", "yesterday", "2024-13-01", "2024-13", "24-06-2024"])
def test_anything_else_is_not_a_cutoff(text: str) -> None:
    with pytest.raises(SettingsError, match="not a cutoff date") as raised:
        parse_cutoff(text)
    assert "--cereval-cutoff=2024-06-30" in str(raised.value)


def test_a_negative_guard_band_is_refused() -> None:
    with pytest.raises(SettingsError, match="cannot be -1 days"):
        parse_cutoff("2024-06-15", -1)
