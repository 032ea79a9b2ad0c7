"""`python -m pipeline`: runs a command, and turns whatever goes wrong into one sentence and an exit code."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from pipeline import log, process
from pipeline.errors import Interrupted, PipelineError


def main() -> None:
    """Run the command line and exit with the code of the contract."""
    process.keep_files_private()
    process.treat_termination_as_interruption()
    process.escape_unprintable_characters()
    process.keep_pandas_out()
    from pipeline.cli import app

    try:
        app()
    except SystemExit as leaving:
        _leave(None, leaving.code if isinstance(leaving.code, int) else 0)
    except PipelineError as failure:
        _leave(str(failure), failure.exit_code)
    except KeyboardInterrupt:
        _leave(str(Interrupted()), Interrupted.exit_code)
    except Exception as bug:
        if os.environ.get("PIPELINE_DEBUG"):
            if not log.is_json():
                raise
            log.failure("bug", bug)
            _leave(None, PipelineError.exit_code)
        _leave(
            f"unexpected {type(bug).__name__}, which is a bug: run again with PIPELINE_DEBUG=1 and report "
            "what it prints; whatever was landed is safe",
            PipelineError.exit_code,
        )


def _leave(sentence: str | None, code: int) -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        pass  # The reader of our output (head, less) has gone: nothing is wrong.
    except OSError as refused:
        sentence, code = f"cannot write the result ({refused.strerror}): send it elsewhere", 1
    is_interruption = code == Interrupted.exit_code
    if sentence is None:
        pass
    elif is_interruption and log.is_json():
        log.event("interrupted", log.WARNING, message=sentence, exit_code=code)
    else:
        # Imported by now, unless the command line was wrong; a name in the sentence may hold anything.
        from pipeline.cli import console

        with suppress(OSError):
            if is_interruption:
                console.write_line(sentence)
            else:
                console.write_error(sentence, exit_code=code)
    if flows := sys.modules.get("pipeline.flows"):
        flows.stop_own_server()
    # Not sys.exit: after a second Ctrl-C a load may still run in its thread, and tearing the interpreter
    # down under it would abort the process. The transaction it is in is rolled back by the next opening.
    os._exit(code)


if __name__ == "__main__":
    main()
