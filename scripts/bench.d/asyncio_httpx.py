"""The same work, rewritten by hand with asyncio and httpx."""

import asyncio

import httpx

import work


async def main():
    limits = httpx.Limits(max_connections=work.CONCURRENCY, max_keepalive_connections=work.CONCURRENCY)
    async with httpx.AsyncClient(limits=limits, timeout=None) as client:

        async def ask(number):
            return work.text((await client.post(work.URL, json=work.body(number))).json())

        work.show(await asyncio.gather(*map(ask, range(work.CALLS))))


asyncio.run(main())
