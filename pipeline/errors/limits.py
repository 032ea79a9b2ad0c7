"""Finds out whether an error is one of a limit that the system sets to this process, and says what helps.

A limit shows itself in many ways: as an error of Python, of the system, of DuckDB or of a module that cannot
be mapped into memory, and often behind another error. A full disk is no limit of this process.
"""

from __future__ import annotations

import errno
import resource
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """A limit that was met: what it says of the process, and what to do about it."""

    what: str
    advice: str


_MEMORY = (
    "out of memory",
    "cannot allocate memory",
    "not enough memory",
    "bad alloc",
    "std::bad_alloc",
    "allocation fail",
    "failed to map segment",
    "unable to allocate",
    "failed to allocate",
    "could not allocate",
)
_FILES = ("too many open files",)
_FILE_SIZE = ("file too large",)
_THREADS = ("can't start new thread", "thread constructor failed", "resource temporarily unavailable")
# DuckDB calls it memory where there is no room on disk for what memory does not hold.
_DISK = ("max_temp_directory_size", "no space left")
_ERRNOS = {
    errno.ENOMEM: _MEMORY[0],
    errno.EMFILE: _FILES[0],
    errno.ENFILE: _FILES[0],
    errno.EFBIG: _FILE_SIZE[0],
}
# Whose words are about the system; the words of other errors may quote anything.
_SPEAKERS = ("duckdb", "zstandard", "zstd", "sqlalchemy", "_duckdb")
_KINDS = (ImportError, SystemError, RuntimeError)
# Python looks for a place for temporary files by writing one, and does not say why it could not.
_NO_PLACE = "No usable temporary directory"
_FEW_FILES = 256


def find_limit(failure: BaseException) -> Limit | None:
    """Return the limit that is behind an error, or None."""
    for error in _walk(failure):
        said = _read(error)
        if said is not None and (limit := find_limit_in_words(said)) is not None:
            return limit
    return None


def find_limit_in_words(said: str) -> Limit | None:
    """Return the limit that the words of the system or of DuckDB are about, or None."""
    words = said.lower()
    if any(each in words for each in _DISK):
        return None
    if any(each in words for each in _MEMORY):
        return _describe_memory()
    if any(each in words for each in _FILES):
        return Limit(
            f"this process may open no more files{_tell(resource.RLIMIT_NOFILE)}",
            "raise the limit with `ulimit -n 1024`, or lower PIPELINE_CONCURRENCY",
        )
    if any(each in words for each in _FILE_SIZE):
        return Limit(
            f"this process may write no larger files{_tell(resource.RLIMIT_FSIZE)}",
            "raise the limit with `ulimit -f unlimited`",
        )
    if any(each in words for each in _THREADS):
        if _is_limited(resource.RLIMIT_AS):
            return _describe_memory()  # each thread takes some for its stack
        return Limit(
            f"this process may start no more threads or processes{_tell(resource.RLIMIT_NPROC)}",
            "raise the limit with `ulimit -u`, or that of the container",
        )
    return None


def _describe_memory() -> Limit:
    return Limit(
        f"this process may use no more memory{_tell(resource.RLIMIT_AS, 2**20, ' MB')}",
        "raise the limit (`ulimit -v`, the memory of the container, or `memory_limit` in the warehouse's URL)"
        ", or lower PIPELINE_CONCURRENCY and PIPELINE_CHUNK_SIZE",
    )


def _read(error: BaseException) -> str | None:
    """Return what an error says of the system, where it says anything of it."""
    if isinstance(error, MemoryError):
        return _MEMORY[0]
    if isinstance(error, OSError):
        if error.errno in _ERRNOS:
            return _ERRNOS[error.errno]
        if error.errno == errno.EAGAIN and _is_from(error, "_execute_child"):
            return _THREADS[0]
        if _NO_PLACE in str(error) and resource.getrlimit(resource.RLIMIT_NOFILE)[0] <= _FEW_FILES:
            return _FILES[0]
        if error.errno is None:
            return str(error)  # what another process, or DuckDB, said
    is_told = isinstance(error, _KINDS) or type(error).__module__.partition(".")[0] in _SPEAKERS
    return next(iter(str(error).splitlines()), "") if is_told else None


def _is_from(error: BaseException, function: str) -> bool:
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_name == function:
            return True
        trace = trace.tb_next
    return False


def _walk(failure: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it came from, also what it was raised without."""
    waiting, known = [failure], set()
    while waiting:
        error = waiting.pop(0)
        if id(error) in known:
            continue
        known.add(id(error))
        yield error
        waiting += [each for each in (error.__cause__, error.__context__) if each is not None]
        if isinstance(error, BaseExceptionGroup):
            waiting += error.exceptions


def _is_limited(kind: int) -> bool:
    return resource.getrlimit(kind)[0] != resource.RLIM_INFINITY


def _tell(kind: int, unit: int = 1, name: str = "") -> str:
    return f" (the limit is {resource.getrlimit(kind)[0] // unit:,}{name})" if _is_limited(kind) else ""
