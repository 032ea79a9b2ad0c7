"""Turns Ctrl-C, SIGTERM and a closed terminal (SIGHUP) into one thing: an interruption of the command.

The first raises KeyboardInterrupt in the main thread, so that what was fetched is landed and loaded; so does
the second, which gives up the load; the third ends the process at once. Invariant: however many come, and
whenever, none becomes a traceback, and none is forgotten.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_AT_ONCE = 3
# How soon an interruption comes again that could not be raised.
_AGAIN_S = 0.02
# Whose code, and what it calls, an exception from outside must not stop.
_DELICATE = ("duckdb", "sqlalchemy", "importlib._bootstrap")


class _Interruption:
    """What has come so far, and what is done about the next."""

    def __init__(self, leave: Callable[[], object]) -> None:
        self.leave = leave
        self.count = 0
        # While it is set, an interruption stops the work in order instead of raising at any place of it.
        self.stop: Callable[[], object] | None = None
        # Came while the work was being stopped.
        self.is_waiting = False
        # Is to be raised as soon as that is safe; not while there are holds.
        self.is_postponed = False
        self.holds = 0
        self.is_ending = False


_now = _Interruption(lambda: None)


@contextmanager
def interruptible(leave: Callable[[], object]) -> Iterator[None]:
    """Let the signals interrupt the block; `leave` says so and ends the process at once.

    A signal that was ignored when the process began stays so: SIGHUP under `nohup`, and Ctrl-C in the
    background of a script, where it is somebody else's.
    """
    global _now
    before = _now, sys.unraisablehook
    handlers = {number: signal.getsignal(number) for number in (*_NUMBERS, signal.SIGALRM)}
    _now = _Interruption(leave)
    sys.unraisablehook = _interrupt_again
    for number in _NUMBERS:
        if handlers[number] is not signal.SIG_IGN or number == signal.SIGTERM:
            signal.signal(number, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        # It came while another one was dealt with.
        leave()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        _now, sys.unraisablehook = before


def is_interrupted() -> bool:
    """Return whether an interruption has come: what goes wrong after it may be its doing."""
    return _now.count > 0


def end() -> None:
    """Say that the process is ending: the third interruption ends it at once, others change nothing."""
    _now.is_ending = True


def raise_waiting() -> None:
    """Raise KeyboardInterrupt if an interruption came while `run` was stopping its work for another."""
    if _now.is_waiting:
        _now.is_waiting = False
        raise KeyboardInterrupt


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine as `asyncio.run` does, and stop it in order when an interruption comes.

    It is cancelled, and when it has ended KeyboardInterrupt is raised; an error that it ended with is the
    cause.
    """
    import asyncio

    here = _now
    if signal.getsignal(signal.SIGTERM) is not _interrupt:
        # Somebody else's process, or a thread: asyncio has its own way there.
        return asyncio.run(work())
    before = here.count

    async def stoppable() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        here.stop = lambda: loop.call_soon_threadsafe(task.cancel)
        if here.count > before:
            raise asyncio.CancelledError
        return await work()

    here.stop = lambda: None
    try:
        result = asyncio.run(stoppable())
    except (asyncio.CancelledError, Exception) as ended:
        here.stop = None
        # Nobody else cancels all of it: asyncio may have had its own handler for Ctrl-C.
        if here.count == before and not isinstance(ended, asyncio.CancelledError):
            raise
        raise KeyboardInterrupt from ended
    finally:
        here.stop = None
    if here.count > before:
        raise KeyboardInterrupt
    return result


def raise_postponed() -> None:
    """Raise KeyboardInterrupt if one is postponed: for who has met a query that was stopped for it."""
    if _now.is_postponed and threading.current_thread() is threading.main_thread():
        _now.is_postponed = False
        raise KeyboardInterrupt


@contextmanager
def hold_interruptions() -> Iterator[None]:
    """Let an interruption wait until the block ends: for what DuckDB does outside of a query."""
    _now.holds += 1
    try:
        yield
    finally:
        _now.holds -= 1


def _interrupt(number: int, frame: FrameType | None) -> None:
    _now.count += 1
    if _now.count >= _AT_ONCE:
        _now.leave()
    _pass_on(frame)


def _try_again(number: int, frame: FrameType | None) -> None:
    if _now.is_postponed:
        _pass_on(frame)


def _pass_on(frame: FrameType | None) -> None:
    """Stop the work in order, raise KeyboardInterrupt, or do so a little later where it would be lost."""
    if _now.is_ending:
        return
    if _now.stop is not None:
        if _now.count > 1:
            _now.is_waiting = True
        # The loop may have ended just now; then `run` sees the count.
        with suppress(RuntimeError):
            _now.stop()
    elif _now.holds or _is_delicate(frame):
        _postpone()
    else:
        _now.is_postponed = False
        raise KeyboardInterrupt


def _is_delicate(frame: FrameType | None) -> bool:
    """Return whether an exception would be lost or would break something where the main thread is now.

    DuckDB drops one that is raised while it works, and may then wait for ever: its query is told to stop. A
    module of which only a half was imported cannot be imported again.
    """
    is_delicate = False
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        if frame.f_code is _interrupt_again.__code__ or module.startswith(_DELICATE):
            is_delicate = True
        if module == "duckdb_engine" and frame.f_code.co_name == "execute":
            with suppress(Exception):  # the connection may be closed by now
                frame.f_locals["self"].connection.interrupt()
        frame = frame.f_back
    return is_delicate


def _postpone() -> None:
    _now.is_postponed = True
    signal.signal(signal.SIGALRM, _try_again)
    signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)


def _interrupt_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Let an interruption come again that was raised where Python drops it, as while an object is freed."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        _postpone()
    else:
        sys.__unraisablehook__(unraisable)
