"""Asks the address that Retell is to send events to whether a receiver is there that takes their signature.

Invariant: nothing but a signature is sent, of nothing, which lets nobody sign anything else.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import httpx

from pipeline.retell.failures import find_tls_problem, read_transport_error
from pipeline.retell.signature import HEADER, sign

_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class WebhookProbed:
    """What came of asking: a status, or why there is none, as a phrase."""

    status: int | None = None
    reason: str | None = None


def probe_webhook(url: str, key: str) -> WebhookProbed:
    """Ask once, without following to another address."""
    signature = sign(b"", key, time.time_ns() // 1_000_000)
    try:
        with httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False) as http:
            return WebhookProbed(http.get(url, headers={HEADER: signature}).status_code)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as failure:
        return WebhookProbed(reason=find_tls_problem(failure) or read_transport_error(failure).reason)
