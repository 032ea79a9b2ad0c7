"""Looks into the landing folder: which chunks there are, and what lies there that is none.

Invariant: nothing is opened, and nothing that has a name is passed over in silence: a file, a pipe, a link
that leads nowhere or a name that is no text is either (part of) a chunk, unfinished, or named as odd.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import LimitMet
from pipeline.files.atomic import PART, lock_unused_folder
from pipeline.files.regular import is_regular
from pipeline.landing import clock
from pipeline.landing.names import MANIFEST, PAYLOADS, read_chunk_name

INDEX = "index.json"
"""Which folders need not be looked into (`landing.index`)."""

_OURS = frozenset({INDEX, clock.NAME})


@dataclass(frozen=True, slots=True)
class LandedFolder:
    """What lies in the folder of a run, and when the folder was changed last, in ns since 1970.

    `manifests` by chunk id, in their order: also one that is no file, which is damage; `orphans` are payload
    files without a manifest; `odd` is what is neither (part of) a chunk nor unfinished.
    """

    name: str
    changed_ns: int
    manifests: Mapping[str, Path]
    orphans: tuple[Path, ...]
    odd: tuple[Path, ...]
    has_unfinished: bool


@dataclass
class Found:
    """What a look into landing found: folders that were looked into, and how the others were changed last.

    `odd` is what lies beside the folders and cannot be looked into.
    """

    folders: list[LandedFolder] = field(default_factory=list)
    unchanged: dict[str, int] = field(default_factory=dict)
    odd: list[Path] = field(default_factory=list)

    @property
    def manifests(self) -> dict[str, Path]:
        """The manifests of all folders that were looked into, by chunk id, in the order of runs."""
        found = {chunk_id: path for folder in self.folders for chunk_id, path in folder.manifests.items()}
        return {chunk_id: found[chunk_id] for chunk_id in sorted(found)}

    @property
    def orphans(self) -> list[Path]:
        """Payload files that have lost their manifest, and that nobody is landing now."""
        return sorted(path for folder in self.folders for path in folder.orphans if _is_deserted(path))

    @property
    def all_odd(self) -> list[Path]:
        """All that is none of ours, in folders and beside them."""
        return self.odd + [path for folder in self.folders for path in folder.odd]


def look(landing_dir: Path, known: Mapping[str, int] | None = None) -> Found:
    """Look into the folders that are not known, or that were changed since: `known` says when, by name."""
    known, found = known or {}, Found()
    for entry in _list(landing_dir):
        try:
            # One question to the system for each folder, and no more for those that are as they were.
            status = entry.stat()
        except OSError:  # a link that leads nowhere, or to itself
            found.odd.append(Path(entry.path))
            continue
        if known.get(entry.name) == status.st_mtime_ns:
            found.unchanged[entry.name] = status.st_mtime_ns
        elif not _is_text(entry.name) or (entry.is_symlink() and _is_around(Path(entry.path), landing_dir)):
            found.odd.append(Path(entry.path))
        elif stat.S_ISDIR(status.st_mode) and entry.name not in _OURS:
            try:
                found.folders.append(look_into(Path(entry.path), status.st_mtime_ns))
            except OSError as refused:  # it may not be read
                if (limit := LimitMet.find(refused)) is not None:
                    raise limit from None
                found.odd.append(Path(entry.path))
        else:
            is_ours = entry.name in _OURS or PART in entry.name
            if not (stat.S_ISREG(status.st_mode) and (is_ours or _is_hidden(entry.name))):
                found.odd.append(Path(entry.path))
    return found


def look_into(folder: Path, changed_ns: int) -> LandedFolder:
    """Look into the folder of a run; raises OSError where it cannot be read."""
    manifests: dict[str, Path] = {}
    payloads: dict[str, Path] = {}
    odd: list[Path] = []
    has_unfinished = False
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = folder / entry.name
            if entry.name.endswith(PART) and is_regular(path):
                has_unfinished = True
                continue
            named = read_chunk_name(entry.name) if _is_text(entry.name) else None
            if named is None:
                if not (_is_hidden(entry.name) and is_regular(path)):
                    odd.append(path)
                continue
            chunk_id, ending = named
            is_file = entry.is_file(follow_symlinks=False) or is_regular(path)
            if ending == MANIFEST:
                manifests[chunk_id] = path
            elif is_file:
                payloads[chunk_id] = path
            else:
                odd.append(path)
    orphans = tuple(path for chunk_id, path in payloads.items() if chunk_id not in manifests)
    return LandedFolder(folder.name, changed_ns, manifests, orphans, tuple(odd), has_unfinished)


def _list(landing_dir: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(landing_dir) as entries:
            yield from entries
    except (FileNotFoundError, NotADirectoryError):
        return


def _is_around(link: Path, landing_dir: Path) -> bool:
    """Return whether a link leads to the landing folder, into it or to what it lies in.

    What is found by way of it would be found twice, and a repair would take run folders for odd ones.
    """
    target, landing = link.resolve(), landing_dir.resolve()
    return target.is_relative_to(landing) or landing.is_relative_to(target)


def _is_hidden(name: str) -> bool:
    """Return whether a name is one that desktops and file systems give to files of their own."""
    return name.startswith(".")


def _is_text(name: str) -> bool:
    """Return whether a name can be told to DuckDB, which takes no bytes that are none of UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_deserted(payloads: Path) -> bool:
    manifest = payloads.with_name(payloads.name.removesuffix(PAYLOADS) + MANIFEST)
    with lock_unused_folder(payloads.parent) as is_deserted:
        return is_deserted and not manifest.exists()
