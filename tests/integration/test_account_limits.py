"""Runs against a server that enforces an account's limits, over real HTTP: nothing fails."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.config import Settings, load_settings
from pipeline.extract.batches import Batch, Watch, extract_batch
from pipeline.extract.extraction import Extracted
from pipeline.simulator import CallBook, Limits, Simulator, Window, running
from support.command_line import Cli

BOOK = CallBook(count=60, until=datetime(2026, 3, 1, tzinfo=UTC), shape="today")
IDS = tuple(BOOK.call_ids())
# As an account's 100 in 10 s and 15 in 10 s, but in seconds.
LIMITS = Limits(general=Window(20, 1), listing=Window(3, 1))


def settings_of(server: Simulator, folder: Path) -> Settings:
    return load_settings(
        api_key=server.api_key, base_url=server.base_url, data_dir=folder, chunk_size=20, api_version="v2"
    )


def extract(settings: Settings, call_ids: tuple[str, ...], name: str) -> Extracted:
    batch = Batch(name, call_ids, concurrency=8, rate=None, chunk_size=20)
    return extract_batch(settings, "run", batch, Watch())


@pytest.mark.parametrize(
    "limits",
    [
        LIMITS,
        replace(LIMITS, rounding="down"),
        replace(LIMITS, retry_after="seconds"),
        replace(LIMITS, retry_after="date", clock_ahead_s=3600),
        replace(LIMITS, headers="refused"),
        replace(LIMITS, later=((0.5, replace(LIMITS, general=Window(10, 1))),)),
        replace(LIMITS, later=((0.5, replace(LIMITS, headers="none")),)),
        replace(LIMITS, later=((0.5, replace(LIMITS, general=None)),)),
    ],
    ids=[
        "headers", "rounded down", "retry-after", "a clock that is wrong", "headers on refusals", "lowered",
        "headers gone", "limit gone",
    ],
)  # fmt: skip
def test_every_call_comes_at_its_first_attempt(limits: Limits, tmp_path: Path) -> None:
    with running(BOOK, limits=limits) as server:
        extracted = extract(settings_of(server, tmp_path), IDS, "b0")
        refused = server.requests.refusals["general"]
        assert server.requests.total == len(IDS) + refused
    assert extracted.outcomes == {"accepted": len(IDS)}
    assert extracted.request_count == len(IDS) + refused
    assert extracted.retry_count == refused
    assert extracted.error is None


def test_batches_of_a_run_share_the_account(tmp_path: Path) -> None:
    with running(BOOK, limits=LIMITS) as server:
        settings = settings_of(server, tmp_path)
        found: list[Extracted] = []

        def work(name: str, call_ids: tuple[str, ...]) -> None:
            found.append(extract(settings, call_ids, name))

        threads = [
            threading.Thread(target=work, args=(f"b{part}", IDS[part::2]), daemon=True) for part in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.requests.total == len(IDS) + server.requests.refusals["general"]
    assert sum((extracted.outcomes for extracted in found), start=type(found[0].outcomes)()) == {
        "accepted": len(IDS)
    }


@pytest.mark.parametrize("is_json", [True, False])
def test_a_run_says_that_the_account_limited_it(cli: Cli, is_json: bool) -> None:
    with running(BOOK, limits=Limits(general=Window(10, 2))) as server:
        ran = cli("backfill", *IDS[:15], *(["--json"] if is_json else []), server=server)
    assert ran.code == 0
    if is_json:
        assert json.loads(ran.out)["account_rate"] > 0
    else:
        assert re.search(r"^limited by the account: [\d.]+ calls a second$", ran.out, re.MULTILINE)


def test_a_sync_follows_the_limit_of_the_listing(cli: Cli) -> None:
    with running(BOOK, limits=replace(LIMITS, general=None, listing=Window(1, 1))) as server:
        ran = cli("sync", "--since", "2020-01-01", server=server)
        assert ran.code == 0, ran.err
        pages = server.requests.listings - server.requests.refusals["list"]
        assert pages > 1
        assert server.requests.by_status[429] == server.requests.refusals["list"]
    assert "limited by the account" not in ran.out


def test_a_run_that_no_limit_held_back_says_nothing(cli: Cli) -> None:
    with running(BOOK, limits=Limits(general=Window(1000, 10))) as server:
        ran = cli("backfill", *IDS, "--json", server=server)
        assert json.loads(ran.out)["account_rate"] is None
