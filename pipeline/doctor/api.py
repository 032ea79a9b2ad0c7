"""Checks with one request whether the API answers, accepts the key, and has the same time as this machine.

The request is for a call that does not exist: the API answers 404 to a good key and 401 to a wrong one.
"""

from __future__ import annotations

import re

from pipeline.config import Settings
from pipeline.doctor.finding import Finding
from pipeline.errors import ConfigurationError
from pipeline.retell.probe import Probed, list_proxies, probe

_SENDABLE = re.compile(r"[!-~]+")
# A minute changes no result; an hour makes calls final, and windows of a sync, that are not.
_CLOCK_WARN_S, _CLOCK_FAIL_S = 60, 3600
_NETWORK = "check the network, the firewall and RETELL_BASE_URL"
_ADVICE = {
    "name": "check the network, the DNS and the spelling of RETELL_BASE_URL",
    "certificate": "check this machine's clock; behind a proxy that opens TLS set SSL_CERT_FILE to its "
    "certificate",
    "tls": "check that RETELL_BASE_URL is an https server, and the proxy before it",
    "proxy": "check the proxy that the environment names, or add the host to NO_PROXY",
    "refused": "check that RETELL_BASE_URL names the right host and port",
    "timeout": _NETWORK,
    "network": _NETWORK,
}


def check(settings: Settings, *, offline: bool) -> list[Finding]:
    """Check key, endpoint, API version, proxy and clock with one request, or without any if `offline`."""
    key = settings.require_key() if settings.has_key else None
    if key is not None and not _SENDABLE.fullmatch(key):
        advice = "copy the key again: it is one word of plain letters, digits and signs"
        unsendable = Finding(
            "key", "fail", "RETELL_API_KEY holds a blank or a character outside ASCII", advice
        )
        key = None
    else:
        unsendable = None
    if offline:
        return [
            unsendable or _check_key(key, None, "not tried (--offline)"),
            Finding("endpoint", "warn", "not asked (--offline)", "leave out --offline to ask it"),
            _check_proxy(),
        ]
    try:
        probed = probe(settings.base_url, settings.api_version, key, allow_http=settings.allow_http)
    except ConfigurationError as unusable:
        return [
            unsendable or _check_key(key, None, "not tried"),
            Finding("endpoint", "fail", str(unusable), "correct RETELL_BASE_URL"),
        ]
    found = [
        unsendable or _check_key(key, probed.status, "not tried"),
        _check_endpoint(probed),
        _check_proxy(),
    ]
    if probed.status is not None:
        found += [_check_version(settings, probed, has_key=key is not None), _check_clock(probed)]
    return found


def _check_key(key: str | None, status: int | None, reason: str) -> Finding:
    if key is None:
        return Finding(
            "key",
            "warn",
            "RETELL_API_KEY is not set",
            "set it or put it into .env, to fetch calls of your own; `demo` needs none",
        )
    if status in (401, 403):
        return Finding(
            "key",
            "fail",
            f"the API refused it ({status})",
            "check RETELL_API_KEY, and that it belongs to the workspace of the calls",
        )
    if status in (404, 422):
        return Finding("key", "ok", "set, and accepted by the API")
    return Finding("key", "ok", f"set; {reason if status is None else f'unknown after {status}'}")


def _check_endpoint(probed: Probed) -> Finding:
    if probed.trouble is not None:
        return Finding("endpoint", "fail", f"not reached: {probed.reason}", _ADVICE[probed.trouble])
    status = probed.status or 0
    found = f"answered {status} in {probed.duration_s * 1000:,.0f} ms"
    if 300 <= status < 400:
        return Finding("endpoint", "fail", f"{found}: a redirect", "set RETELL_BASE_URL to where it leads")
    if status == 402:
        return Finding(
            "endpoint",
            "fail",
            f"{found}: the account's trial has ended, or a payment is due",
            "settle the billing in the Retell dashboard",
        )
    if status == 429:
        return Finding("endpoint", "warn", found, "it is asked too much: lower PIPELINE_RATE, or wait")
    if status >= 500:
        return Finding("endpoint", "warn", found, "the API has trouble: try again later")
    if status in (401, 403, 404, 422):
        return Finding("endpoint", "ok", found)
    return Finding(
        "endpoint", "warn", f"{found}, where 404 was expected", "check that RETELL_BASE_URL is Retell's API"
    )


def _check_version(settings: Settings, probed: Probed, *, has_key: bool) -> Finding:
    asked = probed.path.removesuffix("/")
    if probed.status in (404, 422) and has_key and not probed.is_json:
        return Finding(
            "API version",
            "warn",
            f"{asked} was answered by something that is not the API",
            "check RETELL_BASE_URL, and RETELL_API_VERSION if it is set",
        )
    if settings.api_version != "auto":
        return Finding("API version", "ok", f"{settings.api_version} is set; {asked} was asked")
    # An unknown call and an unknown path are both 404, so nothing short of a call tells them apart.
    return Finding("API version", "ok", f"{asked} was asked; auto: the first call that is fetched decides")


def _check_clock(probed: Probed) -> Finding:
    ahead_s = probed.clock_ahead_s
    if ahead_s is None:
        return Finding("clock", "ok", "the API's answer has no time to compare with")
    off_s = abs(ahead_s)
    if off_s < _CLOCK_WARN_S:
        return Finding("clock", "ok", f"within {max(2, round(off_s))} s of the API's")
    direction = "ahead of" if ahead_s > 0 else "behind"
    return Finding(
        "clock",
        "warn" if off_s < _CLOCK_FAIL_S else "fail",
        f"{off_s:,.0f} s {direction} the API's",
        "set this machine's clock, best by NTP: which calls are final or new is decided by it",
    )


def _check_proxy() -> Finding:
    named = ", ".join(f"{scheme}: {where}" for scheme, where in sorted(list_proxies().items()))
    return Finding("proxy", "ok", named or "none is named by the environment")
