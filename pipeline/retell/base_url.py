"""Decides where the API key may be sent: below RETELL_BASE_URL, and where a redirect leads from there.

Invariant: over the network the key travels encrypted, unless the user says otherwise, and only to the host
and port that RETELL_BASE_URL names. No message repeats what may be a password.
"""

from __future__ import annotations

import ipaddress

import httpx

from pipeline.errors import ConfigurationError
from pipeline.retell.failures import NotRetriable


class BaseUrl:
    """RETELL_BASE_URL, checked: https, or http on this machine.

    ``allow_http`` is the user's word that the key may go over the network in the clear. Raises
    `ConfigurationError` for text that cannot be used.
    """

    def __init__(self, text: str, *, allow_http: bool = False) -> None:
        try:
            url = httpx.URL(text.strip())
        except (httpx.InvalidURL, ValueError):
            raise ConfigurationError("RETELL_BASE_URL is not a URL") from None
        # Not repeated in the message: a password would be a secret too.
        if url.userinfo or "?" in text or "#" in text:
            raise ConfigurationError("RETELL_BASE_URL must hold no user name, query or fragment")
        if url.scheme not in ("http", "https") or not url.host:
            raise ConfigurationError("RETELL_BASE_URL must begin with https:// and a host")
        if url.scheme == "http" and not allow_http and not _is_loopback(url.host):
            raise ConfigurationError(
                f"RETELL_BASE_URL would send the key unencrypted to {url.host}: use https (plain http is "
                "only for this machine, or with --allow-http where you trust the network)"
            )
        self._url = url
        self._text = str(url).rstrip("/")

    def __str__(self) -> str:
        return self._text

    @property
    def host(self) -> str:
        """The host that requests go to."""
        return self._url.host

    @property
    def is_encrypted(self) -> bool:
        """Whether requests go over https."""
        return self._url.scheme == "https"

    def join_path(self, path: str) -> str:
        """Return the URL of a path of the API, which begins with a slash and is encoded."""
        return f"{self._text}{path}"

    def follow_redirect(self, response: httpx.Response) -> httpx.URL:
        """Return where a redirect leads; raise `NotRetriable` where the key must not follow it."""
        target = read_location(response)
        # A user name in the URL would make httpx send that in place of the key.
        if target.userinfo or not self._may_send_key_to(target):
            raise NotRetriable(
                f"HTTP {response.status_code} to {_show_origin(target)[:100]}, where the key is not sent: "
                "check RETELL_BASE_URL",
                response.status_code,
            )
        return target

    def _may_send_key_to(self, target: httpx.URL) -> bool:
        # The same origin (RFC 6454), or https in place of http on the same host between the default ports.
        # httpx leaves out the port of a URL where it is the default one.
        is_upgrade = (self._url.scheme, target.scheme) == ("http", "https") and self._url.port is None
        return (target.host, target.port) == (self._url.host, self._url.port) and (
            target.scheme == self._url.scheme or is_upgrade
        )


def read_location(response: httpx.Response) -> httpx.URL:
    """Return the URL that a redirect names; raise `NotRetriable` where that is no URL."""
    try:
        return response.request.url.join(response.headers["location"])
    except (httpx.InvalidURL, ValueError):
        raise NotRetriable(
            f"HTTP {response.status_code} to a location that is no URL", response.status_code
        ) from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _show_origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.host}" + (f":{url.port}" if url.port else "")
