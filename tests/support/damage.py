"""Kinds of damage that a disk, a copy gone wrong or a hand does to one file, each with a name and a seed.

Invariant: a kind and a seed do the same to the same file again.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CUTS = 20
FLIPS = 50


@dataclass(frozen=True)
class Scene:
    """The file that is damaged, another one of its kind, and the seed of what is at random."""

    file: Path
    neighbour: Path
    seed: str

    @property
    def rng(self) -> random.Random:
        """Return chance that is the same for the same damage."""
        return random.Random(self.seed)


Damage = Callable[[Scene], None]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _cut(number: int) -> Damage:
    def cut(scene: Scene) -> None:
        content = scene.file.read_bytes()
        # Evenly over the file, and a byte off, so that no cut falls on an end every time.
        scene.file.write_bytes(content[: len(content) * number // CUTS + scene.rng.randrange(2)])

    return cut


def _flip(number: int) -> Damage:
    def flip(scene: Scene) -> None:
        content = bytearray(scene.file.read_bytes())
        place = (len(content) * number // FLIPS + scene.rng.randrange(97)) % len(content)
        content[place] ^= 1 << scene.rng.randrange(8)
        scene.file.write_bytes(content)

    return flip


def _swap(scene: Scene) -> None:
    between = scene.file.with_name("swapped")
    scene.file.rename(between)
    scene.neighbour.rename(scene.file)
    between.rename(scene.neighbour)


def _copy_as_chunk(scene: Scene) -> None:
    shutil.copyfile(scene.file, _other_chunk_name(scene.file))


def _rename_as_chunk(scene: Scene) -> None:
    scene.file.rename(_other_chunk_name(scene.file))


def _other_chunk_name(path: Path) -> Path:
    """Return the name of a chunk that is not there, or for a file of no chunk a name beside it."""
    stem, dot, endings = path.name.partition(".")
    head, dash, digits = stem.rpartition("-")
    is_chunk = bool(dash) and len(digits) == 6 and digits.isdigit()
    return path.with_name(f"{head}-000777{dot}{endings}" if is_chunk else f"{stem}-000777{dot}{endings}")


def _link(target: str) -> Damage:
    def link(scene: Scene) -> None:
        place = scene.file
        _remove(place)
        if target == "fifo":
            os.mkfifo(place.with_name("a_pipe"))
        place.symlink_to(
            {
                "neighbour": scene.neighbour,
                "itself": place,
                "nowhere": place.with_name("is_not_there"),
                "fifo": place.with_name("a_pipe"),
                "device": Path("/dev/null"),
                "endless device": Path("/dev/zero"),
            }[target]
        )

    return link


def _replace_by(make: Callable[[Scene], None]) -> Damage:
    def replace(scene: Scene) -> None:
        _remove(scene.file)
        make(scene)

    return replace


def _make_folder(scene: Scene) -> None:
    (scene.file / "inside").mkdir(parents=True)
    (scene.file / "inside" / "note.txt").write_text("a folder of somebody")


def _write_twice(scene: Scene) -> None:
    scene.file.write_bytes(scene.file.read_bytes() * 2)


DAMAGES: dict[str, Damage] = {
    **{f"cut {number}": _cut(number) for number in range(CUTS)},
    **{f"flip {number}": _flip(number) for number in range(FLIPS)},
    "emptied": lambda scene: scene.file.write_bytes(b"") and None,
    "gone": lambda scene: _remove(scene.file),
    "swapped": _swap,
    "content twice": _write_twice,
    "copied as a chunk": _copy_as_chunk,
    "copied beside": lambda scene: shutil.copyfile(scene.file, f"{scene.file}.copy") and None,
    "renamed as a chunk": _rename_as_chunk,
    "renamed": lambda scene: scene.file.rename(f"{scene.file}.old") and None,
    "linked to neighbour": _link("neighbour"),
    "linked to itself": _link("itself"),
    "linked to nowhere": _link("nowhere"),
    "linked to a pipe": _link("fifo"),
    "linked to a device": _link("device"),
    "linked to an endless device": _link("endless device"),
    "a folder": _replace_by(_make_folder),
    "a pipe": _replace_by(lambda scene: os.mkfifo(scene.file)),
    "rubbish": lambda scene: scene.file.write_bytes(scene.rng.randbytes(3000)) and None,
    "foreign JSON": lambda scene: scene.file.write_bytes(b'{"a": [1, 2, {"b": null}]}\n') and None,
    "zeros": lambda scene: scene.file.write_bytes(bytes(scene.file.stat().st_size)) and None,
    "unreadable": lambda scene: scene.file.chmod(0),
}
"""What can be done to a file, by name."""

FOREIGN: dict[str, Callable[[Path], None]] = {
    "a pipe": lambda folder: os.mkfifo(folder / "pipe"),
    "a pipe named as a manifest": lambda folder: os.mkfifo(folder / "foreign-000001.json"),
    "a pipe named as payloads": lambda folder: os.mkfifo(folder / "foreign-000001.ndjson.zst"),
    "a pipe named as unfinished": lambda folder: os.mkfifo(folder / "foreign-000001.json.part"),
    "a folder named as unfinished": lambda folder: (folder / "foreign-000001.json.part").mkdir(),
    "a device": lambda folder: (folder / "null").symlink_to("/dev/null"),
    "a device named as a manifest": lambda folder: (folder / "x-000001.json").symlink_to("/dev/zero"),
    "a name that is no text": lambda folder: (folder / os.fsdecode(b"\xff\xfe-000001.json")).touch(),
    "a folder whose name is no text": lambda folder: (folder / os.fsdecode(b"\xff\xfe")).mkdir(),
    "a deep folder": lambda folder: (folder / "/".join("deep" for _ in range(60))).mkdir(parents=True),
    "a looping link": lambda folder: (folder / "loop").symlink_to("loop"),
    "a link to its own folder": lambda folder: (folder / "round").symlink_to(folder),
    "an unreadable file": lambda folder: os.close(os.open(folder / "secret", os.O_CREAT, 0)),
    "an unreadable folder": lambda folder: (folder / "locked").mkdir(0),
    "a note": lambda folder: (folder / "note.txt").write_text("hello") and None,
    "a name with a line end": lambda folder: (folder / "two\nlines-000001.json").touch(),
    "a hidden file": lambda folder: (folder / ".DS_Store").write_bytes(b"\0\1") and None,
}
"""What somebody may leave in a folder, by name."""
