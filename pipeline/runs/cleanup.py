"""Clears what processes that were killed have left unfinished, and finishes what they had only to name.

Nothing of a living process is touched: who writes in a folder locks it (`files.atomic`), who makes a
copy locks the file beside it (`publish.readers_copy`). Nothing that was landed is removed, but what is in a
merged chunk too.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from pipeline.config import Settings
from pipeline.errors import LandingError
from pipeline.files.atomic import PART, lock_unused_folder, sync_folder
from pipeline.landing.chunk import verify_chunk
from pipeline.landing.folder import Landing
from pipeline.landing.look import Found
from pipeline.landing.merge import find_merged
from pipeline.landing.names import MANIFEST, PAYLOADS
from pipeline.publish import readers_copy

# A process that was killed longer ago than that was followed by a run, or by nobody who minds.
_CLEARED_WITHIN_S = 7 * 86_400


def clear_leftovers(settings: Settings, landed: Found) -> bool:
    """Clear the folders of the settings; return whether anything in landing was cleared or finished.

    `landed` is what a look into landing found. What cannot be removed is left, since nothing depends on it.
    """
    has_merged = _clear_merged(Landing.of(settings), landed.orphans)
    unfinished = [folder for folder in landed.folders if folder.has_unfinished]
    for folder in unfinished:
        _clear_folder(settings.landing_dir / folder.name, f"*{PART}")
    for path in _list_recently_used(settings.quarantine_dir):
        if any(path.glob(f"*{PART}")):
            _clear_folder(path, f"*{PART}")
    # The data folder is the user's, who may keep other things there.
    if any(settings.data_dir.glob(f"sync.json.*{PART}")):
        _clear_folder(settings.data_dir, f"sync.json.*{PART}")
    readers_copy.clear_unfinished(settings.readers_copy)
    return has_merged or bool(unfinished)


def _clear_merged(landing: Landing, orphans: list[Path]) -> bool:
    """Remove payloads of chunks that were merged, by a process that was killed before it had removed them."""
    has_cleared = False
    for payloads in orphans:
        merged = find_merged(landing, payloads.name.removesuffix(PAYLOADS))
        with suppress(LandingError, OSError):
            # Only where all that they hold is sound elsewhere.
            if merged and all(verify_chunk(manifest) for manifest in merged):
                payloads.unlink()
                has_cleared = True
    return has_cleared


def _list_recently_used(root: Path) -> list[Path]:
    """Return the folders below a folder that were changed since any run can have cleared them."""
    since = time.time() - _CLEARED_WITHIN_S
    try:
        with os.scandir(root) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir() and entry.stat().st_mtime > since]
    except OSError:
        return []


def _clear_folder(folder: Path, pattern: str) -> None:
    with lock_unused_folder(folder) as is_deserted, suppress(OSError):
        if not is_deserted:
            return
        for part in sorted(folder.glob(pattern)):
            named = part.with_name(part.name.removesuffix(PART))
            payloads = named.with_name(named.name.removesuffix(MANIFEST) + PAYLOADS)
            if named.name.endswith(MANIFEST) and payloads.is_file() and not named.exists():
                # The payloads get their name when both files are whole and on disk: all but this was done.
                part.replace(named)
                sync_folder(folder)
            else:
                part.unlink(missing_ok=True)
