"""Who may come in, and what they are greeted with."""

import hashlib
import hmac
import html


def matches(token, digest):
    """Return whether a token is the one with this SHA-256, given as hex digits in lower case."""
    found = hashlib.sha256(token.encode()).hexdigest()
    return hmac.compare_digest(found, digest.strip())


def greeting(name, visits):
    """Return a line of HTML that greets a person by name, and says from the second visit on which one it is."""
    text = f"Hello {html.escape(name.strip())}!"
    if visits > 1:
        text += f" This is visit {visits}."
    return f"<p>{text}</p>"
