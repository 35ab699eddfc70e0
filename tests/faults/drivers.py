"""The ways to fold requests, so that one test holds for all of them: one after the other, the client shared."""

import asyncio
import ssl
from collections.abc import Callable, Iterable
from typing import Any

import httpx
import trio
from urllib3 import PoolManager

from streamfold import Reply, afold, fold

PLAIN = False
"""No certificates are read, which takes longer than a test: there is no TLS here."""

Verify = ssl.SSLContext | bool

Drive = Callable[..., list[Reply]]
"""Fold each of the sources, with these options; return the replies."""


def urllib3(sources: Iterable[Any], **options: Any) -> list[Reply]:
    return [fold(source, **options) for source in sources]


def sync_httpx(sources: Iterable[Any], *, verify: Verify = PLAIN, **options: Any) -> list[Reply]:
    with httpx.Client(verify=verify) as client:
        return urllib3(sources, client=client, **options)


def pool_manager(sources: Iterable[Any], **options: Any) -> list[Reply]:
    with PoolManager() as client:
        return urllib3(sources, client=client, **options)


def aiohttp(sources: Iterable[Any], **options: Any) -> list[Reply]:
    return asyncio.run(each(sources, **options))


def async_httpx(sources: Iterable[Any], *, verify: Verify = PLAIN, **options: Any) -> list[Reply]:
    return asyncio.run(_over_httpx(sources, verify, **options))


def trio_httpx(sources: Iterable[Any], *, verify: Verify = PLAIN, **options: Any) -> list[Reply]:
    async def main() -> list[Reply]:
        return await _over_httpx(sources, verify, **options)

    return trio.run(main)


async def each(sources: Iterable[Any], **options: Any) -> list[Reply]:
    return [await afold(source, **options) for source in sources]


async def _over_httpx(sources: Iterable[Any], verify: Verify, **options: Any) -> list[Reply]:
    async with httpx.AsyncClient(verify=verify) as client:
        return await each(sources, client=client, **options)


OWN: list[Drive] = [urllib3, aiohttp]
"""Over the libraries that streamfold chooses itself."""

ALL: list[Drive] = [*OWN, sync_httpx, async_httpx, trio_httpx]

ASYNC: list[Drive] = [aiohttp, async_httpx, trio_httpx]
