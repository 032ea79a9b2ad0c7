"""Says which URLs are asked: those below RETELL_BASE_URL, and where a redirect leads from there.

Invariant: every URL that comes from here may be sent the key, and no message repeats what may be a password.
"""

from __future__ import annotations

import httpx

from pipeline.errors import ConfigurationError
from pipeline.retell.origin import Origin
from pipeline.retell.response import Hopeless
from pipeline.retell.transport import Response


class Address:
    """RETELL_BASE_URL; raises `ConfigurationError` for text that cannot be one."""

    def __init__(self, base_url: str, *, allow_http: bool = False) -> None:
        try:
            base = httpx.URL(base_url.strip())
            self._origin = _origin(base)
        except (httpx.InvalidURL, ValueError):
            raise ConfigurationError("RETELL_BASE_URL is not a URL") from None
        # Not repeated in the message: a password would be a secret too.
        if base.userinfo or "?" in base_url or "#" in base_url:
            raise ConfigurationError("RETELL_BASE_URL must hold no user name, query or fragment")
        self._origin.check_as_base(allow_http=allow_http)
        self._text = str(base).rstrip("/")

    def __str__(self) -> str:
        return self._text

    @property
    def is_encrypted(self) -> bool:
        """Whether requests go over https."""
        return self._origin.scheme == "https"

    def url(self, path: str) -> str:
        """Return the URL of a path of the API, which begins with a slash and is encoded."""
        return f"{self._text}{path}"

    def after(self, asked: str, response: Response) -> str:
        """Return where a redirect leads that ``asked`` was answered with.

        Raises `Hopeless` where the key must not follow it.
        """
        status = response.status_code
        try:
            target = httpx.URL(asked).join(response.headers["location"])
            origin = _origin(target)
        except (httpx.InvalidURL, ValueError):
            raise Hopeless(f"HTTP {status} to a location that is no URL", status) from None
        # A user name in the URL would make httpx send that in place of the key.
        if target.userinfo or not self._origin.may_send_to(origin):
            raise Hopeless(
                f"HTTP {status} to {str(origin)[:100]}, where the key is not sent: check RETELL_BASE_URL",
                status,
            )
        return str(target)


def _origin(url: httpx.URL) -> Origin:
    return Origin(url.scheme, url.host, url.port)
