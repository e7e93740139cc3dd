"""Functions that are brought to their end only after the call: coroutines and generators."""

import asyncio


async def collect(sources, limit=3):
    """The names of the first sources in upper case, each after a moment; no source may be empty."""
    found = []
    for source in sources[:limit]:
        await asyncio.sleep(0.01)
        if not source:
            raise ValueError("an empty source")
        found.append(source.upper())
    return found


async def countdown(start, step=1):
    """Count down to zero."""
    number = start
    while number >= 0:
        await asyncio.sleep(0)
        yield number
        number -= step


def pages(items, size):
    """Lists of at most so many items; the number of pages is returned at the end."""
    if size < 1:
        raise ValueError("pages hold something")
    page, count = [], 0
    for item in items:
        page.append(item)
        if len(page) == size:
            yield page
            page, count = [], count + 1
    if page:
        yield page
        count += 1
    return count


async def listen(event, name):
    """Wait until somebody outside has set the event."""
    await event.wait()
    return name.title()
