"""Makes the fixture of a schema revision: a small warehouse, filled by the code that came with the revision.

    python tests/make_warehouse.py REVISION

The calls are those landed in `tests/fixtures/warehouses/landing`. For the newest revision the working tree
loads them, for an older one the last commit on the main line before its successor came.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import zstandard

ROOT = Path(__file__).resolve().parents[1]
FIXTURES = ROOT / "tests" / "fixtures" / "warehouses"
_VERSIONS = "migrations/versions"
_RUN = "20250315T060000Z-f1f1f1"


def revisions() -> list[str]:
    """Return every revision, oldest first; a file is named after the revision in it."""
    from pipeline.warehouse import migration

    return [script.revision for script in reversed(list(migration.read_scripts().walk_revisions()))]


def make(revision: str) -> Path:
    """Write the fixture of a revision and return its path."""
    known = revisions()
    later = known[known.index(revision) + 1 :]
    target = FIXTURES / f"{revision}.duckdb.zst"
    with tempfile.TemporaryDirectory() as made:
        data = Path(made) / "data"
        shutil.copytree(FIXTURES / "landing", data / "landing")
        if later:
            tree = Path(made) / "tree"
            _git("worktree", "add", "--detach", str(tree), _last_commit(revision, later[0]))
        else:
            tree = ROOT
        try:
            _load(tree, data)
        finally:
            if later:
                _git("worktree", "remove", "--force", str(tree))
        compressed = zstandard.ZstdCompressor(level=22).compress((data / "warehouse.duckdb").read_bytes())
    target.write_bytes(compressed)
    return target


def _last_commit(revision: str, successor: str) -> str:
    for commit in _git("rev-list", "--first-parent", "HEAD").split():
        files = _git("ls-tree", "--name-only", commit, f"{_VERSIONS}/")
        if f"/{revision}.py" in files and f"/{successor}.py" not in files:
            return commit
    raise SystemExit(f"no commit on the main line has {revision} as its newest revision")


def _load(tree: Path, data: Path) -> None:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("RETELL_", "PIPELINE_"))
    }
    subprocess.run(
        [sys.executable, "-m", "pipeline", "load", "--data-dir", str(data)],
        cwd=tree,
        env=kept | {"PYTHONPATH": str(tree), "PIPELINE_PUBLISH": "off"},
        check=True,
    )


def _git(*args: str) -> str:
    ran = subprocess.run(["git", *args], cwd=ROOT, check=True, capture_output=True, text=True)
    return ran.stdout


def land() -> None:
    """Land the calls that every fixture is filled with: some in each shape, and ids that are no call."""
    from pipeline.landing.folder import Landing
    from pipeline.landing.intake import Receipt, judge
    from pipeline.landing.outcome import Outcome
    from pipeline.simulator import CallBook

    shutil.rmtree(FIXTURES / "landing", ignore_errors=True)
    landing = Landing(FIXTURES / "landing", FIXTURES / "quarantine")
    fetched_at = datetime(2025, 3, 15, 6, tzinfo=UTC)
    writer = landing.open_chunk(_RUN, 0)
    for shape in ("v1", "early_v2", "today"):
        book = CallBook(seed=5, count=40, until=datetime(2025, 3, 14, 18, tzinfo=UTC), shape=shape)
        bodies = {call_id: book.body(call_id) or b"" for call_id in book.call_ids()}
        # The same seed is the same ids in every shape, so each shape has ids of its own here.
        for call_id in _some(bodies, shape):
            document = json.loads(bodies[call_id]) | {"call_id": f"{shape}_{call_id[:8]}"}
            call = str(document["call_id"])
            judgement = judge(Receipt(call, fetched_at, 200, 1), json.dumps(document).encode())
            assert judgement.line is not None, judgement.outcome
            writer.add(judgement.outcome, judgement.line)
    writer.add(Outcome("nobody_knows_it", "not_found", 1, fetched_at, 404, "HTTP 404"))
    writer.add(
        Outcome(
            "rejected_call",
            "rejected",
            1,
            fetched_at,
            200,
            "should be a JSON object, not null",
            json_path="$",
            value="null",
            quarantine_path=f"{_RUN}/rejected_call.body",
        )
    )
    writer.finish()


def _some(bodies: dict[str, bytes], shape: str) -> list[str]:
    """Return a few calls that have between them whatever a call can have, and are small."""
    wanted = ['"role": "tool_call_result"', '"transcript_object"', '"call_analysis"', '"e2e']
    wanted += ['"product_costs"', '"role": "node_transition"'] if shape == "today" else []
    chosen: list[str] = []
    for piece in wanted:
        found = [
            call_id
            for call_id, body in sorted(bodies.items(), key=lambda item: len(item[1]))
            if piece in json.dumps(json.loads(body))
        ]
        chosen += [call_id for call_id in found[:1] if call_id not in chosen]
    return chosen


if __name__ == "__main__":
    if sys.argv[1:] not in [[revision] for revision in revisions()]:
        raise SystemExit(f"name one of {', '.join(revisions())}")
    if not (FIXTURES / "landing").exists():
        land()
    made = make(sys.argv[1])
    print(f"{made}: {made.stat().st_size:,} bytes")
