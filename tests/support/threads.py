"""Runs a part of a test in a thread of its own, which a failed test leaves behind."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

# Far more than anything here takes: whoever is not done by then hangs.
DEADLINE_S = 25

_Result = TypeVar("_Result")


def begun(call: Callable[[], _Result]) -> Future[_Result]:
    """Begin a call, and return what it comes to."""
    future: Future[_Result] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as failure:
            future.set_exception(failure)

    threading.Thread(target=run, daemon=True).start()
    return future
