"""Clears what processes that were killed have left unfinished, and finishes what they had only to name.

Nothing of a living process is touched: who writes in a folder locks it (`atomic`), who makes a
copy locks the file beside it (`publish.readers_copy`). Nothing that was landed is removed.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from pipeline.atomic import PART, lock_unused_folder, sync_folder
from pipeline.config import Settings
from pipeline.landing.chunk import MANIFEST, PAYLOADS
from pipeline.publish import readers_copy


def clear_leftovers(settings: Settings) -> None:
    """Clear the folders of the settings; what cannot be removed is left, since nothing depends on it."""
    for root in (settings.landing_dir, settings.quarantine_dir):
        for folder in {part.parent for part in root.glob(f"*/*{PART}")}:
            _clear_folder(folder, f"*{PART}")
    # The data folder is the user's, who may keep other things there.
    if any(settings.data_dir.glob(f"sync.json.*{PART}")):
        _clear_folder(settings.data_dir, f"sync.json.*{PART}")
    readers_copy.clear_unfinished(settings.readers_copy)


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
