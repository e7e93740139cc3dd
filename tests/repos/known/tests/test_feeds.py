import asyncio

import pytest

from known import feeds


@pytest.mark.parametrize("limit", [0, 1, 2, 3])
@pytest.mark.parametrize("sources", [[], ["a"], ["a", "b"], ["one", "two", "three", "four"], ["x", "y", "z"]])
def test_collect(sources, limit):
    found = asyncio.run(feeds.collect(sources, limit))
    assert len(found) == min(limit, len(sources))


def test_collect_refuses():
    with pytest.raises(ValueError):
        asyncio.run(feeds.collect(["a", ""]))


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("start", [0, 1, 4, 5, -1])
def test_countdown(start, step):
    async def count():
        return [number async for number in feeds.countdown(start, step)]

    assert asyncio.run(count()) == list(range(start, -1, -step))


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("items", ["", "a", "ab", "abc", "abcdefg"])
def test_pages(items, size):
    assert "".join("".join(page) for page in feeds.pages(items, size)) == items


def test_pages_refuses():
    with pytest.raises(ValueError):
        next(feeds.pages("ab", 0))


@pytest.mark.parametrize("name", ["ada", "Bob", "x y"])
def test_listen(name):
    async def both():
        event = asyncio.Event()
        waiting = asyncio.create_task(feeds.listen(event, name))
        await asyncio.sleep(0)
        event.set()
        return await waiting

    assert asyncio.run(both()) == name.title()
