"""Evaluate a local code model on your own repository, with pytest items as tasks."""

__version__ = "0.1.0"
