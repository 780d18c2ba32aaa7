"""Calls awaited one after the other in an event loop: sequential, though written with asyncio. In a loop that polls or selects, some more
afterwards that are made at the same time.
"""
import asyncio
import selectors
import sys

URL, CLIENT, COUNT = sys.argv[1], sys.argv[2], int(sys.argv[3])


def call_of(i):
    return {"model": "test-model", "messages": [{"role": "user", "content": f"question {i}"}]}


async def gathered():
    import httpx
    async with httpx.AsyncClient(timeout=30) as client:
        async def one(i):
            return (await client.post(URL + "/chat/completions", json=call_of(i))).json()
        for i in range(COUNT):
            yield await one(i)
        for answer in await asyncio.gather(*(one(COUNT + i) for i in range(COUNT))):
            yield answer


async def with_httpx():
    import httpx
    async with httpx.AsyncClient(timeout=30) as client:
        for i in range(COUNT):
            yield (await client.post(URL + "/chat/completions", json=call_of(i))).json()


async def with_aiohttp():
    import aiohttp
    async with aiohttp.ClientSession() as session:
        for i in range(COUNT):
            async with session.post(URL + "/chat/completions", json=call_of(i)) as response:
                yield await response.json()


async def main():
    async for answer in {"httpx": with_httpx, "aiohttp": with_aiohttp}.get(CLIENT, gathered)():
        print(answer["choices"][0]["message"]["content"], flush=True)


LOOPS = {"poll": selectors.PollSelector, "select": selectors.SelectSelector}
asyncio.SelectorEventLoop(LOOPS.get(CLIENT, selectors.EpollSelector)()).run_until_complete(main())
