"""What the HTTP client does that the API cannot see: proxies, connections, and what is never sent or read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from pipeline.errors import ConfigurationError, NoConnection
from pipeline.retell.base_url import BaseUrl
from pipeline.retell.client import CallsClient
from pipeline.retell.http_client import SeparateConnections, find_proxy, open_client

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def proxy_for(url: str) -> str | None:
    proxy = find_proxy(BaseUrl(url, allow_http=True))
    return None if proxy is None else str(proxy.url)


def test_https_goes_through_the_proxy_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("HTTP_PROXY", "http://other.test:3128")
    assert proxy_for("https://api.test/v2") == "http://proxy.test:3128"
    assert proxy_for("http://127.0.0.1:8000/v2") is None
    assert proxy_for("http://api.test/v2") is None, "it would see the key"


def test_a_proxy_for_all_serves_https_unless_the_host_is_exempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "proxy.test:3128")
    monkeypatch.setenv("NO_PROXY", "internal.test")
    assert proxy_for("https://api.test/v2") == "http://proxy.test:3128"
    assert proxy_for("https://api.internal.test/v2") is None
    assert proxy_for("http://api.test/v2") is None


@pytest.mark.parametrize("proxy", ["socks5://user:hunter2@proxy.test:1080", "http://user:hunter2@proxy:port"])
def test_a_proxy_that_cannot_be_used_is_named_before_any_request(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY") as caught:
        CallsClient(base_url="https://api.test", api_key="key_1")
    assert "hunter2" not in str(caught.value)
    monkeypatch.setenv("NO_PROXY", "api.test")
    assert proxy_for("https://api.test") is None


Head = bytes


@asynccontextmanager
async def answering(answer: bytes, heads: list[Head]) -> AsyncIterator[int]:
    """Give the same answer to every request on loopback, and keep their heads."""
    open_now: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_now.add(writer)
        try:
            while True:
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        for writer in open_now:
            writer.close()


def ask_through_a_proxy(answer: bytes, heads: list[Head], monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what a call to an API behind a proxy fails with."""

    async def sleep(_: float) -> None:
        pass

    async def scenario() -> str:
        async with answering(answer, heads) as port:
            monkeypatch.setenv("HTTPS_PROXY", f"http://user:hunter2@127.0.0.1:{port}")
            async with CallsClient(base_url="https://api.test", api_key="key_1", sleep=sleep) as client:
                with pytest.raises(NoConnection) as caught:
                    await client.get_call("call_1")
                return str(caught.value)

    return asyncio.run(scenario())


def test_a_proxy_that_refuses_is_named_and_sees_where_to_but_not_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heads: list[Head] = []
    refusal = b"HTTP/1.1 403 who are you\r\nContent-Length: 0\r\n\r\n"
    failure = ask_through_a_proxy(refusal, heads, monkeypatch)
    assert "no connection to https://api.test (the proxy failed; tried 4 times)" in failure
    assert "who are you" not in failure
    assert "hunter2" not in failure
    assert {head.partition(b"\r\n")[0] for head in heads} == {b"CONNECT api.test:443 HTTP/1.1"}
    assert b"key_1" not in b"".join(heads)


def test_the_name_of_a_proxy_is_not_taken_for_that_of_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")

    async def sleep(_: float) -> None:
        pass

    async def scenario() -> None:
        async with CallsClient(base_url="https://api.test", api_key="key_1", sleep=sleep) as client:
            with pytest.raises(NoConnection, match="the proxy failed"):
                await client.get_call("call_1")

    asyncio.run(scenario())


def test_only_named_headers_are_sent_and_no_netrc_or_cookie_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    heads: list[Head] = []

    async def scenario() -> list[int]:
        answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
        async with answering(answer, heads) as port:
            url = f"http://127.0.0.1:{port}"
            async with open_client(BaseUrl(url), timeout_s=5) as client:
                responses = []
                for _ in range(2):
                    request = httpx.Request("GET", f"{url}/a", headers={"Authorization": "Bearer k"})
                    responses.append(await client.send(request))
                assert list(client.cookies.jar) == []
                return [response.status_code for response in responses]

    assert asyncio.run(scenario()) == [200, 200]
    for head in heads:
        lines = head.lower().decode().strip().split("\r\n")[1:]
        assert [line.partition(":")[0] for line in lines] == ["host", "authorization"]
        assert "authorization: bearer k" in lines


class Connection(httpx.AsyncBaseTransport):
    """Answers once the gate is open, fails for /fail, and says how many requests it had at once, at most."""

    def __init__(self, gate: asyncio.Event) -> None:
        self.gate = gate
        self.under_way = self.most = 0
        self.is_closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.gate.wait()
        finally:
            self.under_way -= 1
        if request.url.path == "/fail":
            raise httpx.ReadError("x")

        async def pieces() -> AsyncIterator[bytes]:
            yield b"{}"

        return httpx.Response(200, content=pieces())

    async def aclose(self) -> None:
        self.is_closed = True


def test_a_connection_carries_one_request_at_a_time_and_is_used_again_after_whatever_happened() -> None:
    opened: list[Connection] = []

    async def scenario() -> None:
        gate = asyncio.Event()

        def open_connection() -> Connection:
            opened.append(Connection(gate))
            return opened[-1]

        async def ask(path: str) -> None:
            response = await client.send(httpx.Request("GET", f"http://api.test{path}"), stream=True)
            await asyncio.sleep(0)
            await response.aclose()

        async with httpx.AsyncClient(transport=SeparateConnections(open_connection)) as client:
            tasks = [asyncio.create_task(ask(path)) for path in ("/good", "/fail", "/cancelled", "/good")]
            await asyncio.sleep(0)
            assert len(opened) == 4
            tasks[2].cancel()
            gate.set()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(result) for result in results] == [
                type(None),
                httpx.ReadError,
                asyncio.CancelledError,
                type(None),
            ]
            for _ in range(3):
                await asyncio.gather(*(ask("/good") for _ in range(4)))
            assert len(opened) == 4

    asyncio.run(scenario())
    assert all(each.most == 1 and each.is_closed for each in opened)
