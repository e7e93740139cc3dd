"""Two rules of our own that answers must keep: secrets are compared in constant time, markup of guests is text."""

import ast
import textwrap

import pytest

ATTACKS = ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>")


def rules():
    from pytest_cereval.categories.property import Property

    class ConstantTime(Property):
        """What cannot be seen from outside is read: no call tells `==` from `compare_digest`."""

        name = "constant_time"
        version = "1"  # raised with any change of what is accepted
        says = "Compare secrets with `hmac.compare_digest`, not with `==` or `!=`."

        def applies(self, function):
            return "compare_digest" in function.source

        def breaks(self, function):
            code = textwrap.dedent(function.source)
            return code.replace("hmac.compare_digest(found, digest.strip())", "found == digest.strip()")

        def reads(self, function, code):
            names = {getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(ast.parse(code))}
            return "" if "compare_digest" in names else "compares a secret without hmac.compare_digest"

    class NoMarkup(Property):
        """What calls show is called: attacks that the repository's own tests never try."""

        name = "no_markup"
        version = "1"
        says = "Markup in its arguments must not be markup in what it returns."

        def applies(self, function):
            return "html.escape" in function.source

        def breaks(self, function):
            return textwrap.dedent(function.source).replace("html.escape(name.strip())", "name.strip()")

        def calls(self, function):
            return [{"name": attack} for attack in ATTACKS]

        def holds(self, function, call, outcome):
            if outcome.raised:
                return ""
            given = outcome.returned if outcome.plain else None
            if not isinstance(given, str):
                return "gives something else than text"
            return "lets markup through" if call["name"] in given else ""

    return [ConstantTime(), NoMarkup()]


@pytest.hookimpl(optionalhook=True)
def pytest_cereval_properties():
    return rules()
