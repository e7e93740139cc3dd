"""A package whose only function is judged by tests."""
