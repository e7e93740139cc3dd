import pytest
from shop.prices import Cart, discount, stamp, words


@pytest.mark.parametrize("price", [0, 1, 99, 100, 999, 12345])
@pytest.mark.parametrize("percent", [0, 1, 10, 33, 50, 100])
def test_discount(price, percent):
    assert 0 <= discount(price, percent) <= price


@pytest.mark.parametrize("percent", [-1, 101, 200])
def test_discount_refuses(percent):
    with pytest.raises(ValueError, match="percent"):
        discount(10, percent)


@pytest.mark.parametrize("text", ["", "a", "a b", "a A", "b a b", "The the THE cat", "x  y\nx", "one two two"])
def test_words(text):
    assert sum(words(text).values()) == len(text.split())


def test_stamp():
    assert stamp() > 0


@pytest.mark.parametrize("owner", ["ann", "Bob", "zoë", ""])
@pytest.mark.parametrize("quantities", [(), (1,), (2, 3), (1, 1, 5)])
def test_cart(owner, quantities):
    cart = Cart(owner)
    for number, quantity in enumerate(quantities):
        cart.add(f"thing{number % 2}", quantity)
    assert cart.size == sum(quantities)
    assert cart.label().endswith(str(cart.size))


def test_cart_refuses_nothing():
    with pytest.raises(ValueError, match="positive"):
        Cart("ann").add("pear", 0)
