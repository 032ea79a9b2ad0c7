"""A data folder with every kind of file in it, and what must hold after one of its files was damaged.

The calls are few and small, so that thousands of damages can be tried.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.errors import LandingError
from pipeline.landing.chunk import LandedChunk, verify_chunk
from pipeline.landing.folder import Landing
from pipeline.landing.manifest import read_manifest, with_sequence
from pipeline.landing.ndjson import read_lines
from pipeline.landing.outcome import Outcome
from pipeline.landing.payload_file import read_superseded
from pipeline.simulator import Account, Simulator, running
from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse
from support.accounts import call
from support.lab import tables_in
from support.warehouse_files import Tables
from support.zygote import Ended, Zygote

# Three calls a chunk. The first chunks become those of past days, which are merged.
OLD_IDS = [f"call_old_{number}" for number in range(9)]
NEW_IDS = [f"call_new_{number}" for number in range(9)]
REJECTED = "call_bad"
MISSING = ["call_gone_0", "call_gone_1"]

Record = tuple[str, str, int | None, str | None]


@dataclass
class FaultPlace:
    """Data folders to damage: `loaded` is a whole one, `fresh` a warehouse without rows."""

    folder: Path
    zygote: Zygote
    server: Simulator
    loaded: Path
    fresh: Path
    tables: Tables
    _places: int = 0

    def copy(self, *, is_loaded: bool = True) -> Path:
        """Return a new data folder, in which all chunks are loaded, or none is."""
        self._places += 1
        place = self.folder / f"place-{self._places}"
        shutil.copytree(self.loaded, place)
        if not is_loaded:
            shutil.copyfile(self.fresh, place / "warehouse.duckdb")
        return place

    def copy_landing(self) -> Landing:
        """Return a new landing folder alone."""
        self._places += 1
        place = self.folder / f"landing-{self._places}"
        shutil.copytree(self.loaded / "landing", place / "landing")
        return Landing(place / "landing", place / "quarantine")

    def run(self, data_dir: Path, *args: object, is_ordinary: bool = False, **more: object) -> Ended:
        """Run a command in a data folder to its end."""
        settings = {
            "RETELL_BASE_URL": self.server.base_url,
            "RETELL_API_KEY": self.server.api_key,
            "PIPELINE_DATA_DIR": data_dir,
            "PIPELINE_CHUNK_SIZE": 3,
            "PIPELINE_PUBLISH": "off",
        }
        return self.zygote.run(*args, is_ordinary=is_ordinary, **settings | more)


@contextmanager
def fault_place(folder: Path) -> Iterator[FaultPlace]:
    """Start a server and the process that forks, and fill the data folder that places are copies of."""
    account = Account()
    for number, call_id in enumerate([*OLD_IDS, *NEW_IDS]):
        account.put(call(call_id.removeprefix("call_"), ago_s=3 * 86_400 + 60 * number))
    account.put(call("bad", ago_s=3 * 86_400, transcript_object="this should be a list"))
    zygote = Zygote(folder / "commands")
    loaded, fresh = folder / "loaded", folder / "fresh.duckdb"
    try:
        with running(account) as server:
            place = FaultPlace(folder, zygote, server, loaded, fresh, {})
            _fill(place)
            place.tables = tables_in(loaded / "warehouse.duckdb")
            yield place
    finally:
        zygote.close()


def _fill(place: FaultPlace) -> None:
    schema.ensure(Warehouse.at(place.fresh))
    place.loaded.mkdir()
    shutil.copyfile(place.fresh, place.loaded / "warehouse.duckdb")
    _expect(place.run(place.loaded, "backfill", *OLD_IDS), 0)
    # Of these the merged chunks have a payload that a newer one took the place of.
    _expect(place.run(place.loaded, "backfill", *OLD_IDS[:3], "--force"), 0)
    make_older(Landing(place.loaded / "landing", place.loaded / "quarantine"), days=5)
    _expect(place.run(place.loaded, "compact"), 0)
    # A rejected call and ids that nobody knows.
    _expect(place.run(place.loaded, "backfill", *NEW_IDS, REJECTED, *MISSING), 3)
    _expect(place.run(place.loaded, "sync", PIPELINE_SYNC_LOOKBACK="1h"), None)
    _expect(place.run(place.loaded, "publish"), 0)


def _expect(ended: Ended, code: int | None) -> None:
    assert code is None or ended.code == code, (ended.code, ended.err)
    assert "Traceback" not in ended.err, ended.err


def make_older(landing: Landing, days: float) -> None:
    """Land every chunk again under its name, as if that had been so many days ago."""
    for path in landing.find_manifests().values():
        manifest = read_manifest(path)
        payloads = path.with_name(f"{manifest.chunk_id}.ndjson.zst")
        lines = _read_by_hash(payloads) if manifest.record_count else {}
        head, _, number = manifest.chunk_id.rpartition("-")
        batch = head.removeprefix(manifest.run_id).removeprefix("-") or None
        writer = landing.open_chunk(manifest.run_id, int(number), batch)
        assert writer.chunk_id == manifest.chunk_id
        for outcome in manifest.outcomes:
            writer.add_again(outcome, lines.get(outcome.payload_hash or "") if outcome.is_record else None)
        writer.finish(landed_at=datetime.now(UTC) - timedelta(days=days))


def _read_by_hash(payloads: Path) -> dict[str, bytes]:
    lines = [*read_lines(payloads), *read_superseded(payloads)]
    return {hashlib.sha256(line).hexdigest(): line for line in lines}


def pick_files(data_dir: Path) -> dict[str, tuple[Path, Path]]:
    """Return a file of each kind in a data folder, with a neighbour of its kind."""
    landing = data_dir / "landing"
    chunks = {path: read_manifest(path) for path in sorted(landing.glob("*/*.json"))}
    merged = [path for path, manifest in chunks.items() if manifest.merged and manifest.record_count]
    whole = [
        path for path, said in chunks.items() if said.record_count and not said.merged and not said.is_listed
    ]
    bare = [path for path, manifest in chunks.items() if not manifest.record_count]

    def beside(path: Path) -> Path:
        return path.with_name(f"{path.stem}.ndjson.zst")

    [facts, *_] = sorted((data_dir / "quarantine").glob("*/*.json"))
    return {
        "payloads": (beside(whole[0]), beside(whole[1])),
        "manifest": (whole[0], whole[1]),
        "manifest without payloads": (bare[-1], bare[0]),
        "payload file without payloads": (beside(bare[-1]), beside(bare[0])),
        "merged payloads": (beside(merged[0]), beside(whole[0])),
        "merged manifest": (merged[0], whole[0]),
        "clock": (landing / "clock.json", landing / "index.json"),
        "index": (landing / "index.json", landing / "clock.json"),
        "sync state": (data_dir / "sync.json", landing / "clock.json"),
        "quarantined body": (facts.with_suffix(".body"), facts),
        "quarantined facts": (facts, facts.with_suffix(".body")),
        "warehouse": (data_dir / "warehouse.duckdb", data_dir / "analytics.duckdb"),
        "readers' copy": (data_dir / "analytics.duckdb", data_dir / "warehouse.duckdb"),
    }


LANDED = (
    "payloads",
    "manifest",
    "manifest without payloads",
    "payload file without payloads",
    "merged payloads",
    "merged manifest",
)
"""The kinds of files that chunks are made of."""


def read_sound(landing: Landing) -> tuple[Counter[Record], list[str]]:
    """Return every outcome of the chunks that are sound, and the chunks that are not.

    Fails where a sound chunk has other payloads than its manifest says.
    """
    found: Counter[Record] = Counter()
    damaged = []
    for chunk_id, path in landing.find_manifests().items():
        try:
            chunk = verify_chunk(path)
        except LandingError:
            damaged.append(chunk_id)
            continue
        outcomes = read_manifest(path).outcomes
        check_payloads(chunk, outcomes)
        found.update(as_record(outcome) for outcome in outcomes)
    return found, damaged


def check_payloads(chunk: LandedChunk, outcomes: tuple[Outcome, ...]) -> None:
    """Fail unless a chunk has exactly the payloads that its outcomes name."""
    accepted = sorted(outcome.payload_hash or "" for outcome in outcomes if outcome.is_record)
    lines = [] if chunk.payloads is None else list(read_lines(chunk.payloads))
    assert sorted(hashlib.sha256(line).hexdigest() for line in lines) == accepted
    superseded = {outcome.payload_hash for outcome in outcomes if outcome.is_superseded}
    behind = [] if chunk.payloads is None else read_superseded(chunk.payloads)
    assert superseded == {hashlib.sha256(line).hexdigest() for line in behind}


def as_record(outcome: Outcome) -> Record:
    """Return what of an outcome must never be lost; how new it is counts, when it was asked for does not."""
    bare = replace(with_sequence(outcome), is_superseded=False)
    return (bare.call_id, bare.outcome, bare.sequence, bare.payload_hash)


def without(tables: Tables, lost: set[str]) -> Tables:
    """Return tables without the rows of some calls."""
    return {name: [row for row in rows if row[0] not in lost] for name, rows in tables.items()}


def assert_said_well(ended: Ended, *codes: int) -> None:
    """Fail unless a command ended with one of these codes, and said what is wrong in sentences."""
    said = ended.out + ended.err
    assert ended.code in codes, (ended.code, said)
    assert "Traceback" not in said, said
    assert "bug" not in said, said
    if ended.code == 1:
        assert any(line.startswith("error: ") for line in ended.err.splitlines()), said


def read_lost(repaired: Ended) -> tuple[Path | None, set[str]]:
    """Return the file of a repair that names what is to be fetched again, and the ids in it."""
    done = json.loads(repaired.out)
    if done["lost_ids"] is None:
        assert not any(chunk["lost"] for chunk in done["mended"]), done
        return None, set()
    path = Path(done["lost_ids"])
    lost = set(path.read_text().split())
    assert lost == {call_id for chunk in done["mended"] for call_id in chunk["lost"]}
    return path, lost
