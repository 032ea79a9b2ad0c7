"""What the connections do beyond what a server can see: which proxy is used, and what is never read."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from yarl import URL

from pipeline.errors import ConfigurationError
from pipeline.retell.client import CallsClient
from pipeline.retell.transport import AiohttpWire, Response

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def proxy_for(url: str, *, trust_env: bool = True) -> str | None:
    return AiohttpWire(1, connect_s=1, trust_env=trust_env)._proxy_for(URL(url))


def test_https_goes_through_the_proxy_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    assert proxy_for("https://api.test/v2") == "http://proxy.test:3128"
    assert proxy_for("http://127.0.0.1:8000/v2") is None
    assert proxy_for("https://api.test/v2", trust_env=False) is None


def test_a_proxy_for_all_serves_https_unless_the_host_is_exempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "proxy.test:3128")
    monkeypatch.setenv("NO_PROXY", "internal.test")
    assert proxy_for("https://api.test/v2") == "http://proxy.test:3128"
    assert proxy_for("https://api.internal.test/v2") is None


def test_a_proxy_that_cannot_be_used_is_named_before_any_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://user:hunter2@proxy.test:1080")
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY") as caught:
        CallsClient(base_url="https://api.test", api_key="key_1")
    assert "hunter2" not in str(caught.value)


def test_a_netrc_puts_nothing_in_place_of_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\nSet-Cookie: a=b\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async def scenario() -> list[Response]:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            wire = AiohttpWire(1, connect_s=5, trust_env=True)
            responses = []
            for _ in range(2):
                url = f"http://127.0.0.1:{port}/a"
                responses.append(await wire.ask("GET", url, {"Authorization": "Bearer k"}, None, 5))
                await responses[-1].close()
            await wire.aclose()
            return responses

    assert [response.status_code for response in asyncio.run(scenario())] == [204, 204]
    for head in seen:
        assert b"authorization: bearer k\r\n" in head.lower()
        assert b"user-agent" not in head.lower()
        assert b"cookie" not in head.lower(), "a cookie that a server set is not sent back"
