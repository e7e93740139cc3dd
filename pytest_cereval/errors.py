"""Turns what went wrong into a sentence a person can act on: what, where, the value, the next step.

Three things are kept apart everywhere. The *model* being wrong is a verdict and never an exception. A *task*
being broken is a ledger entry. *Our machinery* or the set-up failing is a `CerevalError`.
"""

from __future__ import annotations


class CerevalError(Exception):
    """Base of every error a user can meet; `str(error)` is complete and ends with the next step."""

    def __init__(self, what: str, *, next_step: str = "") -> None:
        super().__init__(f"{what}\n  → {next_step}" if next_step else what)
        self.what = what
        self.next_step = next_step


class SourceError(CerevalError):
    """The repository, its revision or its tests cannot be used as given."""


class ModelError(CerevalError):
    """The model cannot be found, read, loaded or asked."""


class ModelCrashed(ModelError):
    """The process that holds the model died while it answered; one attempt is lost, not the run."""


class PromptTooLong(ModelError):
    """A prompt and its completion do not fit the context; the task is reported, never cut silently."""


class SandboxError(CerevalError):
    """The sandbox could not be built or does not keep a promise; no verdict may be given."""


class OracleError(CerevalError):
    """Our own code failed while it looked at a function; nothing can be said of that function."""


class StoreError(CerevalError):
    """The record of the run cannot be written or read."""


class SettingsError(CerevalError):
    """An option or ini value cannot be used as given."""


class BundleError(CerevalError):
    """A run bundle cannot be written, read or signed."""


class ExtensionError(CerevalError):
    """What a `conftest.py` adds is not there, is not what it must be, or failed; it says nothing about the model."""
