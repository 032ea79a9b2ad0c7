"""`python -m pipeline`: runs a command, and turns whatever goes wrong into one sentence and an exit code."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

# All else is imported when signals are dealt with: an interruption may come at once.
from pipeline.process import signals

_INTERRUPTED = 130
_NO_MEMORY = (
    b"error: this process may use no more memory: raise the limit (`ulimit -v`, or the memory of the "
    b"container), then run the same command again; whatever was landed is safe\n"
)
# Takes away what there is of a progress bar, and shows the cursor that it hides.
_CLEAR_LINE = b"\r\x1b[2K\x1b[?25h"
_has_said_interrupted = False


def main() -> None:
    """Run the command line and exit with the code of the contract."""
    global _has_said_interrupted
    _has_said_interrupted = False
    ended: tuple[str | None, int] | None = None
    with signals.interruptible(_leave_at_once):
        while True:
            try:
                ended = ended or _run()
                signals.end()
                _leave(*ended)
            except KeyboardInterrupt:
                ended = _describe_interruption(), _INTERRUPTED
            except (MemoryError, ImportError):
                # Too little even to say why in full.
                os.write(2, _NO_MEMORY)
                os._exit(1)


def _run() -> tuple[str | None, int]:
    """Run the command; return the sentence that is still to be said, if any, and the exit code."""
    from pipeline import log, process
    from pipeline.errors import LimitMet, PipelineError

    process.keep_files_private()
    process.escape_unprintable_characters()
    process.keep_pandas_out()
    process.keep_asyncio_quiet()
    process.keep_to_one_thread_for_numbers()
    process.save_address_space()
    try:
        from pipeline.cli import app

        app()
    except SystemExit as leaving:
        return None, leaving.code if isinstance(leaving.code, int) else 0
    except PipelineError as failure:
        if signals.is_interrupted():
            return str(failure), _INTERRUPTED
        shown = LimitMet.find(failure) or failure
        return str(shown), shown.exit_code
    except Exception as bug:
        if signals.is_interrupted():
            # Whatever was cut short has made it: a module that was half imported, a query that was stopped.
            return _describe_interruption(), _INTERRUPTED
        if (limit := LimitMet.find(bug)) is not None:
            return str(limit), limit.exit_code
        if os.environ.get("PIPELINE_DEBUG"):
            if not log.is_json():
                raise
            log.failure("bug", bug)
            return None, PipelineError.exit_code
        return (
            f"unexpected {type(bug).__name__}, which is a bug: run again with PIPELINE_DEBUG=1 and report "
            "what it prints; whatever was landed is safe",
            PipelineError.exit_code,
        )
    return None, 0


def _describe_interruption() -> str:
    """Return the sentence of an interruption, which may come while the module that has it is imported."""
    with suppress(ImportError, AttributeError):
        from pipeline.errors import Interrupted

        return str(Interrupted())
    return "interrupted: run the same command again"


def _leave(sentence: str | None, code: int) -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        pass  # The reader of our output (head, less) has gone: nothing is wrong.
    except OSError as refused:
        sentence, code = f"cannot write the result ({refused.strerror}): send it elsewhere", 1
    if sentence is not None:
        _say(sentence, code)
    if flows := sys.modules.get("pipeline.flows"):
        flows.stop_own_server()
    # Not sys.exit: after a second Ctrl-C a load may still run in its thread, and tearing the interpreter
    # down under it would abort the process. The transaction it is in is rolled back by the next opening.
    os._exit(code)


def _say(sentence: str, code: int) -> None:
    """Write the last sentence to stderr, in the form that it has."""
    global _has_said_interrupted
    from pipeline import log

    is_interruption = code == _INTERRUPTED
    if is_interruption and log.is_json():
        log.event("interrupted", log.WARNING, message=sentence, exit_code=code)
        _has_said_interrupted = True
        return
    # Imported by now, unless the command line was wrong or the interruption came early; a name in the
    # sentence may hold anything.
    from pipeline.cli import console

    with suppress(OSError):
        if is_interruption:
            console.write_line(sentence)
            _has_said_interrupted = True
        else:
            console.write_error(sentence, exit_code=code)


def _leave_at_once() -> None:
    """End the process, from wherever it is, with the sentence of an interruption.

    A stream may be in the middle of a write, so the sentence goes to the terminal past it.
    """
    if not _has_said_interrupted:
        line = _describe_interruption()
        with suppress(ImportError, AttributeError):
            from pipeline import log

            if log.is_json():
                line = log.format_now("interrupted", message=line, exit_code=_INTERRUPTED)
        with suppress(OSError):
            if os.isatty(2):
                os.write(2, _CLEAR_LINE)
            os.write(2, f"{line}\n".encode())
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
