import pytest
import routes


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/b", ["a", "b"]),
        ("a//b/", ["a", "b"]),
        (" /A/./b ", ["a", "b"]),
        ("/a/../b/c/..", ["b"]),
        ("../..", []),
        ("", []),
    ],
)
def test_parts(path, expected):
    assert routes.parts(path) == expected


@pytest.mark.parametrize(
    ("base", "more", "expected"),
    [
        ("/a", ("b",), "/a/b"),
        ("/a/", ("b", "c"), "/a/b/c"),
        ("/a", ("/b", "c"), "/b/c"),
        ("/a/b", ("..", "c"), "/a/c"),
        ("a", (), "/a"),
    ],
)
def test_join(base, more, expected):
    assert routes.join(base, *more) == expected


@pytest.mark.parametrize(
    ("path", "folder", "expected"),
    [("/a/b", "/a", True), ("/a", "/a", False), ("/b/a", "/a", False), ("/a/b/c", "a/b", True), ("/ab", "/a", False)],
)
def test_is_below(path, folder, expected):
    assert routes.is_below(path, folder) is expected
