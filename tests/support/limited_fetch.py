"""Fetches calls from a model of a limited server, on virtual time."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass

from pipeline.retell.account import Account
from pipeline.retell.answer import Stats
from pipeline.retell.client import CallsClient
from support.limited_servers import LimitedServer, local_time
from support.virtual_time import now_s


@dataclass(frozen=True)
class Fetched:
    """What became of the calls that a client asked for."""

    seconds: float
    outcomes: Counter[str]
    most_attempts: int
    stats: Stats


async def fetch(
    server: LimitedServer,
    calls: int = 400,
    *,
    concurrency: int = 16,
    rate: float | None = None,
    name: str = "call",
    account: Account | None = None,
    after_s: float = 0.0,
) -> Fetched:
    """Ask for calls, many at a time and the first alone, as an extraction does."""
    await asyncio.sleep(after_s)
    client = CallsClient(
        base_url="https://api.test",
        api_key="key_limited",
        api_version="v2",
        concurrency=concurrency,
        rate=rate,
        transport=server,
        account=account,
        clock=now_s,
        sleep=asyncio.sleep,
        rng=random.Random(1).random,
        now=local_time,
    )
    ids = iter([f"{name}_{number}" for number in range(calls)])
    outcomes: Counter[str] = Counter()
    most_attempts = 0
    answered = asyncio.Event()
    began_s = now_s()

    async def work(number: int) -> None:
        nonlocal most_attempts
        if number:
            await answered.wait()
        for call_id in ids:
            answer = await client.get_call(call_id)
            answered.set()
            outcomes[answer.status] += 1
            most_attempts = max(most_attempts, answer.attempts)

    async with client:
        tasks = [asyncio.create_task(work(number)) for number in range(concurrency)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
    return Fetched(now_s() - began_s, outcomes, most_attempts, client.stats)


async def fetch_side_by_side(
    server: LimitedServer, clients: int, calls: int, *, after_s: float = 0.0, account: Account | None = None
) -> list[Fetched]:
    """Ask for calls by several clients, each a while after the one before."""
    return await asyncio.gather(
        *(
            fetch(server, calls, name=f"c{number}", after_s=number * after_s, account=account)
            for number in range(clients)
        )
    )


def assert_all_found(server: LimitedServer, calls: int = 400) -> None:
    """Assert that each call was let through once: nothing failed, nothing was asked for twice."""
    assert server.counts[200] == calls == len(server.served)
