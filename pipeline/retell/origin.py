"""Decides where the API key may be sent.

Invariant: over the network it travels encrypted, unless the user says otherwise, and only to the host and
port that RETELL_BASE_URL names.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from pipeline.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of a URL (RFC 6454), as httpx reads them: ``port`` is None for the default."""

    scheme: str
    host: str
    port: int | None

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}" + (f":{self.port}" if self.port else "")

    def check_as_base(self, *, allow_http: bool = False) -> None:
        """Raise `ConfigurationError` unless the key may go here: https, or http on this machine.

        ``allow_http`` is the user's word that the key may go over the network in the clear.
        """
        if self.scheme not in ("http", "https") or not self.host:
            raise ConfigurationError("RETELL_BASE_URL must begin with https:// and a host")
        if self.scheme == "http" and not allow_http and not self._is_loopback():
            raise ConfigurationError(
                f"RETELL_BASE_URL would send the key unencrypted to {self.host}: use https (plain http is "
                "only for this machine, or with --allow-http where you trust the network)"
            )

    def may_send_to(self, target: Origin) -> bool:
        """Say whether a redirect from here may take the key to ``target``.

        True for the same origin, and for https in place of http on the same host between the default ports.
        """
        upgraded = (self.scheme, target.scheme) == ("http", "https") and self.port is None
        return (
            (target.host, target.port) == (self.host, self.port)
            and bool(target.host)
            and (target.scheme == self.scheme or upgraded)
        )

    def _is_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"
