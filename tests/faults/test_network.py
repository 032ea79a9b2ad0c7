"""Whatever the network does, requests stay within a stated budget, and the run ends whole or with a sentence.

A call is asked for at most 6 times, and after 25 calls in a row without an answer the run stops: with N under
way at once no more than 6 x (25 + N) requests are sent in vain.

See also tests/integration/test_client_http.py (silence, a byte at a time, cut bodies, redirects, bombs) and
tests/unit/retell/test_client.py, test_retry.py and test_rate_limit.py (Retry-After and its cap, redirects to
other hosts and to http, outages on a virtual clock).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import ApiUnreachable
from pipeline.extract.extraction import Extraction
from pipeline.landing.folder import Landing
from pipeline.retell.client import CallsClient
from pipeline.simulator import FAULT_KINDS, CallBook, Faults, running
from support.lab import Lab, assert_complete, sentence, tables_in
from support.wires import absurd_bodies, encrypted, make_certificate, proxy

CONCURRENCY = 16


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_every_kind_of_fault_costs_one_more_request_and_changes_no_table(lab: Lab, share: float) -> None:
    faults = Faults(share=share, slow_s=0.2)
    data_dir = lab.place()
    with running(lab.book, faults=faults) as server:
        # Finding out the version would be one more.
        env = {"RETELL_BASE_URL": server.base_url, "RETELL_API_VERSION": "v1"}
        ended = lab.run(data_dir, "backfill", lab.ids, **env)
        asked = server.requests.total
    assert ended.code == 0, ended.err
    kinds = [faults.kind(index) for index in range(lab.book.count)]
    # A slow answer is waited for.
    assert asked == lab.book.count + sum(kind not in (None, "slow") for kind in kinds)
    assert_complete(lab, data_dir)


@pytest.mark.parametrize("kind", [kind for kind in FAULT_KINDS if kind not in ("slow", "rate_limited")])
def test_an_api_that_fails_for_ever_is_asked_within_the_budget(kind: str, tmp_path: Path) -> None:
    book = CallBook(count=1000)
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def scenario(base_url: str, api_key: str) -> Extraction:
        async with CallsClient(
            base_url=base_url, api_key=api_key, concurrency=CONCURRENCY, sleep=sleep
        ) as client:
            landing = Landing(tmp_path / "landing", tmp_path / "quarantine")
            extraction = Extraction("run", landing, client, 50, CONCURRENCY)
            with pytest.raises(ApiUnreachable):
                await extraction.run(iter(book.call_ids()))
            return extraction

    # What is not available asks for an hour.
    faults = Faults(share=1.0, kinds=(kind,), repeats=255, retry_after_s=3600)
    with running(book, faults=faults) as server:
        extraction = asyncio.run(scenario(server.base_url, server.api_key))
        asked = server.requests
    assert asked.by_call.total() <= 6 * (24 + CONCURRENCY)
    assert max(asked.by_call.values()) <= 6
    # As long as no call has come, each looks for the other API version's path first.
    assert asked.total - asked.by_call.total() <= 24 + CONCURRENCY
    assert 25 <= extraction.counts.total() <= 25 + CONCURRENCY
    assert max(waits) <= 60


def test_a_server_that_is_away_for_a_while_costs_few_requests_and_no_call(lab: Lab) -> None:
    data_dir = lab.place()
    with running(lab.book, delay_s=0.1) as server:
        port = int(server.base_url.rpartition(":")[2])
        settings = lab.env(data_dir, RETELL_BASE_URL=server.base_url)
        command = lab.zygote.start("backfill", lab.ids, "--json", **settings)  # type: ignore[arg-type]
        while len(server.requests.served) < 5:
            assert command.is_running(), command.err
            time.sleep(0.02)
    time.sleep(6)
    with running(lab.book, port=port):
        ended = command.wait()
    assert ended.code == 0, ended.err
    # Those under way when it went, and one now and then until it is back.
    assert json.loads(ended.out)["request_count"] <= lab.book.count + 4 + 4 + 6
    assert_complete(lab, data_dir)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that nobody trusts by default."""
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    make_certificate(path)
    return path


@pytest.fixture
def https(lab: Lab, certificate: Path) -> Iterator[Any]:
    """The lab's server over https."""
    with encrypted(lab.server.base_url, certificate) as relay:
        yield relay


NOWHERE = {
    "https://api.calls.invalid": "the name of the host cannot be resolved",
    "http://127.0.0.1:1": "could not connect",
}


@pytest.mark.parametrize("base_url", NOWHERE)
def test_an_address_where_nobody_is_ends_a_run_in_seconds(lab: Lab, base_url: str) -> None:
    ended = lab.run(lab.place(), "backfill", lab.ids, "--json", RETELL_BASE_URL=base_url)
    assert f"no connection to {base_url} ({NOWHERE[base_url]}; tried " in sentence(ended)
    assert json.loads(ended.out)["request_count"] <= 4 + 4


def test_a_certificate_that_is_not_trusted_ends_a_run_at_once(lab: Lab, https: Any) -> None:
    address = f"https://localhost:{https.port}"
    ended = lab.run(lab.place(), "backfill", lab.ids, "--json", RETELL_BASE_URL=address)
    assert f"no connection to {address} (its certificate is not trusted: self" in sentence(ended)
    assert "SSL_CERT_FILE" in ended.err
    assert json.loads(ended.out)["request_count"] == 1


def test_https_where_http_is_spoken_is_one_sentence(lab: Lab) -> None:
    address = lab.server.base_url.replace("http:", "https:")
    ended = lab.run(lab.place(), "backfill", lab.ids, RETELL_BASE_URL=address)
    assert f"no connection to {address} (TLS failed: " in sentence(ended)


def test_a_proxy_is_used_for_https_and_never_sees_the_key(lab: Lab, https: Any, certificate: Path) -> None:
    data_dir = lab.place()
    env = {"RETELL_BASE_URL": f"https://localhost:{https.port}", "SSL_CERT_FILE": certificate}
    with proxy() as (relay, asked):
        env["HTTPS_PROXY"] = f"http://127.0.0.1:{relay.port}"
        ended = lab.run(data_dir, "backfill", lab.ids, **env)
        assert ended.code == 0, ended.err
        assert_complete(lab, data_dir)
        assert asked
        assert {head.split("\r\n")[0] for head in asked} == {f"CONNECT localhost:{https.port} HTTP/1.1"}
        assert lab.server.api_key not in "".join(asked)

        tunnels = len(asked)
        excepted = lab.run(lab.place(), "backfill", lab.ids, **env, NO_PROXY="localhost")
        assert excepted.code == 0, excepted.err
        assert len(asked) == tunnels


def test_plain_http_on_this_machine_goes_past_every_proxy(lab: Lab) -> None:
    with proxy() as (relay, asked):
        address = f"http://127.0.0.1:{relay.port}"
        ended = lab.run(lab.place(), "backfill", lab.ids, HTTP_PROXY=address, ALL_PROXY=address)
        assert ended.code == 0, ended.err
        assert asked == []


def test_a_proxy_that_is_down_or_refuses_is_one_sentence(lab: Lab, https: Any, certificate: Path) -> None:
    env = {"RETELL_BASE_URL": f"https://localhost:{https.port}", "SSL_CERT_FILE": certificate}
    ended = lab.run(lab.place(), "backfill", lab.ids, **env, HTTPS_PROXY="http://127.0.0.1:1")
    assert "(the proxy failed; tried 4 times)" in sentence(ended)
    assert "HTTPS_PROXY" in ended.err
    assert https.connections == 0


def test_absurd_bodies_are_refused_in_bounded_memory(lab: Lab, tmp_path: Path) -> None:
    ids = [f"{kind}_{number}" for kind in ("large", "bomb") for number in range(12)]
    (tmp_path / "ids.txt").write_text("\n".join(ids))
    usual = lab.run(lab.place(), "backfill", lab.ids).peak_mb
    data_dir = lab.place()
    with absurd_bodies() as (base_url, asked):
        ended = lab.run(data_dir, "backfill", tmp_path / "ids.txt", "--json", RETELL_BASE_URL=base_url)
    assert ended.code == 3, ended.err
    report = json.loads(ended.out)
    assert report["outcomes"] == {"rejected": len(ids)}
    assert {each["reason"] for each in report["unaccounted"]} == {"larger than 15 MiB"}
    # Asking again would bring the same.
    assert asked == dict.fromkeys(ids, 1)
    kept = list((data_dir / "quarantine").glob("*/*.body"))
    assert len(kept) == len(ids)
    assert max(path.stat().st_size for path in kept) <= 1024 * 1024
    # Four under way at once, each with up to 15 MiB in pieces and as much joined; 480 MB came off the wire.
    assert ended.peak_mb < usual + 4 * 2 * 15 + 60
    assert tables_in(data_dir / "warehouse.duckdb")["calls"] == []
