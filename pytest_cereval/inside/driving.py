"""Turns what a call returned into its tree, after bringing to an end what has only begun: coroutines, generators.

A coroutine is run to its end as `asyncio.run` does it, in an event loop of its own in which nothing is left running; an
asynchronous generator is collected in one, and a plain generator by the encoder. Sleep costs no time: where nothing but
a timer can wake the loop, its clock is put forward. Where nothing at all can wake it, the coroutine waits for something
outside the call, and what it would give cannot be shown. Standard library only.
"""

from __future__ import annotations

import itertools
import selectors
import threading
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from .observation import MAX_ITEMS, Encoder, Tree

if TYPE_CHECKING:
    import asyncio  # at run time only where there is a coroutine: it is more than all else that a worker imports

AWAITED, COLLECTED = "w", "a"


class NeverEnds:
    """Stands for the result of a coroutine that waits for something which never comes; no encoder can show it."""

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("there is nothing to show")


def driven(returned: Any, encoder: Encoder) -> Tree:
    """The tree of what a call returned; raises what a coroutine raises."""
    kind = type(returned)
    if kind is types.CoroutineType:
        return [AWAITED, encoder.encode(_run(returned))]
    if kind is types.AsyncGeneratorType:
        return _run(_collected(returned, encoder))
    return encoder.encode(returned)


def drained(returned: Any) -> None:
    """Bring what a call returned to its end, up to a bound, raising what comes out on the way."""
    if isinstance(returned, types.GeneratorType):
        for _ in itertools.islice(returned, MAX_ITEMS):
            pass
    elif isinstance(returned, types.AsyncGeneratorType):
        _run(_drawn(returned))
    elif isinstance(returned, types.CoroutineType):
        _run(returned)


def raised_inside(tree: Tree) -> str | None:
    """The class of the exception with which the items of a generator broke off; None if they did not."""
    if type(tree) is not list or tree[:1] not in (["g"], [COLLECTED]) or len(tree) == 1:
        return None
    last = tree[-1]
    return last[1] if type(last) is list and last[:1] == ["e"] else None


async def _collected(items: AsyncIterator[Any], encoder: Encoder) -> Tree:
    """Like `Encoder` does with generators: the items so far, then the exception if there was one."""
    node: list[Tree] = [COLLECTED]
    try:
        async for item in items:
            if len(node) > MAX_ITEMS:
                encoder.cut = True
                node.append(["…"])
                break
            node.append(encoder.encode(item))
    except Exception as error:  # noqa: BLE001 - it is what the call does
        node.append(encoder.ended_by(error))
    return node


async def _drawn(items: AsyncIterator[Any]) -> None:
    left = MAX_ITEMS
    async for _ in items:
        left -= 1
        if not left:
            break


class _StuckError(BaseException):
    """Nothing can wake the loop any more."""


class _Selector(selectors.DefaultSelector):
    """Waits only for what is outside the loop; `skipped` seconds were not waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        # The loop itself has one descriptor here, by which threads and signals wake it.
        if len(self.get_map()) > 1 or threading.active_count() > 1:
            return super().select(timeout)
        if timeout is None:
            raise _StuckError
        self.skipped += timeout
        return []


def _loop() -> asyncio.AbstractEventLoop:
    import asyncio

    selector = _Selector()
    loop = asyncio.SelectorEventLoop(selector)
    clock: Callable[[], float] = loop.time
    loop.time = lambda: clock() + selector.skipped  # type: ignore[method-assign]
    return loop


def _run(main: Coroutine[Any, Any, Any]) -> Any:
    """`asyncio.run`, on our loop; what is not done when `main` is done is cancelled."""
    import asyncio

    loop = _loop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(main)
    except _StuckError:
        return NeverEnds()
    finally:
        try:
            _cancel_all(loop)
            for closing in _closers(loop):
                loop.run_until_complete(closing)
        except _StuckError:
            pass  # it does not even let itself be cancelled
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def _closers(loop: asyncio.AbstractEventLoop) -> Iterator[Awaitable[None]]:
    yield loop.shutdown_asyncgens()
    yield loop.shutdown_default_executor()


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    import asyncio

    waiting = asyncio.all_tasks(loop)
    for task in waiting:
        task.cancel()
    if waiting:
        loop.run_until_complete(asyncio.gather(*waiting, return_exceptions=True))
