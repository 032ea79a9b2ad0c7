"""Tries Harlequin with a readers' copy, without a terminal: asks a view, and looks at what the table shows.

pip install harlequin
python docs/readers/try_harlequin.py data/demo/analytics.duckdb
"""

from __future__ import annotations

import asyncio
import sys

from harlequin import Harlequin
from harlequin_duckdb import DuckDbAdapter

QUESTION = "select disconnection_reason, calls from disconnection_breakdown order by calls desc"


async def main(copy: str) -> None:
    app = Harlequin(DuckDbAdapter([copy], read_only=True, no_init=True))
    async with app.run_test(size=(120, 40)) as screen:
        while app.editor is None:
            await screen.pause(0.2)
        app.editor.text = QUESTION
        await screen.press("ctrl+j")
        table = None
        for _ in range(100):
            await screen.pause(0.2)
            table = app.results_viewer.get_visible_table()
            if table is not None and table.row_count:
                break
        assert table is not None
        print(f"{table.row_count} rows, the first is {table.get_row_at(0)}")
        assert table.row_count > 0


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "data/demo/analytics.duckdb"))
