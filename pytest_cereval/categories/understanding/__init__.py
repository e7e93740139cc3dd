"""Code understanding: a function with one planted bug is shown, and its line and its repair are asked for."""
