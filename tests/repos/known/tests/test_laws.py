import pytest

from known import laws


@pytest.mark.parametrize("text", ["a b", " a  b", "a", "", "  ", "x\ty z", "one two  three", "q w"])
def test_squeezed(text):
    assert laws.squeezed(text) == laws.squeezed(laws.squeezed(text))


@pytest.mark.parametrize("numbers", [[1, 2], [3, 1, 2], [5], [], [2, 2, 9], [0, -1], [7, 8, 7], [-3, -4], [4, 6, 5]])
def test_largest(numbers):
    assert laws.largest(numbers) == max(numbers, default=None)


@pytest.mark.parametrize("name", ["ann", "a b", "50% off", "", " ", "x y z", "%%", "no", "a  b", "100%"])
def test_names(name):
    assert laws.decode_name(laws.encode_name(name)) == name


@pytest.mark.parametrize("word", ["a", "bc", "", "Word", "x y", "zz", "tree"])
def test_shout(word):
    assert laws.shout(word) == word.upper() * 2
    assert laws.shout(word, 3) == word.upper() * 3


@pytest.mark.parametrize("name", ["ann", "bob", "", "christine", "di", "ed", "flo"])
def test_announce(name, capsys):
    assert laws.announce(name) == len(name)


@pytest.mark.parametrize("parts", [[0.1, 0.2, 0.3, 0.7], [1.1, 2.2, 3.3, 0.9], [5.5], [], [0.7, 0.77, 0.777, 1e3]])
def test_weight(parts):
    assert laws.weight(parts) == pytest.approx(sum(set(parts)) / 3)


@pytest.mark.parametrize("name", ["a", "bc", "", "word"])
def test_register(name):
    laws.REGISTRY.clear()
    laws.register(name)
    assert laws.REGISTRY == {name: len(name) + 1}
