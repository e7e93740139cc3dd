"""How recorded completions answer in place of a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_cereval.errors import ModelError
from pytest_cereval.models.model import Completion, FinishReason, Prompt, Sampling, prompt_sha256
from pytest_cereval.models.replay import ReplayModel, record_line

PROMPT = Prompt("Be exact.", "Sort.")


def _completion(text: str) -> Completion:
    return Completion(text, FinishReason.stop_eog, 5, 0, 3, 0.1, 0.2, 0.3, "r", "t", 0.5)


def _recording(path: Path, *texts: str) -> Path:
    path.write_text("".join(record_line(PROMPT, _completion(text)) for text in texts), encoding="utf-8")
    return path


def test_a_recorded_completion_comes_back_whole(tmp_path: Path) -> None:
    seen: list[int] = []
    model = ReplayModel(_recording(tmp_path / "r.jsonl", "def f():\n    return 'é\u2028'"))
    assert model.complete(PROMPT, Sampling(), seen.append) == _completion("def f():\n    return 'é\u2028'")
    assert seen == [3]
    model.close()


def test_the_seed_chooses_among_several_completions_of_one_prompt(tmp_path: Path) -> None:
    model = ReplayModel(_recording(tmp_path / "r.jsonl", "a", "b", "c"))
    assert [model.complete(PROMPT, Sampling(seed=seed)).text for seed in (2, 0, 1, 3)] == ["c", "a", "b", "a"]


def test_a_prompt_that_was_not_recorded_is_an_error_with_its_digest(tmp_path: Path) -> None:
    path = _recording(tmp_path / "r.jsonl", "a")
    other = Prompt("Be exact.", "Sort!")
    with pytest.raises(
        ModelError, match=f"r.jsonl holds no completion of the prompt with sha256 {prompt_sha256(other)}"
    ):
        ReplayModel(path).complete(other, Sampling())


def test_the_description_identifies_the_recording(tmp_path: Path) -> None:
    path = _recording(tmp_path / "r.jsonl", "a", "b")
    described = ReplayModel(path).describe()
    assert (described["kind"], described["file"], described["n_completions"]) == ("replay", "r.jsonl", 2)
    assert len(described["sha256"]) == 64
    assert described["size_bytes"] == path.stat().st_size


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", r"r.jsonl:2 is not JSON"),
        ("[]", r"r.jsonl:2 has no prompt_sha256"),
        (json.dumps({"prompt_sha256": "x"}), r"r.jsonl:2 has no completion"),
        (json.dumps({"prompt_sha256": "x", "completion": {}}), r"r.jsonl:2: not a completion: field 'text'"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = _recording(tmp_path / "r.jsonl", "a")
    path.write_text(path.read_text() + line + "\n\n")
    with pytest.raises(ModelError, match=message):
        ReplayModel(path)


def test_a_missing_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"the recording .*none.jsonl cannot be read: No such file"):
        ReplayModel(tmp_path / "none.jsonl")
