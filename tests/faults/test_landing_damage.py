"""Damage to one file of landing, of every kind: what is read is sound, and a repair loses nothing in silence.

What commands do with such files is in `test_fault_matrix`; here only landing is asked, so that all damages
can be tried: a seeded sample of them by default, all of them in the slow suite. `FAULT_SEEDS=20` tries other
places of cuts and flipped bits, too.
"""

from __future__ import annotations

import os
import random
import re
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.config import load_settings
from pipeline.errors import LandingError
from pipeline.files.regular import is_regular
from pipeline.landing.chunk import verify_chunk
from pipeline.landing.folder import Landing
from pipeline.landing.index import Index, read_index, write_index
from pipeline.landing.intake import Receipt, judge
from pipeline.landing.manifest import read_manifest
from pipeline.landing.merge import merge_small_chunks
from pipeline.landing.outcome import Outcome
from pipeline.landing.repair import Repair, repair
from pipeline.runs.cleanup import clear_leftovers
from pipeline.runs.sync_state import SyncFile
from support.accounts import call
from support.damage import DAMAGES, FLIPS, FOREIGN, Scene
from support.fault_place import Record, read_sound
from support.warehouse_files import as_body

EARLIER = Path(__file__).parents[1] / "fixtures" / "warehouses" / "landing"
SEEDS = int(os.environ.get("FAULT_SEEDS", "1"))
MANIFEST_FLIPS = 600
SAMPLE = 120

KINDS = (
    "payloads",
    "manifest",
    "manifest without payloads",
    "payload file without payloads",
    "merged payloads",
    "merged manifest",
    "earlier payloads",
    "earlier manifest",
)
MANIFESTS = {"manifest", "manifest without payloads", "merged manifest", "earlier manifest"}
CASES = [(kind, name) for kind in KINDS for name in DAMAGES]


class Original:
    """A landing folder with chunks of every kind, and the file of each kind, with a neighbour."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        landing = Landing(folder / "landing", folder / "quarantine")
        chunks = [_land(landing, "run-a", number, 3) for number in range(2)]
        bare = [_land(landing, "run-b", number, 0) for number in range(2)]
        merged = _land(landing, "run-c", 0, 3, batch="merged", has_superseded=True)
        shutil.copytree(EARLIER, landing.landing_dir, dirs_exist_ok=True)
        [earlier] = landing.landing_dir.glob("20250315*/*.json")
        manifests = {
            "payloads": (chunks[0], chunks[1]),
            "manifest": (chunks[0], chunks[1]),
            "manifest without payloads": (bare[0], bare[1]),
            "payload file without payloads": (bare[0], bare[1]),
            "merged payloads": (merged, chunks[0]),
            "merged manifest": (merged, chunks[0]),
            "earlier payloads": (earlier, chunks[0]),
            "earlier manifest": (earlier, chunks[0]),
        }
        self.files = {
            kind: tuple(
                (path if "manifest" in kind else path.with_name(f"{path.stem}.ndjson.zst")).relative_to(
                    folder
                )
                for path in pair
            )
            for kind, pair in manifests.items()
        }
        self.records, damaged = read_sound(landing)
        assert damaged == []


def _land(
    landing: Landing,
    run_id: str,
    number: int,
    records: int,
    *,
    batch: str | None = None,
    has_superseded: bool = False,
) -> Path:
    writer = landing.open_chunk(run_id, number, batch)
    name = f"{run_id}-{batch}-{number}"
    for index in range(records):
        body = as_body(call(f"{name}-{index}"))
        judged = judge(Receipt(f"call_{name}-{index}", datetime.now(UTC), 200, 1), body)
        assert judged.line is not None
        writer.add(judged.outcome, judged.line)
    if has_superseded:
        before = Receipt(f"call_{name}-0", datetime.now(UTC) - timedelta(hours=1), 200, 1)
        older = judge(before, as_body(call(f"{name}-0", 7200)))
        assert older.line is not None
        writer.add_superseded(older.outcome, older.line)
    writer.add(Outcome(f"gone_{name}", "not_found", 1, datetime.now(UTC), 404))
    writer.add(Outcome(f"given_{name}", "waiting", 0, datetime.now(UTC)))
    return writer.finish().manifest


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    return Original(tmp_path_factory.mktemp("original"))


@pytest.fixture
def copy(original: Original, tmp_path: Path) -> Callable[[], Landing]:
    """Copies of the landing folder, each removed when the next is made."""
    place = tmp_path / "data"

    def make() -> Landing:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(original.folder, place)
        return Landing(place / "landing", place / "quarantine")

    return make


def list_lost(done: Repair) -> set[str]:
    return set() if done.lost_ids is None else set(done.lost_ids.read_text().split())


def find_missing(kind: str, before: Counter[Record], after: Counter[Record]) -> set[Record]:
    """Return what was there and is not.

    Of a payload that a newer one took the place of nothing is missed. An earlier version's manifest is all
    that tells how new an answer is, and of ids without a payload.
    """
    if not kind.startswith("earlier"):
        newest = {
            call_id: sequence or 0 for call_id, _, sequence, _ in sorted(after, key=lambda each: each[2] or 0)
        }
        return {each for each in before - after if newest.get(each[0], each[2] or 0) <= (each[2] or 0)}
    present = {(call_id, payload_hash) for call_id, _, _, payload_hash in after}
    return {each for each in before if each[1] == "accepted" and (each[0], each[3]) not in present}


def check_damage(original: Original, landing: Landing, kind: str, name: str, seed: int) -> None:
    """Damage a file, read, repair and read again: what is missing then is named, and nothing else is."""
    file, neighbour = (landing.landing_dir.parent / path for path in original.files[kind])
    DAMAGES[name](Scene(file, neighbour, f"{seed} {kind} {name}"))
    read_sound(landing)
    done = repair(landing, "20260101T000000Z-ffffff")
    after, damaged = read_sound(landing)
    lost = list_lost(done)
    assert damaged == []
    missing = find_missing(kind, original.records, after)
    assert {call_id for call_id, *_ in missing} <= lost
    assert {outcome for _, outcome, *_ in missing} <= {"accepted"}
    if not kind.startswith("earlier"):
        assert after - original.records == Counter()
        # The one file tells what the other was.
        assert kind in ("payloads", "merged payloads") or not lost
    again = repair(landing, "20260101T000000Z-fffffe")
    assert (again.chunks, again.others) == ([], 0)


def check_cases(
    original: Original, copy: Callable[[], Landing], cases: list[tuple[str, str]], seeds: range
) -> None:
    failures = []
    for kind, name in cases:
        # Only cuts and flips are at random.
        for seed in seeds if name.startswith(("cut", "flip", "rubbish")) else seeds[:1]:
            try:
                check_damage(original, copy(), kind, name, seed)
            except AssertionError as failure:
                failures.append(f"{kind}, {name}, seed {seed}: {failure}")
    assert failures == []


def test_a_damaged_file_of_landing_costs_nothing_that_is_not_named(
    original: Original, copy: Callable[[], Landing]
) -> None:
    check_cases(original, copy, random.Random("a sample").sample(CASES, SAMPLE), range(1))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_damaged_in_whatever_way_costs_nothing_that_is_not_named(
    original: Original, copy: Callable[[], Landing], kind: str
) -> None:
    check_cases(original, copy, [(kind, name) for name in DAMAGES], range(SEEDS))


@pytest.mark.parametrize("where", ["in landing", "in a run's folder"])
@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_none_of_ours_is_put_aside_and_every_chunk_stays(
    original: Original, copy: Callable[[], Landing], name: str, where: str
) -> None:
    landing = copy()
    folder = landing.landing_dir if where == "in landing" else landing.landing_dir / "run-a"
    FOREIGN[name](folder)
    assert read_sound(landing)[0] == original.records
    done = repair(landing, "20260101T000000Z-ffffff")
    assert read_sound(landing) == (original.records, [])
    assert list_lost(done) == set()
    assert landing.look().all_odd == []


def test_a_flipped_bit_in_a_manifest_is_always_noticed(
    original: Original, copy: Callable[[], Landing]
) -> None:
    rng = random.Random("flips of manifests")
    landing = copy()
    for kind in ("manifest", "manifest without payloads", "merged manifest"):
        path = landing.landing_dir.parent / original.files[kind][0]
        sound = path.read_bytes()
        for _ in range(MANIFEST_FLIPS // 3):
            place = rng.randrange(len(sound))
            changed = bytearray(sound)
            changed[place] ^= 1 << rng.randrange(8)
            path.write_bytes(changed)
            with pytest.raises(LandingError):
                verify_chunk(path)
            with pytest.raises(LandingError):
                read_manifest(path)
        path.write_bytes(sound)
        verify_chunk(path)


@pytest.mark.slow
def test_a_repair_puts_back_every_manifest_with_a_flipped_bit_byte_for_byte(
    original: Original, copy: Callable[[], Landing]
) -> None:
    rng = random.Random("repairs of manifests")
    landing = copy()
    for number in range(MANIFEST_FLIPS):
        kind = rng.choice(["manifest", "manifest without payloads", "merged manifest"])
        path = landing.landing_dir.parent / original.files[kind][0]
        sound = path.read_bytes()
        changed = bytearray(sound)
        changed[rng.randrange(len(sound))] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        done = repair(landing, f"repair-{number}")
        assert (path.read_bytes(), done.lost_ids, len(done.chunks)) == (sound, None, 1)


def test_a_flipped_bit_in_an_id_or_a_hash_of_an_earlier_manifest_is_noticed(
    original: Original, copy: Callable[[], Landing]
) -> None:
    landing = copy()
    path = landing.landing_dir.parent / original.files["earlier manifest"][0]
    sound = path.read_bytes()
    outcomes = [outcome for outcome in read_manifest(path).outcomes if outcome.outcome == "accepted"]
    for text in [text for outcome in outcomes for text in (outcome.call_id, outcome.payload_hash or "")]:
        place = sound.index(text.encode()) + len(text) // 2
        for bit in range(8):
            changed = bytearray(sound)
            changed[place] ^= 1 << bit
            path.write_bytes(changed)
            with pytest.raises(LandingError):
                verify_chunk(path)


@pytest.mark.parametrize("name", [name for name in DAMAGES if name != "unreadable"])
def test_without_a_sound_clock_file_what_is_landed_next_is_newer_all_the_same(
    original: Original, copy: Callable[[], Landing], name: str
) -> None:
    landing = copy()
    clock = landing.landing_dir / "clock.json"
    shutil.copyfile(clock, landing.landing_dir / "index.json")
    DAMAGES[name](Scene(clock, landing.landing_dir / "index.json", f"clock {name}"))
    greatest = max(sequence or 0 for _, _, sequence, _ in original.records)
    # A link to nowhere becomes one to a file.
    if os.path.lexists(clock) and not is_regular(clock) and name != "linked to nowhere":
        # Somebody else's: it is named, and a repair puts it aside.
        with pytest.raises(LandingError, match=re.escape(f"{clock} is not a file")):
            land_next(landing)
        repair(landing, "20260101T000000Z-ffffff")
    [outcome] = read_manifest(land_next(landing)).outcomes
    assert (outcome.sequence or 0) > greatest


def land_next(landing: Landing) -> Path:
    writer = landing.open_chunk("run-d", 0)
    writer.add(Outcome("call_next", "not_found", 1, datetime.now(UTC), 404))
    return writer.finish().manifest


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_index_says_that_nothing_is_settled(
    copy: Callable[[], Landing], name: str, tmp_path: Path
) -> None:
    landing = copy()
    settled = Index("2-5", {"run-a": 17, "run-b": 18}, {"run-a": "known", "run-b": "known"})
    write_index(landing.landing_dir, settled)
    DAMAGES[name](Scene(landing.landing_dir / "index.json", landing.landing_dir / "clock.json", name))
    found = read_index(landing.landing_dir, "2-5", dict)
    assert found in (Index(), settled)
    assert landing.find_manifests()


@pytest.mark.parametrize("name", [name for name in DAMAGES if name != "unreadable"])
def test_a_damaged_sync_state_is_told_or_is_as_it_was(tmp_path: Path, name: str) -> None:
    path, said = tmp_path / "sync.json", []
    file = SyncFile(path)
    state = file.state.move_watermark(1_700_000_000_000)
    file.save(state)
    shutil.copyfile(path, tmp_path / "neighbour.json")
    (tmp_path / "neighbour.json").write_bytes(b'{"folders":{}}')
    DAMAGES[name](Scene(path, tmp_path / "neighbour.json", name))
    found = SyncFile(path, said.append).state
    assert found == state or said or not path.exists()
    assert len(said) <= 1


def test_flips_and_cuts_are_as_many_as_are_promised() -> None:
    assert (sum(name.startswith("flip ") for name in DAMAGES), FLIPS) == (50, 50)
    assert sum(name.startswith("cut ") for name in DAMAGES) == 20


def test_a_repair_that_is_killed_while_it_puts_files_aside_has_named_what_is_lost(
    original: Original, copy: Callable[[], Landing], monkeypatch: pytest.MonkeyPatch
) -> None:
    landing = copy()
    (landing.landing_dir.parent / original.files["payloads"][0]).unlink()

    def kill(path: Path, set_aside: Path) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.landing.repair._put_aside", kill)
        with pytest.raises(KeyboardInterrupt):
            repair(landing, "20260101T000000Z-ffffff")
    [named] = landing.landing_dir.parent.glob("damaged/*/to_fetch_again.txt")
    assert len(named.read_text().split()) == 3
    assert list_lost(repair(landing, "20260101T000000Z-fffffe")) == set(named.read_text().split())


def test_payloads_that_a_killed_merge_left_behind_are_cleared_and_nothing_else(
    original: Original, copy: Callable[[], Landing]
) -> None:
    landing = copy()
    done = merge_small_chunks(landing, "run-e", datetime.now(UTC) + timedelta(days=1), set)
    [source, other, *_] = [chunk for chunk in done.sources if chunk.payloads is not None]
    assert source.payloads is not None
    assert other.payloads is not None
    source.manifest.unlink()
    settings = load_settings(data_dir=landing.landing_dir.parent)
    assert clear_leftovers(settings, landing.look())
    assert not source.payloads.exists()
    assert other.payloads.exists()
    # Where what it was merged into is damaged, it is kept.
    for merged in done.merged:
        merged.manifest.with_name(f"{merged.chunk_id}.ndjson.zst").write_bytes(b"")
    other.manifest.unlink()
    assert not clear_leftovers(settings, landing.look())
    assert other.payloads.exists()
