"""A limit of the system is known behind any error; what is no limit of the process is not taken for one."""

import errno
import subprocess
from collections.abc import Callable

import duckdb
import pytest
from sqlalchemy.exc import OperationalError

from pipeline.errors import LandingError, LimitMet, WarehouseFailed
from pipeline.errors.limits import find_limit


def raised(error: BaseException, *behind: BaseException) -> BaseException:
    """Return an error that was raised while the others were handled."""
    for each in behind:
        try:
            try:
                raise each
            except BaseException:
                raise error from None
        except BaseException as caught:
            error = caught
    return error


def fail_to_fork() -> BaseException:
    error = BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    def _execute_child() -> None:
        raise error

    with pytest.raises(BlockingIOError):
        _execute_child()
    return error


OUT_OF_MEMORY = "Out of Memory Error: Failed to allocate block of 536870912 bytes (bad allocation)"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MemoryError(), "no more memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "no more memory"),
        (duckdb.OutOfMemoryException(OUT_OF_MEMORY), "no more memory"),
        (OperationalError("select", None, duckdb.OutOfMemoryException(OUT_OF_MEMORY)), "no more memory"),
        (ImportError("x.so: failed to map segment from shared object"), "no more memory"),
        (OSError(errno.EMFILE, "Too many open files"), "no more files"),
        (OSError(errno.ENFILE, "Too many open files in system"), "no more files"),
        (ImportError("x.so: cannot open shared object file: Too many open files"), "no more files"),
        (duckdb.IOException('IO Error: Cannot open file "x": Too many open files'), "no more files"),
        (OSError(errno.EFBIG, "File too large"), "no larger files"),
        (OSError("File too large"), "no larger files"),
        (RuntimeError("can't start new thread"), "no more threads"),
        (fail_to_fork(), "no more threads"),
        (ExceptionGroup("several", [ValueError(), OSError(errno.EMFILE, "")]), "no more files"),
        (raised(LandingError("cannot write"), OSError(errno.EMFILE, "")), "no more files"),
        (raised(RuntimeError("other"), ValueError(), MemoryError()), "no more memory"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_limit_is_known_behind_an_error(error: BaseException, says: str) -> None:
    limit = find_limit(error)
    assert limit is not None
    assert says in limit.what
    assert "raise the limit" in limit.advice


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EACCES, "Permission denied"),
        OSError(errno.EAGAIN, "Resource temporarily unavailable"),
        duckdb.IOException("IO Error: Could not write: No space left on device"),
        duckdb.OutOfMemoryException(
            "Out of Memory Error: failed to offload data block. This limit was set by the "
            "'max_temp_directory_size' setting."
        ),
        ValueError("Too many open files"),
        KeyError("out of memory"),
        subprocess.SubprocessError("bad alloc"),
        raised(LandingError("cannot write"), OSError(errno.ENOSPC, "")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_no_limit_of_the_process_is_not_taken_for_one(error: BaseException) -> None:
    assert find_limit(error) is None
    assert LimitMet.find(error) is None


def test_the_sentence_keeps_what_was_done_and_gives_the_right_advice() -> None:
    failure = raised(WarehouseFailed("w.duckdb", OUT_OF_MEMORY), duckdb.OutOfMemoryException(OUT_OF_MEMORY))
    shown = str(LimitMet.find(failure))
    assert shown.startswith(f"the warehouse w.duckdb could not be read or written ({OUT_OF_MEMORY}): this ")
    assert "make room" not in shown
    assert shown.endswith("then run the same command again; whatever was landed is safe")


@pytest.mark.parametrize("make", [MemoryError, lambda: OSError(errno.EMFILE, "x")])
def test_a_limit_that_was_found_stays_as_it_is(make: Callable[[], BaseException]) -> None:
    found = LimitMet.find(make())
    assert found is not None
    assert LimitMet.find(found) is found
    assert found.exit_code == 1
