"""Lets the runs of a data folder list one after another, so that none fetches what another is about to fetch.

Who lists later finds in the ledger what was listed before it. The system drops the lock when a process dies.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.files.atomic import explain_write_errors

_WAITS = "another run is listing: this one begins when that listing is complete"


class ListingTurn:
    """The turn of a run to list; it lasts until `end`, or until the block ends.

    It is taken before the run loads what others have landed. `say` is told when it has to be waited for.
    """

    def __init__(self, landing_dir: Path, say: Callable[[str], None]) -> None:
        self._folder = landing_dir
        self._say = say
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        """Wait for the turn; raise LandingError where there is no landing folder and none can be made."""
        with explain_write_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._say(_WAITS)
                fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        except OSError:
            pass  # a file system without locks: then two runs may fetch the same call
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the turn."""
        self.end()

    def end(self) -> None:
        """Let the next run list; may be called again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)
