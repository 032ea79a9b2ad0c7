"""Checks the data folder: free space, permissions, and files that a killed process left behind.

No file is opened: names, sizes and permissions say enough.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from pipeline.config import Settings
from pipeline.doctor.finding import Finding, State
from pipeline.errors import PipelineError
from pipeline.warehouse.database import Warehouse

# A load writes new rows beside the old ones, and a publication copies the file: two more of it, and the file.
_COPIES_WANTED = 3
_LEAST_BYTES = 500_000_000
# A younger file may belong to a process that still runs.
_LEFTOVER_AFTER_S = 3600
_SHOWN = 3


def check(settings: Settings) -> list[Finding]:
    """Check the data folder, and the folder of the warehouse if that is another."""
    warehouse = _find_warehouse(settings)
    folders, paths = [settings.data_dir], set(_list_tree(settings.data_dir))
    if warehouse is not None:
        folders.append(warehouse.parent)
        paths.update(_list_beside(warehouse))
    found = sorted(paths)
    return [
        _check_folder(settings.data_dir),
        _check_disk(folders, warehouse),
        _check_permissions(found),
        _check_leftovers(found),
    ]


def _find_warehouse(settings: Settings) -> Path | None:
    """Return the warehouse's file, or None for settings that name none."""
    try:
        return Warehouse.of(settings).path
    except PipelineError:
        return None


def _check_folder(folder: Path) -> Finding:
    check, nearest = "data folder", _find_nearest(folder)
    if not nearest.is_dir():
        return Finding(check, "fail", f"{nearest} is a file", "name another folder with --data-dir")
    if not os.access(nearest, os.W_OK | os.X_OK):
        return Finding(
            check, "fail", f"{nearest} cannot be written to", "fix its permissions, or use --data-dir"
        )
    if nearest != folder:
        return Finding(check, "ok", f"{folder} is not there yet; the first run makes it")
    return Finding(check, "ok", f"{folder} can be written to")


def _check_disk(folders: list[Path], warehouse: Path | None) -> Finding:
    try:
        size = warehouse.stat().st_size if warehouse is not None and warehouse.exists() else 0
        free = min(shutil.disk_usage(_find_nearest(folder)).free for folder in folders)
    except OSError as refused:
        return Finding("disk", "warn", f"could not be asked ({refused.strerror})", "check the disk")
    found = f"{_format_size(free)} free, the warehouse has {_format_size(size)}"
    wanted = max(_COPIES_WANTED * size, _LEAST_BYTES)
    if free >= wanted:
        return Finding("disk", "ok", found)
    state: State = "fail" if free < max(size, _LEAST_BYTES // 5) else "warn"
    advice = f"make room until {_format_size(wanted)} are free: a load and the readers' copy need it"
    return Finding("disk", state, found, advice)


def _check_permissions(paths: list[Path]) -> Finding:
    open_to_others = []
    for path in [*paths, Path(".env")]:
        try:
            found = path.lstat()
        except OSError:
            continue
        is_private = stat.S_ISLNK(found.st_mode) or not found.st_mode & 0o077
        if not is_private or (hasattr(os, "getuid") and found.st_uid != os.getuid()):
            open_to_others.append(path)
    if not open_to_others:
        return Finding("permissions", "ok", f"{len(paths):,} files and folders, each its owner's only")
    return Finding(
        "permissions",
        "warn",
        f"{_list_first(open_to_others)} may be read by others, or belong to somebody else",
        f"run `chmod -R go= {_quote_path(open_to_others[0])}` (and so on), as their owner",
    )


def _check_leftovers(paths: list[Path]) -> Finding:
    latest = time.time() - _LEFTOVER_AFTER_S
    left = [path for path in paths if _is_temporary(path) and _read_change_time(path) < latest]
    if not left:
        return Finding("left behind", "ok", "no temporary file of a process that was killed")
    return Finding(
        "left behind",
        "warn",
        f"{_list_first(left)} of a process that was killed",
        "remove what is older than your last run: nothing reads it",
    )


def _is_temporary(path: Path) -> bool:
    return path.name.endswith((".part", ".tmp", ".wal.orphaned")) or any(
        made in path.name for made in (".making", ".compacting", ".new-")
    )


def _list_tree(folder: Path) -> Iterator[Path]:
    """Yield a folder and everything below it, without the content of folders that cannot be read."""
    if folder.is_dir():
        yield folder
        for parent, folders, files in os.walk(folder):
            yield from (Path(parent, name) for name in (*folders, *files))


def _list_beside(warehouse: Path) -> list[Path]:
    try:
        names = [path for path in warehouse.parent.iterdir() if path.name.startswith(warehouse.stem)]
    except OSError:
        return []
    return sorted(names)


def _find_nearest(folder: Path) -> Path:
    """Return the folder, or if it does not exist the nearest one above it that does."""
    absolute = folder.absolute()
    return folder if folder.exists() else next((up for up in absolute.parents if up.exists()), absolute)


def _read_change_time(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return time.time()


def _list_first(paths: list[Path]) -> str:
    rest = f" and {len(paths) - _SHOWN:,} more" if len(paths) > _SHOWN else ""
    return ", ".join(str(path) for path in paths[:_SHOWN]) + rest


def _quote_path(path: Path) -> str:
    return quote(str(path))


def _format_size(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"
