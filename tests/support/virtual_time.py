"""An event loop whose clock jumps to the next moment at which anything happens: an hour takes no time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        super().__init__()
        self._now_s = 1000.0
        select = self._selector.select  # type: ignore[attr-defined]

        def jump(timeout: float | None) -> Any:
            if timeout is None:
                raise RuntimeError("everybody waits, and nothing will ever happen")
            self._now_s += timeout
            return select(0)

        self._selector.select = jump  # type: ignore[attr-defined]

    def time(self) -> float:
        """Return the seconds of the clock that jumps."""
        return self._now_s


def run(scenario: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in such a loop; `asyncio.sleep` and `now_s` go by its clock."""
    with asyncio.Runner(loop_factory=_JumpingLoop) as runner:
        return runner.run(scenario)


def now_s() -> float:
    """Return the time of the loop that runs."""
    return asyncio.get_running_loop().time()
