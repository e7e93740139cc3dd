import pytest


@pytest.fixture
def untouched():
    """Numbers that must be what they were once the test is over."""
    numbers = [4, 8, 15, 16, 23, 42]
    yield numbers
    assert numbers == [4, 8, 15, 16, 23, 42]
