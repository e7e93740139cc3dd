"""A category of our own, `call_results`: what does a call give? The answer is a value, and running decided it."""

import pytest

SYSTEM = """You read Python code and say what a call of it gives, without running it.

Reply with one line that holds the value alone, as `repr` prints it."""
MAX_ANSWER = 10_000


class CallResults:
    name = "call_results"
    version = "1"  # raised with any change of the question or of the judge

    def questions(self, world, items):
        return {item.function.name: self.question(world, item) for item in items}

    def question(self, world, item):
        from pytest_cereval.api import Band, Prompt, Question, decode, render_call, unfit

        chosen = next(filter(can_be_asked, item.hidden), None)
        if chosen is None:
            return unfit(item, "no hidden call of plain data that returns plain data")
        call = render_call(item.function.bare_name, chosen.arguments)
        code = world.surroundings.text(item.function.path)
        prompt = Prompt(SYSTEM, f"```python\n{code}```\n\nWhat does `{call}` give?")
        band = Band.STANDARD if item.function.statements <= 5 else Band.HARD
        expected = repr(decode(chosen.observation["value"]))
        return Question(prompt, band, about={"call": call}, planted={"call": call, "expected": expected})

    def judge(self, room, text):
        from pytest_cereval.api import Judged, Verdict

        lines = [line.strip() for line in text[:MAX_ANSWER].splitlines() if line.strip(" `")]
        if not lines:
            return Judged(Verdict.NO_ANSWER, "the answer is empty", {})
        said, planted = lines[-1].strip("`"), room.oracle.planted
        told = {"call": planted["call"], "expected": planted["expected"], "observed": said[:200]}
        if said == planted["expected"]:
            return Judged(Verdict.PASS, "says what the call gives", {"asked": told}, claimed=True)
        detail = f"{told['call']} gives {told['expected']}, not {told['observed']}"
        return Judged(Verdict.FAIL_WRONG, detail, {"asked": told}, claimed=True)


def can_be_asked(given):
    """Whether a recorded call can be shown whole, and what it gives be written down."""
    from pytest_cereval.api import is_plain

    did = given.observation
    shown = given.arguments_shown and is_plain(given.arguments)
    return shown and did["kind"] == "returned" and did["whole"] and is_plain(did["value"])


@pytest.hookimpl(optionalhook=True)
def pytest_cereval_categories():
    return CallResults()
