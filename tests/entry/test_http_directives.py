"""`/v1/directives`: the same bytes until something changes, and a wait that ends with the change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from outreach.entry.http.directives import LOOK_EVERY_S, MOST_WAITERS, Desk


class World:
    """A document that changes at an instant, and a clock that sleeping moves."""

    def __init__(self, *, changes_at: float = 1e9) -> None:
        self.now, self.looks, self.changes_at = 100.0, 0, changes_at

    def load(self) -> bytes:
        self.looks += 1
        return b"new" if self.now >= self.changes_at else b"old"

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)

    def desk(self) -> Desk:
        return Desk(self.load, self.monotonic, self.sleep)


def asked(world: World, ask: Callable[[Desk], object]) -> object:
    async def within() -> object:
        return await ask(world.desk())  # type: ignore[misc]

    return asyncio.run(within())


def test_who_has_the_newest_waits_and_is_woken_within_a_second_of_the_change():
    world = World(changes_at=107.3)

    async def ask(desk: Desk) -> float:
        first = await desk.newest()
        found = await desk.changed(first.etag, within_s=25)
        assert found.body == b"new"
        return world.now

    woken_at = asked(world, ask)

    assert isinstance(woken_at, float)
    assert 0 <= woken_at - 107.3 <= 1


def test_without_a_change_the_wait_ends_after_what_was_asked():
    world = World()

    async def ask(desk: Desk) -> bool:
        first = await desk.newest()
        found = await desk.changed(first.etag, within_s=25)
        return found == first

    assert asked(world, ask) is True
    assert world.now == 125


def test_who_has_another_document_does_not_wait():
    world = World()

    async def ask(desk: Desk) -> None:
        await desk.changed('"other"', within_s=25)

    asked(world, ask)

    assert world.now == 100


def test_all_who_wait_share_one_look_and_no_thread_is_held_by_any():
    world = World(changes_at=102)

    async def ask(desk: Desk) -> None:
        first = await desk.newest()
        waiting = [desk.changed(first.etag, within_s=25) for _ in range(50)]
        found = await asyncio.gather(*waiting)
        assert {each.body for each in found} == {b"new"}

    asked(world, ask)

    assert world.looks <= 2 + (world.now - 100) / LOOK_EVERY_S


def test_one_too_many_is_answered_at_once():
    world = World()

    async def ask(desk: Desk) -> None:
        first = await desk.newest()
        desk.waiters = MOST_WAITERS
        await desk.changed(first.etag, within_s=25)
        assert desk.waiters == MOST_WAITERS

    asked(world, ask)

    assert world.now == 100
