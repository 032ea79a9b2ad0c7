"""`python -m pipeline`: runs a command, and turns whatever goes wrong into one sentence and an exit code."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from pipeline.errors import PipelineError

_INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit with the code of the contract."""
    # Payloads, quarantine and warehouse hold phone numbers and transcripts: nobody else may read them.
    os.umask(0o077)
    signal.signal(signal.SIGTERM, _as_interruption)
    from pipeline.cli import app

    try:
        app(standalone_mode=True)
    except PipelineError as failure:
        _leave(str(failure), failure.exit_code)
    except KeyboardInterrupt:
        _leave("interrupted: whatever was landed is safe; run the same command again to go on", _INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output (head, less) has gone: nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as bug:
        if os.environ.get("PIPELINE_DEBUG"):
            raise
        _leave(
            f"unexpected {type(bug).__name__}, which is a bug: run again with PIPELINE_DEBUG=1 and report "
            "what it prints; whatever was landed is safe",
            PipelineError.exit_code,
        )


def _as_interruption(number: int, frame: FrameType | None) -> None:
    """Treat a request to terminate like Ctrl-C: land and load what was fetched, then go."""
    signal.raise_signal(signal.SIGINT)


def _leave(sentence: str, code: int) -> None:
    sys.stdout.flush()
    print(f"error: {sentence}" if code != _INTERRUPTED else sentence, file=sys.stderr, flush=True)
    # Not sys.exit: a second Ctrl-C may have left a load in its thread, which must not hold the process.
    os._exit(code)


if __name__ == "__main__":
    main()
