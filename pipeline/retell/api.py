"""Asks the API for one thing, with retries, and ends the run where the API does not work at all.

Invariant: whatever happens to a request becomes one `Reply`, unless the run as a whole cannot go on
(`KeyRefused`, `AccountRefused`, `LimitUsedUp`, `ApiUnreachable`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pipeline import log
from pipeline.errors import ApiUnreachable
from pipeline.retell.failures import NotRetriable, Retriable
from pipeline.retell.response import Reply
from pipeline.retell.retry import RetryPolicy
from pipeline.retell.sender import ApiRequest, Sender


class Api:
    """Sends requests through ``sender``, and again as ``policy`` says.

    ``breaker`` requests in a row that fail without a proper answer end the run.
    """

    def __init__(
        self,
        sender: Sender,
        policy: RetryPolicy,
        *,
        breaker: int,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        rng: Callable[[], float],
    ) -> None:
        self.retry_count = 0
        self._sender = sender
        self._policy = policy
        self._breaker = breaker
        self._clock = clock
        self._sleep = sleep
        self._rng = rng
        self._failures_in_a_row = 0
        self._last_failure = ""

    async def ask(self, request: ApiRequest) -> Reply:
        """Return what came of a request, after retries where these can help.

        Raises `KeyRefused` on 401 and 403, `AccountRefused` on 402, `LimitUsedUp` where the account's limit
        lets nothing through for long, `ApiUnreachable` once `breaker` requests in a row have failed, and
        `NoConnection` where no connection can be made.
        """
        # Before the request, not after the failure that was one too many: no reply is lost to the breaker.
        if self._failures_in_a_row >= self._breaker:
            raise ApiUnreachable(str(self._sender.base_url), self._failures_in_a_row, self._last_failure)
        try:
            reply = await self._ask_with_retries(request)
        except Retriable as failure:
            reason = f"{failure.reason} after {request.attempts} attempt{'s' if request.attempts > 1 else ''}"
            reply = Reply(failure.status, failure.body, fault=failure.fault, reason=reason)
        except NotRetriable as failure:
            reply = Reply(failure.status, reason=failure.reason)
        else:
            self._failures_in_a_row = 0
            return reply
        self._failures_in_a_row += 1
        self._last_failure = reply.reason or ""
        return reply

    async def _ask_with_retries(self, request: ApiRequest) -> Reply:
        async def attempt(number: int) -> Reply:
            request.attempts = number
            return await self._sender.send(request)

        def count_retry(failure: Retriable, number: int, wait_s: float) -> None:
            self.retry_count += 1
            log.event(
                "retry",
                log.DEBUG,
                call_id=request.call_id,
                attempt=number,
                http_status=failure.status,
                reason=failure.reason,
                wait_s=round(wait_s, 3),
            )

        return await self._policy.call(
            attempt,
            # Waiting for a slot is time of the other requests and does not use up this one's budget.
            clock=lambda: self._clock() - request.queued_s,
            sleep=self._sleep,
            rng=self._rng,
            on_retry=count_retry,
        )
