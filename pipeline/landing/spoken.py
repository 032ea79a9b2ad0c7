"""Keeps what was said in opted-out calls, which events alone bring, for payloads that lack it.

    <data>/spoken/<two digits>/<call id>.json.zst    what the call's newest event had

Only where PIPELINE_OPTED_OUT is keep. An answer of the API for such a call is landed with what was said put
in: so what is landed is whole by itself, in whatever order it is loaded.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import orjson
import zstandard

from pipeline.errors import LandingError
from pipeline.files.atomic import explain_write_errors, write_atomically
from pipeline.files.regular import read_regular
from pipeline.payload.opted_out import Members

FOLDER = "spoken"


class SpokenStore:
    """What was said in opted-out calls of a data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / FOLDER

    def put(self, call_id: str, progress: int, spoken: Members) -> None:
        """Keep what an event had, without secrets, of a call that had come so far; raises LandingError.

        What it had when it had come further stays.
        """
        path = self._find_path(call_id)
        kept = self._read(path) if path.exists() else None
        if kept is not None and kept["progress"] > progress:
            return
        content = orjson.dumps({"progress": progress, "members": spoken})
        with explain_write_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, zstandard.compress(content))

    def find(self, call_id: str) -> Members | None:
        """Return what is kept of a call, if anything is; raises LandingError where that cannot be read."""
        path = self._find_path(call_id)
        if not path.exists():
            return None
        members: Members = self._read(path)["members"]
        return members

    def _find_path(self, call_id: str) -> Path:
        digits = hashlib.md5(call_id.encode(), usedforsecurity=False).hexdigest()[:2]
        return self._folder / digits / f"{call_id}.json.zst"

    def _read(self, path: Path) -> Members:
        try:
            kept: Members = orjson.loads(zstandard.decompress(read_regular(path)))
            return {"progress": int(kept["progress"]), "members": dict(kept["members"])}
        except (OSError, zstandard.ZstdError, ValueError, KeyError, TypeError):
            raise LandingError(
                f"{path} is damaged, which has what was said in an opted-out call: restore it, or remove it "
                "and do without",
                path=path,
            ) from None
