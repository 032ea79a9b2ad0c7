"""The example of the API's own page loads exactly, from an HTTP answer to the rows of every table."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import load_settings
from pipeline.runs.backfill import Backfill
from pipeline.warehouse.tables import metadata
from support.warehouse_files import DATA_TABLES, query, warehouse_in

GOLDEN = Path(__file__).parent.parent / "golden"
BODY = (GOLDEN / "get_call_v1.json").read_bytes()
CALL_ID = json.loads(BODY)["call_id"]
EXPECTED = json.loads((GOLDEN / "get_call_v1.expected.json").read_bytes())


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = self.path == f"/get-call/{CALL_ID}" and self.headers["Authorization"] == "Bearer key_of_page"
        self.send_response(200 if found else 404)
        body = BODY if found else b"{}"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Write nothing."""


@contextmanager
def page() -> Iterator[str]:
    """Serve the example."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder after a backfill of the example."""
    folder = tmp_path_factory.mktemp("seed")
    with page() as base_url:
        settings = load_settings(api_key="key_of_page", base_url=base_url, data_dir=folder)
        assert Backfill(settings).run([CALL_ID], BytesIO()).exit_code == 0
    return folder


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else value


@pytest.mark.parametrize("table", DATA_TABLES)
def test_every_row_of_the_example_is_as_expected(table: str, folder: Path) -> None:
    volatile = ("first_seen_at", "extracted_at", "load_id", "sequence")
    columns = [column.name for column in metadata.tables[table].columns if column.name not in volatile]
    listed = ", ".join(f'"{column}"' for column in columns)
    rows = query(warehouse_in(folder), f"select {listed} from {table} order by all")
    found = [
        {column: _plain(value) for column, value in zip(columns, row, strict=True) if value is not None}
        for row in rows
    ]
    assert found == EXPECTED[table]


def test_no_table_is_left_out_of_what_is_expected() -> None:
    assert set(EXPECTED) == set(DATA_TABLES)


def test_the_times_of_the_load_are_set(folder: Path) -> None:
    rows = query(warehouse_in(folder), "select first_seen_at = extracted_at, load_id is not null from calls")
    assert rows == [(True, True)]
