"""Probes of a stored run: asked once, kept in the store, scored from it, reported beside the contamination gap."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pytest_cereval.cli import main
from pytest_cereval.errors import ModelError, SettingsError
from pytest_cereval.models.model import Completion, FinishReason, Progress, Prompt, Sampling
from pytest_cereval.models.replay import record_line
from pytest_cereval.probes.questions import CATEGORY, Kind, Probe, probes_of, score
from pytest_cereval.probing import COUNTERFACTUAL, FIVE_GRAMS, NEXT_LINE, RENAMED, ask_probes, load_settings, probed
from pytest_cereval.results.run import Run, RunStatus
from pytest_cereval.results.store import Store
from tests.commands.test_claims import history
from tests.statistics.test_runs import record

SOURCE = '''def check_{name}(limit, entries):
    """Say whether {name} is kept."""
    if limit < 0:
        raise ValueError("negative limit")
    total = 0
    for entry in entries:
        weight = entry.weight * entry.count
        total = total + weight
        if total > limit:
            return False
    return total <= limit and len(entries) < 1000
'''
QUESTION = "Write `check`:\n\nRequirement: say whether it is kept.\n\nConstraints:\n- No network.\n"


def a_task(number: int, **changes: Any) -> dict[str, Any]:
    """A stored task about a function of its own; even ones are old, odd ones new."""
    name = f"shop.check_{number}"
    return {
        "id": f"t{number}",
        "name": name,
        "function": name,
        "path": "shop.py",
        "category": "code_generation",
        "prompt": {"system": "You write Python.", "user": QUESTION.replace("check", f"check_{number}"), "schema": ""},
        "reference": SOURCE.replace("{name}", str(number)),
        "freshness": history("2025-06-01" if number % 2 else "2020-01-01"),
        **changes,
    }


def by_heart(probe: Probe) -> str:
    """The answer of a model that knows the functions before the cutoff word by word, and guesses at the others."""
    old = int(str(probe.about["id"])[1:]) % 2 == 0
    if probe.kind is Kind.COUNTERFACTUAL:
        changed = probe.expected.replace("return False", "return (False,)")
        return f"```python\n{probe.expected if old else changed}\n```"
    if probe.kind is Kind.OTHER_NAMES:
        return "    return None\n"
    return f"```python\n{probe.expected}```" if old else "    return None\n"


class Told:
    """A model that answers as it is told, and counts how often it is asked."""

    def __init__(self, answers: Callable[[Prompt], str], sha256: str = "w") -> None:
        self.asked = 0
        self._answers, self._sha256 = answers, sha256

    def complete_text(self, prompt: Prompt) -> str:
        return self._answers(prompt)

    def describe(self) -> dict[str, Any]:
        return {"kind": "told", "sha256": self._sha256}

    def complete(self, prompt: Prompt, sampling: Sampling, progress: Progress | None = None) -> Completion:
        self.asked += 1
        return completion(self._answers(prompt))

    def close(self) -> None:
        pass


def completion(text: str) -> Completion:
    return Completion(text, FinishReason.stop_eog, 5, 0, 3, 0.1, 0.2, 0.3, "r", "t", 0.5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A run of twelve tasks, all of which pass."""
    with Store.open(tmp_path / "store.sqlite") as opened:
        record(opened, "one", 12, count=12, sha256="w")
        opened.save_tasks("one", [a_task(number) for number in range(12)], [])
        yield opened


def known_by_heart(store: Store) -> Told:
    answers = {probe.prompt: by_heart(probe) for probe in probes_of(store.tasks("one"), "shop")}
    return Told(answers.__getitem__)


def quiet(stage: str, done: int, total: int) -> None:
    pass


def cereval(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def test_a_function_gets_one_question_of_each_kind_and_none_holds_what_is_held_back() -> None:
    probes = probes_of([a_task(0), a_task(0, id="t0b", category="security_audit")], "shop")

    assert [probe.kind for probe in probes] == list(Kind)
    assert {probe.about["id"] for probe in probes} == {"t0"}
    for probe in probes[:3]:
        assert probe.given in probe.prompt.user
        assert probe.expected not in probe.prompt.user
        assert "Python project shop" in probe.prompt.user


def test_the_changed_requirement_stands_between_the_question_and_its_constraints() -> None:
    (probe,) = [each for each in probes_of([a_task(0)], "shop") if each.kind is Kind.COUNTERFACTUAL]
    asked, changed, constraints = (
        probe.prompt.user.index(part) for part in ("say whether it is kept", probe.given, "- No network.")
    )

    assert asked < changed < constraints
    assert probe.prompt.system == "You write Python."
    assert "it wins over all of that" in probe.prompt.user


def test_own_and_other_names_are_cut_at_the_same_line() -> None:
    probes = {probe.kind: probe for probe in probes_of([a_task(0)], "shop")}
    own, other = probes[Kind.OWN_NAMES], probes[Kind.OTHER_NAMES]

    assert own.given.count("\n") == other.given.count("\n")
    assert "entries" in own.given
    assert "entries" not in other.given.replace("entries of", "")


def test_what_is_no_text_of_one_function_is_not_probed() -> None:
    assert (
        probes_of([a_task(0, reference=""), a_task(1, reference="x = 1\n"), a_task(2, reference="def f(:")], "s") == []
    )


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("```python\ndef f(items):\n    # mine\n    return items[0]\n```", True),
        ("```python\nclass C:\n    def f(self, a):\n        return (a[0],)\n```", False),
        ("```python\ndef g(a):\n    return a[0]\n```", None),
        ("I cannot.", None),
        ("```python\ndef f(a):\n    return " + "(" * 5000 + "\n```", None),
    ],
)
def test_an_answer_to_a_twin_is_the_original_or_not_or_no_function(answer: str, found: bool | None) -> None:
    assert score(Kind.COUNTERFACTUAL, "", "def f(a):\n    return a[0]", answer) is found


def test_what_is_known_by_heart_shows_in_every_measure(store: Store) -> None:
    done = ask_probes(store, "one", known_by_heart(store), quiet)
    rows = {
        measure: [each.score for each in probed(store, "one") if each.measure == measure]
        for measure in (NEXT_LINE, FIVE_GRAMS, RENAMED, COUNTERFACTUAL)
    }

    assert (done.probes, done.asked, done.known, done.failed) == (48, 48, 0, ())
    for measure, scores in rows.items():
        assert scores == [1.0, 0.0] * 6, measure


def test_answers_that_are_there_are_not_asked_again(store: Store) -> None:
    ask_probes(store, "one", known_by_heart(store), quiet)
    again = known_by_heart(store)
    done = ask_probes(store, "one", again, quiet)

    assert (again.asked, done.asked, done.known) == (0, 0, 48)
    assert len(probed(store, "one")) == 48


def test_a_few_probes_more_add_to_those_that_are_there(store: Store) -> None:
    ask_probes(store, "one", known_by_heart(store), quiet)
    ask_probes(store, "one", known_by_heart(store), quiet, limit=2)

    assert len(probed(store, "one")) == 48


def test_a_probe_that_cannot_be_asked_is_missing_and_named(store: Store) -> None:
    def refuse(prompt: Prompt) -> str:
        raise ModelError("the prompt is too long", next_step="give a larger --ctx")

    done = ask_probes(store, "one", Told(refuse), quiet, limit=2)

    assert len(done.failed) == done.probes == 8
    assert done.failed[0] == "shop.check_0 [prefix completion]: the prompt is too long"
    assert {each.score for each in probed(store, "one")} == {None}


def test_an_end_on_the_way_keeps_what_was_answered(store: Store) -> None:
    answers = known_by_heart(store)

    class Stopped(Told):
        def complete(self, prompt: Prompt, sampling: Sampling, progress: Progress | None = None) -> Completion:
            if self.asked == 5:
                raise KeyboardInterrupt
            return super().complete(prompt, sampling)

    with pytest.raises(KeyboardInterrupt):
        ask_probes(store, "one", Stopped(answers.complete_text), quiet)
    run = store.runs()[-1]

    assert (run.status, len(store.completions(run.run_id))) == (RunStatus.interrupted, 5)
    assert ask_probes(store, "one", answers, quiet).known == 5


def test_another_model_than_the_runs_is_refused(store: Store) -> None:
    with pytest.raises(SettingsError, match="run 'one' is of one with sha256 w, and the model given has other"):
        ask_probes(store, "one", Told(str, "other"), quiet)


def test_a_run_without_texts_and_probes_themselves_cannot_be_probed(store: Store) -> None:
    record(store, "bare", 3, count=3)
    ask_probes(store, "one", known_by_heart(store), quiet)
    for run_id in ("bare", store.runs()[-1].run_id):
        with pytest.raises(SettingsError, match="holds no function to probe"):
            ask_probes(store, run_id, Told(str), quiet)


def test_probes_are_kept_as_a_run_that_is_never_the_latest(store: Store) -> None:
    done = ask_probes(store, "one", known_by_heart(store), quiet)
    kept = store.run(done.run_id)

    assert store.latest_run_id() == "one"
    assert kept.provenance["probes_of"] == "one"
    assert len(kept.provenance["suite"]["prompts_sha256"]) == 64
    assert {task["category"] for task in store.tasks(done.run_id)} == {CATEGORY}


def test_the_model_is_loaded_as_it_was_for_the_run() -> None:
    options = {"ctx": "4096", "gpu-layers": "0", "flash-attn": "off", "type-v": "f16", "threads": "2"}
    load = load_settings(Run("r", "", None, RunStatus.finished, {"options": options}))

    assert (load.n_ctx, load.n_gpu_layers, load.flash_attn, load.type_v, load.n_threads) == (4096, 0, False, "f16", 2)
    assert load_settings(Run("r", "", None, RunStatus.finished, {})).n_ctx == 16384


def test_the_command_asks_once_and_the_gap_tells_of_it_as_secondary(store: Store, tmp_path: Path) -> None:
    recording = tmp_path / "answers.jsonl"
    lines = [record_line(p.prompt, completion(by_heart(p))) for p in probes_of(store.tasks("one"), "shop")]
    recording.write_text("".join(lines))
    record(store, "probed", 12, count=12, sha256="")
    store.save_tasks("probed", [a_task(number) for number in range(12)], [])
    asked = cereval("probe", "probed", f"--model=replay:{recording}", f"--store={store.path}", "--json")
    told = cereval("contamination", "probed", "--cutoff=2024-06", f"--store={store.path}")
    found = json.loads(cereval("contamination", "probed", "--cutoff=2024-06", f"--store={store.path}", "--json").output)

    assert asked.exit_code == 0, asked.output
    assert json.loads(asked.output[asked.output.index("{") :])["asked"]["asked"] == 48
    assert "secondary evidence" in told.output
    measures = {each["measure"]: each for each in found["probes"]}
    assert set(measures) == {NEXT_LINE, FIVE_GRAMS, RENAMED, COUNTERFACTUAL}
    for each in measures.values():
        assert (each["difference"]["value"], each["auc"]) == (1.0, 1.0)
        assert each["difference"]["p"] == pytest.approx(2 / 924)
        assert each["adjusted"] == pytest.approx(4 * 2 / 924)


def test_probes_without_a_cutoff_are_told_without_arms(store: Store, tmp_path: Path) -> None:
    recording = tmp_path / "answers.jsonl"
    recording.write_text("")
    record(store, "probed", 2, count=2, sha256="")
    store.save_tasks("probed", [a_task(0), a_task(1)], [])
    result = cereval("probe", "probed", f"--model=replay:{recording}", f"--store={store.path}")

    assert result.exit_code == 0, result.output
    assert "8 probes: 0 asked, 0 known from before, 8 could not be asked" in result.output
    assert "without a history" in result.output
