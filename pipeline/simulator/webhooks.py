"""Sends events as Retell does: signed, in order for each call, and again where no 2xx came in time.

An event that is not taken is tried again up to three times, and then given up: the next one of its call comes
all the same. Invariant: a seed fixes which events are repeated and which come late.
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random

import httpx

from .breakage import encode
from .events import Event

HEADER = "x-retell-signature"


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of an event: the last status (None where no answer came), and when it was answered."""

    event: str
    subject_id: str
    status: int | None
    attempts: int
    answered_at: float

    @property
    def is_acknowledged(self) -> bool:
        """Whether the receiver said that it has it."""
        return self.status is not None and 200 <= self.status < 300


def sign(body: bytes, key: str, at_ms: int) -> str:
    """Return the signature header of a body."""
    digest = hmac.new(key.encode(), body + str(at_ms).encode(), hashlib.sha256).hexdigest()
    return f"v={at_ms},d={digest}"


@dataclass
class EventSender:
    """Sends the events of calls to a URL.

    ``rate`` is how many a second, as fast as they are taken by default; a share of the events is
    ``repeated``, another is ``late``: it comes after the next one of its call.
    """

    url: str
    api_key: str
    rate: float | None = None
    connections: int = 16
    repeated: float = 0.0
    late: float = 0.0
    retries: int = 3
    pause_s: float = 1.0
    timeout_s: float = 10.0
    seed: int = 7
    sent: list[Sent] = field(default_factory=list)
    _next_at: float = field(default=0.0, init=False)

    def run(self, calls: Iterable[list[Event]]) -> list[Sent]:
        """Send the events of calls, each in its order; return what became of each."""
        return asyncio.run(self.send(calls))

    async def send(self, calls: Iterable[list[Event]]) -> list[Sent]:
        """Send as `run` does, in a loop that runs already; as many calls at a time as connections."""
        rest = self._arrange(calls)
        limits = httpx.Limits(max_connections=self.connections, max_keepalive_connections=self.connections)
        async with (
            httpx.AsyncClient(timeout=self.timeout_s, limits=limits, trust_env=False) as http,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(self.connections):
                group.create_task(self._send_calls(http, rest))
        return self.sent

    def _arrange(self, calls: Iterable[list[Event]]) -> Iterator[list[tuple[Event, bytes]]]:
        rng = Random(self.seed)
        for events in calls:
            arranged = [(event, encode(event)) for event in events]
            for place in range(len(arranged) - 1):
                if rng.random() < self.late:
                    arranged[place], arranged[place + 1] = arranged[place + 1], arranged[place]
            yield [each for each in arranged for _ in range(1 + (rng.random() < self.repeated))]

    async def _send_calls(self, http: httpx.AsyncClient, rest: Iterator[list[tuple[Event, bytes]]]) -> None:
        for events in rest:
            for event, body in events:
                await self._wait_for_turn()
                self.sent.append(await self._send(http, event, body))

    async def _send(self, http: httpx.AsyncClient, event: Event, body: bytes) -> Sent:
        subject = event.get("call") or event.get("chat") or {}
        subject_id = str(subject.get("call_id") or subject.get("chat_id") or "")
        status: int | None = None
        for attempt in range(1, self.retries + 2):
            signature = sign(body, self.api_key, time.time_ns() // 1_000_000)
            headers = {"content-type": "application/json", HEADER: signature}
            try:
                status = (await http.post(self.url, content=body, headers=headers)).status_code
            except httpx.HTTPError:
                status = None
            sent = Sent(event["event"], subject_id, status, attempt, time.time())
            if sent.is_acknowledged or attempt > self.retries:
                return sent
            await asyncio.sleep(self.pause_s)
        raise AssertionError("an attempt always returns")

    async def _wait_for_turn(self) -> None:
        if self.rate is None:
            return
        now = time.monotonic()
        self._next_at = max(self._next_at, now - 0.1) + 1 / self.rate
        if self._next_at > now:
            await asyncio.sleep(self._next_at - now)
