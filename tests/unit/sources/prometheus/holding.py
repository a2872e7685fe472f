"""Servers that hold their answers back, or hang up, as they are told."""

import asyncio

import pytest
from aiohttp import web

from adapter.errors import SourceError


async def settle():
    for _ in range(100):
        await asyncio.sleep(0)


async def until(condition):
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    pytest.fail("not within 10 s")


class Held:
    """Answers as many requests as it is told to; counts those that have come."""

    def __init__(self, api):
        self.asked = 0
        self._permits = asyncio.Semaphore(0)
        self._body = api.body

    def answer(self, count):
        for _ in range(count):
            self._permits.release()

    async def handle(self, request):
        await request.post()
        self.asked += 1
        await self._permits.acquire()
        return web.Response(text=self._body)


class Switched:
    """Hangs up at once while it is off."""

    def __init__(self, api):
        self.on = False
        self.asked = 0
        self._body = api.body

    async def handle(self, request):
        self.asked += 1
        await request.post()
        if not self.on:
            request.transport.abort()
        return web.Response(text=self._body)


async def fails(backend, message):
    with pytest.raises(SourceError, match=message):
        await backend.query("up")
