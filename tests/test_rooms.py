"""The rooms of the package are few, flat and without circles, and their counts are counted right."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import rooms

ROOT = Path(__file__).parent.parent
FOUND = rooms.read_rooms()
ORDER = rooms.read_order()


@pytest.mark.parametrize("aim", rooms.measure(FOUND, ORDER), ids=lambda aim: aim.meaning.split(":")[0])
def test_no_count_is_more_than_it_may_be(aim: rooms.Aim) -> None:
    assert aim.count <= aim.most


def test_every_room_has_its_floor_in_the_layers_contract() -> None:
    assert FOUND.keys() == set().union(*ORDER)


def test_every_folder_and_module_is_a_room() -> None:
    top = {path.stem for path in (ROOT / "pipeline").iterdir() if re.fullmatch(r"[a-z_]+(\.py)?", path.name)}
    assert FOUND.keys() == top - {"__init__", "__pycache__"}


MODULES = ["p", "p.shop", "p.shop.till", "p.stock", "p.ground"]


def test_modules_of_a_room_count_as_one() -> None:
    imports = [
        ("p.shop.till", "p.shop"),
        ("p.shop.till", "p.stock"),
        ("p.stock", "p.ground"),
        ("p.shop", "p"),
    ]
    assert rooms.imports_of_rooms(MODULES, imports) == {
        "shop": {"stock"},
        "stock": {"ground"},
        "ground": set(),
    }


def test_floors_are_those_of_the_longest_way() -> None:
    assert rooms.floors({"a": {"b", "d"}, "b": {"c"}, "c": {"d"}, "d": set(), "e": {"d"}}) == 4
    assert rooms.floors({}) == 0


def test_circles_are_found_and_stand_on_one_floor() -> None:
    found = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(), "e": {"f"}, "f": {"e"}}
    assert rooms.circles(found) == [{"b", "c"}, {"e", "f"}]
    assert rooms.floors(found) == 3


def test_an_import_up_or_aside_is_an_arrow_up() -> None:
    found = {"top": {"left"}, "left": {"right", "low"}, "right": set(), "low": {"top"}, "apart": {"top"}}
    assert rooms.arrows_up(found, [{"top"}, {"left", "right"}, {"low"}]) == [
        ("left", "right"),
        ("low", "top"),
    ]


def test_the_order_is_read_from_the_project_file(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text(
        "[[tool.importlinter.contracts]]\ntype = 'forbidden'\n"
        "[[tool.importlinter.contracts]]\ntype = 'layers'\n"
        "layers = ['pipeline.cli', 'pipeline.load | pipeline.publish', 'pipeline.sql : pipeline.times']\n"
    )
    assert rooms.read_order(project) == [{"cli"}, {"load", "publish"}, {"sql", "times"}]


def test_anyone_can_print_the_counts() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "tests.rooms"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert [f"| {aim.count} | {aim.most} |" in printed for aim in rooms.measure(FOUND, ORDER)] == [True] * 4
