"""The same work, rewritten by hand with asyncio and aiohttp."""

import asyncio

import aiohttp

import work


async def main():
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=work.CONCURRENCY)) as session:

        async def ask(number):
            async with session.post(work.URL, json=work.body(number)) as answer:
                return work.text(await answer.json())

        work.show(await asyncio.gather(*map(ask, range(work.CALLS))))


asyncio.run(main())
