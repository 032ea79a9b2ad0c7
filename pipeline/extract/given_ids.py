"""Lands the ids that a run was given, before it asks for any: from then on they are in the ledger of ids.

Invariant: whatever ends the run, the ids that it never reached are asked for by the next one that looks for
what is open, also where the warehouse is built again from what is landed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice

from pipeline.landing.chunk import LandedChunk
from pipeline.landing.folder import Landing
from pipeline.landing.outcome import Outcome

# In the names of chunks, beside those of batches.
_BATCH = "given"
# Small enough for memory, large enough that a million ids are few files.
_IDS_PER_CHUNK = 10_000


def land_given(landing: Landing, run_id: str, call_ids: Iterable[str]) -> Iterator[LandedChunk]:
    """Land ids as chunks without payloads, and yield each chunk; raises LandingError."""
    given_at = datetime.now(UTC)
    rest = iter(call_ids)
    number = 0
    while ids := list(islice(rest, _IDS_PER_CHUNK)):
        chunk = landing.open_chunk(run_id, number, _BATCH)
        for call_id in ids:
            chunk.add(Outcome(call_id, "waiting", 0, given_at))
        yield chunk.finish()
        number += 1
