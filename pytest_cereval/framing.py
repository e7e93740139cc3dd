from pytest_cereval.inside.framing import *  # noqa: F403
