"""A reference process is sent each pickle once, however many inputs are made of it, and hands back none."""

from __future__ import annotations

import base64
import pickle
from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.inside.calls import with_pickles
from pytest_cereval.oracles.bench import Bench
from tests.redteam.in_process.made import setting_of


def test_every_pickle_of_an_entry_is_replaced_also_where_its_number_is_zero() -> None:
    plain = {"call": 0}
    borrowed = {"call": 1, "borrow": {"names": ["self"], "attribute": "size", "value_of": 0}}
    edited = {"base": borrowed, "edit": ["x"], "donor": plain, "generated": True}
    edited_alone = {"base": plain, "edit": ["x"], "donor": None}

    texts = ["zero", "one"].__getitem__
    assert with_pickles(plain, texts) == {"call": "zero"}
    assert with_pickles({"call": 1, "borrow": {"names": []}}, texts) == {"call": "one", "borrow": {"names": []}}
    assert with_pickles(edited, texts) == {
        "base": {"call": "one", "borrow": {"names": ["self"], "attribute": "size", "value_of": "zero"}},
        "edit": ["x"],
        "donor": {"call": "zero"},
        "generated": True,
    }
    assert with_pickles(edited_alone, texts) == {"base": {"call": "zero"}, "edit": ["x"], "donor": None}
    assert edited["base"] is borrowed
    assert borrowed["call"] == 1


def entry_of(*arguments: Any) -> dict[str, Any]:
    call = {"names": ["items"], "positional": list(arguments), "star": (), "keyword": {}, "double_star": {}}
    return {"call": base64.b64encode(pickle.dumps(call)).decode()}


def test_a_pickle_is_sent_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o755)
    setting, functions = setting_of("tested", tmp_path)
    function = functions["tested.ranking.ranked"]
    first, second = entry_of([3, 1, 2]), entry_of([])
    edit = {"base": first, "edit": [[["p", 0]], "tree", ["l", 5, 4]], "donor": None}
    sent: list[str] = []
    ask = Bench.ask

    def noting(self: Bench, op: str, **content: Any) -> dict[str, Any]:
        sent.extend(content.get("pickles", ()))
        return ask(self, op, **content)

    monkeypatch.setattr(Bench, "ask", noting)
    with Bench(setting) as bench:
        assert bench.load(function, [first, edit, second]) is None
        told = bench.ask("arguments", key=function.name, entries=[second, edit, first])["arguments"]
        assert sent == [first["call"], second["call"]]
        assert None not in told
        assert len(set(told)) == 3

        assert bench.load(function, [second]) is None
        assert bench.ask("arguments", key=function.name, entries=[second])["arguments"] == told[:1]
        assert sent == [first["call"], second["call"], second["call"]]
