"""Counts how the rooms of the package import each other, and prints the counts: `python -m tests.rooms`.

A room is a folder or a module at the top of `pipeline/`. The order of the rooms is the layers contract in
`pyproject.toml`: nothing here repeats it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import grimp

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
PACKAGE = "pipeline"

Rooms = dict[str, set[str]]
"""Each room with the rooms that it imports."""


@dataclass(frozen=True)
class Aim:
    """One count: what it means, what it is, and the most that it may be."""

    meaning: str
    count: int
    most: int


def imports_of_rooms(modules: Iterable[str], imports: Iterable[tuple[str, str]]) -> Rooms:
    """Return the rooms that hold the modules, each with the other rooms that its modules import."""
    rooms: Rooms = {room: set() for module in modules if (room := room_of(module))}
    for importer, imported in imports:
        one, other = room_of(importer), room_of(imported)
        if one and other and one != other:
            rooms[one].add(other)
    return rooms


def room_of(module: str) -> str | None:
    """Return the room a module lies in; None for the package itself."""
    _, _, inside = module.partition(".")
    return inside.partition(".")[0] or None


def circles(rooms: Rooms) -> list[set[str]]:
    """Return the groups of rooms that reach each other by imports, in both directions."""
    reached = {room: _reached(rooms, room) for room in rooms}
    groups = {frozenset(other for other in reached[room] if room in reached[other]) for room in rooms}
    return sorted((set(group) for group in groups if len(group) > 1), key=sorted)


def floors(rooms: Rooms) -> int:
    """Return the number of rooms on the longest way down; the rooms of a circle are one floor."""
    home = {room: min(circle) for circle in circles(rooms) for room in circle}
    below: Rooms = {home.get(room, room): set() for room in rooms}
    for room, used in rooms.items():
        one = home.get(room, room)
        below[one] |= {home.get(other, other) for other in used} - {one}
    height: dict[str, int] = {}

    def climb(room: str) -> int:
        if room not in height:
            height[room] = 1 + max(map(climb, below[room]), default=0)
        return height[room]

    return max(map(climb, below), default=0)


def arrows_up(rooms: Rooms, order: list[set[str]]) -> list[tuple[str, str]]:
    """Return the imports from a room to one that stands above it, or beside it on its floor."""
    floor = {room: number for number, names in enumerate(order) for room in names}
    return sorted(
        (room, other)
        for room, used in rooms.items()
        for other in used
        if room in floor and other in floor and floor[room] >= floor[other]
    )


def read_order(project: Path = PROJECT) -> list[set[str]]:
    """Return the floors of the layers contract, highest first."""
    contracts = tomllib.loads(project.read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [
        {name.strip("() ").removeprefix(f"{PACKAGE}.") for name in re.split("[|:]", layer)}
        for layer in layers
    ]


def read_rooms() -> Rooms:
    """Return the rooms of the package as it is on disk."""
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    return imports_of_rooms(
        graph.modules,
        (
            (importer, imported)
            for importer in graph.modules
            for imported in graph.find_modules_directly_imported_by(importer)
        ),
    )


def measure(rooms: Rooms, order: list[set[str]]) -> list[Aim]:
    """Return the counts of some rooms beside what they may be."""
    return [
        Aim("rooms: folders and modules at the top of the package", len(rooms), 23),
        Aim("floors: rooms on the longest way down the imports", floors(rooms), 9),
        Aim("circles: groups of rooms that import each other", len(circles(rooms)), 0),
        Aim("arrows up: imports against the order of the layers contract", len(arrows_up(rooms, order)), 0),
    ]


def _reached(rooms: Rooms, start: str) -> set[str]:
    found, waiting = {start}, [start]
    while waiting:
        new = rooms[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def main() -> None:
    """Print the counts, and name what each is about where it is more than it may be."""
    rooms, order = read_rooms(), read_order()
    print("| count | now | at most |\n|---|--:|--:|")
    for aim in measure(rooms, order):
        print(f"| {aim.meaning} | {aim.count} | {aim.most} |")
    for circle in circles(rooms):
        print(f"circle: {', '.join(sorted(circle))}")
    for room, other in arrows_up(rooms, order):
        print(f"arrow up: {room} imports {other}")


if __name__ == "__main__":
    main()
