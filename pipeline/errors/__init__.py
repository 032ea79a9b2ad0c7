"""Every error a user can meet, classed by what can be done about it.

    PipelineError                 exit 1
    ├── UsageError                exit 2   the command line or its input is wrong; nothing was fetched
    │   └── MalformedId                    an id in the input, named with its line
    ├── ConfigurationError        exit 2   a setting is missing or wrong; nothing was fetched
    ├── ApiError                  exit 1   the run cannot go on; what was fetched is landed
    │   ├── KeyRefused                     401 or 403
    │   ├── AccountRefused                 402
    │   ├── LimitUsedUp                    429 for half an hour
    │   ├── ApiUnreachable                 one call after another failed, with no success between
    │   │   └── NoConnection               no connection could be made at all, or none that is safe
    │   └── ListingFailed                  which calls there are could not be found out
    ├── LandingError              exit 1   landed files are unreadable or cannot be written
    ├── WarehouseError            exit 1
    │   ├── WarehouseMissing
    │   ├── WarehouseLocked                somebody else holds the file
    │   ├── WarehouseFailed                the disk, its permissions or the memory refused
    │   ├── WarehouseDamaged               the file is not what DuckDB has written
    │   └── WarehouseMismatch              the schema is not one this version knows
    ├── LimitMet                  exit 1   the system gives this process no more memory, files or threads
    └── Interrupted               exit 130 Ctrl-C, SIGTERM or SIGHUP, where no report could be made

A message is one sentence that says what to do. Attributes carry facts (ids, status, paths), never a
payload, a phone number or transcript text: errors end up in logs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pipeline.errors.limits import Limit, find_limit


class PipelineError(Exception):
    """The base of every error that is shown to a user as one sentence, without a traceback."""

    exit_code = 1


class UsageError(PipelineError):
    """The command or its input cannot be used as given."""

    exit_code = 2


class MalformedId(UsageError):
    """A call id that is not 1 to 128 of ``A-Z a-z 0-9 _ -``, with the place where it stands."""

    def __init__(self, text: str, place: str) -> None:
        self.text = text
        self.place = place
        shown = text if len(text) <= 60 else text[:57] + "..."
        super().__init__(
            f"{place}: {shown!r} is not a call id (1 to 128 letters, digits, '_' or '-'); "
            "correct or remove it; nothing was fetched"
        )


class ConfigurationError(PipelineError):
    """A setting is missing or has a value that cannot be used."""

    exit_code = 2


class ApiError(PipelineError):
    """The API cannot be worked with, so the run stops; what was fetched stays landed."""

    def __init__(self, message: str, *, status: int | None = None, call_id: str | None = None) -> None:
        self.status = status
        self.call_id = call_id
        super().__init__(message)


class KeyRefused(ApiError):
    """The API answered 401 or 403."""

    def __init__(self, status: int, call_id: str | None = None) -> None:
        super().__init__(
            f"the API refused the key ({status}): check RETELL_API_KEY and that it belongs to the "
            "workspace of these calls",
            status=status,
            call_id=call_id,
        )


class AccountRefused(ApiError):
    """The API answered 402: the account may not ask for anything now."""

    def __init__(self, status: int, call_id: str | None = None) -> None:
        super().__init__(
            f"the API refused the account ({status}: its trial has ended, or a payment is due): settle the "
            "billing in the Retell dashboard, then run the same command again; what was fetched is kept",
            status=status,
            call_id=call_id,
        )


class LimitUsedUp(ApiError):
    """The account's limit has let nothing through for ``for_s`` seconds."""

    def __init__(self, for_s: float, call_id: str | None = None) -> None:
        self.for_s = for_s
        super().__init__(
            f"the API has refused everything for {for_s / 60:,.0f} minutes (429: the account's limit is used "
            "up): see what else asks with this account, then run the same command again; what was fetched is "
            "kept",
            status=429,
            call_id=call_id,
        )


class ApiUnreachable(ApiError):
    """So many calls failed in a row, after all their retries, that going on is pointless."""

    def __init__(self, base_url: str, failures: int, reason: str) -> None:
        self.base_url = base_url
        self.failures = failures
        advice = "check the network and RETELL_BASE_URL"
        if reason.startswith("HTTP 429"):
            advice = "see what else asks with this account, or lower --rate"
        super().__init__(
            f"{failures} calls in a row failed after all retries at {base_url} (last: {reason}): {advice}, "
            "then run the same command again"
        )


class NoConnection(ApiUnreachable):
    """Nobody answers at the address, or somebody whose certificate is not trusted."""

    def __init__(self, base_url: str, failures: int, reason: str) -> None:
        self.base_url = base_url
        self.failures = failures
        tried = f"tried {failures} times" if failures > 1 else "not tried again"
        ApiError.__init__(
            self,
            f"no connection to {base_url} ({reason}; {tried}): check the network, RETELL_BASE_URL, "
            "and HTTPS_PROXY and SSL_CERT_FILE where you need them, then run the same command again",
        )


class ListingFailed(ApiError):
    """The API did not say, or not intelligibly, which calls there are.

    ``is_too_large`` says that a page with fewer calls may do.
    """

    def __init__(
        self, reason: str, advice: str, *, status: int | None = None, is_too_large: bool = False
    ) -> None:
        self.reason = reason
        self.is_too_large = is_too_large
        super().__init__(f"calls could not be listed ({reason}): {advice}", status=status)


class LandingError(PipelineError):
    """Landed files cannot be written, or are not what their manifest says."""

    def __init__(self, message: str, *, path: Path | None = None) -> None:
        self.path = path
        super().__init__(message)


class WarehouseError(PipelineError):
    """The warehouse cannot be used."""


class WarehouseMissing(WarehouseError):
    """A command that reads found no warehouse."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(
            f"there is no warehouse at {path}: run `backfill`, or name another with --warehouse or --data-dir"
        )


class WarehouseLocked(WarehouseError):
    """Another process kept the warehouse open for longer than the lock timeout."""

    def __init__(self, path: str, holder: str, waited_s: float) -> None:
        self.path = path
        self.holder = holder
        self.waited_s = waited_s
        super().__init__(
            f"{path} is still held by {holder} after {waited_s:.0f} s: close it there, then run the same "
            "command again, or `python -m pipeline load`; whatever was fetched is landed and waits"
        )


class WarehouseFailed(WarehouseError):
    """DuckDB could not read or write the file; what was committed stays committed."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(
            f"the warehouse {path} could not be read or written ({reason}): make room or fix the "
            "permissions, then run the same command again; everything fetched is landed and waits"
        )


class WarehouseDamaged(WarehouseError):
    """The file was changed or cut by something else than DuckDB."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(
            f"the warehouse {path} is damaged ({reason}): move it away, then `python -m pipeline load` "
            "fills a new one from what is landed"
        )


class WarehouseMismatch(WarehouseError):
    """The warehouse is at a schema revision this version does not know."""


class LimitMet(PipelineError):
    """The system gave this process no more of something; what was landed and loaded stays."""

    def __init__(self, limit: Limit, failure: BaseException) -> None:
        self.limit = limit
        # Of a sentence of ours what it says is kept, and other advice given.
        said, is_ours, _ = (
            str(failure).partition("): ") if isinstance(failure, PipelineError) else ("", "", "")
        )
        head = f"{said}): {limit.what}" if is_ours else limit.what
        super().__init__(
            f"{head}: {limit.advice}, then run the same command again; whatever was landed is safe"
        )

    @classmethod
    def find(cls, failure: BaseException) -> Self | None:
        """Return the error to show for one that a limit is behind; None for any other."""
        if isinstance(failure, cls):
            return failure
        limit = find_limit(failure)
        return None if limit is None else cls(limit, failure)


class Interrupted(PipelineError):
    """The user stopped the command before it had anything to report."""

    exit_code = 130

    def __init__(self) -> None:
        super().__init__("interrupted: whatever was landed is safe; run the same command again to go on")
