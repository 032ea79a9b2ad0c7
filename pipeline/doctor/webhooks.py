"""Checks whether events would arrive: a receiver answers at the address, and takes the key's signature."""

from __future__ import annotations

from pipeline.config import Settings
from pipeline.doctor.finding import Finding
from pipeline.errors import ConfigurationError
from pipeline.retell.webhook_probe import probe_webhook


def check(settings: Settings, *, offline: bool) -> list[Finding]:
    """Check the address that events are sent to, with one request; nothing where none is named."""
    url = settings.receive_url
    if url is None:
        return []
    try:
        key = settings.require_webhook_keys()[0]
    except ConfigurationError as missing:
        return [Finding("receiver", "fail", "there is no key to verify events with", str(missing))]
    if offline:
        return [
            Finding("receiver", "warn", "not asked (--offline)", "leave out --offline to ask it"),
        ]
    probed = probe_webhook(url, key)
    if probed.status is None:
        advice = "start `python -m pipeline receive`, and check the proxy before it and PIPELINE_RECEIVE_URL"
        return [Finding("receiver", "fail", f"not reached: {probed.reason}", advice)]
    if probed.status == 204:
        return [Finding("receiver", "ok", "answers, and takes what the key has signed")]
    found = f"answered {probed.status}"
    if probed.status == 401:
        advice = (
            "give it the key that Retell signs with: RETELL_WEBHOOK_KEY, or RETELL_API_KEY; check the clocks"
        )
        return [Finding("receiver", "fail", f"{found}: it does not take the key", advice)]
    advice = "check that PIPELINE_RECEIVE_URL has the path of `receive`, and that this address may ask it"
    return [Finding("receiver", "fail", f"{found}, where 204 was expected", advice)]
