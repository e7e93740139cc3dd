import pytest

from tested.streams import close_quietly, copy_lines


@pytest.fixture
def copied(tmp_path):
    def copy(text, **options):
        source, target = tmp_path / "source", tmp_path / "target"
        source.write_text(text)
        with open(source) as read, open(target, "w") as written:
            count = copy_lines(read, written, **options)
        return count, target.read_text()

    return copy


@pytest.mark.parametrize(
    "text, expected", [("", (0, "")), ("a\n", (1, "a\n")), ("a\n\nb\n", (2, "a\nb\n")), (" \n\t\n", (0, ""))]
)
def test_copy(copied, text, expected):
    assert copied(text) == expected


@pytest.mark.parametrize("skip, expected", [(0, (3, "a\nb\nc\n")), (1, (2, "b\nc\n")), (2, (1, "c\n")), (3, (0, ""))])
def test_skip(copied, skip, expected):
    assert copied("a\nb\nc\n", skip=skip) == expected


def test_close(tmp_path):
    file = open(tmp_path / "x", "w")
    close_quietly(file)
    assert file is not None
