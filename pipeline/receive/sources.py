"""Tells where a request comes from, and whether events are taken from there."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.errors import ConfigurationError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Sources:
    """Which addresses may send events (all, where none is named), and whose proxies are believed."""

    allowed: tuple[Network, ...] = ()
    trusted_proxies: tuple[Network, ...] = ()

    @classmethod
    def read(cls, allowed: Iterable[str], trusted_proxies: Iterable[str]) -> Sources:
        """Read addresses and networks; raise ConfigurationError for text that is none."""
        return cls(
            tuple(_read(text, "PIPELINE_RECEIVE_ALLOW") for text in allowed),
            tuple(_read(text, "--trust-proxy") for text in trusted_proxies),
        )

    def find_sender(self, peer: str | None, forwarded: Sequence[str]) -> Address | None:
        """Return who sent a request; None where that cannot be told.

        `peer` is who is connected, `forwarded` the values of X-Forwarded-For in their order. Each proxy adds
        whom it was asked by at the end, so the last one counts that is no trusted proxy itself.
        """
        sender = _read_address(peer)
        hops = [hop.strip() for value in forwarded for hop in value.split(",")]
        while hops and sender is not None and _is_in(sender, self.trusted_proxies):
            sender = _read_address(hops.pop())
        return sender

    def allow(self, sender: Address | None) -> bool:
        """Return whether events are taken from there."""
        return not self.allowed or (sender is not None and _is_in(sender, self.allowed))


def is_loopback(sender: Address | None) -> bool:
    """Return whether a request comes from this machine."""
    return sender is not None and sender.is_loopback


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _read(text: str, name: str) -> Network:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise ConfigurationError(
            f"{name} cannot be used: {text.strip()!r} is no address or network, such as 100.20.5.228 or "
            "10.0.0.0/8"
        ) from None


def _read_address(text: str | None) -> Address | None:
    try:
        address = ipaddress.ip_address(text or "")
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
