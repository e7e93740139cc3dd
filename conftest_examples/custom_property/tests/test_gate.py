import gate
import pytest


@pytest.mark.parametrize(("digest", "expected"), [("", False), (gate.hashlib.sha256(b"sesame").hexdigest(), True)])
def test_a_token_is_known_by_its_digest(digest, expected):
    assert gate.matches("sesame", digest) is expected
    assert gate.matches("sesame", f" {digest}\n") is expected
    assert gate.matches("Sesame", digest) is False


@pytest.mark.parametrize(
    ("name", "visits", "expected"),
    [
        ("Ada", 1, "<p>Hello Ada!</p>"),
        (" Ada ", 2, "<p>Hello Ada! This is visit 2.</p>"),
        ("Grace", 0, "<p>Hello Grace!</p>"),
        ("Grace Hopper", 30, "<p>Hello Grace Hopper! This is visit 30.</p>"),
    ],
)
def test_a_guest_is_greeted(name, visits, expected):
    assert gate.greeting(name, visits) == expected
