"""Texts on statements."""

SEPARATOR = "."


def initials(name):
    """The initials of a name, each with a dot behind it."""
    parts = [part for part in name.split(" ") if part]
    return "".join(part[0].upper() + SEPARATOR for part in parts)


def shortened(text, limit=10):
    """The text, cut to a limit with a sign that says so."""
    if len(text) <= limit:
        return text
    return text[: limit - 1] + "~"
