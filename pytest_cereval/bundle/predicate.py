"""Turns the contents of a bundle into what its manifest asserts: eleven groups, each a function of the files alone.

The groups follow what an audit record needs: identity, model, inputs, environment, items, analysis plan, results,
claims, verdict, limits, signature. Nothing here is known only to the manifest, so a verifier derives all of it again.
What a run does not record is `None` and listed under `limits`, never guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pytest_cereval.bundle import layout
from pytest_cereval.bundle.analysis import ANALYSIS_FORMAT
from pytest_cereval.bundle.canonical import canonical, part, sha256
from pytest_cereval.bundle.claims import claims
from pytest_cereval.bundle.contents import Contents
from pytest_cereval.bundle.figures import FIGURES_FORMAT, figures
from pytest_cereval.results.statistics import CONFIDENCE
from pytest_cereval.statistics.gate import overall
from pytest_cereval.statistics.noninferiority import Verdict
from pytest_cereval.statistics.samples import items_of
from pytest_cereval.statistics.thresholds import apply, parse_thresholds

_CHAT_TEMPLATE = "tokenizer.chat_template"
_NOT_RECORDED = (
    "the model's stated cutoff and a guard band around it",
    "the repository's URL and licence",
    "dates on which each function was first seen",
    "a lock file of the environment (installed versions are recorded)",
    "the commit of pytest-cereval (a digest of its code is recorded)",
)
UNSIGNED = "unsigned: digests show that the files fit together, not who wrote them or when"


def predicate(contents: Contents, digests: Mapping[str, str], signature: Mapping[str, Any]) -> dict[str, Any]:
    """All groups. digests: SHA-256 of each file by name. signature: from `signing.declared`, or empty."""
    derived = figures(contents.attempts)
    plan = _plan(contents)
    return {
        "format": layout.FORMAT,
        "identity": _identity(contents),
        "model": _model(contents),
        "inputs": _inputs(contents, digests),
        "environment": _environment(contents),
        "items": {
            "file": layout.RESULTS,
            "sha256": digests.get(layout.RESULTS),
            "rows": len(contents.attempts),
            "texts": {"prompts": layout.PROMPTS, "completions": layout.COMPLETIONS},
        },
        "analysis_plan": plan | {"sha256": sha256(canonical(plan))},
        "results": _results(contents, derived, digests),
        "claims": claims(contents.attempts),
        "verdict": _verdict(contents),
        "limits": _limits(contents),
        "signature": dict(signature) or {"scheme": None, "statement": UNSIGNED},
    }


def _identity(contents: Contents) -> dict[str, Any]:
    known = contents.run.provenance
    return {
        "run_id": contents.run.run_id,
        "started": contents.run.started,
        "ended": contents.run.ended,
        "status": contents.run.status.value,
        "evaluator": part(known, "options").get("evaluator") or None,
        "tool": {
            "name": "pytest-cereval",
            "version": part(known, "versions").get("pytest-cereval"),
            "code_sha256": known.get("code_sha256"),
        },
        "bundled_by": contents.bundled_by,
        "command": known.get("command"),
    }


def _model(contents: Contents) -> dict[str, Any]:
    known = contents.run.provenance
    model = part(known, "model")
    metadata = part(model, "gguf", "metadata")
    return {
        "name": metadata.get("general.name") or model.get("file"),
        "file": model.get("file"),
        "sha256": model.get("sha256"),
        "parts": model.get("parts"),
        "quantisation": part(model, "gguf").get("tensor_types"),
        "chat_template_sha256": part(metadata, _CHAT_TEMPLATE).get("sha256"),
        "tokenizer_sha256": part(metadata, "tokenizer.ggml.tokens").get("sha256"),
        "engine": model.get("kind"),
        "load_settings": model.get("load_settings"),
        "loaded": model.get("loaded"),
        "sampling": known.get("sampling"),
        "decoding": known.get("decoding"),
        "scored_from": known.get("scored_from") or None,
        "model_key": known.get("model_key"),
        "cutoff": None,
    }


def _inputs(contents: Contents, digests: Mapping[str, str]) -> dict[str, Any]:
    known = contents.run.provenance
    return {
        "repository": part(known, "repository"),
        "rules_version": known.get("rules_version"),
        "settings": part(known, "suite"),
        "task_set": {"file": layout.TASKS, "sha256": digests.get(layout.TASKS), "tasks": len(contents.tasks)},
        "ledger": {"file": layout.LEDGER, "sha256": digests.get(layout.LEDGER), "entries": len(contents.ledger)},
        "repository_tests": known.get("repository_tests"),
    }


def _environment(contents: Contents) -> dict[str, Any]:
    known = contents.run.provenance
    names = ("machine", "versions", "interpreter", "sandbox", "linters")
    return {name: known.get(name) for name in names}


def _plan(contents: Contents) -> dict[str, Any]:
    options = part(contents.run.provenance, "options")
    return {
        "estimand": "mean over tasks of the share of samples that pass, for this commit's tasks and more like them",
        "metric": "pass rate of scored attempts",
        "interval": "two-sided Wilson interval over tasks",
        "confidence": CONFIDENCE,
        "gate": options.get("gate"),
        "samples": _samples(contents),
        "shard": part(contents.run.provenance, "shard") or None,
        "merged": _merged(contents),
        "selection": {name: options.get(name) for name in ("limit", "categories", "faults", "hint")},
        "exclusions": "INVALID attempts enter no rate and block a gate",
        "multiplicity": "groups are descriptive; only the overall rate meets the gate",
        "fixed": "options are written to the record before the first question; nobody signed them then",
    }


def _results(contents: Contents, derived: Mapping[str, Any], digests: Mapping[str, str]) -> dict[str, Any]:
    overall = part(derived, "summary", "overall")
    return {
        "file": layout.STATISTICS,
        "sha256": digests.get(layout.STATISTICS),
        "format": FIGURES_FORMAT,
        "analysis": {"file": layout.ANALYSIS, "sha256": digests.get(layout.ANALYSIS), "format": ANALYSIS_FORMAT},
        "estimate": overall.get("rate"),
        "interval": [overall.get("low"), overall.get("high")],
        "tasks": overall.get("tasks"),
        "passed": overall.get("passed"),
        "scored": overall.get("scored"),
        "invalid": overall.get("invalid"),
        "without_attempt": len(_unanswered(contents)),
    }


def _verdict(contents: Contents) -> dict[str, Any]:
    """The gate of the run, as far as its own rows decide it: the rates that were demanded.

    Whether it is worse than a baseline cannot be told without that run, so this is only named.
    """
    known = part(contents.run.provenance, "options")
    text, baseline = (_given(known.get(name)) for name in ("gate", "baseline"))
    policy = {"gate": text or None, "baseline": baseline or None, "margin": known.get("margin")}
    if not (text or baseline):
        return {"result": None, "because": "no gate was asked for", "policy": policy, "policy_sha256": None}
    digest = sha256(canonical(policy))
    if not text:
        because = "a comparison with another run is not part of this bundle"
        return {"result": None, "because": because, "policy": policy, "policy_sha256": digest}
    held = apply(parse_thresholds(text), items_of(contents.attempts, contents.tasks))
    result = overall(held) if contents.run.status.value == "finished" else Verdict.INCONCLUSIVE
    because = " ".join(each.sentence for each in held)
    return {"result": result.value, "because": because, "policy": policy, "policy_sha256": digest}


def _merged(contents: Contents) -> dict[str, Any] | None:
    """Of how many shards the run was put together, and which of them nobody brought; None for a run in one piece."""
    known = part(contents.run.provenance, "merged")
    return {name: known.get(name) for name in ("count", "missing")} if known else None


def _given(value: Any) -> str:
    """An option's value as it is on record; empty where it was not given."""
    return "" if value in (None, "None") else str(value)


def _samples(contents: Contents) -> int:
    """Answers drawn for each task; one in records of old versions."""
    drawn = contents.run.provenance.get("sampling")
    return len(drawn) if isinstance(drawn, list) and drawn else 1


def _limits(contents: Contents) -> dict[str, Any]:
    reasons = Counter(str(each.get("reason")) for each in contents.ledger)
    missing = list(_NOT_RECORDED)
    if not part(contents.run.provenance, "options").get("evaluator"):
        missing.insert(0, "who evaluated, and how they relate to the model's maker")
    return {
        "without_a_task": dict(sorted(reasons.items())),
        "without_an_attempt": _unanswered(contents),
        "invalid": sum(not each.verdict.is_scored for each in contents.attempts),
        "judged_in_process": sum(each.evidence.get("assurance") == "in_process" for each in contents.attempts),
        "sandbox_levels": dict(sorted(Counter(each.sandbox_level for each in contents.attempts).items())),
        "not_recorded": missing,
    }


def _unanswered(contents: Contents) -> list[str]:
    answered = {each.task_id for each in contents.attempts}
    return sorted(str(task.get("id")) for task in contents.tasks if task.get("id") not in answered)
