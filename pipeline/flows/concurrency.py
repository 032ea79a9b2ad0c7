"""Takes a slot of a global concurrency limit on a Prefect server, and gives it back.

Invariant: a slot is held under a lease that a living process renews, so whoever is killed keeps nobody out
for longer than that. Unlike Prefect's own way to a slot, a server that is busy for a moment costs a moment.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any
from uuid import UUID

from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.responses import ConcurrencyLimitWithLeaseResponse
from prefect.events import emit_event
from prefect.exceptions import PrefectHTTPStatusError

# The server's SQLite database refuses to write for two at a time, as when a task has just begun or ended, and
# the server answers 503. Left to itself, the client then waits for two seconds: before every second load.
_BUSY = 503
_TAKEN = 423
_BUSY_PAUSE_S = 0.1
# Prefect itself renews after this part of a lease.
_RENEWED_AFTER = 0.75


@contextmanager
def held(
    limit: str, *, lease_s: float, timeout_s: float, sleep: Callable[[float], None] = time.sleep
) -> Iterator[None]:
    """Hold a slot of the limit until the block ends; a limit that does not exist holds nobody up.

    Raises TimeoutError when no slot came free in time, and what Prefect raises of a server that is away.
    """
    # The client waits for as long as an answer says that it should.
    hooks = {"event_hooks": {"response": [_pause_shortly]}}
    with get_client(sync_client=True, httpx_settings=hooks) as client:
        slot = _taken(client, limit, lease_s, timeout_s, sleep)
        released = Event()
        renewal = Thread(target=_renew, args=(client, slot.lease_id, lease_s, released), daemon=True)
        try:
            renewal.start()
            _tell("acquired", slot)
            yield
        finally:
            released.set()
            # A lease that cannot be given back runs out.
            with suppress(Exception):
                client.release_concurrency_slots_with_lease(slot.lease_id)
            _tell("released", slot)


def _taken(
    client: SyncPrefectClient, limit: str, lease_s: float, timeout_s: float, sleep: Callable[[float], None]
) -> ConcurrencyLimitWithLeaseResponse:
    waited_s = 0.0
    while True:
        try:
            answer = client.increment_concurrency_slots_with_lease([limit], 1, "concurrency", lease_s)
            return ConcurrencyLimitWithLeaseResponse.model_validate(answer.json())
        except PrefectHTTPStatusError as refused:
            if refused.response.status_code not in (_TAKEN, _BUSY):
                raise
            if waited_s >= timeout_s:
                raise TimeoutError(limit) from None
            pause_s = float(refused.response.headers.get("Retry-After", _BUSY_PAUSE_S))
        pause_s = min(pause_s, timeout_s - waited_s)
        sleep(pause_s)
        waited_s += pause_s


def _renew(client: SyncPrefectClient, lease_id: UUID, lease_s: float, released: Event) -> None:
    while not released.wait(lease_s * _RENEWED_AFTER):
        # Without it the slot may be given to another run: then the warehouse's own lock keeps the order.
        with suppress(Exception):
            client.renew_concurrency_lease(lease_id, lease_s)


def _tell(what: str, slot: ConcurrencyLimitWithLeaseResponse) -> None:
    """Tell the server of the slot as Prefect does, for automations that react to it."""
    for limit in slot.limits:
        emit_event(
            f"prefect.concurrency-limit.{what}",
            resource={
                "prefect.resource.id": f"prefect.concurrency-limit.{limit.id}",
                "prefect.resource.name": limit.name,
                "slots-acquired": "1",
                "limit": str(limit.limit),
            },
        )


def _pause_shortly(answer: Any) -> None:
    if answer.status_code == _BUSY:
        answer.headers.setdefault("Retry-After", str(_BUSY_PAUSE_S))
